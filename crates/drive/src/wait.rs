//! The async loop: how a task waits for a token. `block` is the same for threads.

use crate::runtime::{Handle, Runtime, Transport};
use crate::shared::{FlightGuard, Keep, Next, Shared, Snapshot};
use evergrant_core::{Cause, Error, Mono, Outcome, Refusal, TransportError, TransportErrorKind};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// No sleep is longer: a suspend, or a step of a clock, is noticed within that time.
pub(crate) const LONGEST_NAP: Duration = Duration::from_secs(60);

/// No sleep is shorter: a timer that fires before its time (a paused test clock) must not make us spin.
pub(crate) const SHORTEST_NAP: Duration = Duration::from_millis(1);

/// A source of tokens for tasks. Clones are one source.
#[derive(Debug)]
pub struct Source<R, T, V: Clone> {
    shared: Arc<Shared<V>>,
    runtime: R,
    transport: Arc<T>,
}

impl<R: Clone, T, V: Clone> Clone for Source<R, T, V> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            runtime: self.runtime.clone(),
            transport: Arc::clone(&self.transport),
        }
    }
}

impl<R, T, V> Source<R, T, V>
where
    R: Runtime,
    T: Transport,
    V: Clone + Send + Sync + 'static,
{
    /// A source whose requests go through `transport`, on the runtime of whoever asks.
    pub fn new(shared: Arc<Shared<V>>, runtime: R, transport: T) -> Self {
        Self { shared, runtime, transport: Arc::new(transport) }
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
    /// # Cancel safety
    /// Dropping the future, or never polling it again, harms nobody: the request belongs to no caller.
    pub async fn token(&self, patience: Duration, fail_fast: bool) -> Result<Arc<Snapshot<V>>, Error> {
        if let Some(snapshot) = self.shared.quiet() {
            return Ok(snapshot);
        }
        let mut waiter = self.shared.waiter(patience, fail_fast);
        let mut nap = Nap::default();
        poll_fn(|cx| {
            loop {
                match waiter.poll(cx.waker()) {
                    Next::Use(snapshot) => return Poll::Ready(Ok(snapshot)),
                    Next::Fail(error) => return Poll::Ready(Err(error)),
                    Next::Send(guard) => self.launch(guard),
                    Next::Wait(time) => {
                        return match self.runtime.current() {
                            Ok(handle) => nap.poll(&handle, time, cx).map(|never| match never {}),
                            // Outside of any runtime nobody can wait.
                            Err(error) => Poll::Ready(Err(Error::TimedOut {
                                last_error: Some(Cause::Refused(Arc::new(error.into()))),
                                retry_after: time,
                            })),
                        };
                    }
                }
            }
        })
        .await
    }

    /// Asks for a new token before the old one ends, even when nobody else asks; ends when the last source is
    /// dropped. It holds no share in the source, and runs only where the user spawns it.
    ///
    /// # Cancel safety
    /// Dropping the future stops it, and loses nothing.
    pub fn keep_fresh(&self) -> impl Future<Output = ()> + Send + use<R, T, V> {
        let mut keeper = self.shared.keeper();
        let (runtime, transport) = (self.runtime.clone(), Arc::clone(&self.transport));
        let mut nap = Nap::default();
        poll_fn(move |cx| {
            loop {
                match keeper.poll(cx.waker()) {
                    Keep::Over => return Poll::Ready(()),
                    Keep::Send(guard) => launch(&runtime, &transport, guard),
                    Keep::Wait(time) => {
                        let Ok(handle) = runtime.current() else { return Poll::Ready(()) };
                        return nap.poll(&handle, time, cx).map(|never| match never {});
                    }
                }
            }
        })
    }

    /// Waits until `then` (a refused token that settles), unless that is beyond `patience`. Returns whether it is
    /// reached.
    pub async fn settle(&self, then: Mono, patience: Duration) -> bool {
        let mut nap = Nap::default();
        if self.shared.until(then) > patience {
            return false;
        }
        poll_fn(|cx| match (self.shared.until(then), self.runtime.current()) {
            (Duration::ZERO, _) => Poll::Ready(true),
            (_, Err(_)) => Poll::Ready(false),
            (time, Ok(handle)) => nap.poll(&handle, time, cx).map(|never| match never {}),
        })
        .await
    }

    fn launch(&self, guard: FlightGuard<V>) {
        launch(&self.runtime, &self.transport, guard);
    }
}

/// The flight as a job of its own: no caller owns it.
fn launch<R, T, V>(runtime: &R, transport: &Arc<T>, guard: FlightGuard<V>)
where
    R: Runtime,
    T: Transport,
    V: Clone + Send + Sync + 'static,
{
    match runtime.current() {
        Err(error) => guard.land(Outcome::Refused(error.into())),
        Ok(handle) => {
            let (transport, runtime) = (Arc::clone(transport), runtime.clone());
            handle.spawn(async move {
                let outcome = fly(&*transport, &runtime, &guard).await;
                guard.land(outcome);
            });
        }
    }
}

async fn fly<R: Runtime, T: Transport, V: Clone>(
    transport: &T,
    runtime: &R,
    guard: &FlightGuard<V>,
) -> Outcome {
    let request = match guard.client().request(guard.sent_at()) {
        Ok(request) => request,
        Err(problem) => return Outcome::NotSent(problem),
    };
    let (mut answer, mut nap) = (pin!(transport.send(request)), Nap::default());
    let answer = poll_fn(|cx| {
        if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
            return Poll::Ready(answer);
        }
        // The clock decides, not the timer: one that fires before its time must not give up a good request.
        match (guard.time_left(), runtime.current()) {
            (Duration::ZERO, _) => Poll::Ready(Err(timed_out(guard.limit()))),
            (_, Err(error)) => Poll::Ready(Err(error)),
            (time, Ok(handle)) => nap.poll(&handle, time, cx).map(|never| match never {}),
        }
    });
    outcome(guard, answer.await)
}

/// What the transport brought, as the machine takes it.
pub(crate) fn outcome<V: Clone>(
    guard: &FlightGuard<V>,
    answer: Result<evergrant_core::Response, TransportError>,
) -> Outcome {
    let client = guard.client();
    let read = match answer {
        Ok(response) => client.read(&response, guard.sent_at()),
        Err(error) => {
            let detail = error.detail().map_or("", |detail| detail.as_str());
            Err(Refusal::from(client.transport_error(error.kind(), detail)))
        }
    };
    read.map_or_else(Outcome::Refused, Outcome::Granted)
}

pub(crate) fn timed_out(limit: Duration) -> TransportError {
    TransportError::new(TransportErrorKind::Timeout, &format!("none within {limit:?}"), &[])
}

/// A timer that is set anew at every poll. It never completes: it wakes the task, which asks the machine.
struct Nap<S>(Option<Pin<Box<S>>>);

impl<S> Default for Nap<S> {
    fn default() -> Self {
        Self(None)
    }
}

enum Never {}

impl<S: Future<Output = ()>> Nap<S> {
    fn poll<H: Handle<Sleep = S>>(
        &mut self,
        handle: &H,
        time: Duration,
        cx: &mut Context<'_>,
    ) -> Poll<Never> {
        let mut sleep = Box::pin(handle.sleep(time.clamp(SHORTEST_NAP, LONGEST_NAP)));
        if sleep.as_mut().poll(cx).is_ready() {
            // A timer that is over when it is set must not keep the thread: others come first.
            cx.waker().wake_by_ref();
        }
        self.0 = Some(sleep);
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
