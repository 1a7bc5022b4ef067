//! The answer to whoever fetches metrics.

use crate::commands::small_server::{self, Answer};
use crate::tell::metrics::CONTENT_TYPE;
use evergrant_gateway::{Hosts, allowed, head};
use http::header::{CONNECTION, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};

const METHODS: [Method; 2] = [Method::GET, Method::HEAD];

/// The metrics, if they are asked for. `hosts` are those of a loopback address: there a name that a web page made point here is refused.
pub(super) fn answer(parts: &Parts, hosts: Option<&Hosts>, metrics: impl FnOnce() -> String) -> Answer {
    let mut answer = answered(parts, hosts, metrics);
    // They are fetched every few seconds, by one connection each time.
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn answered(parts: &Parts, hosts: Option<&Hosts>, metrics: impl FnOnce() -> String) -> Answer {
    if parts.uri.path() != "/metrics" {
        return small_server::text(StatusCode::NOT_FOUND, "the metrics are at /metrics\n");
    }
    if !METHODS.contains(&parts.method) {
        return small_server::method_not_allowed();
    }
    let denied = |hosts| head(parts, hosts).and_then(|_| allowed(parts, &METHODS, &[])).err();
    match hosts.and_then(denied) {
        Some(denied) => small_server::text(denied.status(), &format!("{denied}\n")),
        None => small_server::typed(StatusCode::OK, CONTENT_TYPE, metrics()),
    }
}

#[cfg(test)]
mod tests;
