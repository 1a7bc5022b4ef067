//! What becomes of a flight, and of an answer that brings no progress.

use super::*;
use crate::binding::Binding;
use crate::error::{ErrorResponse, Excerpt};
use crate::thumbprint::Thumbprint;

// Conforms: L-31
#[test]
fn i8_a_flight_nobody_reports_on_is_replaced_at_its_deadline() {
    let mut sim = Sim::new();
    let (mut first, mut second) = (sim.call(), sim.call());
    let lost = sim.sends(&mut first);
    assert_eq!(sim.poll(&mut second), Step::Wait(sim.now.mono.after(secs(11))));
    sim.pass(ms(10_999));
    assert!(matches!(sim.poll(&mut second), Step::Wait(_)));
    sim.pass(ms(1));
    let next = sim.sends(&mut second);
    assert_eq!((next.id(), next.reason()), (lost.id() + 1, Reason::Retry));
}

#[test]
fn a_transport_timeout_is_reported_to_a_flight_that_still_counts() {
    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    sim.pass(secs(10));
    assert!(matches!(sim.refuse(flight, transient()), Landing::Resting { .. }));
    assert_eq!(sim.until_wake(), secs(1));
}

#[test]
fn lateness_alone_changes_nothing() {
    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    sim.pass(secs(20));
    assert!(matches!(sim.grant(flight, "a", 3600), Landing::Installed { .. }));
    assert_eq!(sim.uses(&mut call), "a");
}

// Conforms: L-31
#[test]
fn i1_the_first_abandoned_flight_costs_min_interval_and_the_next_ones_back_off() {
    let mut sim = Sim::new();
    let mut call = sim.call_within(secs(300));
    let mut waits = Vec::new();
    for _ in 0..4 {
        let flight = sim.sends(&mut call);
        sim.machine.abandon(sim.now, flight);
        waits.push(sim.until_wake().as_secs());
        sim.pass(sim.until_wake());
    }
    assert_eq!(waits, [1, 1, 2, 4]);
    assert_eq!(sim.machine.last_error(), Some(&Cause::Abandoned));
}

#[test]
fn a_flight_after_any_kind_of_failure_is_a_retry() {
    let mut sim = Sim::new();
    let mut call = sim.call_within(secs(300));
    let lost = sim.sends(&mut call);
    sim.machine.abandon(sim.now, lost);
    for refusal in [transient(), permanent(), throttled(5)] {
        let flight = sim.sends_after(&mut call, sim.until_wake());
        assert_eq!(flight.reason(), Reason::Retry);
        sim.refuse(flight, refusal);
    }
    let flight = sim.sends_after(&mut call, sim.until_wake());
    assert_eq!(flight.reason(), Reason::Retry);
    // A transient failure alone, after a token: nothing of before is left.
    sim.grant(flight, "a", 100);
    sim.pass(secs(90));
    let flight = sim.sends(&mut call);
    assert_eq!(flight.reason(), Reason::Expired);
    sim.refuse(flight, transient());
    assert_eq!(sim.sends_after(&mut call, sim.until_wake()).reason(), Reason::Retry);
}

// Conforms: L-27
#[test]
fn i22_a_superseded_failure_has_no_effect() {
    let mut sim = Sim::new();
    let mut call = sim.call_within(secs(300));
    let late = [sim.sends_after(&mut call, secs(0)), sim.sends_after(&mut call, secs(11))];
    let _current = sim.sends_after(&mut call, secs(11));
    let [first, second] = late;
    let before = sim.machine.clone();
    assert_eq!(sim.refuse(first, throttled(900)), Landing::Superseded);
    sim.machine.abandon(sim.now, second);
    assert_eq!(sim.machine, before);
}

// Conforms: L-27
#[test]
fn a_superseded_grant_is_taken_when_it_ends_later_and_leaves_the_fetch_alone() {
    let mut sim = Sim::new();
    let mut call = sim.call_within(secs(300));
    let late = sim.sends(&mut call);
    let current = sim.sends_after(&mut call, secs(11));
    assert!(matches!(sim.grant(late, "late", 3600), Landing::Installed { .. }));
    assert_eq!(sim.uses(&mut call), "late");
    assert!(matches!(sim.machine.fetch(sim.now), Fetch::InFlight { .. }));
    assert!(matches!(sim.grant(current, "current", 7200), Landing::Installed { .. }));
    assert_eq!(sim.uses(&mut call), "current");
}

// Conforms: L-27
#[test]
fn i5_a_superseded_grant_never_displaces_the_token_of_a_later_flight() {
    let mut sim = Sim::new();
    let mut call = sim.call_within(secs(300));
    let late = sim.sends(&mut call);
    let current = sim.sends_after(&mut call, secs(11));
    sim.grant(current, "current", 60);
    assert_eq!(sim.grant(late, "late", 7200), Landing::Superseded);
    assert_eq!(sim.uses(&mut call), "current");
}

// Conforms: L-32, Q-14
#[test]
fn a_server_that_repeats_its_token_is_asked_at_half_of_what_is_left() {
    let mut sim = Sim::holding("same", 3600);
    let mut call = sim.call();
    sim.pass(secs(3270));
    let flight = sim.sends(&mut call);
    assert_eq!(sim.grant(flight, "same", 330), Landing::NoProgress { count: 1 });
    assert_eq!(sim.until_wake(), secs(150));
    sim.pass(secs(150));
    let flight = sim.sends(&mut call);
    assert_eq!(sim.grant(flight, "other", 160), Landing::NoProgress { count: 2 });
    assert_eq!(sim.machine.no_progress(), 2);
    assert_eq!(sim.until_wake(), secs(75));
}

/// Whoever renews a certificate needs a token of the new one, even where the server lets all tokens end at the same moment.
#[test]
fn another_token_that_is_bound_to_another_certificate_is_taken_though_it_ends_no_later() {
    let bound = |name: &str, life, digest| {
        let binding = Binding::Certificate(Thumbprint::new([digest; 32]));
        Outcome::Granted(Grant::new(token(name), Some(secs(life))).with_binding(binding))
    };
    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    sim.land(flight, bound("old", 3600, 1));
    for (name, digest, is_taken) in [("same", 1, false), ("new", 2, true)] {
        sim.pass(sim.until_wake());
        let flight = sim.sends(&mut call);
        let landing = sim.machine.complete(sim.now, flight, bound(name, 60, digest));
        assert_eq!(matches!(landing, Landing::Installed { .. }), is_taken, "{name}: {landing:?}");
    }
    assert_eq!(sim.uses(&mut call), "new");
}

#[test]
fn another_token_that_ends_at_the_same_moment_is_no_progress() {
    for (life, progress) in [(330, false), (331, true)] {
        let mut sim = Sim::holding("held", 3600);
        let mut call = sim.call();
        sim.pass(secs(3270));
        let flight = sim.sends(&mut call);
        // 330 s less 30 s of leeway end where the held token does.
        let landing = sim.grant(flight, "other", life);
        assert_eq!(matches!(landing, Landing::Installed { .. }), progress, "{landing:?}");
    }
}

#[test]
fn an_answer_without_progress_ends_a_row_of_abandonments() {
    let mut sim = Sim::holding("same", 3600);
    let mut call = sim.call();
    sim.pass(secs(3270));
    let flight = sim.sends(&mut call);
    sim.machine.abandon(sim.now, flight);
    let flight = sim.sends_after(&mut call, secs(1));
    assert_eq!(sim.grant(flight, "same", 320), Landing::NoProgress { count: 1 });
    sim.pass(sim.until_wake());
    let flight = sim.sends(&mut call);
    assert_eq!(flight.reason(), Reason::Early);
    sim.machine.abandon(sim.now, flight);
    assert_eq!(sim.until_wake(), secs(1), "the first in a row does not rest");
}

#[test]
fn once_the_lease_is_over_the_same_token_is_a_grant_of_what_is_left() {
    let mut sim = Sim::holding("same", 3600);
    let mut call = sim.call();
    sim.pass(secs(3570));
    let flight = sim.sends(&mut call);
    assert_eq!(flight.reason(), Reason::Expired);
    assert!(matches!(sim.grant(flight, "same", 30), Landing::Installed { life, .. } if life == secs(30)));
    assert_eq!(sim.token(&mut call).use_until(), sim.now.after(secs(27)));
}

#[test]
fn a_token_that_was_given_out_is_not_said_again_in_the_servers_words() {
    let words = |name: &str| Excerpt::new(&format!("the token {name} is still valid"), &[]).unwrap();
    let refusal = |name: &str| {
        let response = ErrorResponse::new(words(name)).with_description(words(name));
        Refusal::new(Class::Transient, Some(400), Problem::ErrorResponse(response))
    };
    // Held and due, set aside, and ended.
    for rejected in [false, true] {
        for past in [secs(3300), secs(4000)] {
            let mut sim = Sim::holding("the-token-of-before", 3600);
            sim.pass(secs(3));
            if rejected {
                let generation = sim.machine.held(sim.now).unwrap().generation();
                assert_eq!(sim.reject(generation, 1), Rejection::Dropped);
            } else {
                sim.pass(past);
            }
            let mut call = sim.call();
            let flight = sim.sends(&mut call);
            let Landing::Resting { cause, .. } = sim.refuse(flight, refusal("the-token-of-before")) else {
                panic!("a refusal")
            };
            for said in [format!("{cause}"), format!("{cause:?}")] {
                assert!(!said.contains("the-token-of-before") && said.contains("[redacted]"), "{said}");
            }
        }
    }
}
