//! Health, status and metrics, on a listener of their own. Health never depends on the API or the authorization server, once each source
//! has had its first token: a gateway that is restarted because somebody else is down helps nobody.

mod metrics;

use crate::crew::Crew;
use crate::listener::NO_ROOM;
use crate::rules::{self, Hosts};
use crate::table::Table;
use bytes::Bytes;
use evergrant_drive::Status;
use evergrant_tokio_reqwest::Tokens;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// Whoever looks at the same time: beyond, the oldest connection is closed.
const AT_ONCE: usize = 64;

/// How long one connection may last: long enough for one that fetches every few seconds.
const LIMIT: Duration = Duration::from_secs(120);

/// How long a head may take.
const HEAD: Duration = Duration::from_secs(10);

/// A worker that has not looked for so long hangs.
const HANGS: Duration = Duration::from_secs(10);

/// Where health, status and metrics are.
pub struct Admin {
    address: SocketAddr,
    metrics: Arc<dyn Fn() -> String + Send + Sync>,
    ready_when_listening: bool,
}

impl Admin {
    /// At this address, which may be reached from elsewhere: who watches comes from outside. `/status` is for loopback alone.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, metrics: Arc::new(String::new), ready_when_listening: false }
    }

    /// More metrics, in the text format of Prometheus: those of the sources of tokens.
    #[must_use]
    pub fn metrics(self, text: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self { metrics: Arc::new(text), ..self }
    }

    /// Whether it is ready as soon as it listens. Default false: when each source has had its first token.
    #[must_use]
    pub fn ready_when_listening(self, ready_when_listening: bool) -> Self {
        Self { ready_when_listening, ..self }
    }

    pub(crate) const fn is_ready_when_listening(&self) -> bool {
        self.ready_when_listening
    }

    pub(crate) fn bind(self) -> io::Result<(SocketAddr, Bound)> {
        let listener = TcpListener::bind(self.address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((address, Bound { listener, address, metrics: self.metrics }))
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Whether it is ready.
#[derive(Debug)]
pub(crate) struct Health {
    /// Which sources have had no token yet.
    lacking: Vec<AtomicBool>,
    is_draining: AtomicBool,
}

impl Health {
    pub(crate) fn new(sources: usize, ready_when_listening: bool) -> Arc<Self> {
        let lacking = (0..sources).map(|_| AtomicBool::new(!ready_when_listening)).collect();
        Arc::new(Self { lacking, is_draining: AtomicBool::new(false) })
    }

    pub(crate) fn has_token(&self, source: usize) {
        if let Some(lacking) = self.lacking.get(source) {
            lacking.store(false, Ordering::Relaxed);
        }
    }

    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_ready(&self) -> bool {
        let lacks = self.lacking.iter().any(|lacking| lacking.load(Ordering::Relaxed));
        !lacks && !self.is_draining.load(Ordering::Relaxed)
    }
}

/// The listener, bound.
pub(crate) struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

/// What is looked at.
struct View {
    metrics: Arc<dyn Fn() -> String + Send + Sync>,
    is_loopback: bool,
    hosts: Hosts,
    health: Arc<Health>,
    crew: Arc<Crew>,
    table: Arc<Table>,
    sources: Vec<Tokens>,
}

impl Bound {
    pub(crate) async fn serve(
        self,
        health: Arc<Health>,
        crew: Arc<Crew>,
        table: Arc<Table>,
        sources: Vec<Tokens>,
    ) {
        let Self { listener, address, metrics } = self;
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        let is_loopback = address.ip().to_canonical().is_loopback();
        let hosts = Hosts::loopback(address.port(), []);
        let view = Arc::new(View { metrics, is_loopback, hosts, health, crew, table, sources });
        let mut connections = JoinSet::new();
        let mut oldest_first = VecDeque::new();
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                sleep(NO_ROOM).await;
                continue;
            };
            let view = Arc::clone(&view);
            oldest_first.push_back(connections.spawn(async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = view.answer(&request.into_parts().0);
                    async { Ok::<_, Infallible>(answer) }
                });
                let mut builder = http1::Builder::new();
                builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(16 * 1024);
                let _ended = timeout(LIMIT, builder.serve_connection(TokioIo::new(stream), service)).await;
            }));
            while connections.try_join_next().is_some() {}
            oldest_first.retain(|connection: &AbortHandle| !connection.is_finished());
            // Those who hold connections and ask nothing must not keep out who asks whether it lives.
            if oldest_first.len() > AT_ONCE
                && let Some(oldest) = oldest_first.pop_front()
            {
                oldest.abort();
            }
        }
    }
}

impl View {
    fn answer(&self, parts: &Parts) -> Response<Full<Bytes>> {
        if ![Method::GET, Method::HEAD].contains(&parts.method) {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match parts.uri.path() {
            "/livez" if self.lives() => text(StatusCode::OK, "alive\n"),
            "/livez" => text(StatusCode::SERVICE_UNAVAILABLE, "a worker hangs\n"),
            "/readyz" if self.health.is_ready() => text(StatusCode::OK, "ready\n"),
            "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            "/metrics" => {
                let body = metrics::text(&self.crew.counts(), &self.table) + &(self.metrics)();
                typed(StatusCode::OK, metrics::CONTENT_TYPE, body)
            }
            "/status" => self.status(parts),
            _ => text(StatusCode::NOT_FOUND, "/livez, /readyz, /metrics and /status are here\n"),
        }
    }

    /// For people on this machine, and no page in their browsers.
    fn status(&self, parts: &Parts) -> Response<Full<Bytes>> {
        if !self.is_loopback {
            return text(StatusCode::FORBIDDEN, "the status is shown on a loopback address alone\n");
        }
        let denied = rules::head(parts, &self.hosts)
            .map(drop)
            .and_then(|()| rules::allowed(parts, &[Method::GET, Method::HEAD], &[]));
        if let Err(denied) = denied {
            return text(denied.status(), &format!("{denied}\n"));
        }
        let sources =
            self.sources.iter().map(|tokens| Source { name: tokens.name(), status: tokens.status() });
        let counts = self.crew.counts();
        let shown = Shown {
            ready: self.health.is_ready(),
            in_flight: counts.in_flight,
            queued: counts.queued,
            connections: counts.connections,
            requests: counts.requests,
            sources: sources.collect(),
        };
        match serde_json::to_string(&shown) {
            Ok(body) => typed(StatusCode::OK, "application/json", body + "\n"),
            Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the status cannot be written\n"),
        }
    }

    /// Whether each worker has looked at its connections of late.
    fn lives(&self) -> bool {
        let now = self.crew.began.elapsed();
        self.crew.seen.iter().all(|seen| {
            let looked = Duration::from_millis(seen.looked.load(Ordering::Relaxed));
            now.saturating_sub(looked) < HANGS
        })
    }
}

/// The status of a gateway, as it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    ready: bool,
    in_flight: i64,
    queued: i64,
    connections: i64,
    requests: u64,
    sources: Vec<Source<'a>>,
}

#[derive(Serialize)]
struct Source<'a> {
    name: &'a str,
    status: Status,
}

fn text(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    typed(status, "text/plain; charset=utf-8", text.to_owned())
}

fn typed(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests;
