//! The runtimes: where jobs run, how time passes, and how a connection is opened.

use crate::error::HttpError;
use evergrant_core::TransportError;
use evergrant_drive::{Handle, Runtime};
use futures_io::{AsyncRead, AsyncWrite};
use std::fmt::Debug;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::time::Duration;

/// A runtime over futures-io: [`AsyncStd`], or `Smol`.
pub trait Net: Runtime<Handle = Self> + Handle<Sleep = Timer> + Debug + Default + sealed::Sealed {
    /// A TCP connection.
    #[doc(hidden)]
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The addresses of a host, as the system's resolver has them.
    #[doc(hidden)]
    fn resolve(host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Connects to this address alone.
    #[doc(hidden)]
    fn connect_to(address: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// Completes once its time has passed.
pub type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

mod sealed {
    pub trait Sealed {}
}

/// Blocks until the system's resolver answers.
#[cfg(any(feature = "async-std", feature = "smol"))]
fn ask_the_resolver(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    match (host, port).to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        // A resolver that could open no file says that there is no such name.
        Err(error) => Err(HttpError::lack_of_files().unwrap_or(error)),
    }
}

/// async-std's executor, timers and sockets, which need no runtime around them.
#[cfg(feature = "async-std")]
#[derive(Clone, Copy, Debug, Default)]
pub struct AsyncStd;

#[cfg(feature = "async-std")]
impl sealed::Sealed for AsyncStd {}

#[cfg(feature = "async-std")]
impl Net for AsyncStd {
    type Stream = async_std::net::TcpStream;

    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let host = host.to_owned();
        async_std::task::spawn_blocking(move || ask_the_resolver(&host, port)).await
    }

    async fn connect_to(address: SocketAddr) -> io::Result<Self::Stream> {
        let stream = async_std::net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

#[cfg(feature = "async-std")]
impl Runtime for AsyncStd {
    type Handle = Self;

    fn current(&self) -> Result<Self, TransportError> {
        Ok(*self)
    }
}

#[cfg(feature = "async-std")]
impl Handle for AsyncStd {
    type Sleep = Timer;

    fn sleep(&self, time: Duration) -> Timer {
        Box::pin(async_std::task::sleep(time))
    }

    fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) {
        // Detached: the job's own guard reports on it.
        drop(async_std::task::spawn(job));
    }
}

/// smol's executor, timers and sockets, which need no runtime around them.
#[cfg(feature = "smol")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Smol;

#[cfg(feature = "smol")]
impl sealed::Sealed for Smol {}

#[cfg(feature = "smol")]
impl Net for Smol {
    type Stream = smol::net::TcpStream;

    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let host = host.to_owned();
        smol::unblock(move || ask_the_resolver(&host, port)).await
    }

    async fn connect_to(address: SocketAddr) -> io::Result<Self::Stream> {
        let stream = smol::net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

#[cfg(feature = "smol")]
impl Runtime for Smol {
    type Handle = Self;

    fn current(&self) -> Result<Self, TransportError> {
        Ok(*self)
    }
}

#[cfg(feature = "smol")]
impl Handle for Smol {
    type Sleep = Timer;

    fn sleep(&self, time: Duration) -> Timer {
        Box::pin(async move {
            smol::Timer::after(time).await;
        })
    }

    fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) {
        smol::spawn(job).detach();
    }
}

#[cfg(test)]
pub(crate) mod tests;
