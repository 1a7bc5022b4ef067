use super::{Terminal, is_utf8};
use std::ffi::OsString;

fn of(columns: Option<usize>) -> Terminal {
    Terminal { columns, unicode: true, colours: false }
}

#[test]
fn what_does_not_fit_goes_on_below_and_no_word_is_broken() {
    let text = "one two three four-and-five";
    assert_eq!(of(None).hanging("1/5 ", 4, text), "1/5 one two three four-and-five");
    assert_eq!(of(Some(31)).hanging("1/5 ", 4, text), "1/5 one two three four-and-five");
    assert_eq!(of(Some(17)).hanging("1/5 ", 4, text), "1/5 one two three\n    four-and-five");
    assert_eq!(of(Some(1)).hanging("1/5 ", 4, text), "1/5 one two\n    three\n    four-and-five");
}

#[test]
fn a_colour_takes_no_column_and_goes_where_it_is_unwanted() {
    let red = "\u{1b}[31mone\u{1b}[0m two";
    assert_eq!(of(Some(8)).hanging("", 0, red), red);
    assert_eq!(of(None).coloured(red.to_owned()), "one two");
    assert_eq!(Terminal { colours: true, ..of(None) }.coloured(red.to_owned()), red);
}

#[test]
fn the_first_variable_of_the_locale_decides() {
    let told = |pairs: &'static [(&str, &str)]| {
        is_utf8(|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value)))
    };
    assert!(told(&[("LANG", "de_DE.UTF-8")]) && told(&[("LC_CTYPE", "C.utf8"), ("LANG", "C")]));
    assert!(told(&[("LC_ALL", ""), ("LANG", "en_GB.UTF-8")]), "an empty one is not set");
    assert!(!told(&[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")]));
    assert!(!told(&[("LANG", "de_DE.ISO-8859-1")]) && !told(&[]));
}
