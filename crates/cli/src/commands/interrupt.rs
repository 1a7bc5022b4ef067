//! Signals that end the command, while there is something to clean up.

use crate::commands::child::is_ignored;
use crate::tell::failure::Failure;
use crate::tell::stderr;
use evergrant_drive::CommandSource;
use signal_hook::low_level::emulate_default_handler;
use std::future::{pending, poll_fn};
use std::io;
use std::task::Poll;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot::{Receiver, channel};

/// What ends a process that does not care: Ctrl-C and its like, a hangup, and what `kill` and `timeout` send.
const ENDING: [SignalKind; 7] = [
    SignalKind::interrupt(),
    SignalKind::terminate(),
    SignalKind::hangup(),
    SignalKind::quit(),
    SignalKind::alarm(),
    SignalKind::user_defined1(),
    SignalKind::user_defined2(),
];

/// How long cleaning up may take. It cannot begin while a thread is blocked, such as by a stdout that nobody reads.
const GRACE: Duration = Duration::from_millis(250);

/// The first of them, once it has arrived.
pub(super) struct Interrupts(Option<Receiver<SignalKind>>);

impl Interrupts {
    /// From now on they end the command after it has cleaned up; without `wanted` all is as it was.
    pub(super) fn caught(wanted: bool) -> Result<Self, Failure> {
        if !wanted {
            return Ok(Self(None));
        }
        // What is ignored, as under nohup, stays ignored.
        let kinds = ENDING.into_iter().filter(|kind| !is_ignored(kind.as_raw_value()));
        let listening = kinds.map(|kind| Ok((kind, signal(kind)?))).collect::<io::Result<Vec<_>>>();
        let listening = listening.map_err(|error| Failure::system("signals cannot be caught", &error))?;
        let (sender, receiver) = channel();
        tokio::spawn(async move {
            let kind = first(listening).await;
            let _ending = sender.send(kind);
            tokio::time::sleep(GRACE).await;
            let _ended = end(kind);
        });
        Ok(Self(Some(receiver)))
    }

    /// Without any, it waits for ever.
    pub(super) async fn next(self) -> SignalKind {
        match self.0 {
            Some(receiver) => match receiver.await {
                Ok(kind) => kind,
                Err(_) => pending().await,
            },
            None => pending().await,
        }
    }
}

async fn first(mut listening: Vec<(SignalKind, Signal)>) -> SignalKind {
    poll_fn(|context| {
        for (kind, signal) in &mut listening {
            if signal.poll_recv(context).is_ready() {
                return Poll::Ready(*kind);
            }
        }
        Poll::Pending
    })
    .await
}

/// Ends the process by this signal, as if it had not been caught: a shell sees why it ended.
pub(super) fn end(kind: SignalKind) -> Failure {
    // Nothing that waits to be written outlives the process, and a reader that takes nothing does not hold it up for long.
    stderr::end();
    // Nor does a program that prints a secret.
    CommandSource::end_all();
    match emulate_default_handler(kind.as_raw_value()) {
        Ok(()) => Failure::system("the command was interrupted", &"by a signal"),
        Err(error) => Failure::system("the command was interrupted", &error),
    }
}
