//! What is answered on the admin listener.

use super::history::History;
use super::status::Shown;
use super::{metrics, page};
use crate::crew::Crew;
use crate::health::Health;
use crate::reload::Served;
use crate::rules::{self, Denied, Hosts};
use bytes::Bytes;
use evergrant_core::Origin;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A worker that has not looked for so long hangs.
const HANGS: Duration = Duration::from_secs(10);

pub(super) type Answer = Response<Full<Bytes>>;

/// What is looked at.
pub(super) struct View {
    address: SocketAddr,
    metrics: Arc<dyn Fn() -> String + Send + Sync>,
    hosts: Hosts,
    /// Those of our own page.
    origins: Vec<Origin>,
    policy: HeaderValue,
    health: Arc<Health>,
    crew: Arc<Crew>,
    served: Served,
    history: History,
}

impl View {
    pub(super) fn new(
        address: SocketAddr,
        metrics: Arc<dyn Fn() -> String + Send + Sync>,
        health: Arc<Health>,
        crew: Arc<Crew>,
        served: Served,
    ) -> Self {
        let own = ["127.0.0.1", "localhost", "[::1]"];
        Self {
            address,
            metrics,
            hosts: Hosts::loopback(address.port(), []),
            origins: own
                .iter()
                .filter_map(|host| Origin::from_parts("http", host, Some(address.port())))
                .collect(),
            policy: page::policy(),
            health,
            crew,
            served,
            history: History::default(),
        }
    }

    /// What is remembered for those who look later.
    pub(super) fn look(&self) {
        let table = self.served.current.table();
        let statuses = table.sources.single.iter().map(|source| (source.number, source.tokens.status()));
        self.history.look(&self.crew.counts(), statuses, Instant::now());
    }

    pub(super) fn answer(&self, parts: &Parts) -> Answer {
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
            "/metrics" => self.metrics(parts),
            "/status" => self.status(parts),
            "/" => self.page(parts),
            _ => text(StatusCode::NOT_FOUND, "/, /status, /livez, /readyz and /metrics are here\n"),
        }
    }

    fn is_loopback(&self) -> bool {
        self.address.ip().to_canonical().is_loopback()
    }

    /// Why somebody else than people and programs of this machine, or our own page, may not see it: the status, and what that is told. A
    /// name that somebody made point here would make the page that came by it one of this address.
    fn denied(&self, parts: &Parts) -> Option<(StatusCode, String)> {
        let denied = rules::head(parts, &self.hosts)
            .and_then(|_| rules::allowed(parts, &[Method::GET, Method::HEAD], &self.origins))
            .err()?;
        let said = match &denied {
            Denied::Browser(field) => {
                format!(
                    "{field} says that a page in a browser sent this, and only the page of this address may"
                )
            }
            denied => denied.to_string(),
        };
        Some((denied.status(), said + "\n"))
    }

    /// For people on this machine, and no page in their browsers but our own.
    ///
    /// # Errors
    /// The status of the answer to whoever else asks, and what that is told.
    fn shown<T>(&self, parts: &Parts, show: impl FnOnce(&Shown<'_>) -> T) -> Result<T, (StatusCode, String)> {
        if !self.is_loopback() {
            return Err((
                StatusCode::FORBIDDEN,
                "the status is shown on a loopback address alone\n".to_owned(),
            ));
        }
        if let Some(denied) = self.denied(parts) {
            return Err(denied);
        }
        let life = (self.health.is_ready(), self.health.is_draining());
        let table = self.served.current.table();
        let of_table = (&table.sources, self.served.reloads.last());
        Ok(show(&Shown::of(life, &self.crew, &self.served.fixed, of_table, &self.history)))
    }

    fn metrics(&self, parts: &Parts) -> Answer {
        // Who collects them may come from outside, by any name, where the address is reached from there.
        if let Some((status, said)) = self.denied(parts).filter(|_| self.is_loopback()) {
            return text(status, &said);
        }
        let body =
            metrics::text(&self.crew.counts(), &self.served.current.table(), self.served.reloads.counts())
                + &(self.metrics)();
        typed(StatusCode::OK, metrics::CONTENT_TYPE, body)
    }

    fn status(&self, parts: &Parts) -> Answer {
        match self.shown(parts, |shown| serde_json::to_string(shown)) {
            Ok(Ok(body)) => typed(StatusCode::OK, "application/json", body + "\n"),
            Ok(Err(_)) => text(StatusCode::INTERNAL_SERVER_ERROR, "the status cannot be written\n"),
            Err((status, said)) => text(status, &said),
        }
    }

    fn page(&self, parts: &Parts) -> Answer {
        let html = match self.shown(parts, page::html) {
            Ok(html) => html,
            Err((status, said)) => return text(status, &said),
        };
        let mut answer = typed(StatusCode::OK, "text/html; charset=utf-8", html);
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        answer.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        answer
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

fn text(status: StatusCode, text: &str) -> Answer {
    typed(status, "text/plain; charset=utf-8", text.to_owned())
}

fn typed(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
