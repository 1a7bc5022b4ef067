//! The job of a user's own that keeps the token fresh.

use super::flight::FlightGuard;
use super::pass::Pass;
use super::state::Shared;
use super::waiter::SENDS_IN_A_ROW;
use crate::contained::contained;
use crate::observer::Report;
use evergrant_core::{Call, Step};
use std::fmt;
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

/// One job that keeps the token fresh, even when nobody asks. It holds no share in the source.
pub(crate) struct Keeper<V> {
    shared: Weak<Shared<V>>,
    key: Option<u64>,
    /// How often in a row it sent, without a wait between.
    sends: u8,
}

impl<V> fmt::Debug for Keeper<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What a keeper does next.
#[derive(Debug)]
pub(crate) enum Keep<V> {
    /// Launch it, then drop the report that it left.
    Send(FlightGuard<V>, Report),
    /// At most that long, or until woken.
    Wait(Duration),
    /// One is due, and must wait for those of other clients: until woken, or a moment.
    HeldBack,
    /// The last source is gone.
    Ended,
}

impl<V: Send + Sync + 'static> Keeper<V> {
    pub(crate) fn poll(&mut self, waker: &Waker) -> Keep<V> {
        let Some(shared) = self.shared.upgrade() else { return Keep::Ended };
        let (before, waker) = (self.key, waker.clone());
        let may_send = self.sends < SENDS_IN_A_ROW;
        let (key, keep) = shared.enter(|state, now| {
            let key = before.unwrap_or_else(|| state.key());
            let known = state.keepers.insert(key, Some(waker)).flatten();
            state.outside.drop_waker(known);
            if state.machine.closed().is_some() {
                return (key, Keep::Ended);
            }
            let wake = state.machine.next_wake(now);
            if wake > now.mono || !may_send {
                return (key, Keep::Wait(wake.since(now.mono)));
            }
            let pass = shared.pass(state, now);
            if let Pass::HeldBack = pass {
                return (key, Keep::HeldBack);
            }
            // A call without patience: it sends what is due, and never takes a place.
            let step = state.machine.poll(now, &mut Call::new(now.mono));
            let launched = match step {
                Step::Send(flight) => shared.launch(state, now, flight, pass),
                _ => {
                    state.outside.returned().permit = pass.into_permit();
                    None
                }
            };
            (key, launched.map_or(Keep::Wait(Duration::ZERO), |(guard, left)| Keep::Send(guard, left)))
        });
        self.key = Some(key);
        self.sends = if matches!(keep, Keep::Send(..)) { self.sends + 1 } else { 0 };
        keep
    }
}

impl<V> Drop for Keeper<V> {
    fn drop(&mut self) {
        let (Some(shared), Some(key)) = (self.shared.upgrade(), self.key.take()) else { return };
        contained(|| {
            drop(shared.part(|state| state.keepers.remove(&key)));
        });
        // It may have become the last share.
        contained(|| drop(shared));
    }
}

impl<V> Shared<V> {
    /// The user's own job that keeps the token fresh.
    pub(crate) fn keeper(self: &Arc<Self>) -> Keeper<V> {
        Keeper { shared: Arc::downgrade(self), key: None, sends: 0 }
    }
}
