//! How long a rest is, and what is drawn.

use super::*;

// Conforms: R-9110-10.2.3-a, R-9110-10.2.3-d, R-9110-10.2.3-e, A-35
#[test]
fn a_retry_after_longer_than_the_rest_replaces_it_up_to_an_hour() {
    for (told, expected) in [(0, 1), (1, 1), (120, 120), (86_400, 3600)] {
        let mut sim = Sim::new();
        let mut call = sim.call();
        let flight = sim.sends(&mut call);
        sim.refuse(flight, throttled(told));
        assert_eq!(sim.until_wake(), secs(expected), "Retry-After: {told}");
    }
}

#[test]
fn a_retry_after_that_is_not_longer_than_the_rest_does_not_shorten_it() {
    for told in [0, 1, 2] {
        let mut sim = Sim::with(Policy::new().with_jitter(false).with_backoff(secs(2), secs(60)));
        let mut call = sim.call();
        let flight = sim.sends(&mut call);
        sim.refuse(flight, throttled(told));
        assert_eq!(sim.until_wake(), secs(2), "Retry-After: {told}");
    }
}

/// The rest after a first failure of this machine.
fn rest_after(policy: &Policy, seed: u64, refusal: Refusal) -> Duration {
    let mut sim = Sim::seeded(policy.clone(), seed);
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    sim.refuse(flight, refusal);
    sim.until_wake()
}

// Conforms: L-24
#[test]
fn a_rest_is_drawn_between_half_of_it_and_all_of_it() {
    let policy = Policy::new().with_backoff(secs(8), secs(60));
    let rests: Vec<Duration> = (0..200).map(|seed| rest_after(&policy, seed, transient())).collect();
    assert!(rests.iter().all(|rest| (secs(4)..=secs(8)).contains(rest)), "{rests:?}");
    assert!(rests.iter().min() < Some(&ms(4200)) && rests.iter().max() > Some(&ms(7800)), "{rests:?}");
    // The first rest can be drawn shorter than min_interval, which stands.
    assert_eq!(rest_after(&Policy::new(), 0, transient()), secs(1));
}

#[test]
fn up_to_a_tenth_is_added_to_a_retry_after_and_its_cap_holds() {
    let policy = Policy::new();
    let rests: Vec<Duration> = (0..200).map(|seed| rest_after(&policy, seed, throttled(100))).collect();
    assert!(rests.iter().all(|rest| (secs(100)..=secs(110)).contains(rest)), "{rests:?}");
    assert!(rests.iter().min() < Some(&secs(101)) && rests.iter().max() > Some(&secs(109)), "{rests:?}");
    let capped = (0..50).map(|seed| rest_after(&policy, seed, throttled(3590)));
    assert_eq!(capped.max(), Some(secs(3600)));
}

#[test]
fn a_retry_after_as_long_as_the_rest_adds_nothing_to_it() {
    let policy = Policy::new().with_backoff(secs(8), secs(60));
    for seed in 0..20 {
        let own = rest_after(&policy, seed, transient());
        assert_eq!(rest_after(&policy, seed, transient().with_retry_after(own)), own);
    }
}

// Conforms: L-24
#[test]
fn a_refresh_begins_up_to_half_of_ahead_earlier() {
    let early: Vec<Duration> = (0..200)
        .map(|seed| {
            let mut sim = Sim::seeded(Policy::new(), seed);
            let mut call = sim.call();
            let flight = sim.sends(&mut call);
            sim.grant(flight, "a", 3600);
            let token = sim.token(&mut call);
            token.use_until().mono.since(token.refresh_at().mono)
        })
        .collect();
    assert!(early.iter().all(|early| (secs(300)..=secs(450)).contains(early)), "{early:?}");
    assert!(early.iter().min() < Some(&secs(305)) && early.iter().max() > Some(&secs(445)), "{early:?}");
}

#[test]
fn a_restored_token_is_refreshed_up_to_half_of_ahead_earlier() {
    let early: Vec<Duration> = (0..200)
        .map(|seed| {
            let mut sim = Sim::seeded(Policy::new(), seed);
            let stored = Stored { token: token("kept"), issued: sim.now.wall, life: secs(3600) };
            assert!(sim.machine.restore(sim.now, stored));
            let token = sim.machine.held(sim.now).unwrap();
            token.use_until().mono.since(token.refresh_at().mono)
        })
        .collect();
    assert!(early.iter().all(|early| (secs(300)..=secs(450)).contains(early)), "{early:?}");
    assert!(early.iter().min() < Some(&secs(305)) && early.iter().max() > Some(&secs(445)), "{early:?}");
}

#[test]
fn each_flight_draws_anew() {
    let mut sim = Sim::seeded(Policy::new().with_backoff(secs(8), secs(8)), 7);
    let mut call = sim.call_within(secs(300));
    let mut rests = Vec::new();
    for _ in 0..4 {
        let flight = sim.sends(&mut call);
        sim.refuse(flight, transient());
        rests.push(sim.until_wake());
        sim.pass(sim.until_wake());
    }
    rests.sort_unstable();
    rests.dedup();
    assert_eq!(rests.len(), 4);
}
