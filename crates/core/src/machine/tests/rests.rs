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

/// A refusal of a credential that was read for its request.
fn live() -> Refusal {
    permanent().of_live()
}

/// What is read for a request and cannot be used.
fn unusable() -> Unready {
    Unready::new(Ask::ClientSecret, SourceError::NotText)
}

/// One flight of whoever asks, and how long is rested afterwards, which passes.
fn rests_after(sim: &mut Sim, outcome: Outcome) -> u64 {
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    let landing = sim.machine.complete(sim.now, flight, outcome);
    let rest = sim.until_wake();
    let (Landing::Resting { until, .. } | Landing::HeldBack { until, .. }) = landing else {
        panic!("{landing:?}")
    };
    assert_eq!(until, sim.now.mono.after(rest));
    sim.pass(rest);
    rest.as_secs()
}

/// How often in a row it has failed, by what the next failures are rested from.
fn counts(sim: &Sim) -> (u64, u64) {
    let after = |refusal| {
        let mut next = Sim { machine: sim.machine.clone(), now: sim.now };
        rests_after(&mut next, Outcome::Refused(refusal))
    };
    (after(transient()), after(permanent()))
}

// S5
#[test]
fn what_may_be_mended_at_any_moment_is_rested_from_for_10_s_each_time_and_counted_nowhere() {
    let outcomes: [fn() -> Outcome; 3] =
        [|| Outcome::Refused(live()), || Outcome::HeldBack(live()), || Outcome::NotSent(unusable())];
    for outcome in outcomes {
        let mut sim = Sim::new();
        let rests: Vec<u64> = (0..4).map(|_| rests_after(&mut sim, outcome())).collect();
        assert_eq!(rests, [10, 10, 10, 10], "{:?}", outcome());
        assert_eq!(counts(&sim), (1, 10));
        // What was counted before stands where it stood.
        rests_after(&mut sim, Outcome::Refused(transient()));
        rests_after(&mut sim, Outcome::Refused(permanent()));
        assert_eq!(rests_after(&mut sim, outcome()), 10);
        assert_eq!(counts(&sim), (2, 20));
    }
}

#[test]
fn it_is_the_policy_that_says_how_long_what_is_live_is_rested_from() {
    let policy = Policy::new().with_jitter(false).with_cooldown(secs(7), secs(14));
    let mut sim = Sim::with(policy);
    assert_eq!(rests_after(&mut sim, Outcome::Refused(live())), 7);
    assert_eq!(rests_after(&mut sim, Outcome::HeldBack(live())), 7);
    assert_eq!(rests_after(&mut sim, Outcome::NotSent(unusable())), 7);
}

#[test]
fn a_rest_of_what_is_live_is_drawn_as_any_other() {
    let rests: Vec<Duration> = (0..200).map(|seed| rest_after(&Policy::new(), seed, live())).collect();
    assert!(rests.iter().all(|rest| (secs(5)..=secs(10)).contains(rest)), "{rests:?}");
    assert!(rests.iter().min() < Some(&ms(5200)) && rests.iter().max() > Some(&ms(9800)), "{rests:?}");
}

#[test]
fn what_could_not_be_read_is_rested_from_by_its_class_and_by_what_it_costs() {
    let missing = || Unready::new(Ask::Assertion, SourceError::Missing);
    for (unready, rests) in [
        (missing(), [1, 2, 4]),
        (missing().costly(), [10, 20, 40]),
        (unusable(), [10, 10, 10]),
        (unusable().costly(), [10, 20, 40]),
        (ConfigError::ColonInClientId.into(), [10, 20, 40]),
    ] {
        let mut sim = Sim::new();
        let rested = [(); 3].map(|()| rests_after(&mut sim, Outcome::NotSent(unready.clone())));
        assert_eq!(rested, rests, "{unready}");
    }
}

#[test]
fn a_retry_after_beside_a_live_refusal_is_obeyed_once() {
    let mut sim = Sim::new();
    assert_eq!(rests_after(&mut sim, Outcome::Refused(live().with_retry_after(secs(60)))), 60);
    // What is kept of it says none, and one that did would not count again.
    assert_eq!(rests_after(&mut sim, Outcome::HeldBack(live().with_retry_after(secs(60)))), 10);
    let flight = sim.sends(&mut sim.call());
    sim.machine.complete(sim.now, flight, Outcome::HeldBack(live().with_retry_after(secs(60))));
    sim.machine.rotate(sim.now, Rotation::Keep);
    assert_eq!(sim.until_wake(), secs(1), "no server has asked for it");
}

#[test]
fn an_abandoned_flight_is_in_a_row_with_one_that_was_held_back_in_between() {
    let abandons = |between: Option<Outcome>| {
        let mut sim = Sim::new();
        let mut call = sim.call_within(secs(300));
        let flight = sim.sends(&mut call);
        assert_eq!(sim.machine.abandon(sim.now, flight), Landing::Idle);
        sim.pass(secs(1));
        if let Some(outcome) = between {
            rests_after(&mut sim, outcome);
        }
        let flight = sim.sends(&mut call);
        sim.machine.abandon(sim.now, flight)
    };
    assert!(matches!(abandons(None), Landing::Resting { .. }));
    assert!(matches!(abandons(Some(Outcome::HeldBack(live()))), Landing::Resting { .. }));
    for between in [Outcome::Refused(live()), Outcome::NotSent(unusable())] {
        assert_eq!(abandons(Some(between)), Landing::Idle);
    }
}

#[test]
fn after_what_is_live_has_failed_the_next_request_is_a_retry() {
    for outcome in [Outcome::Refused(live()), Outcome::HeldBack(live()), Outcome::NotSent(unusable())] {
        let mut sim = Sim::new();
        rests_after(&mut sim, outcome.clone());
        assert_eq!(sim.sends(&mut sim.call()).reason(), Reason::Retry, "{outcome:?}");

        // A rest that somebody else knows of changes nothing of that.
        let mut sim = Sim::new();
        rests_after(&mut sim, outcome.clone());
        sim.machine.rest(sim.now, RestNote::new(sim.now.mono.after(secs(5)), false, 0));
        sim.pass(secs(5));
        assert_eq!(sim.sends(&mut sim.call()).reason(), Reason::Retry, "{outcome:?}");

        // With other credentials it is no retry, whatever else is waited for.
        let mut sim = Sim::new();
        let flight = sim.sends(&mut sim.call());
        sim.machine.complete(sim.now, flight, outcome);
        sim.machine.rotate(sim.now, Rotation::Keep);
        assert_eq!(sim.until_wake(), secs(1));
        sim.pass(secs(1));
        assert_eq!(sim.sends(&mut sim.call()).reason(), Reason::Rotated);
    }
    let mut sim = Sim::new();
    let flight = sim.sends(&mut sim.call());
    sim.refuse(flight, live().with_retry_after(secs(60)));
    sim.machine.rotate(sim.now, Rotation::Keep);
    assert_eq!(sim.until_wake(), secs(60), "the server has asked for it");
    sim.pass(secs(60));
    assert_eq!(sim.sends(&mut sim.call()).reason(), Reason::Rotated);
    // Nor is it one where nothing failed at all.
    let mut sim = Sim::new();
    sim.machine.rest(sim.now, RestNote::new(sim.now.mono.after(secs(5)), false, 0));
    sim.pass(secs(5));
    assert_eq!(sim.sends(&mut sim.call()).reason(), Reason::First);
}

// I40
#[test]
fn callers_learn_why_nothing_was_sent_and_a_held_token_stays() {
    for outcome in [Outcome::Refused(live()), Outcome::HeldBack(live()), Outcome::NotSent(unusable())] {
        let mut sim = Sim::new();
        let mut call = sim.call();
        let flight = sim.sends(&mut call);
        let landing = sim.machine.complete(sim.now, flight, outcome.clone());
        let cause = landing.cause().unwrap().clone();
        assert_eq!((sim.machine.last_error(), cause.is_permanent()), (Some(&cause), true));
        assert_eq!(sim.fails(&mut call), Error::Failed { cause, retry_after: secs(10) });
        let name = match outcome {
            Outcome::HeldBack(_) => "held_back",
            Outcome::NotSent(_) => "not_sent",
            _ => "permanent",
        };
        assert_eq!(landing.as_str(), name);

        let mut sim = Sim::holding("a", 3600);
        sim.pass(secs(3300));
        let flight = sim.sends(&mut sim.call());
        assert_eq!(flight.reason(), Reason::Early);
        sim.machine.complete(sim.now, flight, outcome.clone());
        assert_eq!(sim.uses(&mut sim.call()), "a");

        // One that does not count any more has no effect.
        let mut sim = Sim::new();
        let flight = sim.sends(&mut sim.call());
        sim.machine.rotate(sim.now, Rotation::Keep);
        let before = sim.machine.clone();
        assert_eq!(sim.machine.complete(sim.now, flight, outcome), Landing::Superseded);
        assert_eq!(sim.machine, before);
    }
}

#[test]
fn a_token_that_was_given_out_is_masked_in_a_refusal_that_is_told_again() {
    let mut sim = Sim::holding("SENTINEL-token", 3600);
    sim.pass(secs(3300));
    let flight = sim.sends(&mut sim.call());
    let words = crate::Excerpt::new("what of SENTINEL-token", &[]).unwrap();
    let refusal = Refusal::new(Class::Permanent, Some(401), Problem::Described(words)).of_live();
    let landing = sim.machine.complete(sim.now, flight, Outcome::HeldBack(refusal));
    let shown = format!("{landing:?}");
    assert!(shown.contains("what of [redacted]") && !shown.contains("SENTINEL"), "{shown}");
}
