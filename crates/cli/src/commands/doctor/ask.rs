//! The one token request, sent as the library sends it, with what of the answer the library has no use for: the
//! server's clock, and how it wants to be asked.

use crate::client::network::{self, Network};
use crate::client::settings::UNKNOWN;
use crate::client::setup::Setup;
use crate::tell::failure::Failure;
use evergrant_drive::SecretSource;
use evergrant_http::{Collector, RequestBody, to_http};
use evergrant_tokio_reqwest::core::{
    Attempt, Grant, Known, Move, Outcome, Refusal, Response, Seed, TransportError, TransportErrorKind,
    Unready,
};
use evergrant_tokio_reqwest::{Client, Clock, Policy, SecretText, SystemClock};
use reqwest::header::{CONTENT_LENGTH, DATE, HeaderMap, HeaderName, WWW_AUTHENTICATE};
use std::error::Error;
use std::time::{Duration, Instant, SystemTime};

/// What became of it.
pub(super) struct Asked {
    pub(super) sent: SystemTime,
    pub(super) took: Duration,
    /// Whether there was an answer at all.
    pub(super) answered: bool,
    /// The server's clock when it answered (RFC 9110 §6.6.1).
    pub(super) date: Option<SystemTime>,
    /// `WWW-Authenticate`.
    pub(super) challenge: Option<String>,
    pub(super) outcome: Result<Grant, Refusal>,
}

pub(super) async fn ask(http: &reqwest::Client, setup: &Setup) -> Result<Asked, Failure> {
    let (client, network) = (&setup.client, &setup.network);
    let proxy = network.proxy_for(client.provider().server().origin())?;
    let mut sent = SystemTime::now();
    let (mut answered, mut headers, mut took) = (false, HeaderMap::new(), Duration::ZERO);
    let known = Known::new(&Policy::new());
    let mut next = Attempt::begin(client, Seed::new(SystemClock.now()), &known);
    let outcome = loop {
        next = match next {
            Move::Ask(asking) => match setup.live.as_ref().map(|live| live.read(setup.timeout)) {
                Some(Ok(text)) => asking.answer(text),
                Some(Err(error)) => {
                    let unready = Unready::new(asking.ask().clone(), error);
                    asking.unanswered(unready)
                }
                // What is asked for has a place.
                None => asking.answer(SecretText::new(UNKNOWN)),
            },
            Move::Send(request, under_way) => {
                let request = to_http(request).map(|request| {
                    let mut request = request.map(RequestBody::into_bytes);
                    // The HTTP library counts the body itself.
                    request.headers_mut().remove(CONTENT_LENGTH);
                    reqwest::Request::try_from(request)
                });
                sent = SystemTime::now();
                let began = Instant::now();
                let answer = match request {
                    Ok(request) => send(http, request).await.map_err(|error| {
                        match proxy.as_ref().filter(|_| error.is_connect()) {
                            Some(proxy) => {
                                proxy.failed(format_args!("cannot be used: {}", chain(&error))).into()
                            }
                            None => TransportError::new(kind(&error), &chain(&error), &[]),
                        }
                    }),
                    Err(error) => Err(error),
                };
                took = began.elapsed();
                match answer {
                    Ok((response, own)) => {
                        (answered, headers) = (true, own);
                        under_way.received(&response, SystemClock.now())
                    }
                    Err(error) => under_way.failed(error),
                }
            }
            Move::Done(Outcome::Granted(grant), _) => break Ok(grant),
            Move::Done(Outcome::Refused(refusal), _) => break Err(refusal),
            Move::Done(Outcome::NotSent(unready), _) => return Err(unready.into()),
            // The first attempt knows of no refusal.
            Move::Done(_, _) => return Err(Failure::usage("nothing was sent", "try again")),
        };
    };
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let date = text(DATE).and_then(|text| httpdate::parse_http_date(text).ok());
    let challenge = text(WWW_AUTHENTICATE).map(str::to_owned);
    Ok(Asked { sent, took, answered, date, challenge, outcome })
}

/// As for every token request: no redirect is followed, nothing is sent twice or unpacked, the same heads are read, each
/// address has its share of the time, and the proxy is the same.
pub(super) fn http(
    client: &Client,
    network: &Network,
    timeout: Duration,
) -> Result<reqwest::Client, Failure> {
    let builder = network
        .http(client.provider().server().origin(), timeout)?
        .retry(reqwest::retry::never())
        .referer(false)
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .timeout(timeout);
    network::build(builder)
}

async fn send(
    http: &reqwest::Client,
    request: Result<reqwest::Request, reqwest::Error>,
) -> Result<(Response, HeaderMap), reqwest::Error> {
    let mut answer = http.execute(request?).await?;
    let headers = answer.headers().clone();
    let mut collector = Collector::new(answer.status(), &headers);
    while collector.wants_more()
        && let Some(chunk) = answer.chunk().await?
    {
        collector.push(&chunk);
    }
    Ok((collector.finish(), headers))
}

/// Name, connection and TLS have been looked at before this request: they tell more.
fn kind(error: &reqwest::Error) -> TransportErrorKind {
    if error.is_timeout() {
        TransportErrorKind::Timeout
    } else if error.is_connect() {
        TransportErrorKind::Connect
    } else {
        TransportErrorKind::Closed
    }
}

/// What the library says, without the URL, and why.
fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        // What it was doing, by the name of a Rust type.
        if error.to_string().starts_with("client error (") {
            cause = error.source();
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
