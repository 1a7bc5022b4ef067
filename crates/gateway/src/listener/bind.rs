//! Listeners, bound: what may be used how is checked before anything is.

use super::{Address, Listener, ServeError};
use crate::access::{Access, Peers};
use crate::rules::Hosts;
use crate::stream::Accepted;
use crate::table::{Door, Serves};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::task::{Context, Poll};

#[cfg(unix)]
mod own;
#[cfg(unix)]
mod unix;

#[cfg(unix)]
pub use own::OwnSocket;

/// A listener that is bound.
pub(crate) struct Bound {
    pub(crate) socket: Socket,
    pub(crate) door: Arc<Door>,
    /// Where that is: a port that the system chose is known here.
    pub(crate) address: Address,
}

/// What is accepted from.
pub(crate) enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(unix::UnixSocket),
}

/// The same on a runtime.
pub(crate) enum Accepting {
    Tcp(tokio::net::TcpListener),
    /// With the file that goes with it.
    #[cfg(unix)]
    Unix {
        listener: tokio::net::UnixListener,
        _file: unix::SocketFile,
    },
}

impl Socket {
    /// On the runtime that this is called on.
    pub(crate) fn accepting(self) -> io::Result<Accepting> {
        match self {
            Self::Tcp(listener) => tokio::net::TcpListener::from_std(listener).map(Accepting::Tcp),
            #[cfg(unix)]
            Self::Unix(unix::UnixSocket { listener, file }) => {
                let listener = tokio::net::UnixListener::from_std(listener)?;
                Ok(Accepting::Unix { listener, _file: file })
            }
        }
    }
}

impl Accepting {
    /// A connection that waits, for whatever runtime it is to be on.
    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        match self {
            Self::Tcp(listener) => listener.poll_accept(cx).map(|accepted| {
                let (stream, address) = accepted?;
                // An answer shall not wait for the acknowledgement of the one before.
                stream.set_nodelay(true)?;
                Ok(Accepted::Tcp(stream.into_std()?, address))
            }),
            #[cfg(unix)]
            Self::Unix { listener, .. } => {
                listener.poll_accept(cx).map(|accepted| Ok(Accepted::Unix(accepted?.0.into_std()?)))
            }
        }
    }
}

impl Listener {
    /// Binds it: `localhost` to the loopback addresses that there are.
    pub(crate) fn bind(&self) -> Result<Vec<Bound>, ServeError> {
        let access = self.checked_access()?;
        match &self.address {
            Address::Localhost(port) => {
                let first = self.tcp((Ipv4Addr::LOCALHOST, *port).into(), &access)?;
                let Address::Tcp(bound) = first.address else { return Ok(vec![first]) };
                // The same port, so that one URL is right for both. A machine without IPv6 has one of them.
                match self.tcp((Ipv6Addr::LOCALHOST, bound.port()).into(), &access) {
                    Ok(second) => Ok(vec![first, second]),
                    Err(ServeError::Io(..)) => Ok(vec![first]),
                    Err(error) => Err(error),
                }
            }
            Address::Tcp(address) => Ok(vec![self.tcp(*address, &access)?]),
            Address::Unix(path) => {
                #[cfg(unix)]
                {
                    let is_own = self.access.is_none();
                    let socket = unix::UnixSocket::bind(path, is_own)?;
                    let door = self.door(&self.address, access);
                    Ok(vec![Bound { socket: Socket::Unix(socket), door, address: self.address.clone() }])
                }
                #[cfg(not(unix))]
                {
                    let _ = path;
                    Err(ServeError::Unsupported(self.address.clone()))
                }
            }
        }
    }

    /// Who may use it; whether that suits the address.
    fn checked_access(&self) -> Result<Access, ServeError> {
        let address = || self.address.clone();
        match (&self.access, &self.address) {
            (None, Address::Unix(_)) => Ok(Access::Peers(Peers::own())),
            (None, _) if self.address.is_local() => Ok(Access::Anyone),
            (None, _) => Err(ServeError::Exposed(address())),
            (Some(Access::Keys(_)), _)
                if !self.address.is_local() && !self.plain_http && self.tls.is_none() =>
            {
                Err(ServeError::InClear(address()))
            }
            (Some(Access::Peers(_)), Address::Localhost(_) | Address::Tcp(_)) => {
                Err(ServeError::NoPeers(address()))
            }
            (Some(access), _) => Ok(access.clone()),
        }
    }

    fn tcp(&self, address: SocketAddr, access: &Access) -> Result<Bound, ServeError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => ServeError::InUse(Address::Tcp(address)),
            _ => ServeError::Io(Address::Tcp(address), error),
        };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let address = Address::Tcp(bound);
        let door = self.door(&address, access.clone());
        Ok(Bound { socket: Socket::Tcp(listener), door, address })
    }

    /// Whether it was bound as that one says, which is at the same address: what differs takes a restart. The mode of a Unix socket is
    /// that of when it was bound: for its own user, or for others as well.
    pub(crate) fn is_bound_as(&self, other: &Self) -> bool {
        let is_socket = matches!(self.address, Address::Unix(_));
        // Whoever calls it knows it by a scheme.
        self.tls.is_some() == other.tls.is_some()
            && (!is_socket || self.access.is_none() == other.access.is_none())
    }

    /// Who may use this address, one of those that were bound for it, which was this one's so far. Whether TLS is spoken there stays: whoever
    /// calls it knows it by a scheme.
    pub(crate) fn door_at(&self, bound: &Address, before: &Door) -> Result<Arc<Door>, ServeError> {
        let door = self.door(bound, self.checked_access()?);
        let tls = before.tls.as_ref().map(|before| self.tls.as_ref().unwrap_or(before).clone());
        Ok(Arc::new(Door { tls, ..Door::clone(&door) }))
    }

    fn door(&self, bound: &Address, access: Access) -> Arc<Door> {
        // A key is what a page that made a name point here has not; beyond loopback it cannot be told what the names are.
        let hosts = match (&access, bound) {
            (Access::Anyone, Address::Tcp(bound)) if self.address.is_local() => {
                Hosts::loopback(bound.port(), self.hosts.iter().map(String::as_str))
            }
            _ => Hosts::Any,
        };
        Arc::new(Door {
            serves: Serves::Routes,
            hosts,
            access,
            require_header: self.require_header.clone(),
            tls: self.tls.clone(),
        })
    }
}
