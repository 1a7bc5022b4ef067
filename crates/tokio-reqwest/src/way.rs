//! One way of requests: a reqwest client of its own, never the user's, and the proxy that it goes through.

use crate::identity;
use crate::route::{Proxies, Route};
use evergrant_core::{ConfigError, Endpoint, Excerpt, Request, Response, TransportError, TransportErrorKind};
use evergrant_drive::CertifiedKey;
use evergrant_http::{
    Collector, RequestBody, TlsSupport, causes, open_files_error, require_tls, tls_text_error, to_http,
};
use reqwest::ClientBuilder;
use reqwest::header::CONTENT_LENGTH;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// More lines of headers than any gateway adds, and no more memory than a head takes.
const MAX_HEADERS: usize = 1000;

/// An HTTP client, and the proxy on the way of its requests. Clones share both.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    http: reqwest::Client,
    route: Arc<Route>,
}

/// What the HTTP client of an endpoint has to be built for: where all of this is equal, one client does for many sources.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Needs {
    route: Arc<Route>,
    has_tls: bool,
    /// `None` for the user's own HTTP client, which says it itself.
    connect_timeout: Option<Duration>,
}

impl Needs {
    pub(crate) fn new(
        is_own: bool,
        endpoint: &Endpoint,
        attempt_timeout: Duration,
        proxies: &Proxies,
    ) -> Result<Self, ConfigError> {
        require_tls(endpoint, SUPPORT)?;
        let route = Route::new(is_own, endpoint.origin(), proxies)?;
        let has_tls = endpoint.origin().scheme() == "https" || !route.is_direct();
        let connect_timeout = (!is_own).then_some(attempt_timeout);
        Ok(Self { route: Arc::new(route), has_tls, connect_timeout })
    }

    /// The same for an HTTP client that is asked for endpoints of any origin, whatever this one is.
    pub(crate) fn for_any(self) -> Self {
        Self { has_tls: true, ..self }
    }
}

impl Way {
    /// Sets what must hold on the builder: no redirect is followed, nothing is retried, unpacked or referred,
    /// TLS is verified, folded lines of headers are read (RFC 9112 §5.2), and a loopback literal never goes through a proxy.
    ///
    /// No connection is kept: one token request an hour gains nothing from it, and a kept connection belongs to the
    /// runtime that opened it, which may be gone by the next one.
    pub(crate) fn new(
        builder: ClientBuilder,
        needs: &Needs,
        identity: Option<&CertifiedKey>,
    ) -> Result<Self, ConfigError> {
        let builder = needs.route.lay(builder)?;
        // reqwest tries the addresses of a family one after the other, each without end unless there is a time for all of
        // them: then each has its share of it, and one that swallows packets does not cost the attempt (RFC 8305).
        let builder = match needs.connect_timeout {
            Some(timeout) => builder.connect_timeout(timeout),
            None => builder,
        };
        let builder = builder
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .http1_max_headers(MAX_HEADERS)
            .pool_max_idle_per_host(0);
        #[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
        let builder = {
            let builder =
                builder.tls_danger_accept_invalid_certs(false).tls_danger_accept_invalid_hostnames(false);
            // Without TLS no root is asked for: a machine may have none, and reading them takes time.
            if needs.has_tls { builder } else { builder.tls_certs_only([]) }
        };
        let builder = match identity {
            Some(identity) => identity::shown(builder, identity)?,
            None => builder,
        };
        // Without a crypto provider reqwest panics here, also for an endpoint that needs no TLS.
        let built = catch_unwind(AssertUnwindSafe(|| builder.build()));
        let reason = match built {
            Ok(Ok(http)) => return Ok(Self { http, route: Arc::clone(&needs.route) }),
            Ok(Err(error)) => match identity.and_then(|_| identity::fault(&error, &chain(&error))) {
                Some(fault) => return Err(fault),
                None => known(&error)
                    .and_then(|error| error.detail().map(|detail| detail.as_str().to_owned()))
                    .unwrap_or_else(|| chain(&error)),
            },
            Err(_) => TlsSupport::NoProvider.missing().unwrap_or_default().to_owned(),
        };
        let reason = Excerpt::new(&reason, &[]);
        Err(ConfigError::HttpClient { reason: reason.unwrap_or_default() })
    }

    /// The error of a request that timed out on it.
    pub(crate) fn timed_out(&self, error: TransportError) -> TransportError {
        self.route.passed(error)
    }

    /// The same HTTP client on another way.
    pub(crate) fn by(&self, route: Route) -> Self {
        Self { http: self.http.clone(), route: Arc::new(route) }
    }
}

impl Way {
    /// Sends this, and reads the whole answer.
    pub(crate) async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let mut request = to_http(request)?.map(RequestBody::into_bytes);
        // That of the body, which the HTTP library counts itself.
        request.headers_mut().remove(CONTENT_LENGTH);
        let request = reqwest::Request::try_from(request).map_err(|error| classify(&error))?;
        // What this machine lacks is nobody else's fault.
        let failed = |error| {
            let blamed = open_files_error(&error).or_else(|| self.route.blame(&error, &chain(&error)));
            blamed.unwrap_or_else(|| self.route.passed(classify(&error)))
        };
        let mut answer = self.http.execute(request).await.map_err(failed)?;
        let mut collector = Collector::new(answer.status(), answer.headers());
        while collector.wants_more() {
            match answer.chunk().await.map_err(|error| self.route.passed(classify(&error)))? {
                Some(chunk) => collector.push(&chunk),
                None => break,
            }
        }
        Ok(collector.finish())
    }
}

/// What this build can do about TLS. Whether a provider is installed, reqwest says by a panic.
const SUPPORT: TlsSupport =
    if cfg!(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls")) {
        TlsSupport::Ready
    } else {
        TlsSupport::Absent
    };

/// What is told by the causes, whatever reqwest calls it.
fn known(error: &reqwest::Error) -> Option<TransportError> {
    let found = open_files_error(error);
    #[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
    let found = found.or_else(|| evergrant_http::tls_error(error));
    found
}

fn classify(error: &reqwest::Error) -> TransportError {
    if let Some(known) = known(error) {
        return known;
    }
    let detail = chain(error);
    let lower = detail.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let kind = if error.is_timeout() {
        TransportErrorKind::Timeout
    } else if error.is_dns() {
        TransportErrorKind::Resolve
    } else if !error.is_connect() && is_of(error, &[io::ErrorKind::UnexpectedEof]) {
        // Before the words: a connection that was cut within TLS says that there was no goodbye.
        TransportErrorKind::Closed
    } else if says(&["certificate", "tls", "handshake", "ssl"])
        // Bytes that make no sense: to somebody who connects, what is not TLS.
        || (error.is_connect() && is_of(error, &[io::ErrorKind::InvalidData]))
    {
        return tls_text_error(&detail);
    } else if error.is_connect() {
        TransportErrorKind::Connect
    } else if says(&["invalid http", "parse", "head is too large"])
        || is_of(error, &[io::ErrorKind::InvalidData, io::ErrorKind::InvalidInput])
    {
        TransportErrorKind::Protocol
    } else if error.is_body() || error.is_decode() || says(&["closed", "reset", "incomplete", "end of file"])
    {
        TransportErrorKind::Closed
    } else {
        TransportErrorKind::Other
    };
    TransportError::new(kind, &detail, &[])
}

/// Whether an `io::Error` of one of these kinds is among its causes.
fn is_of(error: &reqwest::Error, kinds: &[io::ErrorKind]) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| kinds.contains(&error.kind()))
}

/// The causes of an error in words, from the outside in, without the URL, which the sentence around it names.
fn chain(error: &reqwest::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    for cause in causes(error).skip(1) {
        let text = cause.to_string();
        // hyper-util's says where it was by the name of a Rust type.
        let is_debug = text.starts_with("client error (");
        if !is_debug && !said.iter().any(|before| before.contains(&text)) {
            said.push(text);
        }
    }
    if said.is_empty() { "no further reason given".into() } else { said.join(": ") }
}

#[cfg(test)]
mod tests;
