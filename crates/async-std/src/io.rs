//! futures-io's reads and writes, as hyper wants them and within bounds.

use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::{Read, ReadBufCursor, Write};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use zeroize::Zeroize as _;

/// How many reads in a row may bring something before the task yields: 256 KiB, a whole token response.
const READS: u8 = 32;

/// How long the head of an answer may be, and how much is read ahead of its body.
pub(crate) const MAX_HEAD: usize = 256 * 1024;

/// How many header lines it may have: no server is known to send so many, and room is made for all of them with each head.
pub(crate) const MAX_HEADERS: usize = 1000;

/// How much may come before the end of the head: hyper skips interim answers (1xx) without end.
const MAX_BEFORE_BODY: usize = 2 * MAX_HEAD;

/// What an answer has too much of before its body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bound {
    Head,
    Interim,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => {
                write!(f, "its head is longer than {} KiB or {MAX_HEADERS} header lines", MAX_HEAD / 1024)
            }
            Self::Interim => {
                write!(
                    f,
                    "{} KiB of interim responses (1xx) came, and no final response",
                    MAX_BEFORE_BODY / 1024
                )
            }
        }
    }
}

impl std::error::Error for Bound {}

/// How many bytes may still come before the head of an answer is complete. A stream counts, and its connection says when.
#[derive(Clone)]
pub(crate) struct Allowance(Arc<AtomicUsize>);

impl Allowance {
    /// Without a bound.
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(usize::MAX)))
    }

    /// A request leaves, and its answer is awaited.
    pub(crate) fn begin(&self) {
        self.0.store(MAX_BEFORE_BODY, Ordering::Relaxed);
    }

    /// Its head is here.
    pub(crate) fn lift(&self) {
        self.0.store(usize::MAX, Ordering::Relaxed);
    }

    fn left(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn spend(&self, bytes: usize) {
        // One task at a time moves a connection.
        if self.left() != usize::MAX {
            self.0.store(self.left().saturating_sub(bytes), Ordering::Relaxed);
        }
    }
}

/// A stream on which a long row of reads yields.
///
/// TLS and hyper read on as long as something comes, and these runtimes interrupt nobody. A server that sends without end
/// would have the thread for ever, and no timeout would be noticed. TLS reads what it does not hand on, so this is below it.
pub(crate) struct Fair<S> {
    stream: S,
    reads: u8,
}

impl<S> Fair<S> {
    pub(crate) const fn new(stream: S) -> Self {
        Self { stream, reads: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Fair<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.reads == READS {
            self.reads = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.reads = if read.is_pending() { 0 } else { self.reads + 1 };
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Fair<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

/// A stream of futures-io in hyper's terms.
pub(crate) struct Io<S> {
    stream: S,
    allowance: Allowance,
}

impl<S> Io<S> {
    pub(crate) const fn new(stream: S, allowance: Allowance) -> Self {
        Self { stream, allowance }
    }
}

impl<S: AsyncRead + Unpin> Read for Io<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.allowance.left() == 0 {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, Bound::Interim)));
        }
        // By way of a piece of our own: filling the cursor in place would need `unsafe`.
        let mut piece = [0; 8192];
        let room = piece.len().min(buffer.remaining());
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut piece[..room]))?;
        self.allowance.spend(read);
        buffer.put_slice(&piece[..read]);
        // It may be a token response.
        piece[..read].zeroize();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Write for Io<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    /// hyper hands a body over as it is then, and leaves no copy of it in a buffer of its own.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

#[cfg(test)]
mod tests;
