//! A place that is counted, and not taken yet.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The right to bring one source. Dropped, its place is free again.
pub(super) struct Vacancy<'a>(&'a AtomicUsize);

impl<'a> Vacancy<'a> {
    /// One that this number counts already.
    pub(super) const fn of(count: &'a AtomicUsize) -> Self {
        Self(count)
    }

    /// The source has come.
    pub(super) fn fill(self) {
        std::mem::forget(self);
    }
}

impl Drop for Vacancy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
