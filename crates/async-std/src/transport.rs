//! How a token request is sent: over a client of its own, never the user's.

use crate::body::Body;
use crate::client::{HttpClient, HttpError};
use crate::net::Net;
use evergrant_core::{Request, Response, TransportError, TransportErrorKind};
use evergrant_drive::Transport;
use http::header::{CONNECTION, HeaderValue};
use std::time::Duration;

/// Longer than any policy allows a token request: the flight's own limit ends it.
const NO_LIMIT: Duration = Duration::from_secs(3600);

/// The client that token requests go through. It keeps no connection: a kept one would belong to a runtime that may be
/// gone by the next request.
#[derive(Debug)]
pub(crate) struct Hyper<N>(HttpClient<N>);

impl<N: Net> Hyper<N> {
    pub(crate) fn new(http: HttpClient<N>) -> Self {
        Self(http.without_pool().with_timeout(NO_LIMIT))
    }
}

impl<N: Net> Transport for Hyper<N> {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let other = |detail| TransportError::ours(TransportErrorKind::Other, detail);
        let mut outgoing = http::Request::post(request.url());
        for (name, value) in request.headers() {
            let mut value =
                HeaderValue::from_str(value).map_err(|_| other("a header has an impossible value"))?;
            value.set_sensitive(name.eq_ignore_ascii_case("authorization"));
            outgoing = outgoing.header(name, value);
        }
        let outgoing = outgoing.header(CONNECTION, "close").body(Body::from(request.body().to_vec()));
        let outgoing = outgoing.map_err(|_| other("the request cannot be built"))?;
        let answer = self.0.send(outgoing).await.map_err(|error| classify(&error))?;
        let mut response = Response::new(answer.status().as_u16());
        for (name, value) in answer.headers() {
            response = response.with_header(name.as_str(), value.as_bytes());
        }
        let (mut incoming, mut body) = (answer.into_body(), Vec::new());
        while response.needs_body() && body.len() <= Response::MAX_BODY {
            match incoming.chunk().await {
                Ok(Some(chunk)) => {
                    // One byte beyond the bound tells that it was passed.
                    let room = (Response::MAX_BODY + 1).saturating_sub(body.len());
                    body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                }
                Ok(None) => break,
                Err(error) => return Err(classify(&error)),
            }
        }
        Ok(response.with_body(body))
    }
}

fn classify(error: &HttpError) -> TransportError {
    let kind = match error {
        HttpError::Resolve(_) => TransportErrorKind::Resolve,
        HttpError::Connect(_) => TransportErrorKind::Connect,
        HttpError::Tls(_) => TransportErrorKind::Tls,
        HttpError::Timeout(_) => TransportErrorKind::Timeout,
        HttpError::Protocol(_) => TransportErrorKind::Protocol,
        HttpError::Closed(_) => TransportErrorKind::Closed,
        HttpError::Url | HttpError::TooLong(_) => TransportErrorKind::Other,
    };
    let detail = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    TransportError::new(kind, &detail, &[])
}
