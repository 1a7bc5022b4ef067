//! What an adapter implements: where jobs run, how time passes, and how a request is sent.

use crate::identity::CertifiedKey;
use evergrant_core::{ConfigError, Endpoint, Excerpt, Request, Response, TransportError};
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
///
/// A request says where it goes ([`Request::endpoint`]) and by which [method](Request::method): of a server that is discovered, one for its
/// metadata comes first, and the token endpoint that the metadata names may have another origin, with another proxy on the way or none.
pub trait Transport: Send + Sync + 'static {
    /// Sends the request and reads the whole answer.
    fn send(&self, request: Request) -> impl Future<Output = Result<Response, TransportError>> + Send;

    /// The error of a request to this endpoint that timed out before its full response arrived. A transport that knows more about the path
    /// of its requests, such as a proxy, says so.
    fn timed_out(&self, endpoint: &Endpoint, error: TransportError) -> TransportError {
        let _ = endpoint;
        error
    }

    /// The same transport built anew, whose connections show this certificate (RFC 8705). It shares no connection and no TLS session with this
    /// one: a resumed session speaks for the certificate that it began with. Called on a thread of its own, where it may block.
    ///
    /// # Errors
    /// [`ConfigError::KeyMismatch`] where certificate and key do not belong together, as far as that can be told;
    /// [`ConfigError::KeyFormat`] for a key that its TLS library cannot use; and by default, since a transport need not speak TLS.
    fn with_identity(&self, identity: &CertifiedKey) -> Result<Self, ConfigError>
    where
        Self: Sized,
    {
        let _ = identity;
        Err(no_identity())
    }
}

/// The same for threads.
pub trait BlockingTransport: Send + Sync + 'static {
    /// Sends the request and reads the whole answer, all of it within `limit`.
    ///
    /// # Errors
    /// No complete response came within `limit`; the error says why.
    fn send(&self, request: Request, limit: Duration) -> Result<Response, TransportError>;

    /// The same transport built anew, whose connections show this certificate: as [`Transport::with_identity`].
    ///
    /// # Errors
    /// As [`Transport::with_identity`].
    fn with_identity(&self, identity: &CertifiedKey) -> Result<Self, ConfigError>
    where
        Self: Sized,
    {
        let _ = identity;
        Err(no_identity())
    }
}

fn no_identity() -> ConfigError {
    let reason = "this transport cannot show a client certificate, use one that speaks TLS";
    ConfigError::HttpClient { reason: Excerpt::new(reason, &[]).unwrap_or_default() }
}
