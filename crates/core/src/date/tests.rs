use super::*;
use alloc::format;
use alloc::string::String;
use proptest::prelude::*;
use std::time::UNIX_EPOCH;

fn seconds(text: &str) -> Option<u64> {
    read(text).map(|wall| wall.since_epoch().as_secs())
}

// Conforms: R-9110-5.6.7-a
#[test]
fn all_three_forms_are_read() {
    for text in
        ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
    {
        assert_eq!(seconds(text), Some(784_111_777), "{text}");
    }
    assert_eq!(seconds("Fri, 31 Dec 1999 23:59:59 GMT"), Some(946_684_799));
    assert_eq!(seconds("Mon, 23 Nov 2026 12:00:00 GMT"), Some(1_795_435_200));
    assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
    assert_eq!(seconds("Fri, 31 Dec 9999 23:59:59 GMT"), Some(253_402_300_799));
    assert_eq!(seconds("Tue Nov 24 08:49:37 2026"), seconds("Tue, 24 Nov 2026 08:49:37 GMT"));
}

// Conforms: R-9110-5.6.7-b
#[test]
fn a_year_of_two_digits_is_one_of_1970_to_2069() {
    assert_eq!(seconds("Thursday, 01-Jan-70 00:00:00 GMT"), Some(0));
    assert_eq!(seconds("Tuesday, 01-Jan-69 00:00:00 GMT"), seconds("Tue, 01 Jan 2069 00:00:00 GMT"));
}

#[test]
fn years_that_end_a_century_are_counted_right() {
    assert_eq!(seconds("Sat, 01 Jan 2000 00:00:00 GMT"), Some(946_684_800));
    assert_eq!(seconds("Fri, 01 Jan 2100 00:00:00 GMT"), Some(4_102_444_800));
    assert_eq!(seconds("Sat, 01 Jan 2101 00:00:00 GMT"), Some(4_102_444_800 + 365 * 86_400));
    assert_eq!(seconds("Sat, 01 Jan 2400 00:00:00 GMT"), Some(13_569_465_600));
    assert_eq!(seconds("Mon, 01 Jan 2401 00:00:00 GMT"), Some(13_569_465_600 + 366 * 86_400));
}

#[test]
fn a_wrong_weekday_and_a_leap_second_do_not_matter() {
    assert_eq!(seconds("Mon, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
    assert_eq!(seconds("Monday, 06-Nov-94 08:49:37 GMT"), Some(784_111_777));
    assert_eq!(seconds("Sat, 31 Dec 2016 23:59:60 GMT"), seconds("Sun, 01 Jan 2017 00:00:00 GMT"));
}

#[test]
fn anything_else_is_no_date() {
    for text in [
        "",
        " ",
        "0",
        "Sun",
        "Sun,",
        "Sun, 06 Nov 1994",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Foo, 06 Nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 29 Feb 2100 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37:1 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "1994-11-06T08:49:37Z",
        "Sün, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 199é 08:49:37 GMT",
        "9/14/2017 00:00:00 PM +00:00",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

proptest! {
    // I28
    // Conforms: A-06
    #[test]
    fn no_text_makes_it_panic(text: String) {
        let _ = read(&text);
    }

    // I28
    #[test]
    fn no_damaged_date_makes_it_panic(at in 0_usize..29, damage in ".{0,2}") {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let _ = read(&format!("{}{damage}{}", &date[..at], &date[at + 1..]));
    }

    // The century of a two-digit year ends in 2069.
    #[test]
    fn the_two_older_forms_are_read_as_httpdate_reads_them(second in 0_u64..3_155_760_000) {
        let fixdate = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second));
        let (name, day, month, year, time) =
            (&fixdate[..3], &fixdate[5..7], &fixdate[8..11], &fixdate[12..16], &fixdate[17..25]);
        let full = DAYS.iter().find(|day| day.starts_with(name)).unwrap();
        let day_without_zero = day.strip_prefix('0').unwrap_or(day);
        for text in [
            format!("{full}, {day}-{month}-{} {time} GMT", &year[2..]),
            format!("{name} {month} {day_without_zero:>2} {time} {year}"),
        ] {
            let oracle = httpdate::parse_http_date(&text).unwrap().duration_since(UNIX_EPOCH).unwrap();
            prop_assert_eq!(seconds(&text), Some(oracle.as_secs()), "{}", text);
            prop_assert_eq!(oracle.as_secs(), second, "{}", text);
        }
    }

    #[test]
    fn every_date_that_httpdate_writes_is_read(second in 0_u64..253_402_300_800) {
        let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second));
        prop_assert_eq!(seconds(&text), Some(second));
    }
}
