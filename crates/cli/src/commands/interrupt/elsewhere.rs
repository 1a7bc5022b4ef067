//! Where there are no signals but Ctrl-C.

use crate::tell::failure::Failure;
use std::future::pending;

/// Whether Ctrl-C is caught.
pub(super) struct Interrupts(bool);

impl Interrupts {
    /// From now on Ctrl-C ends the command only where `end` is called; without `wanted` all is as it was.
    pub(super) fn caught(wanted: bool) -> Result<Self, Failure> {
        Ok(Self(wanted))
    }

    /// The next one; without any, it waits for ever.
    pub(super) async fn next(self) {
        if !self.0 || tokio::signal::ctrl_c().await.is_err() {
            pending().await
        }
    }
}

pub(super) fn end((): ()) -> Failure {
    Failure::system("the command was interrupted", &"by Ctrl-C")
}
