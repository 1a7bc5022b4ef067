//! Scenarios: one test per row of the tables and per promise, named as sentences. `traces` has the random ones.

use super::*;
use crate::error::{Class, ConfigError, Problem};
use crate::lifetime::JwtHint;
use crate::time::Wall;
use crate::token::{AccessToken, Token};
use alloc::format;
use alloc::vec::Vec;

mod model;
mod sim;
mod traces;

use sim::{Sim, ms, permanent, secs, throttled, transient};

// poll

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
    let landing = sim.machine.complete(sim.now, flight, Outcome::NotSent(problem.clone()));
    assert!(matches!(landing, Landing::Resting { .. }));
    assert_eq!(sim.fails(&mut call).cause(), Some(&Cause::NotSent(problem)));
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

// flights

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

// lifetimes

// Conforms: R-6749-5.1-k
#[test]
fn i11_a_life_counts_from_the_sending_however_slow_the_answer() {
    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    let sent = flight.sent_at();
    sim.pass(secs(9));
    sim.grant(flight, "a", 100);
    assert_eq!(sim.token(&mut call).use_until(), sent.after(secs(90)));
    assert_eq!(sim.token(&mut call).refresh_at(), sent.after(secs(70)));
}

// Conforms: R-TIME-a, L-22, Q-04, A-38
#[test]
fn an_unknown_life_is_the_default_and_a_huge_one_is_bounded() {
    for (life, expected) in
        [(None, secs(3600)), (Some(Duration::MAX), secs(366 * 86_400)), (Some(secs(86_400)), secs(86_400))]
    {
        let mut sim = Sim::new();
        let mut call = sim.call();
        let flight = sim.sends(&mut call);
        let grant = Grant::new(sim::token("a"), life);
        let landing = sim.machine.complete(sim.now, flight, Outcome::Granted(grant));
        let expected_hint = JwtHint::Absent;
        assert!(
            matches!(landing, Landing::Installed { life, hint, .. } if life == expected && hint == expected_hint)
        );
        assert_eq!(sim.token(&mut call).use_until(), sim.now.after(expected - secs(30)));
    }
}

// Conforms
#[test]
fn a_token_of_unknown_life_is_asked_for_once_and_again_when_it_is_refused() {
    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    sim.land(flight, Outcome::Granted(Grant::new(sim::token("a"), None)));
    for _ in 0..1000 {
        sim.pass(secs(3));
        let mut call = sim.call();
        assert_eq!(sim.uses(&mut call), "a");
    }
    let generation = sim.token(&mut call).generation();
    assert_eq!(sim.reject(generation, 0), Rejection::Dropped);
    let flight = sim.sends(&mut call);
    sim.land(flight, Outcome::Granted(Grant::new(sim::token("b"), None)));
    assert_eq!(sim.uses(&mut call), "b");
}

// Conforms: Q-25
#[test]
fn the_servers_refresh_in_is_honoured_when_earlier_but_not_before_a_fifth() {
    for (wish, expected) in [(1000, 1000), (1, 720), (3500, 3270), (u64::MAX, 3270)] {
        let mut sim = Sim::new();
        let mut call = sim.call();
        let flight = sim.sends(&mut call);
        let grant = Grant::new(sim::token("a"), Some(secs(3600))).with_refresh_in(secs(wish));
        sim.land(flight, Outcome::Granted(grant));
        assert_eq!(sim.token(&mut call).refresh_at(), sim.now.after(secs(expected)), "refresh_in {wish}");
    }
}

#[test]
fn i13_a_token_that_arrives_due_is_refreshed_at_half_of_what_is_left() {
    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    sim.pass(secs(8));
    sim.grant(flight, "a", 10);
    assert_eq!(sim.token(&mut call).use_until().mono, sim.now.mono.after(secs(1)));
    assert_eq!(sim.token(&mut call).refresh_at(), sim.now.after(ms(500)));
}

// Conforms: R-9111-b, L-36, A-38
#[test]
fn an_answer_that_is_over_on_arrival_is_a_failure_with_backoff_and_no_busy_loop() {
    let mut sim = Sim::new();
    let mut call = sim.call_within(secs(300));
    let mut sent = 0;
    let end = sim.now.mono.after(secs(60));
    while sim.now.mono < end {
        let flight = sim.sends(&mut call);
        sent += 1;
        let landing = sim.grant(flight, "dead", 0);
        let Landing::Resting { cause: Cause::Refused(refusal), .. } = landing else { panic!("{landing:?}") };
        assert_eq!(refusal.problem(), &Problem::Expired);
        sim.pass(sim.until_wake());
    }
    assert_eq!(sent, 6);
}

// Conforms: R-TIME-g
#[test]
fn at_its_very_end_a_token_is_over() {
    let mut sim = Sim::holding("a", 100);
    let mut call = sim.call_within(secs(300));
    let end = sim.token(&mut call).use_until();
    sim.pass(ms(89_999));
    let flight = sim.sends(&mut call);
    assert_eq!(sim.uses(&mut call), "a");
    sim.pass(ms(1));
    assert_eq!(sim.now, end);
    assert!(matches!(sim.poll(&mut call), Step::Wait(_)));
    sim.grant(flight, "b", 100);
    assert_eq!(sim.uses(&mut call), "b");
}

// Conforms: R-TIME-f, L-23
#[test]
fn a_short_life_is_not_refreshed_in_a_loop() {
    for (life, least) in [(1, ms(1000)), (2, ms(1000)), (30, secs(15)), (60, secs(30))] {
        let mut sim = Sim::new();
        let mut sent: Vec<Mono> = Vec::new();
        for _ in 0..1000 {
            let mut call = sim.call();
            if let Step::Send(flight) = sim.poll(&mut call) {
                sent.push(sim.now.mono);
                sim.grant(flight, &format!("t{}", sent.len()), life);
            }
            assert!(matches!(sim.poll(&mut call), Step::Use(_) | Step::Wait(_)), "{life}");
            sim.machine.leave(&mut call);
            sim.pass(ms(200));
        }
        assert!(sent.windows(2).all(|pair| pair[1].since(pair[0]) >= least), "{life}: {sent:?}");
        assert!(sent.len() > 3, "{life}");
    }
}

// Conforms: R-TIME-c
#[test]
fn either_clock_ends_a_lease_and_it_stays_over() {
    let mut sim = Sim::holding("a", 100);
    let mut call = sim.call();
    sim.pass(secs(1));
    // Suspended: the wall clock went on, the other did not.
    sim.now.wall = sim.now.wall.after(secs(91));
    let flight = sim.sends(&mut call);
    assert_eq!(flight.reason(), Reason::Expired);
    sim.now.wall = Wall::from_epoch(sim.now.wall.since_epoch() - secs(91));
    assert!(matches!(sim.poll(&mut call), Step::Wait(_)));
}

// Conforms: R-TIME-d
#[test]
fn a_backward_step_of_the_wall_clock_never_extends_a_lease() {
    let mut sim = Sim::holding("a", 100);
    sim.now.wall = Wall::EPOCH;
    sim.now.mono = sim.now.mono.after(secs(90));
    assert!(sim.machine.held(sim.now).is_none());
}

// Retry-After

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

// jitter

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
            let stored = Stored { token: sim::token("kept"), issued: sim.now.wall, life: secs(3600) };
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

// rejection

// Conforms: L-12
#[test]
fn i3_a_rejected_token_is_dropped_and_one_flight_replaces_it() {
    let mut sim = Sim::holding("a", 3600);
    sim.pass(secs(10));
    let mut calls = sim.calls(50);
    let generation = sim.token(&mut calls[0]).generation();
    assert_eq!(sim.reject(generation, 0), Rejection::Dropped);
    let flight = sim.sends(&mut calls[0]);
    assert_eq!(flight.reason(), Reason::Rejected);
    for call in &mut calls {
        assert_eq!(sim.reject(generation, 0), Rejection::Replaced);
        assert!(matches!(sim.poll(call), Step::Wait(_)));
    }
    sim.grant(flight, "b", 3600);
    for call in &mut calls {
        assert!(sim.token(call).generation() > generation);
        assert_eq!(sim.uses(call), "b");
    }
}

/// Some endpoints take no token that is older than a quarter of an hour.
// Conforms: M-10, R-6749-5.1-p
#[test]
fn a_rejection_is_believed_however_much_of_the_life_is_left() {
    let mut sim = Sim::holding("a", 86_400);
    sim.pass(secs(901));
    let mut call = sim.call();
    let generation = sim.token(&mut call).generation();
    assert_eq!(sim.reject(generation, 0), Rejection::Dropped);
    let flight = sim.sends(&mut call);
    assert_eq!(flight.reason(), Reason::Rejected);
    sim.grant(flight, "b", 86_400);
    assert_eq!(sim.uses(&mut call), "b");
}

// Conforms: L-13, L-33
#[test]
fn i4_a_late_401_does_not_evict_the_replacement() {
    let mut sim = Sim::holding("a", 3600);
    let mut call = sim.call();
    let old = sim.token(&mut call).generation();
    sim.pass(secs(3300));
    let flight = sim.sends(&mut call);
    sim.grant(flight, "b", 3600);
    sim.pass(secs(10));
    let before = sim.machine.clone();
    for _ in 0..10 {
        assert_eq!(sim.reject(old, 0), Rejection::Replaced);
    }
    assert_eq!(sim.machine, before);
}

// Conforms: R-7519-n, Q-44
#[test]
fn a_refusal_of_a_token_that_just_came_lets_it_settle() {
    let mut sim = Sim::holding("a", 3600);
    let mut call = sim.call();
    let generation = sim.token(&mut call).generation();
    let settled = sim.now.mono.after(secs(2));
    let before = sim.machine.clone();
    assert_eq!(sim.reject(generation, 0), Rejection::Settling(settled));
    assert_eq!(sim.machine, before);
    sim.pass(secs(2));
    assert_eq!(sim.reject(generation, 0), Rejection::Dropped);
}

#[test]
fn a_token_that_cannot_be_replaced_now_is_kept() {
    let mut sim = Sim::holding("a", 3600);
    sim.pass(secs(3300));
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    sim.refuse(flight, transient());
    let generation = sim.token(&mut call).generation();
    let before = sim.machine.clone();
    assert_eq!(sim.reject(generation, 0), Rejection::Refused);
    assert_eq!(sim.machine, before);
}

// Conforms: L-15, L-17, A-34
#[test]
fn i18_one_resource_that_refuses_everything_costs_a_token_request_a_minute() {
    let mut sim = Sim::holding("t0", 86_400);
    let mut call = sim.call_within(secs(86_400));
    let start = sim.now.mono;
    let mut sent = Vec::new();
    while sim.now.mono.since(start) < secs(600) {
        let generation = sim.token(&mut call).generation();
        sim.reject(generation, 7);
        if let Step::Send(flight) = sim.poll(&mut call) {
            sent.push(sim.now.mono.since(start).as_secs());
            sim.grant(flight, &format!("t{}", sent.len()), 86_400);
        }
        sim.pass(ms(500));
    }
    assert_eq!(sent[..6], [2, 12, 32, 72, 132, 192]);
    assert!(sent.len() <= 13, "{sent:?}");
    // Another site heals in one round trip, whatever the first one did.
    let generation = sim.token(&mut call).generation();
    sim.pass(secs(2));
    assert_eq!(sim.reject(generation, 8), Rejection::Dropped);
}

// Conforms: L-17
#[test]
fn a_gate_forgives_one_step_per_two_quiet_minutes() {
    let mut sim = Sim::holding("t0", 86_400);
    let mut call = sim.call_within(secs(86_400));
    let mut drop_one = |sim: &mut Sim, name: &str| {
        let generation = sim.token(&mut call).generation();
        assert_eq!(sim.reject(generation, 0), Rejection::Dropped);
        let flight = sim.sends(&mut call);
        sim.grant(flight, name, 86_400);
    };
    sim.pass(secs(5));
    drop_one(&mut sim, "t1");
    sim.pass(secs(10));
    drop_one(&mut sim, "t2");
    sim.pass(secs(20));
    drop_one(&mut sim, "t3");
    // Three in a row; four quiet minutes forgive two, so the next one closes the gate as a second one does.
    sim.pass(secs(240));
    drop_one(&mut sim, "t4");
    let generation = sim.machine.held(sim.now).unwrap().generation();
    sim.pass(ms(19_999));
    assert_eq!(sim.reject(generation, 0), Rejection::Refused);
    sim.pass(ms(1));
    assert_eq!(sim.reject(generation, 0), Rejection::Dropped);
}

#[test]
fn a_gate_counts_no_further_than_to_its_cap() {
    let mut sim = Sim::holding("t0", 8_640_000);
    let mut call = sim.call_within(secs(8_640_000));
    let mut drop_one = |sim: &mut Sim, name: usize| {
        let generation = sim.token(&mut call).generation();
        assert_eq!(sim.reject(generation, 0), Rejection::Dropped);
        let flight = sim.sends(&mut call);
        sim.grant(flight, &format!("t{name}"), 8_640_000);
    };
    for name in 1..=20 {
        sim.pass(secs(60));
        drop_one(&mut sim, name);
    }
    // Four levels are forgiven in eight minutes: the next one closes the gate as a first one does.
    sim.pass(secs(480));
    drop_one(&mut sim, 21);
    let generation = sim.machine.held(sim.now).unwrap().generation();
    sim.pass(ms(9_999));
    assert_eq!(sim.reject(generation, 0), Rejection::Refused);
    sim.pass(ms(1));
    assert_eq!(sim.reject(generation, 0), Rejection::Dropped);
}

#[test]
fn sites_beyond_the_first_64_share_one_gate() {
    let mut sim = Sim::holding("t0", 86_400);
    sim.pass(secs(5));
    let mut call = sim.call();
    let generation = sim.token(&mut call).generation();
    assert_eq!(sim.reject(generation, 1000), Rejection::Dropped);
    let flight = sim.sends(&mut call);
    sim.grant(flight, "t1", 86_400);
    sim.pass(secs(3));
    let generation = sim.token(&mut call).generation();
    assert_eq!(sim.reject(generation, 64), Rejection::Refused);
    assert_eq!(sim.reject(generation, 63), Rejection::Dropped);
}

// Conforms: L-14, L-15
#[test]
fn an_equal_token_after_a_rejection_is_used_again_with_a_new_generation() {
    let mut sim = Sim::holding("same", 3600);
    sim.pass(secs(10));
    let mut call = sim.call();
    let generation = sim.token(&mut call).generation();
    sim.reject(generation, 0);
    let flight = sim.sends(&mut call);
    assert!(matches!(sim.grant(flight, "same", 3600), Landing::Installed { .. }));
    assert!(sim.token(&mut call).generation() > generation);
}

// no progress

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

// rotation

// Conforms: L-04, L-20
#[test]
fn rotate_keep_serves_the_old_token_until_the_first_of_the_new_credentials() {
    let mut sim = Sim::holding("old", 3600);
    let mut call = sim.call();
    sim.pass(secs(5));
    sim.machine.rotate(sim.now, Rotation::Keep);
    let flight = sim.sends(&mut call);
    assert_eq!(flight.reason(), Reason::Rotated);
    assert_eq!(sim.uses(&mut call), "old");
    // Even one that ends sooner.
    assert!(matches!(sim.grant(flight, "new", 60), Landing::Installed { .. }));
    assert_eq!(sim.uses(&mut call), "new");
}

#[test]
fn a_stale_token_is_dropped_by_a_rejection_at_once() {
    let mut sim = Sim::holding("old", 3600);
    let mut call = sim.call();
    sim.machine.rotate(sim.now, Rotation::Keep);
    let generation = sim.token(&mut call).generation();
    assert_eq!(sim.reject(generation, 0), Rejection::Dropped);
}

// Conforms: L-20
#[test]
fn i3_rotate_drop_never_uses_the_old_token_again() {
    let mut sim = Sim::holding("old", 3600);
    let mut call = sim.call();
    sim.pass(secs(5));
    sim.machine.rotate(sim.now, Rotation::Drop);
    let flight = sim.sends(&mut call);
    assert_eq!(flight.reason(), Reason::Rotated);
    assert!(matches!(sim.poll(&mut call), Step::Wait(_)));
}

// Conforms: L-20
#[test]
fn i22_a_grant_from_before_a_rotation_has_no_effect() {
    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    sim.machine.rotate(sim.now, Rotation::Keep);
    let before = sim.machine.clone();
    assert_eq!(sim.grant(flight, "old", 3600), Landing::Superseded);
    assert_eq!(sim.machine, before);
    assert_eq!(sim.until_wake(), secs(1));
}

#[test]
fn i17_a_rotation_undercuts_neither_min_interval_nor_a_retry_after() {
    let mut sim = Sim::new();
    let mut call = sim.call_within(secs(900));
    let flight = sim.sends(&mut call);
    sim.refuse(flight, throttled(300));
    sim.pass(secs(10));
    sim.machine.rotate(sim.now, Rotation::Drop);
    assert_eq!(sim.until_wake(), secs(290));
    assert!(matches!(sim.poll(&mut call), Step::Wait(_)));
    sim.pass(secs(290));
    assert_eq!(sim.sends(&mut call).reason(), Reason::Rotated);
    sim.machine.rotate(sim.now, Rotation::Drop);
    assert_eq!(sim.until_wake(), secs(1));
}

// restore

// Conforms: L-35
#[test]
fn i31_a_restored_token_ends_when_the_original_would_have() {
    let mut original = Sim::holding("a", 3600);
    let mut call = original.call();
    let end = original.token(&mut call).use_until().wall;
    let stored = original.machine.export(original.now).unwrap();

    let mut sim = Sim::new();
    sim.now.wall = original.now.wall.after(secs(1000));
    assert!(sim.machine.restore(sim.now, stored.clone()));
    let mut call = sim.call();
    assert_eq!(sim.uses(&mut call), "a");
    assert_eq!(sim.token(&mut call).use_until(), sim.now.after(secs(2570)));
    assert_eq!(sim.token(&mut call).use_until().wall, end);
    assert_eq!(sim.machine.export(sim.now), Some(stored));
}

// Conforms: L-35
#[test]
fn a_restore_is_refused_when_it_could_do_harm() {
    let stored = |sim: &Sim| Stored { token: sim::token("kept"), issued: sim.now.wall, life: secs(3600) };
    // Something is held.
    let mut sim = Sim::holding("a", 3600);
    assert!(!sim.machine.restore(sim.now, stored(&sim)));
    // It was rejected, or rotated away: the request that is due is not blocked by an old token.
    sim.pass(secs(5));
    let mut call = sim.call();
    let generation = sim.token(&mut call).generation();
    assert_eq!(sim.reject(generation, 0), Rejection::Dropped);
    assert!(!sim.machine.restore(sim.now, stored(&sim)));
    sim.machine.rotate(sim.now, Rotation::Drop);
    assert!(!sim.machine.restore(sim.now, stored(&sim)));
    // It comes from the future, or nothing is left.
    let mut sim = Sim::new();
    for (ahead, life, taken) in [(61, 3600, false), (60, 3600, true), (0, 0, false)] {
        let kept = Stored { issued: sim.now.wall.after(secs(ahead)), life: secs(life), ..stored(&sim) };
        assert_eq!(sim.machine.clone().restore(sim.now, kept), taken, "{ahead} {life}");
    }
    let kept = stored(&sim);
    sim.pass(secs(3570));
    assert!(!sim.machine.restore(sim.now, kept));
}

// outputs

#[test]
fn i32_next_wake_is_the_first_instant_at_which_a_poll_sends() {
    let mut sim = Sim::holding("a", 3600);
    assert_eq!(sim.until_wake(), secs(3270));
    // The wall clock is ahead: it will be due on that clock first.
    sim.now.wall = sim.now.wall.after(secs(1000));
    assert_eq!(sim.until_wake(), secs(2270));
    let mut call = sim.call();
    sim.pass(ms(2_269_999));
    assert_eq!(sim.uses(&mut call), "a");
    sim.pass(ms(1));
    let _flight = sim.sends(&mut call);
    assert_eq!(sim.until_wake(), secs(11));
}

// Conforms: L-02
#[test]
fn before_quiet_until_every_poll_uses_the_token() {
    let mut sim = Sim::holding("a", 3600);
    let mut call = sim.call();
    assert_eq!(sim.machine.quiet_until(sim.now).unwrap().1, sim.now.after(secs(3270)));
    sim.pass(secs(3270));
    assert!(sim.machine.quiet_until(sim.now).unwrap().1.mono <= sim.now.mono);
    let flight = sim.sends(&mut call);
    assert_eq!(sim.machine.quiet_until(sim.now).unwrap().1.mono, flight.deadline());
    sim.refuse(flight, transient());
    assert_eq!(sim.machine.quiet_until(sim.now).unwrap().1.mono, sim.now.mono.after(secs(1)));
}

#[test]
fn i7_time_alone_brings_every_waiting_caller_an_answer() {
    let mut sim = Sim::new();
    let mut call = sim.call();
    let mut polls = 0;
    loop {
        polls += 1;
        assert!(polls < 20, "a livelock");
        match sim.poll(&mut call) {
            Step::Send(flight) => drop(flight),
            Step::Wait(until) => sim.pass(until.since(sim.now.mono)),
            Step::Fail(error) => break assert!(matches!(error, Error::TimedOut { .. })),
            Step::Use(_) => unreachable!("nothing was granted"),
        }
    }
    assert_eq!(sim.now.mono, call.deadline());
}

// Conforms: L-09
#[test]
fn i19_a_caller_that_leaves_makes_nobody_else_fail() {
    let mut sim = Sim::new();
    let mut calls = sim.calls(3);
    let flight = sim.sends(&mut calls[0]);
    for call in &mut calls {
        assert!(matches!(sim.poll(call), Step::Wait(_)));
    }
    sim.machine.leave(&mut calls[0]);
    sim.machine.abandon(sim.now, flight);
    for call in &mut calls[1..] {
        assert_eq!(sim.poll(call), Step::Wait(sim.now.mono.after(secs(1))));
    }
    sim.pass(secs(1));
    let _flight = sim.sends(&mut calls[2]);
}

#[test]
fn a_refusal_is_classed_by_the_wire_and_the_machine_only_obeys() {
    let refusal = Refusal::new(Class::Permanent, Some(400), Problem::Status);
    assert!(Cause::Refused(Arc::new(refusal)).is_permanent());
    assert!(!Cause::Abandoned.is_permanent());
}
