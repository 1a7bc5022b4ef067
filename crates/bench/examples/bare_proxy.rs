//! The least that a proxy costs which is written as one usually is: hyper's server, hyper-util's pooling client, a runtime of many
//! threads, and a header that stays. It checks nothing.
//!
//!     cargo run --release -p evergrant-bench --example bare_proxy -- 127.0.0.1:8484 http://127.0.0.1:8080
//!     cargo run --release -p evergrant-bench --example bare_proxy -- 127.0.0.1:8484 http://127.0.0.1:8080 http2     callers speak HTTP/2

// An example shows what it does.
#![allow(clippy::print_stderr)]

use http::header::{AUTHORIZATION, HOST};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::client::legacy::{Client, Error, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::env;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

struct Proxy {
    client: Client<HttpConnector, Incoming>,
    upstream: Authority,
    authorization: HeaderValue,
}

impl Proxy {
    async fn pass(&self, mut request: Request<Incoming>) -> Result<Response<Incoming>, Error> {
        let root = || PathAndQuery::from_static("/");
        let mut target = Uri::default().into_parts();
        target.scheme = Some(http::uri::Scheme::HTTP);
        target.authority = Some(self.upstream.clone());
        target.path_and_query = Some(request.uri().path_and_query().cloned().unwrap_or_else(root));
        *request.uri_mut() = Uri::from_parts(target).unwrap_or_default();
        *request.version_mut() = Version::HTTP_11;
        request.headers_mut().remove(HOST);
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        self.client.request(request).await
    }
}

fn main() -> Result<(), BoxError> {
    let mut words = env::args().skip(1);
    let (Some(listen), Some(upstream)) = (words.next(), words.next()) else {
        return Err("usage: bare_proxy LISTEN UPSTREAM [http2]".into());
    };
    let is_http2 = words.next().is_some_and(|word| word == "http2");
    Builder::new_multi_thread().enable_all().build()?.block_on(serve(&listen, &upstream, is_http2))
}

async fn serve(listen: &str, upstream: &str, is_http2: bool) -> Result<(), BoxError> {
    let upstream: Uri = upstream.parse()?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let proxy = Arc::new(Proxy {
        client: Client::builder(TokioExecutor::new()).build(connector),
        upstream: upstream.authority().cloned().ok_or("the upstream has no host")?,
        authorization: HeaderValue::try_from(format!("Bearer {}", "a".repeat(1024)))?,
    });
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let proxy = Arc::clone(&proxy);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let proxy = Arc::clone(&proxy);
                async move { proxy.pass(request).await }
            });
            let io = TokioIo::new(stream);
            let served = match is_http2 {
                true => http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await,
                false => http1::Builder::new().serve_connection(io, service).await,
            };
            if let Err(error) = served {
                eprintln!("bare_proxy: {error}");
            }
        });
    }
}
