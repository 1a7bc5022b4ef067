//! A caller's connection, over TCP or a Unix socket.

use crate::access::PeerId;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

/// A connection that was accepted, on no runtime.
pub(crate) enum Accepted {
    Tcp(std::net::TcpStream, SocketAddr),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixStream),
}

/// A caller's connection.
pub(crate) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

macro_rules! either {
    ($stream:expr, $inner:ident => $done:expr) => {
        match $stream {
            Self::Tcp($inner) => $done,
            #[cfg(unix)]
            Self::Unix($inner) => $done,
        }
    };
}

impl Stream {
    /// Whom the system says is at the other end of a Unix socket.
    pub(crate) fn peer(&self) -> Option<PeerId> {
        match self {
            Self::Tcp(_) => None,
            #[cfg(unix)]
            Self::Unix(stream) => {
                let peer = stream.peer_cred().ok()?;
                Some(PeerId { uid: peer.uid(), gid: peer.gid() })
            }
        }
    }

    /// Whether the peer has closed it, whatever is unread.
    pub(crate) fn is_closed_by_peer(&self) -> bool {
        self.is_ready(Ready::is_read_closed)
    }

    /// Whether something came that is not read yet, as far as the system has told us.
    pub(crate) fn has_unread(&self) -> bool {
        self.is_ready(Ready::is_readable)
    }

    fn is_ready(&self, as_asked: impl FnOnce(Ready) -> bool) -> bool {
        let mut nobody = Context::from_waker(Waker::noop());
        let ready = either!(self, stream => pin!(stream.ready(Interest::READABLE)).poll(&mut nobody));
        matches!(ready, Poll::Ready(Ok(ready)) if as_asked(ready))
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_read(cx, buffer))
    }

    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    pub(crate) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => Pin::new(stream).poll_write_vectored(cx, pieces))
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
