//! How a token request is sent: over a ureq agent of its own, never the user's.

use crate::route::Route;
use evergrant_core::{Client, ConfigError, Request, Response, TransportError, TransportErrorKind};
use evergrant_drive::BlockingTransport;
use evergrant_http::proxy::ProxyVariables;
use evergrant_http::{Collector, to_http};
use std::io;
use std::time::Duration;
use ureq::RequestExt as _;
use ureq::config::{AutoHeaderValue, Config, ConfigBuilder};
#[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
use ureq::tls::TlsProvider;
use ureq::typestate::AgentScope;

/// What agents for token requests are made of, and the proxy they go through.
#[derive(Debug)]
pub(crate) struct Ureq {
    config: Config,
    route: Route,
}

impl Ureq {
    /// Sets what must hold on the user's builder: no redirect is followed, an answer of any status is an answer, nothing
    /// packed is asked for, and a loopback literal never goes through a proxy. That TLS is verified is set on each request.
    pub(crate) fn new(
        builder: ConfigBuilder<AgentScope>,
        client: &Client,
        variables: Option<&ProxyVariables>,
    ) -> Result<Self, ConfigError> {
        let builder = builder
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .accept(AutoHeaderValue::None)
            .accept_encoding(AutoHeaderValue::None)
            .max_idle_connections(0);
        let config = builder.build();
        let route = Route::new(config.proxy(), client.provider().token_endpoint(), variables)?;
        Ok(Self { config, route })
    }
}

impl BlockingTransport for Ureq {
    fn send(&self, request: Request, limit: Duration) -> Result<Response, TransportError> {
        let (parts, body) = to_http(request)?.into_parts();
        let outgoing = http::Request::from_parts(parts, body.expose());
        // An agent of its own for each request: no connection is kept, and no cookie either.
        let agent = self.config.new_agent();
        let outgoing = outgoing.with_agent(&agent).configure().timeout_global(Some(limit));
        let outgoing = outgoing.proxy(self.route.0.as_ref().map(|(proxy, _)| proxy.clone()));
        #[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
        let outgoing = match secured(self.config.tls_config()) {
            Some(secured) => outgoing.tls_config(secured),
            None => outgoing,
        };
        let failed = |error| {
            let failed = classify(&error);
            self.route.blame(&error, failed.kind()).unwrap_or(failed)
        };
        let answer = outgoing.run().map_err(failed)?;
        let mut collector = Collector::new(answer.status(), answer.headers());
        let read = collector.read(answer.into_body().into_reader());
        read.map_err(|error| classify(&ureq::Error::from(error)))?;
        Ok(collector.finish())
    }
}

/// The same with verification on, and by a library that is there: ureq takes rustls unless it is told otherwise. `None`
/// where both hold.
#[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
fn secured(tls: &ureq::tls::TlsConfig) -> Option<ureq::tls::TlsConfig> {
    let has_rustls = cfg!(any(feature = "rustls", feature = "rustls-no-provider"));
    let provider = if has_rustls { tls.provider() } else { TlsProvider::NativeTls };
    if !tls.disable_verification() && provider == tls.provider() {
        return None;
    }
    let builder = ureq::tls::TlsConfig::builder()
        .provider(provider)
        .client_cert(tls.client_cert().cloned())
        .root_certs(tls.root_certs().clone())
        .use_sni(tls.use_sni());
    #[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
    let builder = match tls.unversioned_rustls_crypto_provider() {
        Some(provider) => builder.unversioned_rustls_crypto_provider(provider.clone()),
        None => builder,
    };
    Some(builder.build())
}

fn classify(error: &ureq::Error) -> TransportError {
    let kind = match error {
        ureq::Error::Timeout(_) => TransportErrorKind::Timeout,
        ureq::Error::HostNotFound => TransportErrorKind::Resolve,
        ureq::Error::ConnectionFailed => TransportErrorKind::Connect,
        ureq::Error::Tls(_) => TransportErrorKind::Tls,
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) | ureq::Error::BodyStalled => {
            TransportErrorKind::Protocol
        }
        ureq::Error::Io(error) => of_io(error),
        // The TLS libraries' own variants depend on features.
        other if other.to_string().to_ascii_lowercase().contains("tls") => TransportErrorKind::Tls,
        _ => TransportErrorKind::Other,
    };
    TransportError::new(kind, &error.to_string(), &[])
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
        // The standard library's resolver has no kind of its own for what it could not find.
        _ if error.to_string().starts_with("failed to lookup address") => TransportErrorKind::Resolve,
        _ => TransportErrorKind::Other,
    }
}
