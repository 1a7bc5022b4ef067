//! The shards of a pool: which one a key is in, and its lock.

use super::entry::Entry;
use super::making::Making;
use super::notes::Notes;
use super::shelf::{Place, Shelf};
use crate::commons::Spot;
use crate::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::iter;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most shards there are. A small pool has fewer: one of few sources could not choose whom to let go.
const MOST: usize = 16;
const SOURCES_A_SHARD: usize = 64;

/// At least one shard.
pub(super) struct Shards<K, S> {
    first: Box<Shard<K, S>>,
    others: Box<[Shard<K, S>]>,
}

/// On cache lines of its own: a look at one shard does not slow down that at another.
#[repr(align(128))]
pub(super) struct Shard<K, S> {
    room: RwLock<Room<K, S>>,
    hits: AtomicU64,
}

pub(super) struct Room<K, S> {
    pub(super) shelf: Shelf<K, Entry<S>>,
    pub(super) notes: Notes,
    /// Those who are making a source at this moment.
    pub(super) making: Making,
}

impl<K, S> Shards<K, S> {
    pub(super) fn new(max_sources: usize) -> Self {
        let shards = (max_sources / SOURCES_A_SHARD).clamp(1, MOST);
        let shard = |_| Shard::new(max_sources.div_ceil(shards));
        Self { first: Box::new(shard(0)), others: (1..shards).map(shard).collect() }
    }

    /// Which one a key of this hash is in.
    pub(super) fn index(&self, hash: u64) -> usize {
        // Neither the bits that choose the bucket in its table nor those that tell the buckets of one group apart.
        usize::try_from(hash >> 40).unwrap_or_default() % (self.others.len() + 1)
    }

    pub(super) fn of(&self, hash: u64) -> &Shard<K, S> {
        self.at(self.index(hash))
    }

    pub(super) fn at(&self, index: usize) -> &Shard<K, S> {
        index.checked_sub(1).and_then(|other| self.others.get(other)).unwrap_or(&self.first)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Shard<K, S>> {
        iter::once(&*self.first).chain(&self.others)
    }

    /// All of them, this one first.
    pub(super) fn from(&self, index: usize) -> impl Iterator<Item = &Shard<K, S>> {
        let count = self.others.len() + 1;
        (index..index + count).map(move |index| self.at(index % count))
    }
}

impl<K, S> Shard<K, S> {
    fn new(notes: usize) -> Self {
        let room = Room { shelf: Shelf::default(), notes: Notes::new(notes), making: Making::default() };
        Self { room: RwLock::new(room), hits: AtomicU64::new(0) }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Room<K, S>> {
        // What a key's Eq left behind when it panicked is whole: nothing is changed before it has answered.
        self.room.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Room<K, S>> {
        self.room.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key was found.
    pub(super) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }
}

impl<K, S> Room<K, S> {
    /// What stands in this spot still.
    pub(super) fn there(&self, spot: Spot) -> Option<&Entry<S>> {
        self.shelf.at(Place { slot: spot.slot, stay: spot.stay }).map(|(_, entry)| entry)
    }
}
