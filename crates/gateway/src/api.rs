//! An API as all workers see it: how many requests it gets at once, and how it is connected to.

use crate::answer::UpstreamFault;
use crate::arriving::Spoken;
use crate::counts::Gauge;
use crate::limits::Limits;
use crate::traffic::{Counted, Traffic};
use crate::upstream::Upstream;
use crate::wire::Wire;
use evergrant_http::{causes, is_resolving};
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::error::Error;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service as _;

/// An API, for all workers.
pub(crate) struct Api {
    upstream: Upstream,
    /// What its certificate is verified by; `None`: as the platform does.
    roots: Option<Arc<RootCertStore>>,
    uri: Uri,
    turns: Arc<Semaphore>,
    waiting: AtomicI64,
    handshakes: Semaphore,
    connect_time: Duration,
    connector: HttpConnector,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    speaks: Spoken,
}

/// A place among the requests that an API gets at once.
pub(crate) type Turn = OwnedSemaphorePermit;

/// A connection to an API, not used yet.
pub(crate) type Fresh = TokioIo<Counted<ToApi>>;

/// With TLS or without.
type ToApi = Wire<TcpStream, TlsStream<TcpStream>>;

impl Api {
    /// The API behind this URL, which speaks this. Its certificate is verified by these roots, or as the platform does.
    pub(crate) fn new(
        upstream: &Upstream,
        roots: Option<&Arc<RootCertStore>>,
        speaks: Spoken,
        limits: &Limits,
    ) -> Result<Self, rustls::Error> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(limits.connect_time));
        let tls = if upstream.is_tls() { Some(tls(upstream, roots, speaks)?) } else { None };
        let scheme = if upstream.is_tls() { "https" } else { "http" };
        let uri = format!("{scheme}://{}:{}/", upstream.host(), upstream.port());
        Ok(Self {
            upstream: upstream.clone(),
            roots: roots.map(Arc::clone),
            uri: uri.parse().map_err(|_| rustls::Error::General("the URL".into()))?,
            turns: Arc::new(Semaphore::new(limits.turns.min(Semaphore::MAX_PERMITS))),
            waiting: AtomicI64::new(0),
            handshakes: Semaphore::new(limits.handshakes.min(Semaphore::MAX_PERMITS)),
            connect_time: limits.connect_time,
            connector,
            tls,
            speaks,
        })
    }

    /// Where it is.
    pub(crate) const fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Whether a route that leads there, with these roots, may use its connections.
    pub(crate) fn is_of(
        &self,
        upstream: &Upstream,
        roots: Option<&Arc<RootCertStore>>,
        speaks: Spoken,
    ) -> bool {
        let is_verified_alike = match (&self.roots, roots) {
            (None, None) => true,
            // Those of one file that was read twice are the same.
            (Some(known), Some(roots)) => Arc::ptr_eq(known, roots) || known.roots == roots.roots,
            _ => false,
        };
        is_verified_alike && self.speaks == speaks && self.upstream.origin() == upstream.origin()
    }

    /// What it speaks.
    pub(crate) const fn speaks(&self) -> Spoken {
        self.speaks
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

    /// A new connection.
    pub(crate) async fn connect(&self, traffic: Rc<Traffic>) -> Result<Fresh, UpstreamFault> {
        let connecting = async {
            let _one_of_few = self.handshakes.acquire().await;
            self.wire().await
        };
        let wire = timeout(self.connect_time, connecting).await;
        let wire = wire.map_err(|_| UpstreamFault::ConnectTimeout)??;
        Ok(TokioIo::new(Counted::new(wire, traffic)))
    }

    async fn wire(&self) -> Result<ToApi, UpstreamFault> {
        let stream = self.connector.clone().call(self.uri.clone()).await;
        let stream = stream.map_err(|error| fault(&error))?.into_inner();
        let Some((tls, name)) = &self.tls else { return Ok(Wire::Plain(stream)) };
        let stream = tls.connect(name.clone(), stream).await.map_err(|error| tls_fault(&error))?;
        // A server that knows nothing of ALPN speaks HTTP/1.1 (RFC 9113 §3.2).
        if self.speaks == Spoken::Http2 && stream.get_ref().1.alpn_protocol() != Some(self.speaks.alpn()) {
            return Err(UpstreamFault::NoHttp2);
        }
        Ok(Wire::Tls(Box::new(stream)))
    }
}

fn tls(
    upstream: &Upstream,
    roots: Option<&Arc<RootCertStore>>,
    speaks: Spoken,
) -> Result<(TlsConnector, ServerName<'static>), rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = match roots {
        Some(roots) => config.with_root_certificates(Arc::clone(roots)),
        None => config.with_platform_verifier()?,
    };
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![speaks.alpn().to_vec()];
    let host = upstream.host().trim_start_matches('[').trim_end_matches(']').to_owned();
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

/// A handshake that breaks off is the network's; everything else is about certificates and versions.
fn tls_fault(error: &io::Error) -> UpstreamFault {
    use rustls::{AlertDescription, Error as Tls};
    let tls = error.get_ref().and_then(|error| error.downcast_ref::<Tls>());
    match (error.kind(), tls) {
        (io::ErrorKind::TimedOut, _) => UpstreamFault::ConnectTimeout,
        // HTTP/1.1 is refused by nobody.
        (_, Some(Tls::AlertReceived(AlertDescription::NoApplicationProtocol))) => UpstreamFault::NoHttp2,
        _ => UpstreamFault::Tls,
    }
}
