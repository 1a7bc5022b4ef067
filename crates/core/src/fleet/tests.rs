//! Processes and a store together: every state of a small fleet, and random ones.
//!
//! A process is a real [`Machine`](crate::Machine) with real [`Passage`](super::Passage)s, and the store is a real
//! [`Entry`](super::Entry), which may be lost. A command may be lost before it is executed, its reply may be lost after that, it may be
//! executed long after the process gave up on it, and time passes between any two steps.
//!
//! Among the other tests each search stops after some thousand states. To closure, some minutes:
//!
//!     EVERGRANT_MODEL=full cargo test --release -p evergrant-core --lib fleet::tests -- --nocapture
//!
//! # Bounds, and why they are enough
//! Times are multiples of half a second, on a policy scaled so that each of its figures is a few of them. States are compared up to a
//! shift of time, of fences and of the names of tokens. Callers are one call that asks and leaves: queues and patience are the machine's
//! model. Each search opens the doors between some of the parts: processes that die and a store that forgets; commands that are late;
//! rejections; failures; and one process before a store that lies. What is abstracted: two claims between which the entry was lost are
//! never of the same millisecond; a command is replied to within half a second, or given up; in most searches it is replied to before
//! time passes, since one of them has the delays; and a process has so many jobs at once as the bounds say, the oldest is dropped beyond.

mod search;
mod traces;
mod world;

use search::{explore, search};
use world::{Bounds, Event};

/// Whether the searches go to closure, and further.
fn reach() -> (bool, bool) {
    match std::env::var("EVERGRANT_MODEL").as_deref() {
        Ok("full") => (true, false),
        Ok("deep") => (true, true),
        _ => (false, false),
    }
}

#[test]
fn two_processes_keep_the_invariants() {
    explore("two", &Bounds::none());
}

/// A put that is repeated, an offer, or a request that is late, beside the next flight.
#[test]
fn two_processes_that_do_two_things_at_once_keep_the_invariants() {
    explore("two jobs", &Bounds { jobs: 2, faults: reach().1, at_once: true, ..Bounds::none() });
}

#[test]
fn two_processes_of_which_any_dies_before_a_store_that_forgets_keep_the_invariants() {
    explore("deaths and losses", &Bounds { deaths: true, losses: true, at_once: true, ..Bounds::none() });
}

#[test]
fn two_processes_whose_commands_and_replies_are_lost_keep_the_invariants() {
    explore("lost commands", &Bounds { faults: true, at_once: !reach().1, ..Bounds::none() });
}

#[test]
fn two_processes_whose_commands_are_executed_late_keep_the_invariants() {
    explore("late commands", &Bounds { strays: 1, at_once: true, ..Bounds::none() });
}

#[test]
fn two_processes_whose_tokens_are_refused_keep_the_invariants() {
    explore("rejections", &Bounds { rejections: true, deaths: reach().1, at_once: true, ..Bounds::none() });
}

#[test]
fn two_processes_whose_requests_fail_keep_the_invariants() {
    explore("failures", &Bounds { failures: true, at_once: true, ..Bounds::none() });
}

#[test]
fn a_process_before_a_store_that_lies_keeps_the_invariants() {
    explore("lies", &Bounds { processes: 1, lies: true, faults: true, failures: true, ..Bounds::none() });
}

#[test]
fn three_processes_keep_the_invariants() {
    if reach() != (false, false) {
        explore("three", &Bounds { processes: 3, at_once: true, ..Bounds::none() });
    }
}

/// An observer that never complains proves nothing: with a rule turned round, the search finds it.
#[test]
fn f1_a_store_that_grants_two_claims_is_found() {
    let broken = search("two claims", &Bounds::none(), 6000, |world, event, bounds| {
        if matches!(event, Event::Execute(..)) {
            world.forget_claims();
        }
        world.apply(event, bounds)
    });
    assert!(broken.is_err_and(|broken| broken.starts_with("F1")));
}

#[test]
fn f2_a_reader_that_counts_from_when_the_reply_came_is_found() {
    let broken = search("counted late", &Bounds::none(), 60_000, |world, event, bounds| {
        if matches!(event, Event::Deliver(..)) {
            world.lengthen();
        }
        world.apply(event, bounds)
    });
    assert!(broken.is_err_and(|broken| broken.starts_with("F2")));
}

#[test]
fn f3_a_store_that_keeps_what_was_thrown_away_is_found() {
    let bounds = Bounds { rejections: true, at_once: true, ..Bounds::none() };
    let broken = search("nothing thrown away", &bounds, 60_000, |world, event, bounds| {
        let before = world.clone();
        world.apply(event, bounds)?;
        world.bring_back(&before);
        Ok(())
    });
    assert!(broken.is_err_and(|broken| broken.starts_with("F3")));
}
