use super::*;

const WEEK: Duration = Duration::from_secs(604_800);

#[test]
fn the_oldest_fault_strikes_first_and_each_as_often_as_it_may() {
    let (mut faults, now) = (Faults::default(), Instant::now());
    faults.add(Endpoint::Token, Fault::Hang, Times::Next(2), now);
    faults.add(Endpoint::Token, Fault::Reset, Times::Once, now);
    faults.add(Endpoint::Token, Fault::Garbage, Times::Next(0), now);
    let struck: Vec<_> = (0..4).map(|_| faults.claim(Endpoint::Token, now)).collect();
    assert_eq!(struck, [Some(Fault::Hang), Some(Fault::Hang), Some(Fault::Reset), None]);
}

#[test]
fn a_fault_strikes_its_own_endpoint_only() {
    let (mut faults, now) = (Faults::default(), Instant::now());
    faults.add(Endpoint::Resource, Fault::Html, Times::UntilCleared, now);
    assert_eq!(faults.claim(Endpoint::Token, now), None);
    assert_eq!(faults.claim(Endpoint::Resource, now), Some(Fault::Html));
    faults.clear();
    assert_eq!(faults.claim(Endpoint::Resource, now), None);
}

#[test]
fn a_fault_that_is_taken_back_leaves_the_others() {
    let (mut faults, now) = (Faults::default(), Instant::now());
    let first = faults.add(Endpoint::Token, Fault::Hang, Times::UntilCleared, now);
    let second = faults.add(Endpoint::Token, Fault::Html, Times::Once, now);
    assert!(faults.is_active(first, now) && faults.is_active(second, now));
    faults.remove(first);
    assert!(!faults.is_active(first, now) && faults.is_active(second, now));
    assert_eq!(faults.claim(Endpoint::Token, now), Some(Fault::Html));
    assert!(!faults.is_active(second, now), "it has struck as often as it may");
}

#[test]
fn a_fault_for_a_time_ends_with_it() {
    let (mut faults, now) = (Faults::default(), Instant::now());
    faults.add(Endpoint::Token, Fault::Html, Times::For(WEEK), now);
    assert_eq!(faults.claim(Endpoint::Token, now + WEEK - Duration::from_nanos(1)), Some(Fault::Html));
    assert_eq!(faults.claim(Endpoint::Token, now + WEEK), None);
    faults.add(Endpoint::Token, Fault::Html, Times::For(Duration::MAX), now);
    assert_eq!(faults.claim(Endpoint::Token, now + WEEK), Some(Fault::Html));
}
