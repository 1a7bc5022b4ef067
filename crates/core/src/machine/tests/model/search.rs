//! Breadth first, to closure or to the nearest states. A broken invariant prints the shortest list of events that leads to it.

use super::world::{Bounds, Event, World};
use super::{Reach, invariants};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::time::Instant;
use std::{eprintln, vec, vec::Vec};

/// How many states a near search goes through.
const NEAR: usize = 4000;

/// 128 bits of a world: among 10^8 worlds two of the same fingerprint are less likely than a broken machine.
type Fingerprint = (u64, u64);

fn fingerprint(world: &World) -> Fingerprint {
    let mut halves = Halves::default();
    world.hash(&mut halves);
    (halves.0, halves.1)
}

/// Two hashes in one pass, by multiplication. The standard library's withstands an enemy who chooses the keys, and took half of the
/// time of a search.
struct Halves(u64, u64);

impl Default for Halves {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f)
    }
}

impl Halves {
    fn fold(half: u64, number: u64, odd: u64) -> u64 {
        let product = u128::from(half ^ number) * u128::from(odd);
        (product >> 64) as u64 ^ product as u64
    }
}

impl Hasher for Halves {
    fn write_u64(&mut self, number: u64) {
        self.0 = Self::fold(self.0, number, 0xa076_1d64_78bd_642f).wrapping_add(number);
        self.1 = Self::fold(self.1, number.rotate_left(29), 0xe703_7ed1_a0b4_28db).wrapping_add(number);
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut number = [0; 8];
            number[..part.len()].copy_from_slice(part);
            self.write_u64(u64::from_le_bytes(number));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

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
