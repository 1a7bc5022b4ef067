//! What may never end: a pipe that nobody writes, a terminal that nobody sits at.

use crate::tell::failure::Failure;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What this reads, or the failure that tells that it took longer. What still reads is left behind.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    read: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    over: impl FnOnce() -> Failure,
) -> Result<T, Failure> {
    let (sender, done) = mpsc::channel();
    // Nobody waits for it any more if sending fails.
    let read = move || drop(sender.send(read()));
    let reading = thread::Builder::new().name("reading".into()).spawn(read);
    reading.map_err(|error| Failure::system("a file cannot be read", &error))?;
    done.recv_timeout(limit).unwrap_or_else(|_| Err(over()))
}
