//! The refresh machine's whole state space, within bounds, breadth first: every invariant marked [M] is asserted at every
//! transition, over the real `Machine`, by somebody who uses its public methods alone.
//!
//! Among the other tests each search stops after some thousand states, which are the nearest ones: a second, and most
//! mistakes are close to the beginning. To closure, half a minute:
//!
//!     EVERGRANT_MODEL=full cargo test --release -p evergrant-core --lib model -- --nocapture
//!
//! And deeper, some minutes and gigabytes, with `EVERGRANT_MODEL=deep`.
//!
//! # Bounds, and why they are enough
//! Times are multiples of half a second, on a policy scaled so that each of its figures is a few of them (see
//! [`world::policy`]). States are compared up to a shift of time, of flight numbers and of generations
//! (`Machine::relative`), so a full search closes: it ends when no new state is found, not at a depth.
//!
//! The machine is a product of parts, and each search opens the doors between some of them: callers and a queue of two
//! places, with every outcome of a flight; flights that are late, with rotations; rejections at two sites; the two
//! clocks; restores; calls that are held back, and the end of the machine; tokens that other processes share. Three callers are enough for a queue of two to be full with one more outside; two flights in the
//! air are enough for one that counts and one that is superseded, and a third, forgotten, is a leak; two sites are
//! enough for one to be closed while the other is open. Generations matter only as "the held one" and "not the held
//! one", since the machine compares for equality alone.

mod invariants;
mod search;
mod world;

use search::explore;
use world::Bounds;

/// How far the searches go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// To the nearest states.
    Near,
    /// To closure.
    Full,
    /// To closure, with more doors open.
    Deep,
}

impl Reach {
    /// As `EVERGRANT_MODEL` says.
    fn asked() -> Self {
        match std::env::var("EVERGRANT_MODEL").as_deref() {
            Err(_) => Self::Near,
            Ok("full") => Self::Full,
            Ok("deep") => Self::Deep,
            Ok(other) => panic!("EVERGRANT_MODEL is full or deep, not {other:?}"),
        }
    }
}

fn deep() -> bool {
    Reach::asked() == Reach::Deep
}

#[test]
fn callers_a_full_queue_and_every_outcome_keep_the_invariants() {
    let flights = if deep() { 3 } else { 2 };
    explore("callers", &Bounds { callers: 3, flights, ..Bounds::none() });
}

#[test]
fn late_flights_and_rotations_keep_the_invariants() {
    let flights = if deep() { 3 } else { 2 };
    explore("late flights", &Bounds { flights, rotations: true, ..Bounds::none() });
}

#[test]
fn rejections_at_two_sites_keep_the_invariants() {
    let rotations = deep();
    explore("rejections", &Bounds { sites: 2, rotations, ..Bounds::none() });
}

#[test]
fn two_clocks_out_of_step_keep_the_invariants() {
    let flights = if deep() { 2 } else { 1 };
    explore("clocks", &Bounds { callers: 2, flights, skews: true, ..Bounds::none() });
}

#[test]
fn rejections_while_clocks_step_keep_the_invariants() {
    let rotations = deep();
    explore("rejections and clocks", &Bounds { sites: 1, skews: true, rotations, ..Bounds::none() });
}

#[test]
fn restores_keep_the_invariants() {
    let skews = deep();
    explore("restores", &Bounds { sites: 1, rotations: true, restores: true, skews, ..Bounds::none() });
}

#[test]
fn calls_that_are_held_back_and_a_machine_that_is_closed_keep_the_invariants() {
    let (callers, rotations) = (if deep() { 2 } else { 1 }, deep());
    explore("one of many", &Bounds { callers, sites: 1, pooled: true, rotations, ..Bounds::none() });
}

#[test]
fn tokens_of_other_processes_keep_the_invariants() {
    let (sites, rotations) = (if deep() { 2 } else { 1 }, true);
    let flights = if deep() { 2 } else { 1 };
    explore("a fleet", &Bounds { sites, flights, rotations, fleet: true, ..Bounds::none() });
}
