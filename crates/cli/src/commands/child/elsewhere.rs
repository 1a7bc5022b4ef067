//! Systems without signals. A terminal's Ctrl-C reaches the program by itself there, and must not end us before it.

use crate::tell::failure::Failure;
use std::future::pending;
use std::process::{ExitCode, ExitStatus};
use tokio::process::Child;

/// The signals that are meant for the program: none that could be passed on.
pub(crate) struct Signals;

pub(crate) struct Caught;

impl Signals {
    /// From now on they no longer end this process.
    pub(crate) fn caught() -> Result<Self, Failure> {
        Ok(Self)
    }

    pub(super) async fn next(&mut self) -> Caught {
        if tokio::signal::ctrl_c().await.is_err() {
            pending::<()>().await;
        }
        Caught
    }
}

impl Caught {
    pub(super) fn pass_on(self, _: &Child) {}

    /// As on Unix, where 2 is the number of Ctrl-C.
    pub(super) fn exit_code(self) -> ExitCode {
        ExitCode::from(130)
    }
}

pub(super) fn exit_code(ended: ExitStatus) -> ExitCode {
    ExitCode::from(ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
}
