//! Breadth first, to closure or to the nearest states. A broken invariant prints the shortest list of events that leads to it.

use super::reach;
use super::world::{Bounds, Event, World};
use crate::fingerprint::{Fingerprint, Halves, fingerprint};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::string::String;
use std::time::Instant;
use std::{eprintln, format, vec, vec::Vec};

/// How many states a near search goes through.
const NEAR: usize = 6000;
/// How many a long one does: some gigabytes.
const MOST: usize = 12_000_000;

type Reached = HashMap<Fingerprint, Option<(Fingerprint, Event)>, BuildHasherDefault<Halves>>;

/// Explores everything that `bounds` let happen, and asserts the invariants at every transition.
pub(super) fn explore(name: &str, bounds: &Bounds) {
    let most = if reach().0 { MOST } else { NEAR };
    if let Err(broken) = search(name, bounds, most, World::apply) {
        panic!("{broken}");
    }
}

/// The same, of worlds in which an event is applied so.
pub(super) fn search(
    name: &str,
    bounds: &Bounds,
    most: usize,
    apply: impl Fn(&mut World, Event, &Bounds) -> Result<(), String>,
) -> Result<(), String> {
    let began = Instant::now();
    let first = World::new(bounds).canonical();
    let mut reached: Reached = HashMap::default();
    let mut frontier = VecDeque::from([(fingerprint(&first), first, 0_u32)]);
    reached.insert(frontier[0].0, None);
    let (mut transitions, mut depth, mut closed) = (0_u64, 0, true);
    while let Some((from, world, steps)) = frontier.pop_front() {
        if reached.len() > most {
            closed = false;
            break;
        }
        depth = steps;
        for event in world.events(bounds) {
            transitions += 1;
            let mut next = world.clone();
            apply(&mut next, event, bounds)
                .map_err(|broken| format!("{broken}\nafter {:#?}", path(&reached, from, event)))?;
            let next = next.canonical();
            let key = fingerprint(&next);
            if let Entry::Vacant(entry) = reached.entry(key) {
                entry.insert(Some((from, event)));
                frontier.push_back((key, next, steps + 1));
            }
        }
    }
    let (states, seconds) = (reached.len(), began.elapsed().as_secs_f64());
    let end = if closed { "closed" } else { "stopped" };
    eprintln!(
        "fleet {name}: {states} states, {transitions} transitions, {end} at depth {depth}, {seconds:.1} s"
    );
    assert!(closed || states > NEAR, "{name}: {states} states are no search");
    Ok(())
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
