use super::*;
use alloc::string::ToString;

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
        assert_eq!(Span(Duration::from_secs(seconds)).to_string(), said);
    }
    assert_eq!(
        Span(Duration::from_millis(1999)).to_string(),
        "1 s",
        "it rounds down: no token lives longer than it is said to"
    );
}
