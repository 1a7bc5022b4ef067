//! What is done outside the lock: everything foreign that one input lets go of.

use super::snapshot::Snapshot;
use crate::commons::{Granted, Permit, Told};
use crate::contained::contained;
use std::sync::Arc;
use std::task::Waker;

/// Wakers to wake, and what is dropped after them. It is filled under the lock, which calls nothing foreign, and released after it.
pub(super) struct Outside<V> {
    to_wake: Vec<Waker>,
    to_drop: Vec<Waker>,
    values: Vec<Arc<V>>,
    snapshots: Vec<Arc<Snapshot<V>>>,
    /// What goes back to the pool, and on to others.
    returned: Option<Box<Returned>>,
}

/// What a source gives back to its pool.
#[derive(Debug, Default)]
pub(super) struct Returned {
    pub(super) told: Vec<Told>,
    pub(super) granted: Vec<Granted>,
    pub(super) permit: Option<Permit>,
}

impl<V> Default for Outside<V> {
    fn default() -> Self {
        let (to_wake, to_drop, values, snapshots) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { to_wake, to_drop, values, snapshots, returned: None }
    }
}

impl<V> Outside<V> {
    pub(super) fn wake(&mut self, wakers: impl Iterator<Item = Waker>) {
        self.to_wake.extend(wakers);
    }

    pub(super) fn drop_waker(&mut self, waker: Option<Waker>) {
        self.to_drop.extend(waker);
    }

    pub(super) fn drop_value(&mut self, value: Arc<V>) {
        self.values.push(value);
    }

    pub(super) fn drop_snapshot(&mut self, snapshot: Option<Arc<Snapshot<V>>>) {
        self.snapshots.extend(snapshot);
    }

    /// What goes back to the pool once the lock is free.
    pub(super) fn returned(&mut self) -> &mut Returned {
        self.returned.get_or_insert_default()
    }

    /// Wakes everyone, then drops the rest. A waker that panics keeps no other from being woken.
    pub(super) fn release(self) {
        let Self { to_wake, to_drop, values, snapshots, returned } = self;
        to_wake.into_iter().for_each(|waker| contained(|| waker.wake()));
        to_drop.into_iter().for_each(|waker| contained(|| drop(waker)));
        values.into_iter().for_each(|value| contained(|| drop(value)));
        snapshots.into_iter().for_each(|snapshot| contained(|| drop(snapshot)));
        contained(|| drop(returned));
    }
}

#[cfg(test)]
mod tests;
