//! How a token request is sent: over a ureq agent of its own, never the user's.

use crate::route::Route;
use evergrant_core::{ConfigError, Endpoint, Request, Response, TransportError, TransportErrorKind};
use evergrant_drive::{BlockingTransport, CertifiedKey};
use evergrant_http::proxy::ProxyVariables;
use evergrant_http::{
    Collector, TlsSupport, is_resolving, open_files_error, require_tls, tls_text_error, to_http,
};
use http::Method;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;
use ureq::config::{AutoHeaderValue, Config, ConfigBuilder};
#[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};
use ureq::typestate::AgentScope;
use ureq::{AsSendBody, RequestExt as _};

/// Whose certificates are trusted where the agent has none of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Roots {
    /// The platform's.
    Platform,
    /// Mozilla's, of which the program has a copy.
    #[cfg(feature = "bundled-roots")]
    Bundled,
}

/// What agents for token requests are made of, and the proxy they go through. Clones share both.
#[derive(Clone, Debug)]
pub(crate) struct Ureq {
    agents: Arc<Agents>,
    way: Way,
}

/// The proxy on the way of a request.
#[derive(Clone, Debug)]
enum Way {
    /// To a token endpoint that is known.
    Known(Arc<Route>),
    /// To endpoints that are found out: it is looked for with each, in these variables.
    Found(Option<ProxyVariables>),
}

impl Ureq {
    /// Fails for an https endpoint that these agents cannot ask.
    pub(crate) fn new(agents: &Arc<Agents>, route: Route, endpoint: &Endpoint) -> Result<Self, ConfigError> {
        agents.can_ask(endpoint)?;
        Ok(Self { agents: Arc::clone(agents), way: Way::Known(Arc::new(route)) })
    }

    /// The same for endpoints that are found out, of which this is the first.
    pub(crate) fn found(
        agents: &Arc<Agents>,
        variables: Option<ProxyVariables>,
        first: &Endpoint,
    ) -> Result<Self, ConfigError> {
        let found = Self { agents: Arc::clone(agents), way: Way::Found(variables) };
        drop(found.route(first)?);
        Ok(found)
    }

    fn route(&self, endpoint: &Endpoint) -> Result<Arc<Route>, ConfigError> {
        match &self.way {
            Way::Known(route) => Ok(Arc::clone(route)),
            Way::Found(variables) => {
                self.agents.can_ask(endpoint)?;
                Ok(Arc::new(Route::new(self.agents.proxy(), endpoint, variables.as_ref())?))
            }
        }
    }
}

/// What agents for token requests are made of.
#[derive(Debug)]
pub(crate) struct Agents {
    config: Config,
    #[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
    tls: TlsConfig,
}

impl Agents {
    /// Sets what must hold on the user's builder: no redirect is followed, an answer of any status is an answer, nothing
    /// packed is asked for, and a loopback literal never goes through a proxy. That TLS is verified is set on each request.
    pub(crate) fn new(builder: ConfigBuilder<AgentScope>, roots: Roots) -> Self {
        let builder = builder
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .accept(AutoHeaderValue::None)
            .accept_encoding(AutoHeaderValue::None)
            .max_idle_connections(0);
        let config = builder.build();
        #[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
        return Self { tls: secured(config.tls_config(), roots), config };
        #[cfg(not(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls")))]
        {
            // Without TLS nobody's are asked.
            let _ = roots;
            Self { config }
        }
    }

    /// The proxy of the user's builder, which ureq fills from the environment unless it is set.
    pub(crate) fn proxy(&self) -> Option<&ureq::Proxy> {
        self.config.proxy()
    }

    /// The same whose connections show this certificate. Each has TLS sessions of its own.
    #[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
    fn with_identity(&self, identity: &CertifiedKey) -> Result<Self, ConfigError> {
        #[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
        if let (TlsProvider::Rustls, Some(crypto)) = (self.tls.provider(), crypto(&self.tls)) {
            check(identity, &crypto)?;
        }
        if self.tls.provider() == TlsProvider::NativeTls
            && identity.key().0 != evergrant_drive::KeyEncoding::Pkcs8
        {
            return Err(evergrant_http::pkcs8_error());
        }
        Ok(Self { config: self.config.clone(), tls: showing(&self.tls, Some(shown(identity)?)) })
    }

    #[cfg(not(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls")))]
    fn with_identity(&self, _: &CertifiedKey) -> Result<Self, ConfigError> {
        let missing = TlsSupport::Absent.missing().unwrap_or_default();
        let reason = evergrant_core::Excerpt::new(missing, &[]).unwrap_or_default();
        Err(ConfigError::HttpClient { reason })
    }

    #[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
    fn can_ask(&self, endpoint: &Endpoint) -> Result<(), ConfigError> {
        require_tls(endpoint, support(&self.tls))?;
        if endpoint.origin().scheme() == "https" { has_roots(&self.tls) } else { Ok(()) }
    }

    #[cfg(not(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls")))]
    fn can_ask(&self, endpoint: &Endpoint) -> Result<(), ConfigError> {
        require_tls(endpoint, TlsSupport::Absent)
    }
}

impl BlockingTransport for Ureq {
    fn send(&self, request: Request, limit: Duration) -> Result<Response, TransportError> {
        let route = self.route(request.endpoint()).map_err(|error| unsent(&error))?;
        let (parts, body) = to_http(request)?.into_parts();
        if parts.method == Method::GET {
            // With a body, however short, its length would be said.
            return self.exchange(http::Request::from_parts(parts, ()), &route, limit);
        }
        self.exchange(http::Request::from_parts(parts, body.expose()), &route, limit)
    }

    fn with_identity(&self, identity: &CertifiedKey) -> Result<Self, ConfigError> {
        let agents = Arc::new(self.agents.with_identity(identity)?);
        Ok(Self { agents, way: self.way.clone() })
    }
}

impl Ureq {
    fn exchange(
        &self,
        outgoing: http::Request<impl AsSendBody>,
        route: &Route,
        limit: Duration,
    ) -> Result<Response, TransportError> {
        // An agent of its own for each request: no connection is kept, and no cookie either.
        let agent = self.agents.config.new_agent();
        let outgoing = outgoing.with_agent(&agent).configure().timeout_global(Some(limit));
        let outgoing = outgoing.proxy(route.0.as_ref().map(|(proxy, _)| proxy.clone()));
        #[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
        let outgoing = outgoing.tls_config(self.agents.tls.clone());
        // What this machine lacks is nobody else's fault.
        let failed = |error| {
            let failed = classify(&error);
            let blamed =
                if open_files_error(&error).is_some() { None } else { route.blame(&error, failed.kind()) };
            match (blamed, failed.kind()) {
                (Some(blamed), _) => blamed,
                (None, TransportErrorKind::NoFile) => failed,
                (None, _) => route.passed(failed),
            }
        };
        let answer = with_threads(|| outgoing.run())?.map_err(failed)?;
        let mut collector = Collector::new(answer.status(), answer.headers());
        let read = collector.read(answer.into_body().into_reader());
        read.map_err(|error| route.passed(classify(&ureq::Error::from(error))))?;
        Ok(collector.finish())
    }
}

/// What comes of it where the system has threads. ureq resolves a name on a thread of its own, and panics if there is none.
fn with_threads<T>(run: impl FnOnce() -> T) -> Result<T, TransportError> {
    catch_unwind(AssertUnwindSafe(run)).or_else(|payload| match payload.downcast_ref::<String>() {
        // The words of std::thread::spawn.
        Some(words) if words.starts_with("failed to spawn thread") => {
            Err(TransportError::new(TransportErrorKind::NoThread, words, &[]))
        }
        _ => resume_unwind(payload),
    })
}

/// What is wrong with the settings for an endpoint that was not known when they were checked.
fn unsent(error: &ConfigError) -> TransportError {
    let kind = match error {
        ConfigError::Proxy { .. } => TransportErrorKind::Proxy,
        _ => TransportErrorKind::Tls,
    };
    TransportError::new(kind, &error.to_string(), &[])
}

/// A client certificate as ureq has it.
#[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
fn shown(identity: &CertifiedKey) -> Result<ClientCert, ConfigError> {
    let chain: Vec<_> = identity.certificates().map(|der| Certificate::from_der(der).to_owned()).collect();
    // Its kind cannot be named here: PEM names it.
    let key = PrivateKey::from_pem(identity.key_pem().expose().as_bytes());
    let key = key.map_err(|error| ConfigError::HttpClient {
        reason: evergrant_core::Excerpt::new(&error.to_string(), &[]).unwrap_or_default(),
    })?;
    Ok(ClientCert::new_with_certs(&chain, key))
}

/// Whether a certificate and its key belong together, as far as rustls can tell: ureq finds out with the first connection.
#[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
fn check(identity: &CertifiedKey, crypto: &rustls::crypto::CryptoProvider) -> Result<(), ConfigError> {
    match evergrant_http::client_certificate(identity.certificates(), identity.key().1, crypto) {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(evergrant_http::identity_error(&error).unwrap_or_else(|| ConfigError::HttpClient {
                reason: evergrant_core::Excerpt::new(&error.to_string(), &[]).unwrap_or_default(),
            }))
        }
    }
}

/// The same with verification on, by a library that is there (ureq takes rustls unless it is told otherwise), and with these
/// roots where the agent has none of its own.
#[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
fn secured(tls: &TlsConfig, roots: Roots) -> TlsConfig {
    let has_rustls = cfg!(any(feature = "rustls", feature = "rustls-no-provider"));
    let provider = if has_rustls { tls.provider() } else { TlsProvider::NativeTls };
    let roots = match tls.root_certs() {
        RootCerts::WebPki if roots == Roots::Platform => RootCerts::PlatformVerifier,
        chosen => chosen.clone(),
    };
    configured(tls, provider, roots, tls.client_cert().cloned())
}

/// The same showing this certificate.
#[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
fn showing(tls: &TlsConfig, client_cert: Option<ClientCert>) -> TlsConfig {
    configured(tls, tls.provider(), tls.root_certs().clone(), client_cert)
}

#[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
fn configured(
    tls: &TlsConfig,
    provider: TlsProvider,
    roots: RootCerts,
    client_cert: Option<ClientCert>,
) -> TlsConfig {
    let builder = TlsConfig::builder()
        .provider(provider)
        .client_cert(client_cert)
        .root_certs(roots)
        .use_sni(tls.use_sni());
    #[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
    let builder = match tls.unversioned_rustls_crypto_provider() {
        Some(provider) => builder.unversioned_rustls_crypto_provider(provider.clone()),
        None => builder,
    };
    builder.build()
}

/// The provider that ureq would take: the agent's, the one that the program installed, or ring.
#[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
fn crypto(tls: &TlsConfig) -> Option<Arc<rustls::crypto::CryptoProvider>> {
    let installed = rustls::crypto::CryptoProvider::get_default();
    let chosen = tls.unversioned_rustls_crypto_provider().clone().or_else(|| installed.cloned());
    #[cfg(feature = "rustls")]
    let chosen = chosen.or_else(|| Some(Arc::new(rustls::crypto::ring::default_provider())));
    chosen
}

/// Whether ureq, which would panic, has a provider.
#[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
fn support(tls: &TlsConfig) -> TlsSupport {
    match tls.provider() {
        TlsProvider::Rustls if crypto(tls).is_none() => TlsSupport::NoProvider,
        _ => TlsSupport::Ready,
    }
}

#[cfg(all(feature = "native-tls", not(any(feature = "rustls", feature = "rustls-no-provider"))))]
const fn support(_: &TlsConfig) -> TlsSupport {
    TlsSupport::Ready
}

/// Whether the platform's certificates can be read, as rustls will read them.
#[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
fn has_roots(tls: &TlsConfig) -> Result<(), ConfigError> {
    let (TlsProvider::Rustls, RootCerts::PlatformVerifier) = (tls.provider(), tls.root_certs()) else {
        return Ok(());
    };
    let Some(crypto) = crypto(tls) else { return Ok(()) };
    let verifier = rustls_platform_verifier::Verifier::new(crypto);
    verifier.map(drop).map_err(|error| {
        let known = evergrant_http::tls_error(&error);
        let reason = known.and_then(|known| known.detail().cloned()).unwrap_or_default();
        ConfigError::HttpClient { reason }
    })
}

#[cfg(all(feature = "native-tls", not(any(feature = "rustls", feature = "rustls-no-provider"))))]
#[expect(clippy::unnecessary_wraps, reason = "rustls's can fail")]
const fn has_roots(_: &TlsConfig) -> Result<(), ConfigError> {
    Ok(())
}

fn classify(error: &ureq::Error) -> TransportError {
    if let Some(known) = known(error) {
        return known;
    }
    let text = error.to_string();
    let kind = match error {
        ureq::Error::Timeout(_) => TransportErrorKind::Timeout,
        ureq::Error::HostNotFound => TransportErrorKind::Resolve,
        ureq::Error::ConnectionFailed => TransportErrorKind::Connect,
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) | ureq::Error::BodyStalled => {
            TransportErrorKind::Protocol
        }
        ureq::Error::Io(error) => return TransportError::new(of_io(error), &error.to_string(), &[]),
        // The TLS libraries' own variants depend on features.
        other if matches!(other, ureq::Error::Tls(_)) || text.to_ascii_lowercase().contains("tls") => {
            return tls_text_error(text.trim_start_matches("native-tls: "));
        }
        _ => TransportErrorKind::Other,
    };
    TransportError::new(kind, &text, &[])
}

/// What is told by the causes, whatever ureq calls it. Its errors have no sources.
fn known(error: &ureq::Error) -> Option<TransportError> {
    match error {
        ureq::Error::Io(error) => {
            let found = open_files_error(error);
            #[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
            let found = found.or_else(|| evergrant_http::tls_error(error));
            found
        }
        #[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
        ureq::Error::Rustls(error) => evergrant_http::tls_error(error),
        _ => None,
    }
}

fn of_io(error: &io::Error) -> TransportErrorKind {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => TransportErrorKind::Timeout,
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable => TransportErrorKind::Connect,
        // What is not TLS, to somebody who speaks it.
        io::ErrorKind::InvalidData => TransportErrorKind::Tls,
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => TransportErrorKind::Closed,
        _ if is_resolving(error) => TransportErrorKind::Resolve,
        _ => TransportErrorKind::Other,
    }
}

#[cfg(test)]
mod tests;
