//! A Unix socket that is read without a word: one connection, one answer.

use super::super::ServeError;
use super::unix::{SocketFile, UnixSocket};
use crate::access::{Access, PeerId, Peers};
use http::HeaderMap;
use std::fmt;
use std::io;
use std::path::Path;
use tokio::net::{UnixListener, UnixStream};

/// A Unix socket for this user and root: mode 0600, in a folder where nobody else can put another one in its place; and whoever
/// connects is asked for by the system. Its file goes with it.
///
/// What connects may be systemd, which reads a credential from a socket at the start of a unit (`LoadCredential=`).
pub struct OwnSocket {
    listener: UnixListener,
    access: Access,
    _file: SocketFile,
}

impl OwnSocket {
    /// Binds it. A socket that nobody listens at any more is replaced.
    ///
    /// # Errors
    /// Others may write to its folder, something else is at the path, another process listens there, or the system does not let us.
    ///
    /// # Panics
    /// Outside of a tokio runtime with IO.
    pub fn bind(path: &Path) -> Result<Self, ServeError> {
        let UnixSocket { listener, file } = UnixSocket::bind(path, true)?;
        let listener = UnixListener::from_std(listener).map_err(ServeError::Start)?;
        Ok(Self { listener, access: access(), _file: file })
    }

    /// The next connection; or who else has connected, whose connection is closed.
    ///
    /// # Errors
    /// The system has no room for another connection at the moment, or that one has gone.
    ///
    /// # Cancel safety
    /// Dropping the future loses no connection.
    pub async fn accept(&self) -> io::Result<Result<UnixStream, PeerId>> {
        let (stream, _) = self.listener.accept().await?;
        let peer = stream.peer_cred()?;
        let peer = PeerId { uid: peer.uid(), gid: peer.gid() };
        let admitted = self.access.admit(&HeaderMap::new(), Some(peer));
        Ok(admitted.map(|_| stream).map_err(|_| peer))
    }
}

/// This user, and root, who can read everything that is his anyway.
fn access() -> Access {
    Access::Peers(Peers::own().with_uid(0))
}

impl fmt::Debug for OwnSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnSocket").field("listener", &self.listener).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
