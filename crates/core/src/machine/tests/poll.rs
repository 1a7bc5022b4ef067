//! What a caller gets: the table of `poll`.

use super::*;
use crate::ClockOffset;

// Conforms: L-01
#[test]
fn a_cold_machine_sends_once_and_everyone_else_waits() {
    let mut sim = Sim::new();
    let mut calls = sim.calls(100);
    let flight = sim.sends(&mut calls[0]);
    assert_eq!(flight.reason(), Reason::First);
    for call in &mut calls {
        assert_eq!(sim.poll(call), Step::Wait(sim.now.mono.after(secs(11))));
    }
    assert_eq!(sim.machine.waiters(), 100);
    sim.grant(flight, "a", 3600);
    for call in &mut calls {
        assert_eq!(sim.uses(call), "a");
    }
    assert_eq!(sim.machine.waiters(), 0);
}

// Conforms: L-03, L-04
#[test]
fn i15_a_due_token_is_refreshed_by_one_and_used_by_all_meanwhile() {
    let mut sim = Sim::holding("a", 3600);
    sim.pass(secs(3600 - 30 - 300));
    let mut calls = sim.calls(3);
    let flight = sim.sends(&mut calls[0]);
    assert_eq!(flight.reason(), Reason::Early);
    for call in &mut calls {
        assert_eq!(sim.uses(call), "a");
    }
    sim.grant(flight, "b", 3600);
    assert_eq!(sim.uses(&mut calls[0]), "b");
}

// Conforms: L-06, A-35
#[test]
fn i14_a_failure_while_a_token_is_held_is_seen_by_nobody() {
    let mut sim = Sim::holding("a", 3600);
    sim.pass(secs(3300));
    let mut call = sim.call();
    for refusal in [transient(), permanent(), throttled(5)] {
        let flight = sim.sends(&mut call);
        let before = sim.machine.held(sim.now).cloned();
        sim.refuse(flight, refusal);
        assert_eq!(sim.machine.held(sim.now).cloned(), before);
        assert_eq!(sim.uses(&mut call), "a");
        sim.pass(secs(60).min(sim.until_wake()));
        assert!(sim.machine.held(sim.now).is_some());
    }
}

// Conforms: L-06
#[test]
fn a_refresh_that_fails_is_tried_again_by_backoff_and_not_by_callers() {
    let mut sim = Sim::holding("a", 86_400);
    sim.pass(secs(86_400 - 30 - 300));
    let start = sim.now.mono;
    let mut sent = Vec::new();
    while sim.now.mono.since(start) < secs(300) {
        for mut call in sim.calls(50) {
            match sim.poll(&mut call) {
                Step::Send(flight) => {
                    sent.push(sim.now.mono.since(start).as_secs());
                    sim.refuse(flight, transient());
                    assert_eq!(sim.uses(&mut call), "a");
                }
                step => assert!(matches!(step, Step::Use(_)), "{step:?}"),
            }
        }
        sim.pass(ms(500));
    }
    assert_eq!(sent, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
}

// Conforms: L-05, L-25
#[test]
fn once_a_token_is_over_all_wait_for_one_request_and_leave_with_the_new_one() {
    let mut sim = Sim::holding("a", 3600);
    sim.pass(secs(3600));
    let mut calls = sim.calls(200);
    let flight = sim.sends(&mut calls[0]);
    for call in &mut calls {
        assert!(matches!(sim.poll(call), Step::Wait(_)));
    }
    sim.pass(ms(300));
    sim.grant(flight, "b", 3600);
    for call in &mut calls {
        assert_eq!(sim.uses(call), "b");
    }
}

// Conforms: R-6749-5.2-a, L-21, Q-20
// Conforms: A-33
#[test]
fn a_permanent_refusal_fails_every_caller_at_once_until_its_rest_ends() {
    let mut sim = Sim::new();
    let (mut first, mut second) = (sim.call(), sim.call());
    let flight = sim.sends(&mut first);
    sim.refuse(flight, permanent());
    for call in [&mut first, &mut second] {
        let error = sim.fails(call);
        assert!(error.is_permanent());
        assert_eq!(error.retry_after(), secs(10));
    }
    sim.pass(ms(9_999));
    assert_eq!(sim.fails(&mut second).retry_after(), ms(1));
    sim.pass(ms(1));
    let flight = sim.sends(&mut second);
    assert_eq!(flight.reason(), Reason::Retry);
    sim.refuse(flight, permanent());
    assert_eq!(sim.fails(&mut second).retry_after(), secs(20));
}

// Conforms: L-20, A-33
#[test]
fn i16_after_a_permanent_refusal_only_a_rotation_sends_before_the_rest_ends() {
    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    sim.refuse(flight, permanent());
    sim.pass(secs(2));
    assert!(sim.fails(&mut call).is_permanent());
    sim.machine.rotate(sim.now, Rotation::Keep);
    let flight = sim.sends(&mut call);
    assert_eq!(flight.reason(), Reason::Rotated);
}

#[test]
fn once_a_rest_is_over_it_neither_fails_callers_nor_keeps_a_refused_token() {
    // The rest is over at once, and min_interval is not.
    let policy = || Policy::new().with_jitter(false).with_cooldown(ms(1), ms(1)).with_backoff(ms(1), ms(1));
    let mut sim = Sim::with(policy());
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    sim.refuse(flight, permanent());
    assert!(sim.fails(&mut call).is_permanent());
    sim.pass(ms(1));
    assert_eq!(sim.machine.fetch(sim.now), Fetch::Idle);
    assert_eq!(sim.poll(&mut call), Step::Wait(sim.now.mono.after(ms(999))));

    let mut sim = Sim::with(policy());
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    sim.grant(flight, "a", 3600);
    sim.pass(secs(3300));
    let flight = sim.sends(&mut call);
    sim.refuse(flight, transient());
    let generation = sim.token(&mut call).generation();
    assert_eq!(sim.reject(generation, 0), Rejection::Refused);
    sim.pass(ms(1));
    assert_eq!(sim.reject(generation, 0), Rejection::Dropped);
}

#[test]
fn a_request_that_cannot_be_built_rests_as_a_permanent_refusal() {
    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    let problem = ConfigError::ColonInClientId;
    let landing = sim.machine.complete(sim.now, flight, Outcome::NotSent(problem.clone().into()));
    assert!(matches!(landing, Landing::Resting { .. }));
    assert_eq!(sim.fails(&mut call).cause(), Some(&Cause::NotSent(problem.into())));
}

// Conforms: L-07
#[test]
fn a_patient_caller_waits_through_a_transient_rest_and_a_hasty_one_gets_its_error() {
    let mut sim = Sim::new();
    let (mut patient, mut hasty) = (sim.call(), sim.call_within(ms(900)));
    let mut fast = sim.call().fail_fast(true);
    let flight = sim.sends(&mut patient);
    assert_eq!(sim.poll(&mut fast), Step::Wait(flight.deadline()));
    sim.refuse(flight, transient());
    assert_eq!(sim.poll(&mut patient), Step::Wait(sim.now.mono.after(secs(1))));
    for call in [&mut hasty, &mut fast] {
        let error = sim.fails(call);
        assert_eq!((error.is_permanent(), error.retry_after()), (false, secs(1)));
        assert!(error.refusal().is_some());
    }
}

/// The request after it has the right times.
// Conforms: R-7523-j
#[test]
fn a_hasty_caller_waits_through_a_refusal_that_lies_in_the_clock() {
    let mut sim = Sim::new();
    let (mut fast, mut short) = (sim.call().fail_fast(true), sim.call_within(ms(900)).fail_fast(true));
    let flight = sim.sends(&mut fast);
    let excused = Refusal::new(Class::Permanent, Some(401), Problem::Status);
    sim.refuse(flight, excused.excused(Some(ClockOffset::Behind(secs(140)))));
    assert_eq!(sim.poll(&mut fast), Step::Wait(sim.now.mono.after(secs(1))));
    let error = sim.fails(&mut short);
    assert_eq!(error.refusal().unwrap().clock(), Some(ClockOffset::Behind(secs(140))));
    sim.pass(secs(1));
    let flight = sim.sends(&mut fast);
    sim.refuse(flight, transient());
    assert!(sim.fails(&mut fast).refusal().is_some(), "any other failure ends it");
}

// Conforms: M-05, L-34
#[test]
fn backoff_doubles_to_a_minute_and_an_installed_grant_starts_it_again() {
    let mut sim = Sim::new();
    let mut rests = Vec::new();
    for _ in 0..8 {
        let mut call = sim.call();
        let flight = sim.sends(&mut call);
        sim.refuse(flight, transient());
        rests.push(sim.until_wake().as_secs());
        sim.pass(sim.until_wake());
    }
    assert_eq!(rests, [1, 2, 4, 8, 16, 32, 60, 60]);
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    sim.grant(flight, "a", 1);
    sim.pass(secs(1));
    let flight = sim.sends(&mut call);
    sim.refuse(flight, transient());
    assert_eq!(sim.until_wake(), secs(1));
}

// Conforms: L-07
#[test]
fn the_callers_deadline_ends_its_wait_with_what_went_wrong_last() {
    let mut sim = Sim::new();
    let mut call = sim.call_within(secs(3));
    let flight = sim.sends(&mut call);
    sim.refuse(flight, transient());
    assert_eq!(sim.poll(&mut call), Step::Wait(sim.now.mono.after(secs(1))));
    sim.pass(secs(1));
    let _flight = sim.sends(&mut call);
    assert_eq!(sim.poll(&mut call), Step::Wait(call.deadline()));
    sim.pass(secs(2));
    let error = sim.fails(&mut call);
    assert!(matches!(error, Error::TimedOut { last_error: Some(Cause::Refused(_)), .. }), "{error}");
    assert_eq!(error.retry_after(), secs(9));
}

// Conforms: L-08
#[test]
fn i9_the_queue_is_bounded_and_a_place_once_taken_is_kept() {
    let mut sim = Sim::with(Policy::new().with_jitter(false).with_max_waiters(2));
    let mut calls = sim.calls(4);
    let _flight = sim.sends(&mut calls[0]);
    assert!(matches!(sim.poll(&mut calls[1]), Step::Wait(_)));
    assert!(matches!(sim.poll(&mut calls[2]), Step::Wait(_)));
    let error = sim.fails(&mut calls[3]);
    assert!(matches!(error, Error::Saturated { max_waiters: 2, .. }), "{error}");
    assert_eq!(error.retry_after(), secs(11));
    assert!(matches!(sim.poll(&mut calls[1]), Step::Wait(_)));
    sim.machine.leave(&mut calls[1]);
    sim.machine.leave(&mut calls[1]);
    assert_eq!(sim.machine.waiters(), 1);
    assert!(matches!(sim.poll(&mut calls[3]), Step::Wait(_)));
}
