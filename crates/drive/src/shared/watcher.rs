//! One who wants to know when a newer token comes, or another client certificate, to hand it on to somebody else.

use super::state::{After, Shared, State, Watching};
use crate::contained::contained;
use crate::identity::CertifiedKey;
use crate::token::Token;
use evergrant_core::{Error, Generation, Mono, Now, Thumbprint};
use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// What a watcher finds.
#[derive(Debug)]
pub(crate) enum Watch<W> {
    /// There is a newer one.
    Changed(W),
    /// It is woken when one comes.
    Unchanged,
    /// As many watch as may, or none comes any more.
    Failed(Error),
}

/// One stay. Dropping it, at any moment, frees its place.
pub(crate) struct Watcher<'a, V, W> {
    shared: &'a Arc<Shared<V>>,
    after: After,
    /// What is newer than that, if anything is.
    newer: fn(&mut State<V>, Now, After) -> Option<W>,
    key: Option<u64>,
}

impl<V, W> fmt::Debug for Watcher<'_, V, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").field("after", &self.after).field("key", &self.key).finish_non_exhaustive()
    }
}

impl<V, W> Watcher<'_, V, W> {
    /// Looks and, if there is nothing new, registers the waker: one step under one lock.
    pub(crate) fn poll(&mut self, waker: &Waker) -> Watch<W> {
        // Foreign: cloned before the lock, and known to be kept or dropped after it.
        let (waker, after, before) = (waker.clone(), self.after, self.key.take());
        let newer = self.newer;
        let (key, watch) = self.shared.enter(|state, now| {
            let known = before.and_then(|key| state.watching.remove(&key));
            state.outside.drop_waker(known.and_then(|watching| watching.waker));
            if let Some(newer) = newer(state, now, after) {
                state.outside.drop_waker(Some(waker));
                return (None, Watch::Changed(newer));
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

impl<V, W> Drop for Watcher<'_, V, W> {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        contained(|| {
            drop(self.shared.part(|state| state.watching.remove(&key)));
        });
    }
}

impl<V> Shared<V> {
    /// Somebody who has the token of this generation, and wants the next one.
    pub(crate) fn watcher(self: &Arc<Self>, after: Generation) -> Watcher<'_, V, Token> {
        let newer = |state: &mut State<V>, now, after| {
            let is_newer = |token: &&evergrant_core::Token| matches!(after, After::Token(after) if token.generation() > after);
            state.machine.held(now).filter(is_newer).map(|token| token.clone().into())
        };
        Watcher { shared: self, after: After::Token(after), newer, key: None }
    }

    /// Somebody who has a client certificate with this thumbprint, or none, and wants the next one.
    pub(crate) fn identity_watcher(
        self: &Arc<Self>,
        after: Option<Thumbprint>,
    ) -> Watcher<'_, V, CertifiedKey> {
        let newer = |state: &mut State<V>, _, after| {
            let is_newer = |identity: &&CertifiedKey| matches!(after, After::Identity(after) if Some(identity.thumbprint()) != after);
            state.identity.as_ref().filter(is_newer).cloned()
        };
        Watcher { shared: self, after: After::Identity(after), newer, key: None }
    }

    /// Whether anybody waits for something newer.
    #[cfg(test)]
    pub(crate) fn is_watched(&self) -> bool {
        !self.lock().watching.is_empty()
    }

    /// The instant that is so long from now.
    pub(crate) fn after(&self, time: Duration) -> Mono {
        let now = self.clock.now();
        self.lock().read(now).mono.after(time)
    }
}
