//! What a source is to its pool.

use super::calendar::Spot;
use super::common::Commons;
use super::permits::Berth;
use evergrant_core::Origin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

/// What a source is to its pool: where it stands, and whether it was used.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) commons: Arc<Commons>,
    pub(crate) berth: Berth,
    /// Set once it is in the pool.
    pub(crate) spot: OnceLock<Spot>,
    marks: AtomicU8,
}

/// That it was used, for each who asks whether it was since they asked last.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mark {
    /// For eviction.
    Visited = 1,
    /// For the time that it was idle.
    Touched = 2,
    /// For the keeper: since its token came.
    TokenUsed = 4,
}

const ALL: u8 = Mark::Visited as u8 | Mark::Touched as u8 | Mark::TokenUsed as u8;

impl Member {
    pub(crate) fn new(commons: &Arc<Commons>, origin: &Origin) -> Self {
        let berth = commons.permits.berth(origin);
        Self { commons: Arc::clone(commons), berth, spot: OnceLock::new(), marks: AtomicU8::new(0) }
    }

    /// It is used. Without a write where that is known: many threads may use it at once.
    #[inline]
    pub(crate) fn mark_used(&self) {
        if self.marks.load(Ordering::Relaxed) != ALL {
            self.marks.store(ALL, Ordering::Relaxed);
        }
    }

    /// Takes the mark away. Returns whether it was there.
    pub(crate) fn take(&self, mark: Mark) -> bool {
        self.marks.fetch_and(!(mark as u8), Ordering::Relaxed) & mark as u8 != 0
    }

    pub(crate) fn has(&self, mark: Mark) -> bool {
        self.marks.load(Ordering::Relaxed) & mark as u8 != 0
    }
}
