//! Who goes when another one needs the place, and who goes because nobody uses it.

use super::entry::Entry;
use super::error::{PoolError, PoolFull};
use super::inner::Inner;
use super::pooled::Pooled;
use super::shards::{Room, Shard};
use super::shelf::{Place, Verdict};
use super::vacancy::Vacancy;
use crate::clock::Readings;
use crate::commons::Mark;
use crate::contained::contained;
use crate::observer::{EventKind, EvictionReason};
use crate::shared::{Parting, Shared, Standing};
use evergrant_core::Client;
use std::iter;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// At how many the hand looks in the newcomer's own shard before it gives up, and at how many in each of the others.
const LOOKS: usize = 64;
const LOOKS_ELSEWHERE: usize = 16;
/// At how many the broom looks each time.
const SWEEPS: usize = 4;
/// When it makes sense to ask again where all sources are busy.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// One that went, to be dropped without any lock.
struct Gone<K, S>(K, Entry<S>);

/// What sources let go of while they were looked at, to be dropped without any lock.
type Partings<S> = Vec<Parting<<S as Pooled>::Value>>;

impl<K, S: Pooled> Inner<K, S> {
    /// Sees to it that one more may come: there is a place, somebody goes, or there are a few more than should be.
    pub(super) fn make_room(
        &self,
        hash: u64,
        readings: Readings,
        newcomer: &Shared<S::Value>,
    ) -> Result<Vacancy<'_>, PoolError> {
        let in_place = || self.grow(self.max_sources).or_else(|| self.evict_one(hash, readings));
        if let Some(vacancy) = in_place().or_else(|| self.grow(self.most())) {
            if self.count.load(Ordering::Relaxed) > self.max_sources {
                // There are more than should be: one more goes, if it can.
                drop(self.evict_one(hash, readings));
            }
            return Ok(vacancy);
        }
        self.counters.full.fetch_add(1, Ordering::Relaxed);
        newcomer.tell(&EventKind::PoolFull {});
        Err(PoolError::Full(self.how_full(readings)))
    }

    /// A sixteenth more than should be.
    const fn most(&self) -> usize {
        self.max_sources + self.max_sources / 16
    }

    fn grow(&self, most: usize) -> Option<Vacancy<'_>> {
        let one_more = |count| if count < most { Some(count + 1) } else { None };
        let grown = self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        grown.is_ok().then(|| Vacancy::of(&self.count))
    }

    /// Its own shard first: the others are looked at only if that has nobody.
    fn evict_one(&self, hash: u64, readings: Readings) -> Option<Vacancy<'_>> {
        let mut partings = Partings::<S>::new();
        let looks = iter::once(LOOKS).chain(iter::repeat(LOOKS_ELSEWHERE));
        for (shard, looks) in self.shards.from(self.shards.index(hash)).zip(looks) {
            let note_of = |hash, client: &Client| self.note_of(hash, client);
            let gone = shard.write().evict_one(looks, readings, note_of, &mut partings);
            partings.clear();
            if let Some(gone) = gone {
                // Its place is the newcomer's.
                let vacancy = Vacancy::of(&self.count);
                self.counters.evicted_for_capacity.fetch_add(1, Ordering::Relaxed);
                gone.report(EvictionReason::Capacity);
                return Some(vacancy);
            }
        }
        None
    }

    /// Looks at a few more, beside something else: whoever was idle for too long goes, and a token that has ended and is not asked
    /// for is forgotten.
    pub(super) fn sweep(&self, hash: u64, readings: Readings) {
        let mut partings = Partings::<S>::new();
        let note_of = |hash, client: &Client| self.note_of(hash, client);
        let gone = self.shards.of(hash).write().sweep(self.idle, readings, note_of, &mut partings);
        drop(partings);
        self.count.fetch_sub(gone.len(), Ordering::Relaxed);
        self.counters.evicted_idle.fetch_add(gone.len() as u64, Ordering::Relaxed);
        gone.into_iter().for_each(|gone| gone.report(EvictionReason::Idle));
    }

    /// What one is told who finds no place. The same for a while: counting looks at every source.
    fn how_full(&self, readings: Readings) -> PoolFull {
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((until, full)) = *full
            && readings.now.mono < until
        {
            return full;
        }
        let held_outside = |shard: &Shard<K, S>| {
            shard.read().shelf.iter().filter(|(_, entry)| entry.glance(readings).1).count()
        };
        let told = PoolFull {
            retry_after: RETRY_AFTER,
            sources: self.count.load(Ordering::Relaxed),
            in_flight: self.commons.permits.in_use(),
            waiting: self.commons.waiting(),
            held_outside: self.shards.iter().map(held_outside).sum(),
        };
        *full = Some((readings.now.mono.after(RETRY_AFTER), told));
        told
    }
}

impl<K, S: Pooled> Room<K, S> {
    /// The first that was not visited since the hand came by, and is idle; else one that rests.
    fn evict_one(
        &mut self,
        looks: usize,
        readings: Readings,
        note_of: impl Fn(u64, &Client) -> u64,
        partings: &mut Partings<S>,
    ) -> Option<Gone<K, S>> {
        let mut resting = None;
        let judge = |place: Place, hash: u64, entry: &Entry<S>| {
            if entry.take_mark(Mark::Visited) || entry.is_held_outside() {
                return Verdict::Stays;
            }
            let (result, parting) = entry.shared().put_away(readings, Standing::Idle);
            partings.push(parting);
            match result {
                Ok(_) => return Verdict::Goes,
                Err(Standing::Resting) if resting.is_none() => resting = Some((place, hash)),
                Err(_) => {}
            }
            Verdict::Stays
        };
        if let Some((key, entry)) = self.shelf.sieve(looks, judge) {
            return Some(Gone(key, entry));
        }
        let (place, hash) = resting?;
        let (_, entry) = self.shelf.at(place)?;
        if entry.is_held_outside() {
            return None;
        }
        let (result, parting) = entry.shared().put_away(readings, Standing::Resting);
        partings.push(parting);
        let note = result.ok()?;
        let (key, entry) = self.shelf.remove_at(place)?;
        if let (Some(note), Some(client)) = (note, entry.shared().client()) {
            self.notes.keep(note_of(hash, &client), &note);
        }
        Some(Gone(key, entry))
    }

    fn sweep(
        &mut self,
        idle: Duration,
        readings: Readings,
        note_of: impl Fn(u64, &Client) -> u64,
        partings: &mut Partings<S>,
    ) -> Vec<Gone<K, S>> {
        let mut notes = Vec::new();
        let things = self.shelf.sweep(SWEEPS, |hash, entry| {
            if entry.take_mark(Mark::Touched) {
                entry.used = readings.now.mono;
                return Verdict::Stays;
            }
            let unused = entry.unused_for(readings);
            if unused >= idle && !entry.is_held_outside() {
                // Whoever was not used for so long waits for nothing any more.
                let (result, parting) = entry.shared().put_away(readings, Standing::Awaiting);
                partings.push(parting);
                if let Ok(note) = result {
                    let client = entry.shared().client();
                    notes.extend(note.zip(client).map(|(note, client)| (note_of(hash, &client), note)));
                    return Verdict::Goes;
                }
            }
            partings.push(entry.shared().forget_ended(readings, unused));
            Verdict::Stays
        });
        notes.into_iter().for_each(|(under, note)| self.notes.keep(under, &note));
        things.into_iter().map(|(key, entry)| Gone(key, entry)).collect()
    }
}

impl<S: Pooled> Entry<S> {
    /// Takes the mark away. Returns whether it was there.
    fn take_mark(&self, mark: Mark) -> bool {
        self.shared().member().is_some_and(|member| member.take(mark))
    }
}

impl<K, S: Pooled> Gone<K, S> {
    /// Tells whom it concerns, and drops it.
    fn report(self, reason: EvictionReason) {
        let Self(key, entry) = self;
        let shared = Arc::clone(entry.shared());
        // Both are the program's own, and may panic.
        contained(|| drop(key));
        contained(|| drop(entry));
        shared.tell(&EventKind::Evicted { reason });
    }
}
