//! A service that calls an API with two scopes: a source of tokens for each, kept fresh, with readiness, metrics and a graceful
//! end.
//!
//!     cargo run -p evergrant-tokio-reqwest --example service
//!
//! It plays all sides and ends by itself: the authorization server and the API are evergrant-mock's, the callers are at the end
//! of `main`. A service of your own has the lines up to `serve`, its endpoint, origin and credentials from its configuration,
//! and waits for Ctrl-C.
//!
//! In a project of your own, beside what the README of the repository names:
//!
//!     cargo add --path evergrant/crates/metrics && cargo add --path evergrant/crates/mock
//!     cargo add axum@0.8 && cargo add metrics-exporter-prometheus@0.18 --no-default-features
//!     cargo add tokio --features net,signal,sync

// An example shows what it does.
#![allow(clippy::print_stdout)]

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use evergrant_metrics::{BUCKETS, MetricsObserver};
use evergrant_mock::Server;
use evergrant_tokio_reqwest::{Api, ApiError, Client, ClientAuth, Origins, Provider, Tokens};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::error::Error;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// What the handlers share. Clones are the same service.
#[derive(Clone)]
struct Service {
    /// An API client for each scope: a call gets a token that may do what the call needs, and no more.
    read: Api,
    write: Api,
    url: Arc<str>,
    metrics: MetricsObserver,
    prometheus: PrometheusHandle,
}

impl Service {
    async fn list(State(service): State<Self>) -> Response {
        relay(service.read.get(&*service.url).send().await).await
    }

    async fn book(State(service): State<Self>) -> Response {
        relay(service.write.post(&*service.url).body("{}").send().await).await
    }

    /// Whether a load balancer may send callers: a token of each scope is held. Without the authorization server it stays so
    /// until they have ended.
    async fn ready(State(service): State<Self>) -> StatusCode {
        let holds = |api: &Api| api.tokens().try_token().is_some();
        if holds(&service.read) && holds(&service.write) {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }

    async fn metrics(State(service): State<Self>) -> String {
        for api in [&service.read, &service.write] {
            service.metrics.observe(api.tokens().name(), &api.tokens().status());
        }
        service.prometheus.render()
    }

    fn router(self) -> Router {
        Router::new()
            .route("/shipments", get(Self::list).post(Self::book))
            .route("/ready", get(Self::ready))
            .route("/metrics", get(Self::metrics))
            .with_state(self)
    }
}

/// What a caller of ours gets: the API's answer, or when to come back.
async fn relay(called: Result<reqwest::Response, ApiError>) -> Response {
    match called {
        // It is about our token: the caller's own credentials are not the problem.
        Ok(answer) if answer.status() == StatusCode::UNAUTHORIZED => StatusCode::BAD_GATEWAY.into_response(),
        Ok(answer) => {
            let status = answer.status();
            let text = answer.text().await;
            text.map_or_else(
                |_| StatusCode::BAD_GATEWAY.into_response(),
                |text| (status, text).into_response(),
            )
        }
        // Without a token, nothing was sent to the API. The error says why, and belongs into the log.
        Err(ApiError::Token(error)) => {
            let seconds = error.retry_after().as_secs().max(1).to_string();
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, seconds)]).into_response()
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start()?;
    let provider = Provider::rfc6749(&server.token_endpoint())?;
    let origins = Origins::parse([server.origin()])?;
    let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET)?;

    // The recorder first, then whoever tells it something.
    let builder = PrometheusBuilder::new().with_recommended_naming(true).set_buckets(&BUCKETS)?;
    let prometheus = builder.install_recorder()?;
    let metrics = MetricsObserver::new();

    let http = reqwest::Client::new();
    let api = |name: &str, scope: &str| -> Result<Api, Box<dyn Error>> {
        let client = Client::builder(provider.clone(), auth.clone()).scope(scope).build()?;
        let tokens = Tokens::builder(client).name(name).observer(Arc::new(metrics.clone())).build()?;
        // Asks before the token ends, even when nothing is called for hours. Ends with the last clone of `tokens`.
        tokio::spawn(tokens.keep_fresh());
        Ok(Api::new(http.clone(), tokens, origins.clone()))
    };
    let (read, write) = (api("read", "shipments:read")?, api("write", "shipments:write")?);
    let url = server.resource("/shipments").into();
    let service = Service { read, write, url, metrics: metrics.clone(), prometheus };

    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let until = async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = stopped => {}
        }
    };
    // New callers are turned away, and those who are in are served; then the last source goes, and its keeper ends.
    let serve = axum::serve(listener, service.router()).with_graceful_shutdown(until);
    let serving = tokio::spawn(async move { serve.await });

    let caller = reqwest::Client::new();
    let listed = caller.get(format!("http://{address}/shipments")).send().await?;
    println!("GET /shipments: {}", listed.status());
    let booked = caller.post(format!("http://{address}/shipments")).send().await?;
    println!("POST /shipments: {}", booked.status());
    let ready = caller.get(format!("http://{address}/ready")).send().await?;
    println!("GET /ready: {}", ready.status());
    let counted = caller.get(format!("http://{address}/metrics")).send().await?.text().await?;
    for line in counted.lines().filter(|line| line.starts_with("evergrant_token_requests_total{")) {
        println!("{line}");
    }
    drop((caller, stop));
    serving.await??;
    Ok(())
}
