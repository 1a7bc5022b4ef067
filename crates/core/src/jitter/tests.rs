use super::*;

#[test]
fn a_draw_is_a_pure_function_of_seed_flight_and_purpose() {
    let upto = Duration::from_secs(100);
    assert_eq!(draw(7, 3, Purpose::Rest, upto), draw(7, 3, Purpose::Rest, upto));
    assert_ne!(draw(7, 3, Purpose::Rest, upto), draw(7, 3, Purpose::Refresh, upto));
    assert_ne!(draw(7, 3, Purpose::Rest, upto), draw(7, 4, Purpose::Rest, upto));
    assert_ne!(draw(7, 3, Purpose::Rest, upto), draw(8, 3, Purpose::Rest, upto));
}

#[test]
fn draws_stay_in_range_and_spread_over_it() {
    let upto = Duration::from_nanos(9);
    let mut seen = [0_u32; 10];
    for flight in 0..10_000 {
        let drawn = draw(1, flight, Purpose::Rest, upto);
        assert!(drawn <= upto);
        seen[usize::try_from(drawn.as_nanos()).unwrap()] += 1;
    }
    assert!(seen.iter().all(|&n| (800..1200).contains(&n)), "{seen:?}");
    assert_eq!(draw(1, 1, Purpose::Rest, Duration::ZERO), Duration::ZERO);
    assert!(draw(1, 1, Purpose::Rest, Duration::MAX) <= Duration::MAX);
}
