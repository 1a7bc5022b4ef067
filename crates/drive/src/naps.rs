//! How long anybody sleeps between two looks at the clock.

use crate::observer::Report;
use crate::runtime::Handle;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// No sleep is longer: a suspend, or a step of a clock, is noticed within that time.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// No sleep is shorter: a timer that fires before its time (a paused test clock) must not make us spin.
pub(crate) const SHORTEST: Duration = Duration::from_millis(1);

/// `time`, within the bounds of a nap.
pub(crate) fn bounded(time: Duration) -> Duration {
    time.clamp(SHORTEST, LONGEST)
}

/// A task's timer, set anew at every poll. It never completes: it wakes the task, which asks the machine.
pub(crate) struct Nap<S>(Option<Pin<Box<S>>>);

impl<S> Default for Nap<S> {
    fn default() -> Self {
        Self(None)
    }
}

/// What a nap ends with: it has no value.
pub(crate) enum Never {}

impl<S: Future<Output = ()>> Nap<S> {
    pub(crate) fn poll<H: Handle<Sleep = S>>(
        &mut self,
        handle: &H,
        time: Duration,
        cx: &mut Context<'_>,
    ) -> Poll<Never> {
        let mut sleep = Box::pin(handle.sleep(bounded(time)));
        if sleep.as_mut().poll(cx).is_ready() {
            // A timer that has fired already when it is set must not keep the thread: others come first.
            cx.waker().wake_by_ref();
        }
        self.0 = Some(sleep);
        Poll::Pending
    }
}

/// What somebody does next who keeps tokens fresh, one or many.
#[derive(Debug)]
pub(crate) enum Kept {
    /// A request was launched, and left this report.
    Sent(Report),
    /// Nothing, for at most that long, or until woken.
    Wait(Duration),
    /// There is nothing left to keep.
    Ended,
}
