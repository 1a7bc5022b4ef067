//! The async runtime that subcommands run on.

use crate::tell::failure::Failure;

/// A tokio runtime with timers and IO.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::system("the async runtime cannot be started", &error))
}
