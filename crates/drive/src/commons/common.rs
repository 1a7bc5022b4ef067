//! The value that the sources of one pool share.

use super::calendar::Calendar;
use super::found::Found;
use super::permits::{Limits, Permits};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What the sources of one pool share.
#[derive(Debug)]
pub(crate) struct Commons {
    pub(crate) permits: Arc<Permits>,
    pub(crate) calendar: Calendar,
    /// Whether a rest that a server told one client holds for all clients of its origin.
    pub(crate) shares_rests: bool,
    /// So many callers wait at most, of all sources.
    pub(crate) max_waiters: usize,
    /// The callers that wait, of all sources.
    waiting: AtomicUsize,
    pub(crate) found: Found,
}

impl Commons {
    /// With so long a time for one request, after which it is lost.
    pub(crate) fn new(limits: Limits, sent: Duration, shares_rests: bool, max_waiters: usize) -> Arc<Self> {
        let (permits, calendar) = (Permits::new(limits, sent), Calendar::default());
        let (waiting, found) = (AtomicUsize::new(0), Found::default());
        Arc::new(Self { permits, calendar, shares_rests, max_waiters, waiting, found })
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A source that counted for so many who wait counts for so many from now on.
    pub(crate) fn recount(&self, before: usize, now: usize) {
        if now != before {
            // Modulo 2^64, as atomics add: fewer are a large number more.
            self.waiting.fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
        }
    }
}
