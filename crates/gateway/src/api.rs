//! An API as all workers see it: how many requests it gets at once, and how it is connected to.

use crate::answer::{Problem, ProxyFailure, UpstreamFault};
use crate::counts::Gauge;
use crate::limits::Limits;
use crate::proxy::{Carrier, OnTheWay};
use crate::traffic::{Counted, Traffic};
use crate::upstream::Upstream;
use evergrant_http::proxy::Proxy;
use evergrant_http::{causes, is_resolving};
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::cell::Cell;
use std::error::Error;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service as _;

/// An API, for all workers.
pub(crate) struct Api {
    upstream: Upstream,
    uri: Uri,
    turns: Arc<Semaphore>,
    waiting: AtomicI64,
    handshakes: Semaphore,
    connect_time: Duration,
    connector: HttpConnector,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    proxy: Option<OnTheWay>,
}

/// A place among the requests that an API gets at once.
pub(crate) type Turn = OwnedSemaphorePermit;

/// A connection to an API, not used yet.
pub(crate) type Fresh = TokioIo<Counted<Wire>>;

/// With TLS or without.
pub(crate) enum Wire {
    Plain(Carrier),
    Tls(Box<TlsStream<Carrier>>),
}

impl Api {
    /// The API behind this URL, through this proxy. Their certificates are verified by these roots, or as the platform does.
    pub(crate) fn new(
        upstream: &Upstream,
        roots: Option<&Arc<RootCertStore>>,
        proxy: Option<&Proxy>,
        limits: &Limits,
    ) -> Result<Self, rustls::Error> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(limits.connect_time));
        let proxy = proxy.map(|proxy| OnTheWay::new(proxy, upstream, |host| tls(host, roots))).transpose()?;
        let tls = if upstream.is_tls() { Some(tls(upstream.host(), roots)?) } else { None };
        let scheme = if upstream.is_tls() { "https" } else { "http" };
        let uri = format!("{scheme}://{}:{}/", upstream.host(), upstream.port());
        Ok(Self {
            upstream: upstream.clone(),
            uri: uri.parse().map_err(|_| rustls::Error::General("the URL".into()))?,
            turns: Arc::new(Semaphore::new(limits.turns.min(Semaphore::MAX_PERMITS))),
            waiting: AtomicI64::new(0),
            handshakes: Semaphore::new(limits.handshakes.min(Semaphore::MAX_PERMITS)),
            connect_time: limits.connect_time,
            connector,
            tls,
            proxy,
        })
    }

    /// Where it is.
    pub(crate) const fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// How many wait for their turn.
    pub(crate) fn waiting(&self) -> i64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A turn, if there is one at once.
    pub(crate) fn try_turn(&self) -> Option<Turn> {
        Arc::clone(&self.turns).try_acquire_owned().ok()
    }

    /// A turn, in the order of those who ask, within this time.
    pub(crate) async fn turn(&self, patience: Duration) -> Option<Turn> {
        let _waits = Gauge::raise(&self.waiting);
        timeout(patience, Arc::clone(&self.turns).acquire_owned()).await.ok()?.ok()
    }

    /// The proxy that gets the requests themselves, and not a connection to the API.
    pub(crate) fn forwarder(&self) -> Option<&OnTheWay> {
        self.proxy.as_ref().filter(|proxy| proxy.forwards())
    }

    /// A new connection, or why there is none.
    pub(crate) async fn connect(&self, traffic: Rc<Traffic>) -> Result<Fresh, Problem> {
        let is_through = Cell::new(false);
        let connecting = async {
            let _one_of_few = self.handshakes.acquire().await;
            let carrier = self.carrier().await?;
            is_through.set(true);
            self.wire(carrier).await.map_err(Problem::unreachable)
        };
        let wire = timeout(self.connect_time, connecting).await;
        let wire = wire.map_err(|_| match &self.proxy {
            Some(proxy) if !is_through.get() => proxy.failed(ProxyFailure::Timeout).into(),
            _ => Problem::unreachable(UpstreamFault::ConnectTimeout),
        })??;
        Ok(TokioIo::new(Counted::new(wire, traffic)))
    }

    async fn carrier(&self) -> Result<Carrier, Problem> {
        let to = self.proxy.as_ref().map_or(&self.uri, OnTheWay::uri);
        let stream = self.connector.clone().call(to.clone()).await.map(TokioIo::into_inner);
        let Some(proxy) = &self.proxy else {
            return stream.map(Carrier::Tcp).map_err(|error| Problem::unreachable(fault(&error)));
        };
        let stream = stream.map_err(|error| proxy.failed(of_proxy(fault(&error))))?;
        Ok(proxy.through(stream, &self.upstream).await?)
    }

    async fn wire(&self, carrier: Carrier) -> Result<Wire, UpstreamFault> {
        let Some((tls, name)) = &self.tls else { return Ok(Wire::Plain(carrier)) };
        let stream = tls.connect(name.clone(), carrier).await.map_err(|error| tls_fault(&error))?;
        Ok(Wire::Tls(Box::new(stream)))
    }
}

fn tls(
    host: &str,
    roots: Option<&Arc<RootCertStore>>,
) -> Result<(TlsConnector, ServerName<'static>), rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = match roots {
        Some(roots) => config.with_root_certificates(Arc::clone(roots)),
        None => config.with_platform_verifier()?,
    };
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host).map_err(|_| rustls::Error::General("the host".into()))?;
    Ok((TlsConnector::from(Arc::new(config)), name))
}

/// Why a connection was not made.
fn fault(error: &(dyn Error + 'static)) -> UpstreamFault {
    let system = || causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    if error.to_string().contains("dns") || system().any(is_resolving) {
        return UpstreamFault::Dns;
    }
    match system().next().map(io::Error::kind) {
        Some(io::ErrorKind::TimedOut) => UpstreamFault::ConnectTimeout,
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => UpstreamFault::NoRoute,
        _ => UpstreamFault::Refused,
    }
}

/// The same of a connection to a proxy.
const fn of_proxy(fault: UpstreamFault) -> ProxyFailure {
    match fault {
        UpstreamFault::Dns => ProxyFailure::Dns,
        UpstreamFault::ConnectTimeout => ProxyFailure::Timeout,
        UpstreamFault::NoRoute => ProxyFailure::NoRoute,
        UpstreamFault::Tls => ProxyFailure::Tls,
        UpstreamFault::Refused => ProxyFailure::Refused,
    }
}

/// A handshake that breaks off is the network's; everything else is about certificates and versions.
fn tls_fault(error: &io::Error) -> UpstreamFault {
    match error.kind() {
        io::ErrorKind::TimedOut => UpstreamFault::ConnectTimeout,
        _ => UpstreamFault::Tls,
    }
}

macro_rules! either {
    ($wire:expr, $inner:ident => $done:expr) => {
        match $wire {
            Self::Plain($inner) => $done,
            Self::Tls($inner) => $done,
        }
    };
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(&mut *self, wire => Pin::new(wire).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Wire {
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
