//! Tokens that another process of the fleet asked for, and flights that nothing was sent for.

use super::*;
use alloc::string::ToString;
use core::mem::discriminant;

/// So many seconds left and until it is due, of a life of an hour.
fn lent(name: &str, left: u64, due_in: u64) -> Outcome {
    Outcome::Shared(Lent::new(token(name), secs(left), secs(due_in), secs(3600)))
}

fn share(sim: &mut Sim, flight: Flight, outcome: Outcome) -> Landing {
    sim.machine.complete(sim.now, flight, outcome)
}

#[test]
fn a_shared_token_is_used_for_what_is_left_less_the_leeway_of_its_whole_life() {
    let mut sim = Sim::new();
    let flight = sim.sends(&mut sim.call());
    let sent = flight.sent_at();
    sim.pass(secs(2));
    let landing = share(&mut sim, flight, lent("a", 100, 40));
    let expected = Landing::Installed { generation: Generation(1), life: secs(100), hint: JwtHint::Absent };
    assert_eq!(landing, expected);
    let held = sim.token(&mut sim.call());
    // A tenth of what is left would be 10 s.
    assert_eq!(held.use_until(), sent.after(secs(70)));
    assert_eq!(held.refresh_at(), sent.after(secs(40)));
}

#[test]
fn a_shared_token_is_refreshed_when_its_asker_drew_and_some_jitter_later_and_before_its_end() {
    let mut drawn = alloc::collections::BTreeSet::new();
    for seed in 0..50 {
        let mut sim = Sim::seeded(Policy::new(), seed);
        let flight = sim.sends(&mut sim.call());
        let sent = flight.sent_at();
        sim.land(flight, lent("a", 3000, 2000));
        let refresh_at = sim.token(&mut sim.call()).refresh_at();
        let jitter = refresh_at.mono.since(sent.mono).checked_sub(secs(2000)).unwrap();
        assert!(jitter <= secs(150) && refresh_at.wall.since(sent.wall) == secs(2000) + jitter);
        drawn.insert(jitter);
    }
    assert!(drawn.len() > 40);
    let mut sim = Sim::seeded(Policy::new(), 1);
    let flight = sim.sends(&mut sim.call());
    let sent = flight.sent_at();
    sim.land(flight, lent("a", 100, 100));
    assert_eq!(sim.token(&mut sim.call()).refresh_at(), sent.after(secs(70)));
}

#[test]
fn i13_a_shared_token_that_is_due_already_is_refreshed_at_half_of_what_is_left() {
    let mut sim = Sim::new();
    let flight = sim.sends(&mut sim.call());
    sim.pass(secs(10));
    sim.land(flight, lent("a", 100, 10));
    assert_eq!(sim.token(&mut sim.call()).refresh_at(), sim.now.after(secs(30)));
}

#[test]
fn a_shared_token_that_has_ended_on_arrival_is_a_failure_with_backoff() {
    for (left, waited, ended) in [(30, 0, true), (31, 0, false), (31, 1, true), (0, 0, true)] {
        let mut sim = Sim::new();
        let flight = sim.sends(&mut sim.call());
        sim.pass(secs(waited));
        let landing = share(&mut sim, flight, lent("a", left, 0));
        assert_eq!(matches!(landing, Landing::Resting { .. }), ended, "{landing:?}");
        if let Some(Cause::Refused(refusal)) = landing.cause() {
            assert_eq!(refusal.problem(), &Problem::Expired);
            assert_eq!(sim.until_wake(), secs(1));
        }
    }
}

#[test]
fn i12_a_shared_token_is_believed_no_longer_than_its_own_life_from_now_and_than_the_policy_allows() {
    for (left, life, most) in [
        (Duration::MAX, secs(100), secs(105)),
        (Duration::MAX, Duration::MAX, secs(366 * 86_400 + 5)),
        (secs(103), secs(100), secs(103)),
    ] {
        let mut sim = Sim::new();
        let flight = sim.sends(&mut sim.call());
        let sent = flight.sent_at();
        sim.pass(secs(5));
        sim.land(flight, Outcome::Shared(Lent::new(token("a"), left, Duration::MAX, life)));
        let leeway = sim.machine.policy().leeway(life);
        assert_eq!(sim.token(&mut sim.call()).use_until(), sent.after(most - leeway));
    }
}

#[test]
fn i48_the_end_of_a_shared_token_is_an_assumption() {
    let mut sim = Sim::new();
    let flight = sim.sends(&mut sim.call());
    let sent = flight.sent_at();
    sim.land(flight, lent("a", 1000, 500));
    sim.pass(secs(500));
    // The server tells another end, and a later one: it stands in for the assumed one.
    let flight = sim.sends(&mut sim.call());
    assert_eq!(sim.grant(flight, "a", 3000), Landing::NoProgress { count: 1 });
    assert_eq!(sim.token(&mut sim.call()).use_until(), sent.after(secs(3470)));
}

#[test]
fn the_held_token_shared_again_is_no_progress_and_due_when_its_asker_says() {
    // Due in so many seconds, and after how many this process asks again.
    for (due_in, expected) in [(200, 200), (0, 1), (5000, 270)] {
        let mut sim = Sim::holding("a", 3600);
        let use_until = sim.token(&mut sim.call()).use_until();
        sim.pass(secs(3300));
        let flight = sim.sends(&mut sim.call());
        let landing = share(&mut sim, flight, lent("a", 5000, due_in));
        assert_eq!(landing, Landing::NoProgress { count: 1 });
        assert_eq!(sim.until_wake(), secs(expected), "{due_in}");
        assert_eq!(sim.token(&mut sim.call()).use_until(), use_until, "nobody here was told another end");
    }
}

#[test]
fn those_who_hold_a_token_that_is_shared_again_are_not_due_at_one_instant() {
    let mut drawn = alloc::collections::BTreeSet::new();
    for seed in 0..50 {
        let mut sim = Sim::seeded(Policy::new(), seed);
        let flight = sim.sends(&mut sim.call());
        sim.land(flight, lent("a", 3600, 1000));
        sim.pass(sim.until_wake());
        let flight = sim.sends(&mut sim.call());
        let sent = flight.sent_at();
        assert_eq!(share(&mut sim, flight, lent("a", 2000, 800)), Landing::NoProgress { count: 1 });
        let refresh_at = sim.token(&mut sim.call()).refresh_at();
        let spread = refresh_at.mono.since(sent.mono).checked_sub(secs(800)).unwrap();
        assert!(spread <= secs(200) && refresh_at.wall.since(sent.wall) == secs(800) + spread);
        drawn.insert(spread);
    }
    assert!(drawn.len() > 40);
}

#[test]
fn another_token_that_is_shared_and_ends_no_later_is_no_progress() {
    for (left, progress) in [(300, false), (301, true)] {
        let mut sim = Sim::holding("a", 3600);
        sim.pass(secs(3300));
        let flight = sim.sends(&mut sim.call());
        let landing = share(&mut sim, flight, lent("b", left, 100));
        assert_eq!(matches!(landing, Landing::Installed { .. }), progress, "{landing:?}");
        assert_eq!(sim.until_wake(), secs(100));
        assert_eq!(sim.uses(&mut sim.call()), if progress { "b" } else { "a" });
    }
}

#[test]
fn an_installed_shared_token_resets_the_failures_and_closes_the_armed_gates() {
    let mut sim = Sim::holding("a", 3600);
    sim.pass(secs(5));
    let generation = sim.token(&mut sim.call()).generation();
    assert_eq!(sim.reject(generation, 0), Rejection::Dropped);
    for _ in 0..3 {
        let flight = sim.sends_after(&mut sim.call(), sim.until_wake());
        sim.refuse(flight, transient());
    }
    let flight = sim.sends_after(&mut sim.call(), sim.until_wake());
    sim.land(flight, lent("b", 3000, 2000));
    assert_eq!((sim.machine.last_error(), sim.machine.failures), (None, Failures::default()));
    sim.pass(secs(5));
    let generation = sim.token(&mut sim.call()).generation();
    assert_eq!(sim.reject(generation, 0), Rejection::Refused, "the gate of that site is closed");
    assert_eq!(sim.reject(generation, 1), Rejection::Dropped);
}

#[test]
fn what_is_set_aside_and_shared_again_is_installed() {
    let mut sim = Sim::holding("a", 3600);
    sim.pass(secs(5));
    let generation = sim.token(&mut sim.call()).generation();
    assert_eq!(sim.reject(generation, 0), Rejection::Dropped);
    let flight = sim.sends(&mut sim.call());
    sim.land(flight, lent("a", 3000, 2000));
    let again = sim.token(&mut sim.call());
    assert_eq!((again.value().expose(), again.generation().number()), ("a", 2));
    assert_eq!(sim.reject(again.generation(), 0), Rejection::Refused, "a younger one costs no request");
}

#[test]
fn i22_a_shared_token_that_comes_late_obeys_the_rules_of_late_grants() {
    let mut sim = Sim::new();
    let mut call = sim.call_within(secs(300));
    let late = sim.sends(&mut call);
    let current = sim.sends_after(&mut call, secs(11));
    assert!(matches!(share(&mut sim, late, lent("late", 3000, 2000)), Landing::Installed { .. }));
    assert!(matches!(sim.machine.fetch(sim.now), Fetch::InFlight { .. }));
    assert!(matches!(share(&mut sim, current, lent("current", 3100, 2000)), Landing::Installed { .. }));
    sim.pass(sim.until_wake());
    let old = sim.sends(&mut call);
    sim.machine.rotate(sim.now, Rotation::Keep);
    assert_eq!(share(&mut sim, old, lent("old", 3600, 2000)), Landing::Superseded);
}

#[test]
fn a_shared_token_is_of_the_new_credentials_and_replaces_a_stale_one() {
    let mut sim = Sim::holding("old", 3600);
    sim.machine.rotate(sim.now, Rotation::Keep);
    let flight = sim.sends_after(&mut sim.call(), secs(1));
    sim.land(flight, lent("new", 60, 40));
    assert_eq!(sim.uses(&mut sim.call()), "new");
}

#[test]
fn i31_an_exported_shared_token_ends_when_it_ends_here() {
    let mut sim = Sim::new();
    let flight = sim.sends(&mut sim.call());
    sim.land(flight, lent("a", 1000, 500));
    let held = sim.token(&mut sim.call());
    sim.pass(secs(100));
    let stored = sim.machine.export(sim.now).unwrap();
    assert_eq!(stored.life(), secs(3600));
    let mut next = Sim::new();
    next.now = sim.now;
    assert!(next.machine.restore(next.now, stored));
    assert_eq!(next.token(&mut next.call()).use_until().wall, held.use_until().wall);
    // On a wall clock that began a moment ago it ends no later.
    let mut sim = Sim::new();
    sim.now = Now::new(sim.now.mono, Wall::from_epoch(secs(7)));
    let flight = sim.sends(&mut sim.call());
    sim.land(flight, lent("a", 1000, 500));
    let stored = sim.machine.export(sim.now).unwrap();
    assert_eq!(stored.issued().after(stored.life()), Wall::from_epoch(secs(1007)));
}

#[test]
fn a_shared_token_settles_by_the_age_that_it_has() {
    for (left, expected) in [(3600, Rejection::Settling(Mono::ZERO)), (3500, Rejection::Dropped)] {
        let mut sim = Sim::new();
        let flight = sim.sends(&mut sim.call());
        sim.land(flight, lent("a", left, 1000));
        let generation = sim.token(&mut sim.call()).generation();
        let rejection = sim.reject(generation, 0);
        assert_eq!(discriminant(&rejection), discriminant(&expected), "{left}: {rejection:?}");
    }
}

#[test]
fn elsewhere_counts_nothing_and_the_next_poll_may_send_after_min_interval() {
    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    let before = sim.machine.clone();
    sim.pass(ms(300));
    let landing = share(&mut sim, flight, Outcome::Elsewhere);
    assert_eq!((&landing, landing.as_str(), landing.cause()), (&Landing::Elsewhere, "elsewhere", None));
    assert_eq!(sim.machine, Machine { fetching: Fetching::Idle, ..before });
    assert_eq!(sim.until_wake(), ms(700));
    let flight = sim.sends_after(&mut call, ms(700));
    assert_eq!(flight.reason(), Reason::First);
}

#[test]
fn elsewhere_breaks_no_row_of_abandonments() {
    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    assert_eq!(sim.machine.abandon(sim.now, flight), Landing::Idle);
    let flight = sim.sends_after(&mut call, secs(1));
    assert_eq!(share(&mut sim, flight, Outcome::Elsewhere), Landing::Elsewhere);
    assert_eq!(sim.machine.last_error(), Some(&Cause::Abandoned));
    let flight = sim.sends_after(&mut call, secs(1));
    assert!(matches!(sim.machine.abandon(sim.now, flight), Landing::Resting { .. }), "the second in a row");
}

#[test]
fn i46_after_elsewhere_what_is_set_aside_serves_those_who_did_not_refuse_it() {
    let mut sim = Sim::holding("a", 3600);
    sim.pass(secs(5));
    let generation = sim.token(&mut sim.call()).generation();
    assert_eq!(sim.reject(generation, 0), Rejection::Dropped);
    let flight = sim.sends(&mut sim.call());
    let mut call = sim.call();
    assert!(matches!(sim.poll(&mut call), Step::Wait(_)));
    assert_eq!(share(&mut sim, flight, Outcome::Elsewhere), Landing::Elsewhere);
    assert_eq!(sim.uses(&mut call), "a");
    let mut refused = sim.call();
    refused.at(Some(Site(0)));
    assert!(matches!(sim.poll(&mut refused), Step::Wait(_)));
}

#[test]
fn i22_a_superseded_elsewhere_has_no_effect() {
    let mut sim = Sim::new();
    let mut call = sim.call_within(secs(300));
    let late = sim.sends(&mut call);
    let _current = sim.sends_after(&mut call, secs(11));
    let before = sim.machine.clone();
    assert_eq!(share(&mut sim, late, Outcome::Elsewhere), Landing::Superseded);
    assert_eq!(sim.machine, before);
}

#[test]
fn a_refusal_that_a_store_told_rests_like_any_other_and_says_that_it_was_told() {
    let mut sim = Sim::new();
    let mut call = sim.call().fail_fast(true);
    let flight = sim.sends(&mut call);
    let told = crate::fleet::Said::parse("transient 503 -").unwrap().refusal(Some(secs(40)));
    let Landing::Resting { until, .. } = sim.refuse(flight, told) else { panic!("a refusal") };
    assert_eq!(until, sim.now.mono.after(secs(40)));
    let error = sim.fails(&mut call);
    assert!(error.refusal().is_some_and(Refusal::is_told), "{error}");
    assert!(error.to_string().contains("an earlier request"), "{error}");
}

#[test]
fn a_shared_token_may_be_bound_and_is_the_same_otherwise() {
    let binding = Binding::Certificate(crate::Thumbprint::new([7; 32]));
    let lent = Lent::new(token("a"), secs(100), secs(60), secs(200)).with_binding(binding);
    assert_eq!((lent.token().expose(), lent.token().binding()), ("a", binding));
    assert_eq!((lent.left(), lent.due_in(), lent.life()), (secs(100), secs(60), secs(200)));
}
