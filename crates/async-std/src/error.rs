//! How a call fails.

use evergrant_http::{causes, tls_error};
use futures_rustls::rustls;
use std::fmt;
use std::io;
use std::time::Duration;

/// A call failed before its answer was read to the end. Its Display leaves the words of a cause to
/// [`source`](std::error::Error::source), but for [`Tls`](Self::Tls): what rustls says of a certificate is the name of a Rust type,
/// and this says what it means.
#[derive(Debug)]
#[non_exhaustive]
pub enum HttpError {
    /// The URL is no absolute http or https URL.
    Url,
    /// The request could not be built: its URL, or a header, is none.
    Request(http::Error),
    /// The host's name cannot be resolved.
    Resolve(io::Error),
    /// No connection.
    Connect(io::Error),
    /// TLS failed.
    Tls(io::Error),
    /// The client's timeout has passed.
    Timeout(Duration),
    /// What came is not HTTP.
    Protocol(io::Error),
    /// The connection was closed or reset.
    Closed(io::Error),
    /// The body is longer than this.
    TooLong(usize),
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url => f.write_str("the URL is not an absolute http or https URL"),
            Self::Request(_) => f.write_str("the request could not be built"),
            Self::Resolve(_) => f.write_str("the host name cannot be resolved"),
            Self::Connect(_) => f.write_str("no connection could be made"),
            Self::Tls(error) => match tls_error(error) {
                Some(known) => known.fmt(f),
                None => write!(f, "the TLS handshake failed ({error})"),
            },
            Self::Timeout(time) => write!(f, "timed out after {time:?}, before the full response arrived"),
            Self::Protocol(_) => f.write_str("the answer is not valid HTTP"),
            Self::Closed(_) => f.write_str("the connection was closed before the full response arrived"),
            Self::TooLong(limit) => write!(f, "the body is longer than {limit} bytes"),
        }
    }
}

impl std::error::Error for HttpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Resolve(error) | Self::Connect(error) | Self::Protocol(error) | Self::Closed(error) => {
                Some(error)
            }
            Self::Request(error) => Some(error),
            Self::Tls(_) | Self::Url | Self::Timeout(_) | Self::TooLong(_) => None,
        }
    }
}

impl HttpError {
    pub(crate) const fn tls(&self) -> Option<&io::Error> {
        match self {
            Self::Tls(error) => Some(error),
            _ => None,
        }
    }
}

/// While a body is read.
impl From<io::Error> for HttpError {
    fn from(error: io::Error) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(error) => return error,
            Err(error) => error,
        };
        match error.downcast::<hyper::Error>() {
            Ok(error) => error.into(),
            Err(error) => Self::Closed(error),
        }
    }
}

impl From<hyper::Error> for HttpError {
    fn from(error: hyper::Error) -> Self {
        // Also where the connection ended before the request was on it: then hyper says that it was cancelled because of that.
        if causes(&error).any(<dyn std::error::Error>::is::<rustls::Error>) {
            return Self::Tls(io::Error::other(error));
        }
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<io::Error>());
        // What is wrong with the framing of a body is an io::Error to hyper.
        let misframed = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput)
        };
        if error.is_parse() || cause.is_some_and(misframed) {
            Self::Protocol(io::Error::other(error))
        } else {
            Self::Closed(io::Error::other(error))
        }
    }
}
