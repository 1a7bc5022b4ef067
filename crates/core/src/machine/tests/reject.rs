//! A resource server refused the token.

use super::*;

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
