//! The files of the page, and how they are served.

use crate::commands::small_server::{self, Answer};
use evergrant_gateway::{Hosts, head};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use hyper::body::{Bytes, Incoming};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Whoever looks at the same time: a browser has six connections to a server.
const AT_ONCE: usize = 16;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// A copy of the one that other pages get, which a test compares: a crate is packed with its own files alone.
const QUEUE: &str = include_str!("evergrant-queue.js");

/// What is served.
pub(super) struct Served {
    page: Bytes,
    policy: HeaderValue,
    hosts: Hosts,
}

impl Served {
    /// The page for the gateway at this URL, of which it asks for this path first, to whoever calls it by one of these hosts.
    pub(super) fn new(gateway: &str, path: &str, hosts: Hosts) -> Self {
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src {gateway}; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        );
        Self {
            page: PAGE.replace("{gateway}", &escaped(gateway)).replace("{path}", &escaped(path)).into(),
            // A URL has nothing that a field may not have.
            policy: HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'")),
            hosts,
        }
    }

    pub(super) fn answer(&self, parts: &Parts) -> Answer {
        let mut answer = self.answered(parts);
        let fields: [(HeaderName, HeaderValue); 4] = [
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (CONTENT_SECURITY_POLICY, self.policy.clone()),
        ];
        answer.headers_mut().extend(fields);
        answer
    }

    fn answered(&self, parts: &Parts) -> Answer {
        // A name that somebody made point here must not be the page's origin.
        if let Err(denied) = head(parts, &self.hosts) {
            return small_server::text(denied.status(), &format!("{denied}\n"));
        }
        if ![Method::GET, Method::HEAD].contains(&parts.method) {
            return small_server::method_not_allowed();
        }
        let (content_type, body) = match parts.uri.path() {
            "/" => (HTML, self.page.clone()),
            "/page.css" => (CSS, STYLE.into()),
            "/page.js" => (JS, SCRIPT.into()),
            "/evergrant-queue.js" => (JS, QUEUE.into()),
            _ => return small_server::text(StatusCode::NOT_FOUND, "the page is at /\n"),
        };
        small_server::typed(StatusCode::OK, content_type, body)
    }
}

/// As a value of an attribute, in double quotes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Serves until the runtime ends.
pub(super) async fn serve(listener: TcpListener, served: Served) {
    let served = Arc::new(served);
    let answer = move |request: Request<Incoming>| {
        let answer = served.answer(&request.into_parts().0);
        async { answer }
    };
    small_server::serve(listener, AT_ONCE, answer).await;
}
