//! The sources of one shard, found by their keys, in the order in which SIEVE lets them go.
//!
//! SIEVE: a new one comes to the front, and stays where it is. A hand goes from the back to the front, round and round: one that was
//! visited since it came by loses the mark and stays, one that was not goes. A hit moves nothing, so it needs no lock for itself
//! alone; and one pass over very many keys does not push out those that are used again and again.

use hashbrown::HashTable;
use std::borrow::Borrow;

/// No slot.
const NONE: u32 = u32::MAX;

/// Things by their keys. The hash of a key is the caller's: made without the lock, and with a seed of its own.
pub(super) struct Shelf<K, T> {
    table: HashTable<u32>,
    slots: Vec<Slot<K, T>>,
    free: Vec<u32>,
    /// The last one that came, and the first.
    front: u32,
    back: u32,
    /// Where the hand is; at the back if it is nowhere.
    hand: u32,
    /// Which slot the broom comes to next.
    broom: u32,
}

/// A slot: taken, or waiting for the next one. `stay` counts those that had it.
struct Slot<K, T> {
    stay: u32,
    thing: Option<Thing<K, T>>,
}

struct Thing<K, T> {
    hash: u64,
    key: K,
    value: T,
    /// Towards the front, and towards the back.
    newer: u32,
    older: u32,
}

/// What is done with one that the hand comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Stays,
    Goes,
}

/// Where one stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) slot: u32,
    pub(super) stay: u32,
}

impl<K, T> Default for Shelf<K, T> {
    fn default() -> Self {
        Self {
            table: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            front: NONE,
            back: NONE,
            hand: NONE,
            broom: 0,
        }
    }
}

impl<K, T> Shelf<K, T> {
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Everything there is, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &T)> {
        self.slots.iter().filter_map(|slot| slot.thing.as_ref()).map(|thing| (&thing.key, &thing.value))
    }

    /// Every key, and where it stands.
    pub(super) fn places(&self) -> impl Iterator<Item = (&K, Place)> {
        let slots = (0..).zip(&self.slots);
        slots.filter_map(|(slot, taken)| {
            taken.thing.as_ref().map(|thing| (&thing.key, Place { slot, stay: taken.stay }))
        })
    }

    /// What stands there still.
    pub(super) fn at(&self, place: Place) -> Option<(&K, &T)> {
        let slot = self.slots.get(place.slot as usize).filter(|slot| slot.stay == place.stay)?;
        slot.thing.as_ref().map(|thing| (&thing.key, &thing.value))
    }

    fn thing(&self, slot: u32) -> Option<&Thing<K, T>> {
        self.slots.get(slot as usize)?.thing.as_ref()
    }

    fn thing_mut(&mut self, slot: u32) -> Option<&mut Thing<K, T>> {
        self.slots.get_mut(slot as usize)?.thing.as_mut()
    }

    /// Links the neighbours of a slot to each other, or to what comes between them.
    fn link(&mut self, newer: u32, older: u32) {
        match self.thing_mut(newer) {
            Some(thing) => thing.older = older,
            None => self.front = older,
        }
        match self.thing_mut(older) {
            Some(thing) => thing.newer = newer,
            None => self.back = newer,
        }
    }

    /// Takes out what stands in this slot.
    fn take(&mut self, slot: u32) -> Option<(K, T)> {
        let taken = self.slots.get_mut(slot as usize)?;
        let thing = taken.thing.take()?;
        taken.stay = taken.stay.wrapping_add(1);
        if let Ok(entry) = self.table.find_entry(thing.hash, |at| *at == slot) {
            entry.remove();
        }
        if self.hand == slot {
            self.hand = thing.newer;
        }
        self.link(thing.newer, thing.older);
        self.free.push(slot);
        Some((thing.key, thing.value))
    }

    /// The hand looks at up to so many, and `judge` says what becomes of each. Returns the first that goes.
    pub(super) fn sieve(
        &mut self,
        looks: usize,
        mut judge: impl FnMut(Place, u64, &T) -> Verdict,
    ) -> Option<(K, T)> {
        // Twice round, where all were visited.
        for _ in 0..looks.min(2 * self.len()) {
            let slot = if self.hand == NONE { self.back } else { self.hand };
            let stay = self.slots.get(slot as usize)?.stay;
            let thing = self.thing(slot)?;
            let newer = thing.newer;
            if judge(Place { slot, stay }, thing.hash, &thing.value) == Verdict::Goes {
                return self.take(slot);
            }
            self.hand = newer;
        }
        None
    }

    /// The broom looks at the next so many slots, whoever stands there or nobody. Returns those that go.
    pub(super) fn sweep(
        &mut self,
        looks: usize,
        mut judge: impl FnMut(u64, &mut T) -> Verdict,
    ) -> Vec<(K, T)> {
        let mut gone = Vec::new();
        for _ in 0..looks.min(self.slots.len()) {
            let slot = self.broom;
            self.broom = if self.broom as usize + 1 < self.slots.len() { self.broom + 1 } else { 0 };
            let Some(thing) = self.thing_mut(slot) else { continue };
            if judge(thing.hash, &mut thing.value) == Verdict::Goes {
                gone.extend(self.take(slot));
            }
        }
        gone
    }

    /// Takes out what stands there still.
    pub(super) fn remove_at(&mut self, place: Place) -> Option<(K, T)> {
        let is_there = self.slots.get(place.slot as usize).is_some_and(|slot| slot.stay == place.stay);
        if is_there { self.take(place.slot) } else { None }
    }
}

impl<K, T> Shelf<K, T> {
    fn slot<Q: Eq + ?Sized>(&self, hash: u64, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
    {
        let is_it = |slot: &u32| {
            self.thing(*slot).is_some_and(|thing| thing.hash == hash && thing.key.borrow() == key)
        };
        self.table.find(hash, is_it).copied()
    }

    pub(super) fn find<Q: Eq + ?Sized>(&self, hash: u64, key: &Q) -> Option<&T>
    where
        K: Borrow<Q>,
    {
        let slot = self.slot(hash, key)?;
        self.thing(slot).map(|thing| &thing.value)
    }

    pub(super) fn remove<Q: Eq + ?Sized>(&mut self, hash: u64, key: &Q) -> Option<(K, T)>
    where
        K: Borrow<Q>,
    {
        self.slot(hash, key).and_then(|slot| self.take(slot))
    }

    /// Puts one to the front. Its key must not be there yet. Returns where it stands; or everything back, where 4 thousand million
    /// stand already.
    pub(super) fn insert(&mut self, hash: u64, key: K, value: T) -> Result<Place, (K, T)> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => match u32::try_from(self.slots.len()) {
                Ok(slot) if slot != NONE => {
                    self.slots.push(Slot { stay: 0, thing: None });
                    slot
                }
                _ => return Err((key, value)),
            },
        };
        let older = self.front;
        let Some(free) = self.slots.get_mut(slot as usize) else { return Err((key, value)) };
        let place = Place { slot, stay: free.stay };
        free.thing = Some(Thing { hash, key, value, newer: NONE, older });
        self.link(NONE, slot);
        self.link(slot, older);
        let slots = &self.slots;
        let hash_of = |slot: &u32| {
            slots.get(*slot as usize).and_then(|slot| slot.thing.as_ref()).map_or(0, |thing| thing.hash)
        };
        self.table.insert_unique(hash, slot, hash_of);
        Ok(place)
    }
}

#[cfg(test)]
mod tests;
