//! futures-io's reads and writes, as hyper wants them.

use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::{Read, ReadBufCursor, Write};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use zeroize::Zeroize as _;

/// How many reads in a row may bring something before the task yields: 256 KiB, a whole token response.
const READS: u8 = 32;

/// A stream of futures-io in hyper's terms.
///
/// hyper reads on as long as something comes, and these runtimes interrupt nobody. A server that sends without end would
/// have the thread for ever, and no timeout would be noticed: so a long row of reads yields.
pub(crate) struct Io<S> {
    stream: S,
    reads: u8,
}

impl<S> Io<S> {
    pub(crate) const fn new(stream: S) -> Self {
        Self { stream, reads: 0 }
    }
}

impl<S: AsyncRead + Unpin> Read for Io<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.reads == READS {
            self.reads = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        // By way of a piece of our own: filling the cursor in place would need `unsafe`.
        let mut piece = [0; 8192];
        let room = piece.len().min(buffer.remaining());
        match Pin::new(&mut self.stream).poll_read(cx, &mut piece[..room])? {
            Poll::Ready(read) => {
                self.reads += 1;
                buffer.put_slice(&piece[..read]);
                // It may be a token response.
                piece[..read].zeroize();
                Poll::Ready(Ok(()))
            }
            Poll::Pending => {
                self.reads = 0;
                Poll::Pending
            }
        }
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
