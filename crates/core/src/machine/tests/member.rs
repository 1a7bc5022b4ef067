//! One machine of many: held back, closed, put away and made anew.

use super::*;
use crate::error::Closed;

fn held_back(sim: &Sim) -> Call {
    let mut call = sim.call();
    call.hold_back(true);
    call
}

#[test]
fn a_call_that_is_held_back_waits_to_its_deadline_and_sends_once_it_is_not() {
    let mut sim = Sim::new();
    let mut call = held_back(&sim);
    assert_eq!(sim.poll(&mut call), Step::Wait(call.deadline()));
    assert_eq!((sim.machine.waiters(), sim.machine.fetch(sim.now)), (1, Fetch::Idle));
    call.hold_back(false);
    let flight = sim.sends(&mut call);
    // In the air a flight has a deadline, whoever is held back.
    call.hold_back(true);
    assert_eq!(sim.poll(&mut call), Step::Wait(flight.deadline()));
    sim.grant(flight, "a", 3600);
    assert_eq!(sim.uses(&mut call), "a");
}

// I15
#[test]
fn a_usable_token_is_used_by_whoever_is_held_back_also_when_it_is_due() {
    let mut sim = Sim::holding("a", 3600);
    sim.pass(secs(3600 - 30 - 300));
    let mut call = held_back(&sim);
    assert_eq!(sim.uses(&mut call), "a");
    sim.pass(secs(300));
    let mut call = held_back(&sim);
    assert_eq!(sim.poll(&mut call), Step::Wait(call.deadline()));
}

#[test]
fn who_is_held_back_beyond_its_patience_is_told_so_unless_a_failure_is_known() {
    let mut sim = Sim::new();
    let mut call = held_back(&sim);
    let _waiting = sim.poll(&mut call);
    sim.pass(secs(30));
    let error = Error::TimedOut { last_error: Some(Cause::HeldBack), retry_after: secs(1) };
    assert_eq!(sim.poll(&mut call), Step::Fail(error));
    assert_eq!(sim.machine.waiters(), 0);

    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    sim.refuse(flight, transient());
    sim.pass(secs(10));
    call.hold_back(true);
    sim.pass(secs(20));
    let Step::Fail(Error::TimedOut { last_error: Some(Cause::Refused(refusal)), .. }) = sim.poll(&mut call)
    else {
        panic!("not the cause of the last failure")
    };
    assert_eq!(refusal.status(), Some(503));
}

#[test]
fn a_rest_is_told_to_who_is_held_back_as_to_anybody() {
    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    sim.refuse(flight, permanent());
    call.hold_back(true);
    assert!(matches!(sim.poll(&mut call), Step::Fail(Error::Failed { .. })));
}

// P1
#[test]
fn a_closed_machine_serves_its_token_to_the_end_and_never_sends_again() {
    let mut sim = Sim::holding("a", 3600);
    sim.machine.close(sim.now, Closed::Replaced);
    sim.machine.close(sim.now, Closed::Removed);
    let mut call = sim.call();
    sim.pass(secs(3600 - 30) - ms(1));
    assert_eq!(sim.machine.next_wake(sim.now), Mono::MAX);
    assert_eq!(sim.uses(&mut call), "a");
    sim.pass(ms(1));
    assert_eq!(sim.poll(&mut call), Step::Fail(Error::Closed { reason: Closed::Replaced }));
    sim.pass(secs(86_400));
    assert_eq!(sim.poll(&mut call), Step::Fail(Error::Closed { reason: Closed::Replaced }));
    sim.machine.rotate(sim.now, Rotation::Keep);
    assert_eq!(sim.poll(&mut call), Step::Fail(Error::Closed { reason: Closed::Replaced }));
}

#[test]
fn the_flight_that_is_in_the_air_when_a_machine_is_closed_serves_those_who_wait() {
    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    let _waiting = sim.poll(&mut call);
    sim.machine.close(sim.now, Closed::Removed);
    assert_eq!(sim.poll(&mut call), Step::Wait(flight.deadline()));
    sim.grant(flight, "a", 3600);
    assert_eq!(sim.uses(&mut call), "a");

    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    let _waiting = sim.poll(&mut call);
    sim.machine.close(sim.now, Closed::Removed);
    sim.refuse(flight, transient());
    assert_eq!(sim.poll(&mut call), Step::Fail(Error::Closed { reason: Closed::Removed }));
    assert_eq!(sim.machine.waiters(), 0);
}

#[test]
fn a_refused_token_of_a_closed_machine_stays_since_it_cannot_be_replaced() {
    let mut sim = Sim::holding("a", 3600);
    sim.pass(secs(60));
    sim.machine.close(sim.now, Closed::Removed);
    let generation = sim.machine.held(sim.now).unwrap().generation();
    assert_eq!(sim.machine.reject(sim.now, generation, Site::new(0)), Rejection::Refused);
    assert_eq!(sim.uses(&mut sim.call()), "a");
}

#[test]
fn what_is_set_aside_when_a_machine_is_closed_serves_the_other_sites() {
    let mut sim = Sim::holding("a", 3600);
    sim.pass(secs(60));
    let generation = sim.machine.held(sim.now).unwrap().generation();
    assert_eq!(sim.machine.reject(sim.now, generation, Site::new(0)), Rejection::Dropped);
    sim.machine.close(sim.now, Closed::Removed);
    let mut call = sim.call();
    call.at(Some(Site::new(1)));
    assert_eq!(sim.uses(&mut call), "a");
    call.at(Some(Site::new(0)));
    assert_eq!(sim.poll(&mut call), Step::Fail(Error::Closed { reason: Closed::Removed }));
}

// P10
#[test]
fn a_note_makes_the_successor_rest_as_long_and_count_on() {
    let mut sim = Sim::new();
    let mut rests = Vec::new();
    for _ in 0..4 {
        let mut call = sim.call_within(secs(3600));
        let flight = sim.sends(&mut call);
        sim.refuse(flight, permanent());
        let note = sim.machine.rest_note().unwrap();
        assert!(note.is_permanent());
        rests.push(note.until().since(sim.now.mono));
        // Put away, and made anew.
        let mut next = Sim::new();
        next.now = sim.now;
        next.machine.rest(next.now, note);
        assert_eq!(next.machine.rest_note(), Some(note));
        let mut call = next.call();
        let error = Error::Failed {
            cause: Cause::Unrecorded { permanent: true },
            retry_after: note.until().since(next.now.mono),
        };
        assert_eq!(next.poll(&mut call), Step::Fail(error));
        next.pass(note.until().since(next.now.mono));
        sim = next;
    }
    assert_eq!(rests, [10, 20, 40, 80].map(secs));
}

#[test]
fn a_rest_that_somebody_tells_shortens_none_and_stops_no_flight() {
    let mut sim = Sim::new();
    let mut call = sim.call();
    let flight = sim.sends(&mut call);
    let note = RestNote::new(sim.now.mono.after(secs(20)), false, 1);
    let before = sim.machine.clone();
    sim.machine.rest(sim.now, note);
    assert_eq!(sim.machine, before);
    sim.refuse(flight, throttled(60));
    let before = sim.machine.clone();
    sim.machine.rest(sim.now, note);
    assert_eq!(sim.machine, before);
    let longer = RestNote::new(sim.now.mono.after(secs(90)), false, 1);
    sim.machine.rest(sim.now, longer);
    assert_eq!(sim.machine.next_wake(sim.now), longer.until());
    let mut sim = Sim::holding("a", 3600);
    assert_eq!(sim.machine.rest_note(), None);
    sim.machine.rest(sim.now, note);
    assert_eq!(sim.uses(&mut call), "a");
}

#[test]
fn a_longer_rest_that_somebody_tells_leaves_the_servers_own_retry_after_as_it_is() {
    let mut sim = Sim::new();
    let flight = sim.sends(&mut sim.call());
    sim.refuse(flight, throttled(20));
    let told = sim.now.mono.after(secs(20));
    sim.machine.rest(sim.now, RestNote::new(sim.now.mono.after(secs(60)), false, 1));
    sim.machine.rotate(sim.now, Rotation::Keep);
    assert_eq!(sim.machine.next_wake(sim.now), told);
}

#[test]
fn what_is_set_aside_serves_the_other_sites_through_a_rest_that_somebody_told() {
    let mut sim = Sim::holding("a", 3600);
    sim.pass(secs(60));
    let generation = sim.machine.held(sim.now).unwrap().generation();
    assert_eq!(sim.machine.reject(sim.now, generation, Site::new(0)), Rejection::Dropped);
    sim.machine.rest(sim.now, RestNote::new(sim.now.mono.after(secs(60)), false, 0));
    let mut call = sim.call();
    call.at(Some(Site::new(1)));
    assert_eq!(sim.uses(&mut call), "a");
    call.at(Some(Site::new(0)));
    assert!(matches!(sim.poll(&mut call), Step::Fail(Error::Failed { cause: Cause::Unrecorded { .. }, .. })));
}

#[test]
fn an_ended_token_is_forgotten_by_whoever_was_not_asked_for_as_long_as_it_lived() {
    for (unasked, landing) in [(3599, "idle"), (3600, "installed")] {
        let mut sim = Sim::holding("a", 3600);
        sim.pass(secs(4000));
        sim.machine.forget_ended(sim.now, secs(unasked));
        let mut call = sim.call();
        let flight = sim.sends(&mut call);
        // A server that hands the ended token out again, and says nothing of its life.
        let grant = Outcome::Granted(Grant::new(token("a"), None));
        let landed = sim.machine.complete(sim.now, flight, grant);
        assert_eq!(matches!(landed, Landing::Installed { .. }), landing == "installed", "{landed:?}");
    }
}

#[test]
fn a_rejection_and_a_rotation_wait_for_their_request() {
    let mut sim = Sim::holding("a", 3600);
    sim.pass(secs(60));
    assert!(!sim.machine.awaits_request(sim.now));
    let mut rotated = sim.machine.clone();
    rotated.rotate(sim.now, Rotation::Keep);
    assert!(rotated.awaits_request(sim.now));
    let generation = sim.machine.held(sim.now).unwrap().generation();
    let _dropped = sim.machine.reject(sim.now, generation, Site::new(0));
    assert!(sim.machine.awaits_request(sim.now));
    let flight = sim.sends(&mut sim.call());
    sim.grant(flight, "b", 3600);
    assert!(!sim.machine.awaits_request(sim.now));
}
