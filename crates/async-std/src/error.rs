//! How a call fails.

use crate::io::Bound;
use evergrant_core::ConfigError;
use evergrant_http::proxy::ProxyError;
use evergrant_http::{TOO_MANY_OPEN_FILES, causes, is_out_of_files, tls_error};
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
    /// This process, or this machine, has as many files open as it may, and a connection is one more.
    TooManyOpenFiles(io::Error),
    /// The proxy on the way could not be reached, or refused the tunnel.
    Proxy(ProxyError),
    /// The setting of the proxy cannot be read, or names one that cannot be used: nothing was sent.
    Config(ConfigError),
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
            Self::Proxy(_) => f.write_str("the proxy did not open a connection"),
            Self::Config(_) => f.write_str("the proxy cannot be used"),
            Self::TooManyOpenFiles(_) => f.write_str(TOO_MANY_OPEN_FILES),
            Self::Tls(error) => match tls_error(error) {
                Some(known) => known.fmt(f),
                None => write!(f, "the TLS handshake failed ({error})"),
            },
            Self::Timeout(time) => write!(f, "timed out after {time:?}, before the full response arrived"),
            Self::Protocol(_) => f.write_str("the response is not valid HTTP"),
            Self::Closed(_) => f.write_str("the connection was closed before the full response arrived"),
            Self::TooLong(limit) => write!(f, "the body is longer than {limit} bytes"),
        }
    }
}

impl std::error::Error for HttpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Resolve(error)
            | Self::Connect(error)
            | Self::TooManyOpenFiles(error)
            | Self::Protocol(error)
            | Self::Closed(error) => Some(error),
            Self::Request(error) => Some(error),
            Self::Proxy(error) => Some(error),
            Self::Config(error) => Some(error),
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

    /// As a body's error, from which it can be had again.
    pub(crate) fn into_io(self) -> io::Error {
        let kind = match &self {
            Self::Timeout(_) => io::ErrorKind::TimedOut,
            Self::Protocol(error) | Self::Closed(error) => error.kind(),
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, self)
    }

    /// An error of this kind, unless the machine lacked what it takes to find out.
    pub(crate) fn lacking(error: io::Error, otherwise: impl FnOnce(io::Error) -> Self) -> Self {
        if is_out_of_files(&error) { Self::TooManyOpenFiles(error) } else { otherwise(error) }
    }

    /// The system's error, if no socket can be had at this moment.
    pub(crate) fn lack_of_files() -> Option<io::Error> {
        let socket = std::net::UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0));
        socket.err().filter(is_out_of_files)
    }
}

impl From<ProxyError> for HttpError {
    fn from(error: ProxyError) -> Self {
        Self::Proxy(error)
    }
}

impl From<ConfigError> for HttpError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
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
        // hyper's client has no name for a head that is too long, only words.
        let is_long = error.is_parse() && error.to_string().contains("too large");
        let bound = causes(&error).find_map(|cause| cause.downcast_ref().copied());
        if let Some(bound) = bound.or_else(|| is_long.then_some(Bound::Head)) {
            return Self::Protocol(io::Error::new(io::ErrorKind::InvalidData, bound));
        }
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
