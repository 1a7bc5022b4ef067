//! The workers as they are seen from outside.

use crate::counts::{Counters, Counts, LAST};
use crate::log::Line;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::Semaphore;

/// All of them.
#[derive(Debug)]
pub(crate) struct Crew {
    pub(crate) seen: Vec<Arc<Seen>>,
    pub(crate) began: Instant,
}

impl Crew {
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.seen.iter().for_each(|seen| counts.add(&seen.counters));
        counts
    }

    /// The last requests that were answered by ourselves, or whose answers broke off, the latest first.
    pub(crate) fn answered_here(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = self.seen.iter().flat_map(|seen| seen.counters.last()).collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.time));
        lines.truncate(LAST);
        lines
    }
}

/// What others see of a worker.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) counters: Counters,
    /// How many connections it has.
    pub(crate) load: AtomicUsize,
    /// Milliseconds since the gateway began, at its last look.
    pub(crate) looked: AtomicU64,
    /// Since when its idlest connection is idle, in milliseconds of the same; or the largest number.
    pub(crate) idlest: AtomicU64,
}

impl Seen {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            counters: Counters::default(),
            load: AtomicUsize::new(0),
            looked: AtomicU64::new(0),
            idlest: AtomicU64::new(u64::MAX),
        })
    }
}

/// A place among the connections of callers, until it is dropped.
pub(crate) struct Place {
    seen: Arc<Seen>,
    freed: Arc<Semaphore>,
}

impl Place {
    /// One place less, at this worker.
    pub(crate) fn take(seen: &Arc<Seen>, places: &Arc<Semaphore>) -> Self {
        seen.load.fetch_add(1, Ordering::Relaxed);
        Self { seen: Arc::clone(seen), freed: Arc::clone(places) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.seen.load.fetch_sub(1, Ordering::Relaxed);
        self.freed.add_permits(1);
    }
}
