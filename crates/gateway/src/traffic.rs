//! What went over a connection to an API: whether a request can have arrived, and whether an answer had begun.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes over a connection, each way.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    written: Cell<u64>,
    read: Cell<u64>,
    /// Whether nothing more comes, or nothing more is written.
    is_half_closed: Cell<bool>,
    /// Who waits for something to be read.
    reader: RefCell<Option<Waker>>,
}

/// How far a connection was when a request began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    written: u64,
    read: u64,
}

impl Traffic {
    pub(crate) const fn mark(&self) -> Mark {
        Mark { written: self.written.get(), read: self.read.get() }
    }

    /// Wakes this task once, when the next byte comes.
    pub(crate) fn wake_at_read(&self, cx: &Context<'_>) {
        self.reader.replace(Some(cx.waker().clone()));
    }

    /// So many bytes came.
    fn came(&self, bytes: u64) {
        self.read.set(self.read.get() + bytes);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// How many bytes were handed to the system.
    pub(crate) const fn written_in_all(&self) -> u64 {
        self.written.get()
    }

    /// How many bytes came.
    pub(crate) const fn read_in_all(&self) -> u64 {
        self.read.get()
    }

    /// Whether one direction has ended.
    pub(crate) const fn is_half_closed(&self) -> bool {
        self.is_half_closed.get()
    }

    /// Whether a byte was handed to the system since: the API may have seen it.
    pub(crate) const fn has_written_since(&self, mark: Mark) -> bool {
        self.written.get() > mark.written
    }

    /// Whether a byte came since.
    pub(crate) const fn has_read_since(&self, mark: Mark) -> bool {
        self.read.get() > mark.read
    }
}

/// A connection whose bytes are counted.
pub(crate) struct Counted<S> {
    stream: S,
    traffic: Rc<Traffic>,
}

impl<S> Counted<S> {
    pub(crate) const fn new(stream: S, traffic: Rc<Traffic>) -> Self {
        Self { stream, traffic }
    }

    fn wrote(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = &written {
            self.traffic.written.set(self.traffic.written.get() + *count as u64);
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let came = buffer.filled().len() - before;
        if came > 0 {
            self.traffic.came(came as u64);
        } else if matches!(read, Poll::Ready(Ok(()))) && buffer.remaining() > 0 {
            self.traffic.is_half_closed.set(true);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.traffic.is_half_closed.set(true);
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
