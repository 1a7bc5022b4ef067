//! The credentials change.

use super::*;

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
