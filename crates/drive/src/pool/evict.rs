//! Who goes when another one needs the place, and who goes because nobody uses it.

use super::entry::Entry;
use super::error::{PoolError, PoolFull};
use super::inner::Inner;
use super::pooled::Pooled;
use super::shards::{Room, Shard};
use super::shelf::{Place, Verdict};
use crate::clock::Readings;
use crate::commons::Mark;
use crate::observer::{EventKind, EvictionReason};
use crate::shared::{Closing, Eviction, Shared, Standing};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// At how many the hand looks before it gives up.
const LOOKS: usize = 64;
/// At how many the broom looks each time.
const SWEEPS: usize = 4;
/// When it makes sense to ask again where all sources are busy.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// One that went, to be dropped without any lock.
struct Gone<K, S: Pooled> {
    eviction: Eviction<S::Value>,
    thing: (K, Entry<S>),
}

impl<K, S: Pooled> Inner<K, S> {
    /// Sees to it that one more may come: there is a place, somebody goes, or there are a few more than should be.
    pub(super) fn make_room(
        &self,
        hash: u64,
        readings: Readings,
        newcomer: &Shared<S::Value>,
    ) -> Result<(), PoolError> {
        if self.grow(self.max_sources) || self.evict_one(hash, readings) || self.grow(self.most()) {
            return Ok(());
        }
        self.counters.full.fetch_add(1, Ordering::Relaxed);
        newcomer.tell(&EventKind::PoolFull {});
        Err(PoolError::Full(self.how_full(readings)))
    }

    /// A sixteenth more than should be.
    const fn most(&self) -> usize {
        self.max_sources + self.max_sources / 16
    }

    fn grow(&self, most: usize) -> bool {
        let one_more = |count| if count < most { Some(count + 1) } else { None };
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    /// Its own shard first: the others are looked at only as far as that has nobody.
    fn evict_one(&self, hash: u64, readings: Readings) -> bool {
        let mut looks = LOOKS;
        let own = self.shards.index(hash);
        for shard in self.shards.from(own) {
            let gone = shard.write().evict_one(&mut looks, readings);
            if let Some(gone) = gone {
                self.counters.evicted_for_capacity.fetch_add(1, Ordering::Relaxed);
                gone.report(EvictionReason::Capacity);
                return true;
            }
            if looks == 0 {
                break;
            }
        }
        false
    }

    /// Looks at a few more, beside something else: whoever was idle for too long goes, and a token that has ended and is not asked
    /// for is forgotten.
    pub(super) fn sweep(&self, hash: u64, readings: Readings) {
        let mut forgotten = Vec::new();
        let gone = self.shards.at(self.shards.index(hash)).write().sweep(self.idle, readings, &mut forgotten);
        drop(forgotten);
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
            shard.read().shelf.iter().filter(|(_, entry)| entry.is_held_outside()).count()
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
    fn evict_one(&mut self, looks: &mut usize, readings: Readings) -> Option<Gone<K, S>> {
        let (mut eviction, mut resting, most) = (None, None, *looks);
        let judge = |place: Place, hash: u64, entry: &Entry<S>| {
            *looks = looks.saturating_sub(1);
            if entry.is_marked(Mark::Visited) || entry.is_held_outside() {
                return Verdict::Stays;
            }
            match entry.shared().put_away(readings, Standing::Idle, true) {
                Ok(done) => {
                    eviction = Some(done);
                    return Verdict::Goes;
                }
                Err(Standing::Resting) if resting.is_none() => resting = Some((place, hash)),
                Err(_) => {}
            }
            Verdict::Stays
        };
        let thing = self.shelf.sieve(most, judge);
        if let Some((thing, eviction)) = thing.zip(eviction) {
            return Some(Gone { eviction, thing });
        }
        let (place, hash) = resting?;
        let (_, entry) = self.shelf.at(place)?;
        if entry.is_held_outside() {
            return None;
        }
        let eviction = entry.shared().put_away(readings, Standing::Resting, true).ok()?;
        let thing = self.shelf.remove_at(place)?;
        self.keep_note(hash, &eviction);
        Some(Gone { eviction, thing })
    }

    fn sweep(
        &mut self,
        idle: Duration,
        readings: Readings,
        forgotten: &mut Vec<Closing<S::Value>>,
    ) -> Vec<Gone<K, S>> {
        let mut evictions = Vec::new();
        let things = self.shelf.sweep(SWEEPS, |hash, entry| {
            if entry.is_marked(Mark::Touched) {
                entry.used = readings.now.mono;
                return Verdict::Stays;
            }
            let unused = entry.unused_for(readings);
            if unused >= idle && !entry.is_held_outside() {
                // Whoever was not used for so long waits for nothing any more.
                if let Ok(eviction) = entry.shared().put_away(readings, Standing::Resting, false) {
                    evictions.push((hash, eviction));
                    return Verdict::Goes;
                }
            }
            forgotten.push(entry.shared().forget_ended(readings, unused));
            Verdict::Stays
        });
        let gone = things.into_iter().zip(evictions).map(|(thing, (hash, eviction))| {
            self.keep_note(hash, &eviction);
            Gone { eviction, thing }
        });
        gone.collect()
    }

    fn keep_note(&mut self, hash: u64, eviction: &Eviction<S::Value>) {
        if let Some(note) = &eviction.note {
            self.notes.keep(hash, note);
        }
    }
}

impl<S: Pooled> Entry<S> {
    /// Takes the mark away. Returns whether it was there.
    fn is_marked(&self, mark: Mark) -> bool {
        self.shared().member().is_some_and(|member| member.take(mark))
    }
}

impl<K, S: Pooled> Gone<K, S> {
    /// Tells whom it concerns, and drops it.
    fn report(self, reason: EvictionReason) {
        let Self { eviction, thing: (key, entry) } = self;
        drop(eviction.closing);
        let shared = Arc::clone(entry.shared());
        drop((key, entry));
        shared.tell(&EventKind::Evicted { reason });
    }
}
