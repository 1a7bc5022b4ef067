//! What the machine tells, and what time alone leads to.

use super::*;

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
