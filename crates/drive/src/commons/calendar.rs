//! When which source of a pool wants its next token: for the one job that keeps them fresh.

use crate::sync::Mutex;
use evergrant_core::Mono;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

/// Where a source stands in its pool. A spot that got another source has another stay.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Spot {
    pub(crate) shard: u16,
    pub(crate) slot: u32,
    pub(crate) stay: u32,
}

/// One time for each place of the pool, the earliest first, and who waits for it. It is kept while there is a keeper, and is empty
/// otherwise.
#[derive(Default)]
pub(crate) struct Calendar {
    is_kept: AtomicBool,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    times: BTreeSet<(Mono, Spot)>,
    /// By shard and slot: a source that comes to the place of another one has its time as well.
    of: BTreeMap<(u16, u32), (Mono, Spot)>,
    keepers: BTreeMap<u64, Option<Waker>>,
    last_keeper: u64,
}

impl fmt::Debug for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Calendar")
    }
}

impl Calendar {
    /// Whether anybody reads it.
    pub(crate) fn is_kept(&self) -> bool {
        self.is_kept.load(Ordering::Acquire)
    }

    /// A keeper comes. Returns its number, and whether it is the only one: then the calendar is empty, and it has to note what there
    /// is.
    pub(crate) fn open(&self) -> (u64, bool) {
        self.lock(|pages| {
            self.is_kept.store(true, Ordering::Release);
            pages.last_keeper += 1;
            pages.keepers.insert(pages.last_keeper, None);
            (pages.last_keeper, pages.keepers.len() == 1)
        })
    }

    /// A keeper goes. Its waker is the caller's to drop.
    pub(crate) fn close(&self, keeper: u64) -> Option<Waker> {
        self.lock(|pages| {
            let waker = pages.keepers.remove(&keeper).flatten();
            if pages.keepers.is_empty() {
                self.is_kept.store(false, Ordering::Release);
                (pages.times, pages.of) = (BTreeSet::new(), BTreeMap::new());
            }
            waker
        })
    }

    /// A source wants its next token then, and at no other time. Returns whom to wake, if that is earlier than all others.
    pub(crate) fn note(&self, at: Mono, spot: Spot) -> Vec<Waker> {
        self.lock(|pages| {
            if pages.keepers.is_empty() {
                return Vec::new();
            }
            let is_first = pages.times.first().is_none_or(|(first, _)| at < *first);
            if let Some(before) = pages.of.insert((spot.shard, spot.slot), (at, spot)) {
                pages.times.remove(&before);
            }
            pages.times.insert((at, spot));
            if !is_first {
                return Vec::new();
            }
            pages.keepers.values_mut().filter_map(Option::take).collect()
        })
    }

    /// Takes out one whose time has come; or says when the earliest comes, and wakes this waker if an earlier one is noted. The
    /// waker that was there is the caller's to drop.
    pub(crate) fn next(&self, now: Mono, keeper: u64, waker: Waker) -> (Next, Option<Waker>) {
        self.lock(|pages| {
            let before = pages.keepers.insert(keeper, Some(waker)).flatten();
            let next = match pages.times.first() {
                None => Next::Nothing,
                Some((at, _)) if *at > now => Next::At(*at),
                Some(_) => pages.times.pop_first().map_or(Next::Nothing, |(_, spot)| {
                    pages.of.remove(&(spot.shard, spot.slot));
                    Next::Due(spot)
                }),
            };
            (next, before)
        })
    }

    /// Everyone who reads it, to be woken.
    pub(crate) fn wakers(&self) -> Vec<Waker> {
        self.lock(|pages| pages.keepers.values_mut().filter_map(Option::take).collect())
    }

    /// How many times are noted.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock(|pages| pages.times.len())
    }

    fn lock<R>(&self, input: impl FnOnce(&mut Pages) -> R) -> R {
        input(&mut self.pages.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the calendar says.
#[derive(Debug)]
pub(crate) enum Next {
    /// Look at this one.
    Due(Spot),
    /// Nobody before.
    At(Mono),
    /// Nobody at all.
    Nothing,
}

#[cfg(test)]
mod tests;
