use super::*;

#[test]
fn a_date_is_compared_with_the_time_in_which_it_may_have_been_written() {
    let at = |seconds: f64| SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds);
    // A request from 100.9 to 103.2; a Date tells the second that had begun.
    let off = |date: f64| off_by(at(date), at(100.9), at(103.2));
    for date in [100.0, 101.0, 103.0] {
        assert_eq!(off(date).0, Duration::ZERO, "{date}");
    }
    let near = |date: f64, seconds: f64, side: &str| {
        let (off, which) = off(date);
        assert!((off.as_secs_f64() - seconds).abs() < 0.001 && which == side, "{date}: {off:?} {which}");
    };
    near(10.0, 89.9, "ahead of");
    near(99.0, 0.9, "ahead of");
    near(104.0, 0.8, "behind");
    near(163.2, 60.0, "behind");
}
