//! The files of the page, and how they are served.

use bytes::Bytes;
use evergrant_gateway::{Hosts, head};
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// How many connections there are at most: the next waits until one has ended.
const AT_ONCE: usize = 16;

/// How long a head may take, and a connection.
const HEAD: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(60);

/// How long nobody is let in when the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(100);

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// The one that other pages get, by a symbolic link.
const QUEUE: &str = include_str!("evergrant-queue.js");

/// What is served.
pub(super) struct Served {
    page: Bytes,
    policy: HeaderValue,
    hosts: Hosts,
}

impl Served {
    /// The page for the gateway at this URL, to whoever calls it by one of these hosts.
    pub(super) fn new(gateway: &str, hosts: Hosts) -> Self {
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src {gateway}; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        );
        Self {
            page: PAGE.replace("{gateway}", &escaped(gateway)).into(),
            // A URL has nothing that a field may not have.
            policy: HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'")),
            hosts,
        }
    }

    pub(super) fn answer(&self, parts: &Parts) -> Response<Full<Bytes>> {
        // A name that somebody made point here must not be the page's origin.
        if let Err(denied) = head(parts, &self.hosts) {
            return self.typed(denied.status(), TEXT, format!("{denied}\n").into());
        }
        if ![Method::GET, Method::HEAD].contains(&parts.method) {
            let text = Bytes::from_static(b"only GET and HEAD\n");
            let mut answer = self.typed(StatusCode::METHOD_NOT_ALLOWED, TEXT, text);
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        let (content_type, body) = match parts.uri.path() {
            "/" => (HTML, self.page.clone()),
            "/page.css" => (CSS, STYLE.into()),
            "/page.js" => (JS, SCRIPT.into()),
            "/evergrant-queue.js" => (JS, QUEUE.into()),
            _ => return self.typed(StatusCode::NOT_FOUND, TEXT, "the page is at /\n".into()),
        };
        self.typed(StatusCode::OK, content_type, body)
    }

    fn typed(&self, status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
        let mut answer = Response::new(Full::new(body));
        *answer.status_mut() = status;
        let fields: [(HeaderName, HeaderValue); 5] = [
            (CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (CONTENT_SECURITY_POLICY, self.policy.clone()),
        ];
        answer.headers_mut().extend(fields);
        answer
    }
}

/// As a value of an attribute, in double quotes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Serves until the runtime ends.
pub(super) async fn serve(listener: TcpListener, served: Served) {
    let (served, places) = (Arc::new(served), Arc::new(Semaphore::new(AT_ONCE)));
    loop {
        // It is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            sleep(NO_ROOM).await;
            continue;
        };
        let served = Arc::clone(&served);
        drop(tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = served.answer(&request.into_parts().0);
                async { Ok::<_, Infallible>(answer) }
            });
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(16 * 1024);
            let _ended = timeout(LIMIT, builder.serve_connection(TokioIo::new(stream), service)).await;
            drop(place);
        }));
    }
}
