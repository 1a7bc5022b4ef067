//! What a caller speaks, which its first bytes say: they are read once, and then again by whoever understands them.

use crate::watched::Watched;
use crate::wire::Wire;
use bytes::Bytes;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

/// What every HTTP/2 connection begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How much is read at once: most often the whole head of a first request.
const FIRST: usize = 1024;

/// What is spoken over a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spoken {
    Http1,
    Http2,
}

impl Spoken {
    /// What it is called in a TLS handshake (RFC 7301; RFC 9113 §3.2).
    pub(crate) const fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }
}

/// A caller's bytes, in clear.
pub(crate) type FromCaller = Arrived<Wire<Watched, TlsStream<Watched>>>;

/// A connection of which the beginning may have been read before.
pub(crate) struct Arrived<S> {
    seen: Bytes,
    stream: S,
}

impl<S: AsyncRead + Unpin> Arrived<S> {
    /// Waits until it is known what is spoken over this connection. One that ends before is left to whoever reads HTTP/1.1.
    pub(crate) async fn look(mut stream: S) -> io::Result<(Self, Spoken)> {
        let mut seen = Vec::with_capacity(FIRST);
        let spoken = loop {
            let begins_alike = seen.iter().zip(PREFACE).all(|(one, other)| one == other);
            match seen.len() {
                _ if !begins_alike => break Spoken::Http1,
                length if length >= PREFACE.len() => break Spoken::Http2,
                _ if pin!(stream.read_buf(&mut seen)).await? == 0 => break Spoken::Http1,
                _ => {}
            }
        };
        Ok((Self { seen: seen.into(), stream }, spoken))
    }
}

impl<S> Arrived<S> {
    /// A connection of which nothing was read.
    pub(crate) const fn new(stream: S) -> Self {
        Self { seen: Bytes::new(), stream }
    }

    /// A connection of which this was read already.
    pub(crate) const fn after(seen: Bytes, stream: S) -> Self {
        Self { seen, stream }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Arrived<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.seen.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let length = self.seen.len().min(buffer.remaining());
        let now = self.seen.split_to(length);
        buffer.put_slice(&now);
        if self.seen.is_empty() {
            // Else its memory would be kept for as long as the connection.
            self.seen = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Arrived<S> {
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

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
