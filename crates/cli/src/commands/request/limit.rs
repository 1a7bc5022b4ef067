//! `--max-time`: the command ends when its time is over, whatever hangs.

use crate::commands::deadline::{self, GRACE};
use crate::tell::failure::Failure;
use std::future::pending;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    time: Duration,
    end: Instant,
}

impl Limit {
    /// What can be awaited ends at the limit by itself, and cleans up within the grace. What blocks its thread, such as a
    /// pipe at whose other end is nobody, is left behind; where nothing can be told either, the process ends.
    pub(super) fn from_now(time: Duration) -> Self {
        deadline::end_process_after(time);
        Self { time, end: Instant::now() + time }
    }

    pub(super) fn left(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// What the job comes to, or that it took too long. Whatever fails when the time is over fails for that reason.
    pub(super) fn bound(
        self,
        job: impl FnOnce() -> Result<(), Failure> + Send + 'static,
    ) -> Result<(), Failure> {
        let cannot = |error: &dyn std::fmt::Display| Failure::system("the call cannot be started", error);
        let (sender, done) = mpsc::channel();
        // Nobody waits for it any more if sending fails.
        let job = move || drop(sender.send(job()));
        thread::Builder::new().name("call".into()).spawn(job).map_err(|error| cannot(&error))?;
        match done.recv_timeout(self.left() + GRACE) {
            Ok(Err(_)) if self.left().is_zero() => Err(self.failure()),
            Ok(done) => done,
            Err(RecvTimeoutError::Timeout) => Err(self.failure()),
            Err(error @ RecvTimeoutError::Disconnected) => Err(cannot(&error)),
        }
    }

    fn failure(self) -> Failure {
        let happened = format!("the call took longer than --max-time {:?}", self.time);
        let at_fault = "the API, the connection to it, or a pipe that the command reads or writes";
        Failure::api(4, happened, at_fault, "try again, or allow more time")
    }
}

/// Waits for the end of the limit; without one, for ever.
pub(super) async fn over(limit: Option<Limit>) -> Failure {
    match limit {
        Some(limit) => {
            tokio::time::sleep_until(limit.end.into()).await;
            limit.failure()
        }
        None => pending().await,
    }
}
