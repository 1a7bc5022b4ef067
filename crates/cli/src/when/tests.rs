use super::{clock, relative, rfc3339, span, utc};
use std::time::Duration;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_span_has_its_two_largest_units() {
    for (seconds, said) in [
        (0, "0 s"),
        (1, "1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h"),
        (3659, "1 h"),
        (86_399, "23 h 59 min"),
        (86_400, "1 d"),
        (90_000, "1 d 1 h"),
        (u64::MAX, "213503982334601 d 7 h"),
    ] {
        assert_eq!(span(s(seconds)), said);
    }
    assert_eq!(
        span(Duration::from_millis(1999)),
        "1 s",
        "it rounds down: no token lives longer than it is said to"
    );
}

#[test]
fn an_instant_is_ahead_or_behind_or_now() {
    assert_eq!(relative(s(86_399), s(0)), "in 23 h 59 min");
    assert_eq!(relative(s(10), s(22)), "12 s ago");
    assert_eq!(relative(s(10), s(10)), "now");
    assert_eq!(relative(Duration::from_millis(10_400), s(10)), "now");
}

#[test]
fn instants_are_told_in_utc() {
    let leap = s(1_835_395_199);
    assert_eq!(rfc3339(leap).as_deref(), Some("2028-02-28T23:59:59Z"));
    assert_eq!(utc(leap + s(1)).as_deref(), Some("2028-02-29 00:00:00 UTC"));
    assert_eq!(clock(leap).as_deref(), Some("23:59:59Z"));
    assert_eq!(rfc3339(s(u64::MAX)), None);
    assert_eq!(rfc3339(Duration::from_millis(999)).as_deref(), Some("1970-01-01T00:00:00Z"));
}
