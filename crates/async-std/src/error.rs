//! How a call fails.

use crate::io::Bound;
use futures_rustls::rustls;
use std::fmt;
use std::io;
use std::time::Duration;

/// A call failed before its answer was read to the end. Its Display leaves the words of a cause to
/// [`source`](std::error::Error::source).
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
            Self::TooManyOpenFiles(_) => f.write_str(TOO_MANY_OPEN_FILES),
            Self::Tls(_) => f.write_str("the TLS handshake failed"),
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
            Self::Resolve(error)
            | Self::Connect(error)
            | Self::TooManyOpenFiles(error)
            | Self::Tls(error)
            | Self::Protocol(error)
            | Self::Closed(error) => Some(error),
            Self::Request(error) => Some(error),
            Self::Url | Self::Timeout(_) | Self::TooLong(_) => None,
        }
    }
}

/// Words for what the system says by a number.
pub(crate) const TOO_MANY_OPEN_FILES: &str = "too many files are open in this process, or on this machine, to make a connection: close \
     what is not used, or raise the limit (ulimit -n)";

/// How the system says that a process (EMFILE), or all of them together (ENFILE), may open no more.
#[cfg(unix)]
const LACKS: &[i32] = &[24, 23];
/// WSAEMFILE.
#[cfg(windows)]
const LACKS: &[i32] = &[10024];
#[cfg(not(any(unix, windows)))]
const LACKS: &[i32] = &[];

impl HttpError {
    /// As a body's error, from which it can be had again.
    pub(crate) fn into_io(self) -> io::Error {
        let kind = match &self {
            Self::Timeout(_) => io::ErrorKind::TimedOut,
            Self::Protocol(error) | Self::Closed(error) => error.kind(),
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, self)
    }

    /// Whether this error of the system is about what the machine lacks, and not about the host.
    pub(crate) fn is_lack(error: &io::Error) -> bool {
        error.raw_os_error().is_some_and(|code| LACKS.contains(&code))
    }

    /// An error of this kind, unless the machine lacked what it takes to find out.
    pub(crate) fn lacking(error: io::Error, otherwise: impl FnOnce(io::Error) -> Self) -> Self {
        if Self::is_lack(&error) { Self::TooManyOpenFiles(error) } else { otherwise(error) }
    }

    /// The system's error, if no socket can be had at this moment.
    pub(crate) fn lack_of_files() -> Option<io::Error> {
        let socket = std::net::UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0));
        socket.err().filter(Self::is_lack)
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
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<io::Error>());
        let inner = cause.and_then(io::Error::get_ref);
        // hyper's client has no name for a head that is too long, only words.
        let is_long = error.is_parse() && error.to_string().contains("too large");
        let bound = inner.and_then(|inner| inner.downcast_ref().copied());
        if let Some(bound) = bound.or_else(|| is_long.then_some(Bound::Head)) {
            return Self::Protocol(io::Error::new(io::ErrorKind::InvalidData, bound));
        }
        if inner.is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>) {
            return Self::Tls(io::Error::other(error));
        }
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
