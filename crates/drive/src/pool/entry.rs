//! A source in its pool.

use super::pooled::Pooled;
use crate::clock::Readings;
use crate::shared::{Glance, Shared};
use evergrant_core::Mono;
use std::sync::Arc;
use std::time::Duration;

/// A source, and when it was last known to be used.
pub(super) struct Entry<S> {
    pub(super) source: S,
    pub(super) used: Mono,
}

impl<S: Pooled> Entry<S> {
    pub(super) fn shared(&self) -> &Arc<Shared<S::Value>> {
        self.source.shared()
    }

    /// Whether somebody else holds a share: a clone, a call, or a request in the air.
    pub(super) fn is_held_outside(&self) -> bool {
        Arc::strong_count(self.shared()) > 1
    }
}

impl<S: Pooled> Entry<S> {
    /// For how long it was not used, as far as that is known.
    pub(super) fn unused_for(&self, readings: Readings) -> Duration {
        readings.now.mono.since(self.used)
    }

    /// What there is to see of it; and whether somebody holds a share although nobody waits for a token: most often a clone that the
    /// program keeps.
    pub(super) fn glance(&self, readings: Readings) -> (Glance, bool) {
        let glance = self.shared().glance(readings);
        (glance, self.is_held_outside() && !glance.is_awaited)
    }
}
