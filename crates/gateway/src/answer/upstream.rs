//! Why the API cannot be reached.

use http::StatusCode;
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
    /// It accepted the connection, and closed it before a request could be sent.
    Closed,
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
            Self::Closed => "the API's host closed the connection before it took a request",
        })
    }
}

impl std::error::Error for UpstreamFault {}

/// What a proxy on the way to the API did not do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ProxyFailure {
    /// The proxy's host refused the connection.
    Refused,
    /// There was no connection through it in time.
    Timeout,
    /// The proxy's name was not resolved.
    Dns,
    /// The network has no way to the proxy.
    NoRoute,
    /// The TLS handshake with the proxy failed.
    Tls,
    /// It answered CONNECT with a status that is no success.
    Answered(StatusCode),
    /// It closed the connection before it answered.
    Closed,
    /// Its answer is not HTTP/1.1.
    Unreadable,
    /// It takes nothing from this gateway: its user and password are missing or wrong.
    Unauthorized,
    /// A SOCKS proxy opened no connection, and does not say why.
    Socks,
    /// What answers is no SOCKS proxy.
    NoSocks,
    /// A SOCKS proxy does not let the API's host through.
    Denied,
    /// A SOCKS proxy does not reach the API's host.
    ApiUnreachable,
    /// The API's host refused the connection of a SOCKS proxy.
    ApiRefused,
    /// A SOCKS proxy does not connect to such an address.
    KindOfAddress,
    /// The API's name was not resolved, which this proxy leaves to us.
    NameOfApi,
}

/// As it stands behind the proxy's name.
impl fmt::Display for ProxyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "cannot be reached: connection refused",
            Self::Timeout => "cannot be reached: there was no connection through it in time (connect_time)",
            Self::Dns => "cannot be resolved: no address was found for its name",
            Self::NoRoute => "cannot be reached: the network has no route to its host",
            Self::Tls => "failed the TLS handshake: check that it speaks TLS, and its certificate",
            Self::Answered(status) => return write!(f, "answered CONNECT with http {}", status.as_u16()),
            Self::Closed => "closed the connection before it answered CONNECT",
            Self::Unreadable => "did not answer CONNECT with HTTP/1.1",
            Self::Unauthorized => "refused this gateway: its user and password are missing or wrong",
            Self::Socks => "opened no connection to the API, and does not say why: check whether it lets the API's host through",
            Self::NoSocks => "does not speak SOCKS: check its scheme, and its port",
            Self::Denied => "does not let the API's host through",
            Self::ApiUnreachable => "cannot reach the API's host: it has no route to it, or does not know its name",
            Self::ApiRefused => "opened no connection to the API: the API's host refused it",
            Self::KindOfAddress => "does not connect to such an address as that of the API's host: use socks5h",
            Self::NameOfApi => "needs the address of the API's host, which could not be resolved here: use socks5h or socks4a",
        })
    }
}

impl std::error::Error for ProxyFailure {}
