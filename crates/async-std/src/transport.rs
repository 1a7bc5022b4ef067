//! How a token request is sent: over a client of its own, never the user's.

use crate::body::Body;
use crate::client::HttpClient;
use crate::error::HttpError;
use crate::net::Net;
use evergrant_core::{ConfigError, Endpoint, Request, Response, TransportError, TransportErrorKind};
use evergrant_drive::{CertifiedKey, Transport};
use evergrant_http::proxy::Proxy;
use evergrant_http::{Collector, open_files_error, tls_error, to_http};
use http::header::{CONNECTION, HeaderValue};
use std::sync::Arc;
use std::time::Duration;

/// Longer than any policy allows a token request: the flight's own limit ends it.
const NO_LIMIT: Duration = Duration::from_secs(3600);

/// The client that token requests go through, and the proxy on its way. Clones share both.
#[derive(Clone, Debug)]
pub(crate) struct Hyper<N> {
    http: Arc<HttpClient<N>>,
    proxy: Way,
}

/// The proxy on the way of a request.
#[derive(Clone, Debug)]
enum Way {
    /// To a token endpoint that is known.
    Known(Option<Arc<Proxy>>),
    /// To endpoints that are found out: it is looked for with each.
    Found,
}

impl<N: Net> Hyper<N> {
    pub(crate) fn new(http: &Arc<HttpClient<N>>, proxy: Option<Proxy>) -> Self {
        Self { http: Arc::clone(http), proxy: Way::Known(proxy.map(Arc::new)) }
    }

    /// For endpoints that are found out.
    pub(crate) fn found(http: &Arc<HttpClient<N>>) -> Self {
        Self { http: Arc::clone(http), proxy: Way::Found }
    }

    /// The proxy on the way to this endpoint.
    fn proxy(&self, endpoint: &Endpoint) -> Option<Arc<Proxy>> {
        match &self.proxy {
            Way::Known(proxy) => proxy.clone(),
            Way::Found => self.http.routed(endpoint.origin()).ok()?.map(Arc::new),
        }
    }

    /// The client as token requests need it. It keeps no connection: a kept one would belong to a runtime that may be gone by
    /// the next request.
    pub(crate) fn client(http: HttpClient<N>) -> HttpClient<N> {
        http.without_pool().with_timeout(NO_LIMIT)
    }
}

fn failed(proxy: Option<&Proxy>, error: &HttpError) -> TransportError {
    let failed = classify(error);
    // What is the proxy's fault says so, and what this machine lacks is nobody else's.
    match (failed.kind(), proxy) {
        (TransportErrorKind::Proxy | TransportErrorKind::NoFile, _) | (_, None) => failed,
        (_, Some(proxy)) => proxy.passed(&failed),
    }
}

impl<N: Net> Transport for Hyper<N> {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let proxy = self.proxy(request.endpoint());
        let failed = |error: HttpError| failed(proxy.as_deref(), &error);
        let (mut parts, body) = to_http(request)?.into_parts();
        parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let outgoing = http::Request::from_parts(parts, Body::from(body.into_bytes()));
        let answer = self.http.send(outgoing).await.map_err(failed)?;
        let mut collector = Collector::new(answer.status(), answer.headers());
        let mut incoming = answer.into_body();
        while collector.wants_more() {
            match incoming.chunk().await.map_err(failed)? {
                Some(chunk) => collector.push(&chunk),
                None => break,
            }
        }
        Ok(collector.finish())
    }

    fn timed_out(&self, endpoint: &Endpoint, error: TransportError) -> TransportError {
        match self.proxy(endpoint) {
            Some(proxy) => proxy.passed(&error),
            None => error,
        }
    }

    fn with_identity(&self, identity: &CertifiedKey) -> Result<Self, ConfigError> {
        Ok(Self { http: Arc::new(self.http.with_identity(identity)?), proxy: self.proxy.clone() })
    }
}

fn classify(error: &HttpError) -> TransportError {
    // What its causes tell, whatever was tried.
    if let Some(known) = open_files_error(error).or_else(|| error.tls().and_then(|error| tls_error(error))) {
        return known;
    }
    let kind = match error {
        HttpError::Resolve(_) => TransportErrorKind::Resolve,
        HttpError::Connect(_) => TransportErrorKind::Connect,
        HttpError::Tls(_) => TransportErrorKind::Tls,
        HttpError::Timeout(_) => TransportErrorKind::Timeout,
        HttpError::Protocol(_) => TransportErrorKind::Protocol,
        HttpError::Closed(_) => TransportErrorKind::Closed,
        HttpError::Proxy(_) => TransportErrorKind::Proxy,
        HttpError::TooManyOpenFiles(_)
        | HttpError::Config(_)
        | HttpError::Url
        | HttpError::Request(_)
        | HttpError::TooLong(_) => TransportErrorKind::Other,
    };
    let cause =
        error.tls().map(|error| error as &dyn std::error::Error).or_else(|| std::error::Error::source(error));
    let detail = cause.map_or_else(|| error.to_string(), ToString::to_string);
    TransportError::new(kind, &detail, &[])
}
