//! tokio: where jobs run and how time passes.

use evergrant_core::{TransportError, TransportErrorKind};
use evergrant_drive::{Handle, Runtime};
use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// Whatever tokio runtime the caller is on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokio;

impl Runtime for Tokio {
    type Handle = Current;

    fn current(&self) -> Result<Current, TransportError> {
        let handle = tokio::runtime::Handle::try_current()
            .map_err(|error| TransportError::ours(TransportErrorKind::NoRuntime, &error.to_string()))?;
        // Whether a runtime has timers it does not say: where it has none, making one panics. Nothing is registered for it.
        match catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))) {
            Ok(()) => Ok(Current(handle)),
            Err(_) => Err(without("timers", "enable_time")),
        }
    }
}

/// A runtime was built without one of its parts.
fn without(what: &str, switch: &str) -> TransportError {
    let detail = format!("the tokio runtime has no {what}: build it with enable_all, or with {switch}");
    TransportError::ours(TransportErrorKind::NoRuntime, &detail)
}

/// Runs the job, at most so long where the runtime has timers; without them as long as it takes.
pub(crate) async fn within(limit: Duration, job: impl Future<Output = ()>) {
    let (mut job, handle) = (pin!(job), Tokio.current().ok());
    let mut over = pin!(handle.map(|handle| handle.sleep(limit)));
    poll_fn(|cx| {
        if job.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        over.as_mut().as_pin_mut().map_or(Poll::Pending, |over| over.poll(cx))
    })
    .await;
}

/// Runs what needs sockets: on a runtime without them, where it panics, it is an error that says so.
pub(crate) async fn with_sockets<T>(
    job: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    let mut job = pin!(job);
    poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| job.as_mut().poll(cx))).unwrap_or_else(|panic| {
            if !says(&*panic, "enable_io") {
                resume_unwind(panic);
            }
            Poll::Ready(Err(without("sockets", "enable_io")))
        })
    })
    .await
}

fn says(panic: &(dyn Any + Send), word: &str) -> bool {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    text.is_some_and(|text| text.contains(word))
}

#[derive(Debug)]
pub(crate) struct Current(tokio::runtime::Handle);

impl Handle for Current {
    type Sleep = tokio::time::Sleep;

    fn sleep(&self, time: Duration) -> Self::Sleep {
        let _entered = self.0.enter();
        tokio::time::sleep(time)
    }

    fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) {
        // Detached: the job's own guard reports on it, even if the runtime drops it.
        drop(self.0.spawn(job));
    }
}
