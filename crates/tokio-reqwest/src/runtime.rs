//! tokio: where jobs run and how time passes.

use evergrant_core::{TransportError, TransportErrorKind};
use evergrant_drive::{Handle, Runtime};
use std::time::Duration;

/// Whatever tokio runtime the caller is on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokio;

impl Runtime for Tokio {
    type Handle = Current;

    fn current(&self) -> Result<Current, TransportError> {
        tokio::runtime::Handle::try_current()
            .map(Current)
            .map_err(|error| TransportError::ours(TransportErrorKind::NoRuntime, &error.to_string()))
    }
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
