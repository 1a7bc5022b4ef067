//! Signals that a gateway obeys.

use crate::commands::child::is_ignored;
use crate::commands::interrupt;
use crate::tell::failure::Failure;
use std::future::poll_fn;
use std::io;
use std::task::Poll;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What somebody wants.
pub(in crate::commands) enum Wish {
    /// Secrets are to be read again (SIGHUP).
    Again,
    /// It is to end.
    End(End),
}

/// How it is to end.
pub(in crate::commands) struct End(SignalKind);

impl End {
    /// Whether it is told by a service manager, which sends others elsewhere meanwhile, and not by Ctrl-C.
    pub(in crate::commands) fn has_grace(&self) -> bool {
        self.0 == SignalKind::terminate()
    }

    /// Ends the process by this signal, as if it had not been caught.
    pub(in crate::commands) fn at_once(self) -> Failure {
        interrupt::end(self.0)
    }
}

/// Those that were caught.
pub(in crate::commands) struct Signals(Vec<(SignalKind, Signal)>);

impl Signals {
    /// From now on they no longer end this process.
    pub(in crate::commands) fn caught() -> Result<Self, Failure> {
        let wanted = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
        // What is ignored, as under nohup, stays ignored.
        let kinds = wanted.into_iter().filter(|kind| !is_ignored(kind.as_raw_value()));
        let caught = kinds.map(|kind| Ok((kind, signal(kind)?))).collect::<io::Result<_>>();
        caught.map(Self).map_err(|error| Failure::system("signals cannot be caught", &error))
    }

    pub(in crate::commands) async fn next(&mut self) -> Wish {
        let kind = poll_fn(|context| {
            let mut caught = self.0.iter_mut();
            match caught.find_map(|(kind, signal)| signal.poll_recv(context).is_ready().then_some(*kind)) {
                Some(kind) => Poll::Ready(kind),
                None => Poll::Pending,
            }
        });
        match kind.await {
            kind if kind == SignalKind::hangup() => Wish::Again,
            kind => Wish::End(End(kind)),
        }
    }
}
