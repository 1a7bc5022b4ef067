use super::*;

#[test]
fn what_nobody_sees_is_refused_with_its_field_and_its_byte() {
    let control = |at| Err(ConfigError::ControlCharacter { field: "audience", at });
    let invisible = |at| Err(ConfigError::InvisibleCharacter { field: "audience", at });
    for (text, expected) in [
        ("", Ok(())),
        ("a b", Ok(())),
        ("é", Ok(())),
        // A joiner between two letters is how some words are written.
        ("a\u{200d}b", Ok(())),
        ("a\n", control(1)),
        ("é\u{7f}b", control(2)),
        ("\0", control(0)),
        ("\u{feff}a", invisible(0)),
        ("é\u{200b}", invisible(2)),
        ("\u{2060}", invisible(0)),
        ("a\u{200d}", invisible(1)),
        ("\u{feff}a\n", control(4)),
    ] {
        assert_eq!(check(text, "audience"), expected, "{text:?}");
    }
    assert_eq!(check_present("", "audience"), Err(ConfigError::Empty { field: "audience" }));
    assert_eq!(check_present("a\n", "audience"), control(1));
}
