use super::*;
use alloc::format;

// Conforms
#[test]
fn numbers_are_rounded_down_and_saturate() {
    for (text, seconds) in [
        ("1", Some(1)),
        ("3600", Some(3600)),
        ("3600.0", Some(3600)),
        ("3600.999999999999999999", Some(3600)),
        ("3.6e3", Some(3600)),
        ("1.7954388e9", Some(1_795_438_800)),
        ("0", Some(0)),
        ("0.4", Some(0)),
        ("9007199254740993", Some(9_007_199_254_740_993)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", Some(u64::MAX)),
        ("1e19", Some(10_000_000_000_000_000_000)),
        ("1e308", Some(u64::MAX)),
        ("1e400", None),
        ("1e999", None),
        ("-1e999", None),
        ("-1", None),
        ("-1.5", None),
        ("-1e3", None),
    ] {
        assert_eq!(of_number(text), seconds, "{text}");
    }
    assert_eq!(of_number(&"9".repeat(64)), Some(u64::MAX));
    assert_eq!(of_number(&"9".repeat(65)), None);
    assert_eq!(of_number(&"9".repeat(250_000)), None);
}

#[test]
fn texts_are_digits_with_or_without_a_fraction() {
    for text in ["3600", " 3600 ", "3600.7", "3600.0", "\t3600"] {
        assert_eq!(of_text(text), Some(3600), "{text:?}");
    }
    for text in [
        "",
        " ",
        "+3600",
        "-3600",
        "0x10",
        "1e3",
        "３６００",
        "zzz",
        "3600s",
        "3600.",
        ".5",
        "1.2.3",
        "3 600",
    ] {
        assert_eq!(of_text(text), None, "{text:?}");
    }
    assert_eq!(of_text(&"1".repeat(65)), None);
}

// Conforms: R-9110-10.2.3-c
#[test]
fn whole_seconds_are_digits_alone() {
    assert_eq!(whole_seconds("120"), Some(120));
    assert_eq!(whole_seconds("18446744073709551616"), Some(u64::MAX));
    assert_eq!(whole_seconds(&"9".repeat(30)), Some(u64::MAX));
    for text in ["", "+120", "-5", "1.5", "120junk", "１２０", "0x10", "1e3", " 1"] {
        assert_eq!(whole_seconds(text), None, "{text:?}");
    }
}

#[test]
fn a_number_of_more_than_64_bytes_is_no_time() {
    let digits = |length: usize| format!("{}7", "0".repeat(length - 1));
    assert_eq!((of_text(&digits(64)), of_text(&digits(65))), (Some(7), None));
    let fraction = |length: usize| format!("7.{}", "0".repeat(length - 2));
    assert_eq!((of_number(&fraction(64)), of_number(&fraction(65))), (Some(7), None));
}
