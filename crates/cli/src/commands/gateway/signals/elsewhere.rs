//! Where there are no signals but Ctrl-C.

use crate::commands::interrupt;
use crate::tell::failure::Failure;
use std::future::pending;

/// What somebody wants.
pub(super) enum Wish {
    /// Secrets are to be read again: nothing here says so.
    #[expect(dead_code, reason = "there is no SIGHUP")]
    Again,
    /// It is to end.
    End(End),
}

/// How it is to end.
pub(super) struct End;

impl End {
    /// Ctrl-C has none.
    pub(super) const fn has_grace(&self) -> bool {
        false
    }

    pub(super) fn at_once(self) -> Failure {
        interrupt::end(())
    }
}

pub(super) struct Signals;

impl Signals {
    pub(super) fn caught() -> Result<Self, Failure> {
        Ok(Self)
    }

    pub(super) async fn next(&mut self) -> Wish {
        if tokio::signal::ctrl_c().await.is_err() {
            pending::<()>().await;
        }
        Wish::End(End)
    }
}
