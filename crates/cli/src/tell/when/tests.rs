use super::{clock, relative, rfc3339, span, utc};
use std::time::Duration;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
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

#[test]
fn below_10_s_a_span_has_tenths() {
    let ms = Duration::from_millis;
    for (time, words) in [
        (0, "0.0 s"),
        (99, "0.0 s"),
        (1290, "1.2 s"),
        (9999, "9.9 s"),
        (10_000, "10 s"),
        (61_900, "1 min 1 s"),
    ] {
        assert_eq!(span(ms(time)), words);
    }
}
