//! One command to a store, under way: a future of the engine's, or a thread on which it blocks.

use super::{Engine, StoreFuture};
use crate::contained::contained;
use crate::sync::{Mutex, MutexGuard, thread};
use evergrant_core::fleet::{Name, Operation, Reply, StoreError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How many threads may stand in commands to one store at once: of one that hangs each probe leaves one behind.
const THREADS: usize = 256;

/// One command, until its reply is there. Dropping it gives it up.
pub(crate) struct Command {
    under: Under,
    limit: Duration,
}

enum Under {
    Future(StoreFuture),
    Thread(Arc<Slot>),
    Failed(StoreError),
}

/// Where a thread puts the reply, and who waits for it.
#[derive(Default)]
struct Slot(Mutex<Progress>);

#[derive(Default)]
struct Progress {
    reply: Option<Result<Reply, StoreError>>,
    waker: Option<Waker>,
}

impl Slot {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, reply: Result<Reply, StoreError>) {
        let waker = {
            let mut progress = self.progress();
            progress.reply = Some(reply);
            progress.waker.take()
        };
        if let Some(waker) = waker {
            contained(|| waker.wake());
        }
    }
}

impl Command {
    /// It may take this long.
    pub(super) fn begin(engine: &Engine, name: Name, operation: Operation, limit: Duration) -> Self {
        Self { under: Under::begin(engine, name, operation, limit), limit }
    }

    /// How long it may take.
    pub(crate) const fn limit(&self) -> Duration {
        self.limit
    }

    /// Its reply, once it is there; until then whoever waits is woken when it is. What is foreign may panic.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reply, StoreError>> {
        self.under.poll(cx)
    }
}

impl Under {
    fn begin(engine: &Engine, name: Name, operation: Operation, limit: Duration) -> Self {
        match engine {
            Engine::Tasks(store) => match catch_unwind(AssertUnwindSafe(|| store.run(name, operation))) {
                Ok(future) => Self::Future(future),
                Err(payload) => Self::Failed(panicked(payload)),
            },
            Engine::Threads(store, count) => {
                let (store, slot) = (Arc::clone(store), Arc::new(Slot::default()));
                let place = Arc::clone(&slot);
                let Some(under_way) = UnderWay::begin(count) else {
                    return Self::Failed(StoreError::refused("too many of its commands have not returned"));
                };
                let run = move || {
                    let reply = catch_unwind(AssertUnwindSafe(|| store.run(&name, &operation, limit)));
                    place.finish(reply.unwrap_or_else(|payload| Err(panicked(payload))));
                    // What is the user's is dropped on this thread, too.
                    contained(|| drop(store));
                    drop(under_way);
                };
                match thread::Builder::new().name("evergrant-store".into()).spawn(run) {
                    Ok(_) => Self::Thread(slot),
                    Err(error) => Self::Failed(StoreError::refused(&format!(
                        "the system could not start a thread ({error})"
                    ))),
                }
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reply, StoreError>> {
        match self {
            Self::Future(future) => catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)))
                .unwrap_or_else(|payload| Poll::Ready(Err(panicked(payload)))),
            Self::Thread(slot) => {
                let waker = cx.waker().clone();
                let mut progress = slot.progress();
                if let Some(reply) = progress.reply.take() {
                    return Poll::Ready(reply);
                }
                let before = progress.waker.replace(waker);
                drop(progress);
                contained(|| drop(before));
                Poll::Pending
            }
            Self::Failed(error) => Poll::Ready(Err(error.clone())),
        }
    }
}

/// A future is foreign: its Drop may panic.
impl Drop for Command {
    fn drop(&mut self) {
        let under = std::mem::replace(&mut self.under, Under::Failed(StoreError::TimedOut));
        contained(|| drop(under));
    }
}

/// One of the threads that may stand in commands.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn begin(count: &Arc<AtomicUsize>) -> Option<Self> {
        let more = |count| (count < THREADS).then_some(count + 1);
        let begun = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        begun.ok().map(|_| Self(Arc::clone(count)))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn panicked(payload: Box<dyn std::any::Any + Send>) -> StoreError {
    // What it panicked with is foreign too.
    contained(|| drop(payload));
    StoreError::refused("its engine panicked, see what the panic says")
}

#[cfg(test)]
mod tests;
