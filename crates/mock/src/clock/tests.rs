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

/// Whether a year has a 29 February.
fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

#[test]
fn every_day_follows_the_one_before() {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [(&str, i64); 12] = [
        ("Jan", 31),
        ("Feb", 28),
        ("Mar", 31),
        ("Apr", 30),
        ("May", 31),
        ("Jun", 30),
        ("Jul", 31),
        ("Aug", 31),
        ("Sep", 30),
        ("Oct", 31),
        ("Nov", 30),
        ("Dec", 31),
    ];
    let mut number: i64 = 0;
    // With four centuries, of which one is a leap year.
    for year in 1970..2405 {
        for (month, days) in MONTHS {
            for day in 1..=days + i64::from(month == "Feb" && is_leap(year)) {
                let weekday = DAYS[usize::try_from(number % 7).unwrap()];
                let expected = format!("{weekday}, {day:02} {month} {year} 00:00:00 GMT");
                assert_eq!(http_date(number * 86_400 * SECOND), expected);
                number += 1;
            }
        }
    }
}

#[test]
fn the_time_of_day_goes_by_seconds() {
    for (seconds, time) in [(1, "00:00:01"), (60, "00:01:00"), (3_600, "01:00:00"), (45_296, "12:34:56")] {
        assert_eq!(http_date(seconds * SECOND), format!("Thu, 01 Jan 1970 {time} GMT"));
    }
}

#[test]
fn the_clock_is_the_systems_moved_by_its_offset() {
    let system = || micros(SystemTime::now().duration_since(UNIX_EPOCH).unwrap());
    let before = system();
    let (ours, ahead) = (now(0), now(1_000));
    assert!((before..=system()).contains(&ours));
    assert!((before..=system()).contains(&(ahead - 1_000 * SECOND)));
    assert_eq!(micros(Duration::from_micros(1_234_567)), 1_234_567);
}

#[test]
fn an_absurd_offset_is_bounded() {
    assert_eq!(now(i64::MIN), 0);
    assert_eq!(now(i64::MAX), i64::MAX);
    assert_eq!(micros(Duration::MAX), i64::MAX);
}
