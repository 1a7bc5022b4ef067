//! Bytes with TLS or without, on the callers' side and on the APIs'.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection in clear, or one with TLS.
pub(crate) enum Wire<P, T> {
    Plain(P),
    Tls(Box<T>),
}

macro_rules! either {
    ($wire:expr, $inner:ident => $done:expr) => {
        match $wire {
            Self::Plain($inner) => $done,
            Self::Tls($inner) => $done,
        }
    };
}

impl<P: AsyncRead + Unpin, T: AsyncRead + Unpin> AsyncRead for Wire<P, T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(&mut *self, wire => Pin::new(wire).poll_read(cx, buffer))
    }
}

impl<P: AsyncWrite + Unpin, T: AsyncWrite + Unpin> AsyncWrite for Wire<P, T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(&mut *self, wire => Pin::new(wire).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(&mut *self, wire => Pin::new(wire).poll_write_vectored(cx, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        either!(self, wire => wire.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut *self, wire => Pin::new(wire).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut *self, wire => Pin::new(wire).poll_shutdown(cx))
    }
}
