//! What an adapter implements: where jobs run, how time passes, and how a request is sent.

use evergrant_core::{Request, Response, TransportError};
use std::time::Duration;

/// An async runtime, as a value that finds the one it is called on: a source may outlive any of them.
pub trait Runtime: Clone + Send + Sync + 'static {
    /// The runtime it was called on.
    type Handle: Handle;

    /// The runtime the caller is on.
    ///
    /// # Errors
    /// There is none: nothing can be spawned, and nobody can sleep.
    fn current(&self) -> Result<Self::Handle, TransportError>;
}

/// A running async runtime.
pub trait Handle: Send + Sync + 'static {
    /// Completes once the time has passed.
    type Sleep: Future<Output = ()> + Send;

    /// A timer of this length, from now.
    fn sleep(&self, time: Duration) -> Self::Sleep;

    /// Runs the job in the background, or drops it if the runtime is being shut down.
    fn spawn(&self, job: impl Future<Output = ()> + Send + 'static);
}

/// Sends a token request without following redirects, retrying, caching or keeping cookies, and reads at most
/// [`Response::MAX_BODY`] + 1 bytes of the answer's body, or none unless [`Response::needs_body`]. Dropping the future
/// gives the request up.
pub trait Transport: Send + Sync + 'static {
    /// Sends the request and reads the whole answer.
    fn send(&self, request: Request) -> impl Future<Output = Result<Response, TransportError>> + Send;

    /// The error of a request that timed out before its full response arrived. A transport that knows more about the path of
    /// its requests, such as a proxy, says so.
    fn timed_out(&self, error: TransportError) -> TransportError {
        error
    }
}

/// The same for threads.
pub trait BlockingTransport: Send + Sync + 'static {
    /// Sends the request and reads the whole answer, all of it within `limit`.
    ///
    /// # Errors
    /// No complete response came within `limit`; the error says why.
    fn send(&self, request: Request, limit: Duration) -> Result<Response, TransportError>;
}
