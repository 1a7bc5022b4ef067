//! The job of a user's own that keeps the token fresh.

use super::{FlightGuard, Shared};
use evergrant_core::{Call, Step};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

/// One job that keeps the token fresh, even when nobody asks. It holds no share in the source.
#[derive(Debug)]
pub(crate) struct Keeper<V: Clone> {
    shared: Weak<Shared<V>>,
    key: Option<u64>,
}

/// What a keeper does next.
#[derive(Debug)]
pub(crate) enum Keep<V: Clone> {
    Send(FlightGuard<V>),
    /// At most that long, or until woken.
    Wait(Duration),
    /// The last source is gone.
    Over,
}

impl<V: Clone> Keeper<V> {
    pub(crate) fn poll(&mut self, waker: &Waker) -> Keep<V> {
        let Some(shared) = self.shared.upgrade() else { return Keep::Over };
        let mut state = shared.lock();
        let now = state.now(&*shared.clock);
        let key = *self.key.get_or_insert_with(|| state.key());
        state.keepers.insert(key, Some(waker.clone()));
        let wake = state.machine.next_wake(now);
        if wake > now.mono {
            return Keep::Wait(wake.since(now.mono));
        }
        // A call without patience: it sends what is due, and never takes a place.
        match state.machine.poll(now, &mut Call::new(now.mono)) {
            Step::Send(flight) => {
                let guard = shared.launch(&mut state, now, flight);
                drop(state);
                guard.announce();
                Keep::Send(guard)
            }
            _ => Keep::Wait(Duration::ZERO),
        }
    }
}

impl<V: Clone> Drop for Keeper<V> {
    fn drop(&mut self) {
        if let (Some(shared), Some(key)) = (self.shared.upgrade(), self.key.take()) {
            shared.lock().keepers.remove(&key);
        }
    }
}

impl<V: Clone> Shared<V> {
    /// The user's own job that keeps the token fresh.
    pub(crate) fn keeper(self: &Arc<Self>) -> Keeper<V> {
        Keeper { shared: Arc::downgrade(self), key: None }
    }
}
