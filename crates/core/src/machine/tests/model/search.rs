//! Breadth first, to closure or to the nearest states. A broken invariant prints the shortest list of events that leads to it.

use super::world::{Bounds, Event, World};
use super::{Reach, invariants};
use crate::fingerprint::{Fingerprint, Halves, fingerprint};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::time::Instant;
use std::{eprintln, vec, vec::Vec};

/// How many states a near search goes through.
const NEAR: usize = 4000;

/// How each world was reached: from which one, and by what.
type Reached = HashMap<Fingerprint, Option<(Fingerprint, Event)>, BuildHasherDefault<Halves>>;

/// Explores everything that `bounds` let happen, and asserts the invariants at every transition.
pub(super) fn explore(name: &str, bounds: &Bounds) {
    let began = Instant::now();
    let first = World::new(bounds);
    let mut reached: Reached = HashMap::default();
    let mut frontier = VecDeque::from([(fingerprint(&first), first, 0_u32)]);
    reached.insert(frontier[0].0, None);
    let (mut transitions, mut depth) = (0_u64, 0);
    let (near, mut closed) = (Reach::asked() == Reach::Near, true);
    while let Some((from, world, steps)) = frontier.pop_front() {
        if near && reached.len() > NEAR {
            closed = false;
            break;
        }
        depth = steps;
        for event in world.events(bounds) {
            transitions += 1;
            let mut next = world.clone();
            let effect = next.apply(event);
            if let Err(broken) = invariants::check(&world, &mut next, effect, bounds) {
                panic!("{broken}\nafter {:#?}", path(&reached, from, event));
            }
            let next = next.canonical();
            let key = fingerprint(&next);
            if let Entry::Vacant(entry) = reached.entry(key) {
                entry.insert(Some((from, event)));
                if let Err(broken) = invariants::time_alone(&next).and_then(|()| invariants::quiet(&next)) {
                    panic!("{broken}\nafter {:#?}", path(&reached, from, event));
                }
                frontier.push_back((key, next, steps + 1));
            }
        }
    }
    let (states, seconds) = (reached.len(), began.elapsed().as_secs_f64());
    // On stderr, so that the figures are seen in CI.
    let end = if closed { "closed" } else { "stopped" };
    eprintln!(
        "model {name}: {states} states, {transitions} transitions, {end} at depth {depth}, {seconds:.1} s"
    );
    assert!(states > NEAR, "{name}: {states} states are no search");
}

/// The shortest list of events that leads to `last`.
fn path(reached: &Reached, mut at: Fingerprint, last: Event) -> Vec<Event> {
    let mut events = vec![last];
    while let Some(Some((before, event))) = reached.get(&at) {
        events.push(*event);
        at = *before;
    }
    events.reverse();
    events
}
