//! The blocking loop: how a thread waits for a token. `wait` is the same for tasks.

use crate::runtime::BlockingTransport;
use crate::shared::{FlightGuard, Keep, Next, Shared, Snapshot};
use crate::sync::Mutex;
use crate::sync::thread::{self, Thread};
use crate::wait::{LONGEST_NAP, SHORTEST_NAP, outcome};
use evergrant_core::{Error, Mono, Outcome, TransportError, TransportErrorKind};
use std::sync::{Arc, PoisonError};
use std::task::{Wake, Waker};
use std::time::Duration;

/// A source of tokens for threads. Clones are one source.
#[derive(Debug)]
pub struct BlockingSource<T, V: Clone> {
    shared: Arc<Shared<V>>,
    transport: Arc<T>,
}

impl<T, V: Clone> Clone for BlockingSource<T, V> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), transport: Arc::clone(&self.transport) }
    }
}

impl<T, V> BlockingSource<T, V>
where
    T: BlockingTransport,
    V: Clone + Send + Sync + 'static,
{
    /// A source whose requests go through `transport`, each on a short-lived thread of its own.
    pub fn new(shared: Arc<Shared<V>>, transport: T) -> Self {
        Self { shared, transport: Arc::new(transport) }
    }

    /// What all clones share.
    pub fn shared(&self) -> &Arc<Shared<V>> {
        &self.shared
    }

    /// A token that may be used now, after at most `patience`.
    ///
    /// # Errors
    /// There is none, and waiting is pointless or over.
    ///
    /// # Blocking
    /// Returns at once while a usable token is held; otherwise blocks for `patience` at most, whatever the transport
    /// does: the request has a thread of its own.
    pub fn token(&self, patience: Duration, fail_fast: bool) -> Result<Arc<Snapshot<V>>, Error> {
        if let Some(snapshot) = self.shared.quiet() {
            return Ok(snapshot);
        }
        let mut waiter = self.shared.waiter(patience, fail_fast);
        let waker = this_thread();
        loop {
            match waiter.poll(&waker) {
                Next::Use(snapshot) => return Ok(snapshot),
                Next::Fail(error) => return Err(error),
                Next::Send(guard) => launch(&self.transport, guard),
                Next::Wait(time) => nap(time),
            }
        }
    }

    /// Asks for a new token before the old one ends, even when nobody else asks; returns when the last source is
    /// dropped. It holds no share in the source.
    ///
    /// # Blocking
    /// Blocks until then: give it a thread. To stop it, drop every source.
    pub fn keep_fresh(&self) -> impl FnOnce() + Send + use<T, V> {
        let (mut keeper, transport) = (self.shared.keeper(), Arc::clone(&self.transport));
        move || {
            let waker = this_thread();
            loop {
                match keeper.poll(&waker) {
                    Keep::Over => return,
                    Keep::Send(guard) => launch(&transport, guard),
                    Keep::Wait(time) => nap(time),
                }
            }
        }
    }

    /// Waits until `then` (a refused token that settles), unless that is beyond `patience`. Returns whether it is
    /// reached.
    ///
    /// # Blocking
    /// Blocks until `then`, or not at all.
    pub fn settle(&self, then: Mono, patience: Duration) -> bool {
        if self.shared.until(then) > patience {
            return false;
        }
        loop {
            match self.shared.until(then) {
                Duration::ZERO => return true,
                time => thread::sleep(time.clamp(SHORTEST_NAP, LONGEST_NAP)),
            }
        }
    }
}

/// The flight on a short-lived thread of its own: no caller owns it, and a blocked send delays nobody.
fn launch<T, V>(transport: &Arc<T>, guard: FlightGuard<V>)
where
    T: BlockingTransport,
    V: Clone + Send + Sync + 'static,
{
    // A thread that cannot be had drops its closure: the guard must still be here to land the reason.
    let guard = Arc::new(Mutex::new(Some(guard)));
    let (transport, theirs) = (Arc::clone(transport), Arc::clone(&guard));
    let flight = move || {
        if let Some(guard) = take(&theirs) {
            let outcome = fly(&*transport, &guard);
            guard.land(outcome);
        }
    };
    if let Err(error) = thread::Builder::new().name("evergrant-flight".into()).spawn(flight)
        && let Some(guard) = take(&guard)
    {
        let error = TransportError::new(TransportErrorKind::NoThread, &error.to_string(), &[]);
        guard.land(Outcome::Refused(error.into()));
    }
}

fn fly<T: BlockingTransport, V: Clone>(transport: &T, guard: &FlightGuard<V>) -> Outcome {
    match guard.client().request(guard.sent_at()) {
        Ok(request) => outcome(guard, transport.send(request, guard.limit())),
        Err(problem) => Outcome::NotSent(problem),
    }
}

fn take<G>(slot: &Mutex<Option<G>>) -> Option<G> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// A thread is a waker too. `unpark` is remembered, so a wake between the poll and the nap is not lost.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn this_thread() -> Waker {
    Waker::from(Arc::new(Unpark(thread::current())))
}

fn nap(time: Duration) {
    thread::park_timeout(time.clamp(SHORTEST_NAP, LONGEST_NAP));
}

#[cfg(test)]
mod tests;
