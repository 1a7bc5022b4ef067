//! An API as all workers see it: how many requests it gets at once, and how it is connected to.

use crate::answer::{Problem, ProxyFailure, UpstreamFault};
use crate::arriving::{Arrived, Spoken};
use crate::authority::without_brackets;
use crate::counts::Gauge;
use crate::limits::Limits;
use crate::proxy::{Carrier, OnTheWay};
use crate::settings::Route;
use crate::traffic::{Counted, Traffic};
use crate::upstream::Upstream;
use crate::wire::Wire;
use evergrant_drive::CertifiedKey;
use evergrant_http::{causes, client_certificate, is_resolving};
use http::Uri;
use http::uri::PathAndQuery;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::cell::Cell;
use std::error::Error;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
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
    proxy: Option<OnTheWay>,
}

/// A place among the requests that an API gets at once.
pub(crate) type Turn = OwnedSemaphorePermit;

/// A connection to an API, not used yet.
pub(crate) type Fresh = TokioIo<Counted<ToApi>>;

/// With TLS or without.
type ToApi = Wire<Carrier, TlsStream<Carrier>>;

impl Api {
    /// The API that a route leads to. Its certificate, and that of a proxy, are verified by the route's roots, or as the platform does.
    pub(crate) fn new(route: &Route, limits: &Limits) -> Result<Self, rustls::Error> {
        let (upstream, roots) = (&route.upstream, route.roots.as_ref());
        let speaks = route.speaks();
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(limits.connect_time));
        let to_proxy = |host: &str| tls(host, roots, Spoken::Http1);
        let proxy = route.proxy.as_ref();
        let proxy = proxy.map(|proxy| OnTheWay::new(proxy, upstream, speaks, to_proxy)).transpose()?;
        let tls = if upstream.is_tls() { Some(tls(upstream.host(), roots, speaks)?) } else { None };
        Ok(Self {
            upstream: upstream.clone(),
            roots: roots.map(Arc::clone),
            uri: upstream.uri(PathAndQuery::from_static("/")),
            turns: Arc::new(Semaphore::new(limits.turns.min(Semaphore::MAX_PERMITS))),
            waiting: AtomicI64::new(0),
            handshakes: Semaphore::new(limits.handshakes.min(Semaphore::MAX_PERMITS)),
            connect_time: limits.connect_time,
            connector,
            tls,
            speaks,
            proxy,
        })
    }

    /// Where it is.
    pub(crate) const fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Whether this route may use its connections.
    pub(crate) fn is_of(&self, route: &Route) -> bool {
        let is_verified_alike = match (&self.roots, &route.roots) {
            (None, None) => true,
            // Those of one file that was read twice are the same.
            (Some(known), Some(roots)) => Arc::ptr_eq(known, roots) || known.roots == roots.roots,
            _ => false,
        };
        let is_reached_alike =
            self.speaks == route.speaks() && self.proxy.as_ref().map(OnTheWay::proxy) == route.proxy.as_ref();
        is_verified_alike && is_reached_alike && self.upstream.origin() == route.upstream.origin()
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

    /// The proxy that gets the requests themselves, and not a connection to the API.
    pub(crate) fn forwarder(&self) -> Option<&OnTheWay> {
        self.proxy.as_ref().filter(|proxy| proxy.forwards())
    }

    /// TLS by which this API is shown this certificate if it asks for one; `None` where there is no TLS.
    pub(crate) fn showing(&self, certified: &CertifiedKey) -> Result<Option<TlsConnector>, Problem> {
        let Some((tls, _)) = &self.tls else { return Ok(None) };
        let provider = rustls::crypto::ring::default_provider();
        let shown = client_certificate(certified.certificates(), certified.key().1, &provider);
        let shown = shown.map_err(|_| Problem::unreachable(UpstreamFault::Tls))?;
        let mut config = ClientConfig::clone(tls.config());
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(shown));
        // A session that is resumed speaks for whoever began it.
        config.resumption = Resumption::default();
        Ok(Some(TlsConnector::from(Arc::new(config))))
    }

    /// A new connection, or why there is none. `shown`: TLS that shows a certificate.
    pub(crate) async fn connect(
        &self,
        traffic: Rc<Traffic>,
        shown: Option<&TlsConnector>,
    ) -> Result<Fresh, Problem> {
        let is_through = Cell::new(false);
        let connecting = async {
            let _one_of_few = self.handshakes.acquire().await;
            let carrier = self.carrier().await?;
            is_through.set(true);
            self.wire(carrier, shown).await.map_err(Problem::unreachable)
        };
        let wire = timeout(self.connect_time, connecting).await;
        let wire = wire.map_err(|_| match &self.proxy {
            Some(proxy) if !is_through.get() => proxy.failed(ProxyFailure::Timeout).into(),
            _ => Problem::unreachable(UpstreamFault::ConnectTimeout),
        })??;
        Ok(TokioIo::new(Counted::new(wire, traffic)))
    }

    /// How long one may take to be made.
    pub(crate) const fn connect_time(&self) -> Duration {
        self.connect_time
    }

    /// What a connection takes to be used, in the time that one has to be made.
    pub(crate) async fn in_time<T>(
        &self,
        job: impl Future<Output = Result<T, UpstreamFault>>,
    ) -> Result<T, UpstreamFault> {
        timeout(self.connect_time, job).await.unwrap_or(Err(UpstreamFault::ConnectTimeout))
    }

    async fn carrier(&self) -> Result<Carrier, Problem> {
        let to = self.proxy.as_ref().map_or(&self.uri, OnTheWay::uri);
        let stream = self.connector.clone().call(to.clone()).await.map(TokioIo::into_inner);
        let Some(proxy) = &self.proxy else {
            let stream = stream.map(|stream| Arrived::new(Wire::Plain(stream)));
            return stream.map_err(|error| Problem::unreachable(fault(&error)));
        };
        let stream = stream.map_err(|error| proxy.failed(of_proxy(fault(&error))))?;
        Ok(proxy.through(stream, &self.upstream).await?)
    }

    async fn wire(&self, carrier: Carrier, shown: Option<&TlsConnector>) -> Result<ToApi, UpstreamFault> {
        let Some((tls, name)) = &self.tls else { return Ok(Wire::Plain(carrier)) };
        let stream =
            shown.unwrap_or(tls).connect(name.clone(), carrier).await.map_err(|error| tls_fault(&error))?;
        // A server that knows nothing of ALPN speaks HTTP/1.1 (RFC 9113 §3.2).
        if self.speaks == Spoken::Http2 && stream.get_ref().1.alpn_protocol() != Some(self.speaks.alpn()) {
            return Err(UpstreamFault::NoHttp2);
        }
        Ok(Wire::Tls(Box::new(stream)))
    }
}

fn tls(
    host: &str,
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
    let host = without_brackets(host).to_owned();
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
        UpstreamFault::Closed => ProxyFailure::Closed,
        UpstreamFault::Refused | UpstreamFault::NoHttp2 => ProxyFailure::Refused,
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
