//! The one token request, sent as the library sends it, with what of the answer the library has no use for: the
//! server's clock, and how it wants to be asked.

use crate::failure::Failure;
use evergrant_tokio_reqwest::core::{Grant, Refusal, Request, Response, TransportErrorKind};
use evergrant_tokio_reqwest::{Client, Clock, SystemClock, proxied};
use reqwest::header::{CONTENT_LENGTH, DATE, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};
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

pub(super) async fn ask(client: &Client, timeout: Duration) -> Result<Asked, Failure> {
    let http = http(client, timeout)?;
    let now = SystemClock.now();
    let request = client.request(now)?;
    let (sent, began) = (SystemTime::now(), Instant::now());
    let answer = send(&http, &request).await;
    let took = began.elapsed();
    let (answered, headers, outcome) = match answer {
        Ok((response, headers)) => (true, headers, client.read(&response, now)),
        Err(error) => {
            (false, HeaderMap::new(), Err(client.transport_error(kind(&error), &chain(&error)).into()))
        }
    };
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let date = text(DATE).and_then(|text| httpdate::parse_http_date(text).ok());
    let challenge = text(WWW_AUTHENTICATE).map(str::to_owned);
    Ok(Asked { sent, took, answered, date, challenge, outcome })
}

/// As for every token request: no redirect is followed, nothing is sent twice, and the proxy is the same.
fn http(client: &Client, timeout: Duration) -> Result<reqwest::Client, Failure> {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .timeout(timeout);
    let builder = proxied(builder, client.provider().token_endpoint().origin())?;
    builder.build().map_err(|error| Failure::system("the HTTP client cannot be built", &error))
}

async fn send(http: &reqwest::Client, request: &Request) -> Result<(Response, HeaderMap), reqwest::Error> {
    let mut builder = http.post(request.url());
    for (name, value) in request.headers() {
        // The HTTP library counts the body itself.
        if let Ok(mut value) = HeaderValue::from_str(value)
            && name != CONTENT_LENGTH.as_str()
        {
            value.set_sensitive(name == "authorization");
            builder = builder.header(name, value);
        }
    }
    let mut answer = builder.body(request.body().to_vec()).send().await?;
    let headers = answer.headers().clone();
    let mut response = Response::new(answer.status().as_u16());
    for (name, value) in &headers {
        response = response.with_header(name.as_str(), value.as_bytes());
    }
    let mut body = Vec::new();
    while body.len() <= Response::MAX_BODY
        && let Some(chunk) = answer.chunk().await?
    {
        // One byte beyond the bound tells that it was passed.
        let room = (Response::MAX_BODY + 1).saturating_sub(body.len());
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    Ok((response.with_body(body), headers))
}

/// Name, connection and TLS have been looked at before this request: they tell more.
fn kind(error: &reqwest::Error) -> TransportErrorKind {
    if error.is_timeout() {
        TransportErrorKind::Timeout
    } else if error.is_connect()
        && ["tunnel error", "socks proxy"].iter().any(|words| chain(error).contains(words))
    {
        TransportErrorKind::Proxy
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
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
