//! How a token request is sent: over a reqwest client of its own, never the user's.

use crate::route::Route;
use evergrant_core::{Client, ConfigError, Excerpt, Request, Response, TransportError, TransportErrorKind};
use evergrant_drive::Transport;
use evergrant_http::proxy::ProxyVariables;
use evergrant_http::{Collector, RequestBody, to_http};
use reqwest::ClientBuilder;
use reqwest::header::CONTENT_LENGTH;
use std::error::Error as StdError;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The client that token requests go through, and the proxy on its way.
#[derive(Debug)]
pub(crate) struct Reqwest {
    http: reqwest::Client,
    route: Route,
}

impl Reqwest {
    /// Sets what must hold on the user's builder: no redirect is followed, nothing is retried, unpacked or referred,
    /// TLS is verified, and a loopback literal never goes through a proxy.
    ///
    /// No connection is kept: one token request an hour gains nothing from it, and a kept connection belongs to the
    /// runtime that opened it, which may be gone by the next one.
    pub(crate) fn new(
        own: Option<ClientBuilder>,
        client: &Client,
        variables: Option<&ProxyVariables>,
    ) -> Result<Self, ConfigError> {
        let (builder, route) = Route::lay(own, client.provider().token_endpoint().origin(), variables)?;
        let builder = builder
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .pool_max_idle_per_host(0);
        #[cfg(any(feature = "rustls", feature = "rustls-no-provider", feature = "native-tls"))]
        let builder =
            builder.tls_danger_accept_invalid_certs(false).tls_danger_accept_invalid_hostnames(false);
        // Without a TLS provider reqwest panics here; the panic's text says what to do, and so do we.
        let built = catch_unwind(AssertUnwindSafe(|| builder.build()));
        let reason = match built {
            Ok(Ok(http)) => return Ok(Self { http, route }),
            Ok(Err(error)) => chain(&error),
            Err(_) => "no TLS provider is installed: call rustls's CryptoProvider::install_default first, or enable \
                       the feature rustls or native-tls"
                .into(),
        };
        let reason = Excerpt::new(&reason, &[]);
        Err(ConfigError::HttpClient { reason: reason.unwrap_or_default() })
    }
}

impl Transport for Reqwest {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let mut request = to_http(request)?.map(RequestBody::into_bytes);
        // That of the body, which the HTTP library counts itself.
        request.headers_mut().remove(CONTENT_LENGTH);
        let request = reqwest::Request::try_from(request).map_err(|error| classify(&error))?;
        let failed = |error| self.route.blame(&error, &chain(&error)).unwrap_or_else(|| classify(&error));
        let mut answer = self.http.execute(request).await.map_err(failed)?;
        let mut collector = Collector::new(answer.status(), answer.headers());
        while collector.wants_more() {
            match answer.chunk().await.map_err(|error| classify(&error))? {
                Some(chunk) => collector.push(&chunk),
                None => break,
            }
        }
        Ok(collector.finish())
    }
}

fn classify(error: &reqwest::Error) -> TransportError {
    let detail = chain(error);
    let lower = detail.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let kind = if error.is_timeout() {
        TransportErrorKind::Timeout
    } else if error.is_dns() || says(&["dns error", "failed to lookup"]) {
        TransportErrorKind::Resolve
    } else if !error.is_connect() && is_of(error, &[io::ErrorKind::UnexpectedEof]) {
        // Before the words: a connection that was cut within TLS says that there was no goodbye.
        TransportErrorKind::Closed
    } else if says(&["certificate", "tls", "handshake", "ssl"])
        // Bytes that make no sense: to somebody who connects, what is not TLS.
        || (error.is_connect() && is_of(error, &[io::ErrorKind::InvalidData]))
    {
        TransportErrorKind::Tls
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
    causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|error| {
        // An io::Error hides what it wraps from the chain of sources.
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>());
        kinds.contains(&error.kind()) || inner.is_some_and(|inner| kinds.contains(&inner.kind()))
    })
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |cause| (**cause).source())
}

/// The causes of an error in words, from the outside in, without the URL, which the sentence around it names.
fn chain(error: &reqwest::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    for cause in causes(error) {
        let text = cause.to_string();
        if !said.iter().any(|before| before.contains(&text)) {
            said.push(text);
        }
    }
    if said.is_empty() { "no further reason given".into() } else { said.join(": ") }
}
