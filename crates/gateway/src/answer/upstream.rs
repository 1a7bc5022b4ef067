//! Why the API cannot be reached.

use std::fmt;

/// Why there is no connection to the API.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum UpstreamFault {
    /// The API's host refused it.
    Refused,
    /// It was not there in time.
    ConnectTimeout,
    /// The name of the API's host was not resolved.
    Dns,
    /// The TLS handshake failed.
    Tls,
    /// The network has no way to the API's host.
    NoRoute,
    /// It does not speak HTTP/2, which the route wants.
    NoHttp2,
}

impl fmt::Display for UpstreamFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "the API's host refused the connection",
            Self::ConnectTimeout => "the API's host did not accept a connection in time",
            Self::Dns => "the name of the API's host could not be resolved",
            Self::Tls => "the TLS handshake with the API failed",
            Self::NoRoute => "the network has no route to the API's host",
            Self::NoHttp2 => "the API's host does not speak HTTP/2, which http2 of the route wants",
        })
    }
}

impl std::error::Error for UpstreamFault {}
