use super::*;

#[test]
fn dates_are_those_of_the_rfc_and_of_the_calendar() {
    for (seconds, date) in [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
        (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (LAST, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (i64::MAX / SECOND, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] {
        assert_eq!(http_date(seconds * SECOND), date);
    }
}

#[test]
fn an_absurd_offset_is_bounded() {
    assert_eq!(now(i64::MIN), 0);
    assert_eq!(now(i64::MAX), i64::MAX);
    assert_eq!(micros(Duration::MAX), i64::MAX);
}
