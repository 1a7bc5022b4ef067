//! Where callers reach the gateway, and who may.

use crate::access::Access;
use crate::identity::Identity;
use crate::route::RoutePath;
use http::HeaderName;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) mod bind;

/// How long nobody is let in when the system has no room for another connection.
pub(crate) const NO_ROOM: Duration = Duration::from_millis(100);

/// Where a gateway listens.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Address {
    /// 127.0.0.1, and ::1 if there is one, on this port: `localhost:8484`.
    Localhost(u16),
    /// An IP address and a port: `127.0.0.1:8484`, `[::1]:8484`, `0.0.0.0:8484`.
    Tcp(SocketAddr),
    /// A Unix socket: `unix:/run/evergrant/api.sock`.
    Unix(PathBuf),
}

/// Why a text is no address to listen at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddressError(());

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// It is neither `localhost:PORT`, an IP address with a port, nor `unix:PATH`.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(AddressError(())) } else { Ok(Self::Unix(path.into())) };
        }
        if let Some(port) = text.strip_prefix("localhost:") {
            return port.parse().map(Self::Localhost).map_err(|_| AddressError(()));
        }
        text.parse().map(Self::Tcp).map_err(|_| AddressError(()))
    }

    /// Whether only programs of this machine can reach it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Localhost(_) | Self::Unix(_) => true,
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Localhost(port) => write!(f, "localhost:{port}"),
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address to listen at is localhost:PORT, an IP address with a port, or unix:PATH")
    }
}

impl std::error::Error for AddressError {}

/// An address with who may use it.
#[derive(Clone, Debug)]
#[must_use]
pub struct Listener {
    pub(crate) address: Address,
    /// `None`: what suits the address.
    pub(crate) access: Option<Access>,
    pub(crate) hosts: Vec<String>,
    pub(crate) require_header: Option<HeaderName>,
    pub(crate) plain_http: bool,
    pub(crate) tls: Option<Identity>,
}

impl Listener {
    /// A listener with what suits its address: the own user of a Unix socket, everyone on this machine at a loopback address. Any other
    /// address needs an [`access`](Self::access).
    pub const fn new(address: Address) -> Self {
        Self { address, access: None, hosts: Vec::new(), require_header: None, plain_http: false, tls: None }
    }

    /// Who may use it. [`Access::Anyone`] beyond this machine lets everybody act as the client who can reach the address.
    pub fn access(mut self, access: Access) -> Self {
        self.access = Some(access);
        self
    }

    /// Other hosts that it answers to on loopback without a key, written `name` or `name:port`. Default none: a loopback literal or
    /// `localhost`, with its port.
    pub fn hosts<'a>(mut self, hosts: impl IntoIterator<Item = &'a str>) -> Self {
        self.hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// A header field that each request must have, such as `X-Evergrant`: a program that is tricked into calling us can rarely add one.
    pub fn require_header(mut self, name: HeaderName) -> Self {
        self.require_header = Some(name);
        self
    }

    /// Whether keys may be sent in clear beyond this machine: where the network encrypts, as in a mesh. Default false.
    pub fn plain_http(mut self, plain_http: bool) -> Self {
        self.plain_http = plain_http;
        self
    }

    /// TLS with this certificate; over it HTTP/2 as well as HTTP/1.1, as the caller wants (RFC 7301). Default: in clear.
    pub fn tls(mut self, identity: Identity) -> Self {
        self.tls = Some(identity);
        self
    }

    /// Where it listens.
    pub const fn address(&self) -> &Address {
        &self.address
    }
}

/// Why a gateway does not listen.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The address can be reached from other machines, and nobody said who may use it.
    Exposed(Address),
    /// Keys would be sent in clear beyond this machine.
    InClear(Address),
    /// Another process listens there.
    InUse(Address),
    /// Others may write to the folder of the Unix socket.
    Folder(PathBuf),
    /// At the path of the Unix socket is something else than a socket.
    NoSocket(PathBuf),
    /// Peers are known of Unix sockets alone.
    NoPeers(Address),
    /// The system does not let us.
    Io(Address, io::Error),
    /// A thread or a runtime cannot be started.
    Start(io::Error),
    /// A Unix socket, on a system that has none.
    Unsupported(Address),
    /// Tokens would be given to whoever is not known, or is elsewhere.
    Issue(Address),
    /// The path of two routes.
    Twice(RoutePath),
    /// The certificates of this machine cannot be read, which the API's are verified by.
    Roots(String),
    /// The gateway is ending, and is given no other routes.
    Ending,
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exposed(address) => write!(
                f,
                "{address} can be reached from other machines, where whoever calls would act as the client: say who may use it"
            ),
            Self::InClear(address) => {
                write!(
                    f,
                    "keys would be sent to {address} in clear: put TLS in front, or say that the network encrypts"
                )
            }
            Self::InUse(address) => write!(f, "another process listens at {address}: choose another address"),
            Self::Folder(path) => write!(
                f,
                "others may write to the folder of {}, or to one above it, and could put a socket of their own there: choose another folder, such as one below it that is made by the gateway's own user with mode 0755",
                path.display()
            ),
            Self::NoSocket(path) => {
                write!(f, "{} exists and is no socket: choose another path", path.display())
            }
            Self::NoPeers(address) => {
                write!(f, "who calls {address} is not known by user: use a Unix socket, or keys")
            }
            Self::Io(address, error) => write!(f, "cannot listen at {address}: {error}"),
            Self::Start(error) => write!(f, "the system gives no room to serve: {error}"),
            Self::Unsupported(address) => write!(f, "this system has no Unix sockets for {address}"),
            Self::Issue(address) => write!(
                f,
                "at {address} programs that nobody knows, or on other machines, could get tokens: for issue use unix:PATH, or a loopback address with keys"
            ),
            Self::Twice(path) => write!(f, "two routes have the path {path}: each path leads to one"),
            Self::Roots(error) => {
                write!(f, "the certificates that the API's is verified by cannot be used: {error}")
            }
            Self::Ending => f.write_str("the gateway is shutting down, and is given no other routes"),
        }
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) | Self::Start(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
