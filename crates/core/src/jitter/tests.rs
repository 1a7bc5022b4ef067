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

/// The first numbers of the generator whose step this is, from state 0.
#[test]
fn the_step_is_that_of_splitmix64() {
    let step = 0x9e37_79b9_7f4a_7c15_u64;
    let numbers = [0_u64, 1, 2].map(|n| mix(n.wrapping_mul(step)));
    assert_eq!(numbers, [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]);
}
