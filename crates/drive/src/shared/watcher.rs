//! One who wants to know when a newer token comes, to hand it on to somebody else.

use super::state::{Shared, Watching};
use crate::contained::contained;
use crate::token::Token;
use evergrant_core::{Error, Generation, Mono};
use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// What a watcher finds.
#[derive(Debug)]
pub(crate) enum Watch {
    /// A newer token is held.
    Changed(Token),
    /// It is woken when one comes.
    Unchanged,
    /// As many watch as may, or none comes any more.
    Failed(Error),
}

/// One stay. Dropping it, at any moment, frees its place.
pub(crate) struct Watcher<'a, V> {
    shared: &'a Arc<Shared<V>>,
    after: Generation,
    key: Option<u64>,
}

impl<V> fmt::Debug for Watcher<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").field("after", &self.after).field("key", &self.key).finish_non_exhaustive()
    }
}

impl<V> Watcher<'_, V> {
    /// Looks and, if there is nothing new, registers the waker: one step under one lock.
    pub(crate) fn poll(&mut self, waker: &Waker) -> Watch {
        // Foreign: cloned before the lock, and known to be kept or dropped after it.
        let (waker, after, before) = (waker.clone(), self.after, self.key.take());
        let (key, watch) = self.shared.enter(|state, now| {
            let known = before.and_then(|key| state.watching.remove(&key));
            state.outside.drop_waker(known.and_then(|watching| watching.waker));
            if let Some(token) = state.machine.held(now).filter(|token| token.generation() > after) {
                let token = token.clone().into();
                state.outside.drop_waker(Some(waker));
                return (None, Watch::Changed(token));
            }
            if let Some(reason) = state.machine.ended(now) {
                state.outside.drop_waker(Some(waker));
                return (None, Watch::Failed(Error::Closed { reason }));
            }
            let max_waiters = state.machine.policy().max_waiters();
            if state.watching.len() >= max_waiters {
                let retry_after = state.machine.next_wake(now).since(now.mono);
                state.outside.drop_waker(Some(waker));
                return (None, Watch::Failed(Error::Saturated { max_waiters, retry_after }));
            }
            let key = before.unwrap_or_else(|| state.key());
            state.watching.insert(key, Watching { after, waker: Some(waker) });
            (Some(key), Watch::Unchanged)
        });
        self.key = key;
        watch
    }
}

impl<V> Drop for Watcher<'_, V> {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        contained(|| {
            drop(self.shared.part(|state| state.watching.remove(&key)));
        });
    }
}

impl<V> Shared<V> {
    /// Somebody who has the token of this generation, and wants the next one.
    pub(crate) fn watcher(self: &Arc<Self>, after: Generation) -> Watcher<'_, V> {
        Watcher { shared: self, after, key: None }
    }

    /// The instant that is so long from now.
    pub(crate) fn after(&self, time: Duration) -> Mono {
        let now = self.clock.now();
        self.lock().read(now).mono.after(time)
    }
}
