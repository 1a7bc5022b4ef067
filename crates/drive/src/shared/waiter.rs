//! One caller: it asks, waits, and leaves.

use super::{FlightGuard, Shared, Snapshot, State};
use evergrant_core::{Call, Error, Mono, Now, Step, Token};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// A call that holds a place; the waker is taken out when it is called.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) call: Call,
    pub(super) waker: Option<Waker>,
}

/// What a caller does next.
#[derive(Debug)]
pub(crate) enum Next<V: Clone> {
    Use(Arc<Snapshot<V>>),
    Send(FlightGuard<V>),
    /// At most that long, or until woken.
    Wait(Duration),
    Fail(Error),
}

/// One caller's stay. Dropping it, at any moment, frees its place.
#[derive(Debug)]
pub(crate) struct Waiter<V: Clone> {
    shared: Arc<Shared<V>>,
    deadline: Mono,
    fail_fast: bool,
    /// Of its entry among the waiting, unless it was served with everyone meanwhile.
    key: Option<u64>,
}

impl<V: Clone> Waiter<V> {
    /// Asks the machine and, if it must wait, registers the waker: one step under one lock.
    pub(crate) fn poll(&mut self, waker: &Waker) -> Next<V> {
        let shared = &self.shared;
        let key = self.key.take();
        if let Some(snapshot) = key.and_then(|key| shared.served(key)) {
            return Next::Use(snapshot);
        }
        let mut state = shared.lock();
        let now = state.now(&*shared.clock);
        // An entry that is gone was served, with a token that is good for nothing any more: it waits anew.
        let waiting = key.and_then(|key| Some((key, state.waiting.remove(&key)?)));
        let (key, mut waiting) = waiting.unwrap_or_else(|| {
            let call = Call::new(self.deadline).fail_fast(self.fail_fast);
            (state.key(), Waiting { call, waker: None })
        });
        let step = state.machine.poll(now, &mut waiting.call);
        if waiting.call.holds_place() {
            if waiting.waker.as_ref().is_none_or(|known| !known.will_wake(waker)) {
                waiting.waker = Some(waker.clone());
            }
            state.waiting.insert(key, waiting);
            self.key = Some(key);
            let depth = state.waiting.len();
            state.journal.waiting(depth);
        }
        match step {
            Step::Use(token) => Next::Use(shared.current(&state, now, token)),
            Step::Send(flight) => {
                let guard = shared.launch(&mut state, now, flight);
                drop(state);
                guard.announce();
                Next::Send(guard)
            }
            Step::Wait(until) => Next::Wait(until.since(now.mono)),
            Step::Fail(error) => Next::Fail(error),
        }
    }
}

impl<V: Clone> Shared<V> {
    /// A caller with this much patience.
    pub(crate) fn waiter(self: &Arc<Self>, patience: Duration, fail_fast: bool) -> Waiter<V> {
        let deadline = self.lock().now(&*self.clock).mono.after(patience);
        Waiter { shared: Arc::clone(self), deadline, fail_fast, key: None }
    }

    /// The snapshot of the token the machine handed out: the published one, made anew only if it is another's.
    fn current(&self, state: &State, now: Now, token: Token) -> Arc<Snapshot<V>> {
        if let Some(snapshot) = self.snapshot.load()
            && snapshot.token.generation() == token.generation()
        {
            return snapshot;
        }
        self.publish(state, now);
        let end = Now::default();
        self.snapshot.load().unwrap_or_else(|| {
            let value = (self.render)(token.value());
            Arc::new(Snapshot { token, value, served: 0, quiet_until: end, use_until: end })
        })
    }
}

impl<V: Clone> Drop for Waiter<V> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let mut state = self.shared.lock();
            if let Some(mut waiting) = state.waiting.remove(&key) {
                state.machine.leave(&mut waiting.call);
            }
        }
    }
}
