//! What all clones of a pool share: how a source is found, and how one comes.
//!
//! Locks, in the order in which they are taken: what a full pool says, a shard, a source, then permits or the calendar. Under a shard nothing foreign is
//! called but the keys' Eq: clients are made, clocks read and sources dropped without it.

use super::entry::Entry;
use super::error::{PoolError, PoolFull};
use super::making::Making;
use super::pooled::Pooled;
use super::settings::{ClientFor, Label, PoolClient};
use super::shards::{Room, Shards};
use super::shelf::Place;
use super::vacancy::Vacancy;
use crate::clock::{Clocks, Readings};
use crate::commons::{Commons, Member, Spot};
use crate::contained::contained;
use crate::observer::Audience;
use crate::seed::random_seed;
use crate::settings::Terms;
use crate::shared::Shared;
use crate::sync::Mutex;
use evergrant_core::{AccessToken, Client, Closed, ConfigError, Mono};
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// What all clones of a pool share.
pub(super) struct Inner<K, S: Pooled> {
    pub(super) shards: Shards<K, S>,
    pub(super) hasher: RandomState,
    /// How many sources there are, with those that are about to come.
    pub(super) count: AtomicUsize,
    pub(super) max_sources: usize,
    pub(super) idle: Duration,
    pub(super) commons: Arc<Commons>,
    pub(super) clock: Clocks,
    pub(super) terms: Terms,
    pub(super) audience: Arc<Audience>,
    pub(super) label: Option<Label<K>>,
    pub(super) client_for: ClientFor<K>,
    pub(super) render: fn(&AccessToken) -> S::Value,
    pub(super) wrap: Wrap<S>,
    pub(super) counters: Counters,
    /// What the last one was told who found no place, and until when that is told to others.
    pub(super) full: Mutex<Option<(Mono, PoolFull)>>,
}

pub(super) type Wrap<S> =
    Box<dyn Fn(&Client, Arc<Shared<<S as Pooled>::Value>>) -> Result<S, ConfigError> + Send + Sync>;

#[derive(Default)]
pub(super) struct Counters {
    pub(super) misses: AtomicU64,
    pub(super) evicted_for_capacity: AtomicU64,
    pub(super) evicted_idle: AtomicU64,
    pub(super) full: AtomicU64,
}

/// How often a client is made for one caller whose key is replaced or removed meanwhile.
const TRIES: u32 = 8;

/// Somebody who makes a source, until that is in its shard, or has failed.
struct Maker<'a, K, S: Pooled> {
    inner: &'a Inner<K, S>,
    hash: u64,
    /// `None` once it has ended.
    number: Option<u64>,
}

impl<'a, K, S: Pooled> Maker<'a, K, S> {
    fn begin(inner: &'a Inner<K, S>, hash: u64) -> Self {
        let number = Some(inner.shards.of(hash).write().making.begin(hash));
        Self { inner, hash, number }
    }

    /// Returns whether the client may be an old one.
    fn end(mut self, making: &mut Making) -> bool {
        self.number.take().is_some_and(|number| making.end(number))
    }
}

impl<K, S: Pooled> Drop for Maker<'_, K, S> {
    fn drop(&mut self) {
        if let Some(number) = self.number.take() {
            let _late = self.inner.shards.of(self.hash).write().making.end(number);
        }
    }
}

impl<K, S: Pooled> Inner<K, S> {
    /// Goes to every source, one shard at a time, without any lock.
    pub(super) fn visit(&self, mut visit: impl FnMut(&K, &S))
    where
        K: Clone,
    {
        for shard in self.shards.iter() {
            // A key's Clone is foreign, and this is the one place that calls it under a lock: for reading, with nothing to lose.
            let here: Vec<(K, Place)> =
                shard.read().shelf.places().map(|(key, place)| (key.clone(), place)).collect();
            // One after the other: whoever is held is busy.
            for (key, place) in here {
                let source = shard.read().shelf.at(place).map(|(_, entry)| entry.source.clone());
                if let Some(source) = source {
                    visit(&key, &source);
                }
            }
        }
    }

    /// A source that nobody knows yet.
    pub(super) fn open(&self, client: PoolClient, key: &K) -> Result<S, PoolError> {
        let PoolClient { client, sources } = client;
        sources.check(&client)?;
        self.terms.check(&client)?;
        let audience = match &self.label {
            Some(label) => Audience::new(label(key), self.terms.observers.clone()),
            None => Arc::clone(&self.audience),
        };
        let member = Member::new(&self.commons, client.provider().server().origin());
        let (client, terms, seed) = (Arc::new(client), self.terms.clone(), random_seed());
        let shared =
            Shared::of((Arc::clone(&client), sources), terms, audience, seed, self.render, Some(member));
        Ok((self.wrap)(&client, shared)?)
    }
}

impl<K, S: Pooled> Inner<K, S> {
    pub(super) fn find<Q: Eq + ?Sized>(&self, hash: u64, key: &Q) -> Option<S>
    where
        K: Borrow<Q>,
    {
        let shard = self.shards.of(hash);
        let room = shard.read();
        let source = &room.shelf.find(hash, key)?.source;
        shard.hit();
        source.shared().mark_used();
        Some(source.clone())
    }

    /// The same without a trace.
    pub(super) fn look<Q: Eq + ?Sized>(&self, hash: u64, key: &Q) -> Option<S>
    where
        K: Borrow<Q>,
    {
        self.shards.of(hash).read().shelf.find(hash, key).map(|entry| entry.source.clone())
    }

    /// A new source for this key, with the client that the program makes for it: without any lock, so that two may make one at once;
    /// then the first one that is in the pool is everybody's.
    pub(super) fn make(&self, hash: u64, mut key: K) -> Result<S, PoolError>
    where
        K: Eq,
    {
        self.counters.misses.fetch_add(1, Ordering::Relaxed);
        for is_last in (1..=TRIES).map(|tried| tried == TRIES) {
            let maker = Maker::begin(self, hash);
            let client = (self.client_for)(&key).map_err(PoolError::Client)?;
            let rest = self.note_of(hash, &client.client);
            let source = self.open(client, &key)?;
            let readings = self.clock.readings();
            let vacancy = self.make_room(hash, readings, source.shared())?;
            let brought = self.bring(key, source, vacancy, (readings, rest), (maker, is_last));
            self.sweep(hash, readings);
            match brought {
                Ok(source) => return Ok(source),
                Err(again) => key = again,
            }
        }
        // The last one of them was taken, whatever had changed.
        Err(PoolError::Client("the client changes whenever it is made".into()))
    }

    /// What the note of a rest is kept under: the key and the whole client, so that the rest of one is never another's.
    pub(super) fn note_of(&self, hash: u64, client: &Client) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u64(hash);
        client.hash_whole(&mut hasher);
        hasher.finish()
    }

    /// Puts a new source into its shard, unless there is one. The key comes back if it was replaced or removed while the client was
    /// made, which may be an old one.
    fn bring(
        &self,
        key: K,
        source: S,
        vacancy: Vacancy<'_>,
        (readings, rest): (Readings, u64),
        (maker, is_last): (Maker<'_, K, S>, bool),
    ) -> Result<S, K>
    where
        K: Eq,
    {
        let hash = maker.hash;
        // Dropped without the lock, whichever way it goes.
        let (mut unused, mut own_key, mut parting) = (None, None, None);
        let brought = {
            let mut room = self.shards.of(hash).write();
            let is_late = maker.end(&mut room.making);
            if let Some(first) = room.shelf.find(hash, &key) {
                (unused, own_key) = (Some(source), Some(key));
                Ok(first.source.clone())
            } else if is_late && !is_last {
                unused = Some(source);
                Err(key)
            } else {
                let note = room.notes.take(rest);
                parting = note.map(|note| source.shared().resume_rest(readings, note));
                self.put(&mut room, hash, key, source.clone(), readings);
                vacancy.fill();
                Ok(source)
            }
        };
        drop((unused, own_key, parting));
        brought
    }

    /// Puts a source into its shard.
    fn put(&self, room: &mut Room<K, S>, hash: u64, key: K, source: S, readings: Readings) {
        let shared = Arc::clone(source.shared());
        let entry = Entry { source, used: readings.now.mono };
        // There are never so many that none can stand there; and if so, the source serves the one who made it.
        if let Ok(Place { slot, stay }) = room.shelf.insert(hash, key, entry) {
            let shard = u16::try_from(self.shards.index(hash)).unwrap_or_default();
            shared.stands_at(Spot { shard, slot, stay });
        }
    }

    /// Another source takes the place of the one that is there.
    pub(super) fn exchange(&self, hash: u64, key: K, fresh: S) -> bool
    where
        K: Eq,
    {
        let readings = self.clock.readings();
        let before = {
            let mut room = self.shards.of(hash).write();
            room.making.change(hash);
            match room.shelf.remove(hash, &key) {
                Some((old_key, entry)) => {
                    // Closed before the other one can be found.
                    let closing = entry.shared().close(readings, Closed::Replaced);
                    self.put(&mut room, hash, key, fresh, readings);
                    Some((closing, old_key, entry))
                }
                None => None,
            }
        };
        before.is_some()
    }
}

impl<K, S: Pooled> Drop for Inner<K, S> {
    fn drop(&mut self) {
        // Those that kept it fresh may end.
        self.commons.calendar.wakers().into_iter().for_each(|waker| contained(|| waker.wake()));
    }
}
