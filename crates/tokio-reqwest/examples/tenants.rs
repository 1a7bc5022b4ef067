//! A service that calls an API for many tenants, each with a client of its own: one pool of sources for all of them.
//!
//!     cargo run -p evergrant-tokio-reqwest --example tenants
//!
//! It plays all sides and ends by itself: the authorization server and the API are evergrant-mock's, the tenants and their callers
//! are in `main`. A service of your own has a real database, leaves `max_sources` at its default, keeps `/admin` to its operators,
//! and waits for Ctrl-C.
//!
//! In a project of your own, beside what the README of the repository names:
//!
//!     cargo add --path evergrant/crates/mock && cargo add axum@0.8 && cargo add tokio --features net,sync

// An example shows what it does.
#![allow(clippy::print_stdout)]

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use evergrant_mock::Server;
use evergrant_tokio_reqwest::{
    Api, ApiError, BoxError, Client, ClientAuth, ConfigError, Origins, PoolError, Provider, TokensPool,
};
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Which secret each tenant gave us. The id of a tenant's client is the tenant's name here.
#[derive(Clone)]
struct Database {
    provider: Provider,
    secrets: Arc<Mutex<HashMap<String, String>>>,
}

impl Database {
    /// The client of a tenant. The pool asks for it when it has no source for the tenant.
    fn client(&self, tenant: &str) -> Result<Client, BoxError> {
        let secret = self.rows(|rows| rows.get(tenant).cloned()).ok_or(UnknownTenant)?;
        Ok(self.client_with(tenant, &secret)?)
    }

    fn client_with(&self, tenant: &str, secret: &str) -> Result<Client, ConfigError> {
        Client::builder(self.provider.clone(), ClientAuth::basic(tenant, secret)?).build()
    }

    fn rows<R>(&self, query: impl FnOnce(&mut HashMap<String, String>) -> R) -> R {
        query(&mut self.secrets.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Debug)]
struct UnknownTenant;

impl fmt::Display for UnknownTenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no such tenant")
    }
}

impl Error for UnknownTenant {}

/// What the handlers share. Clones are the same service.
#[derive(Clone)]
struct Service {
    pool: TokensPool<String>,
    database: Database,
    http: reqwest::Client,
    origins: Origins,
    url: Arc<str>,
}

impl Service {
    async fn list(State(service): State<Self>, Path(tenant): Path<String>) -> Response {
        // Taken for this call and dropped after it: the pool cannot evict a source whose clone the program keeps.
        let tokens = match service.pool.tokens(&tenant) {
            Ok(tokens) => tokens,
            Err(error) => return without_source(&error),
        };
        let api = Api::new(service.http.clone(), tokens, service.origins.clone());
        relay(api.get(&*service.url).send().await).await
    }

    /// The tenant has another secret: the token at hand is used until the first one of the new secret comes.
    async fn change_secret(
        State(service): State<Self>,
        Path(tenant): Path<String>,
        secret: String,
    ) -> Response {
        let client = match service.database.client_with(&tenant, &secret) {
            Ok(client) => client,
            // Such as a secret with a line break.
            Err(error) => return (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response(),
        };
        // The database first: from now on the pool makes the tenant's client with the new secret.
        service.database.rows(|rows| rows.insert(tenant.clone(), secret));
        match service.pool.replace(&tenant, client) {
            Ok(_) => StatusCode::NO_CONTENT.into_response(),
            Err(error) => without_source(&error),
        }
    }

    /// The tenant leaves: no token is requested for it any more.
    async fn leave(State(service): State<Self>, Path(tenant): Path<String>) -> StatusCode {
        service.database.rows(|rows| rows.remove(&tenant));
        service.pool.remove(&tenant);
        StatusCode::NO_CONTENT
    }

    /// For operators: it names tenants.
    async fn admin(State(service): State<Self>) -> String {
        let status = service.pool.status();
        let mut page = format!(
            "{} sources: {} hold a token, {} rest after a failure\n",
            status.sources, status.held, status.resting
        );
        for (tenant, requests) in service.pool.top(3) {
            page += &format!("token requests of {tenant}: {requests}\n");
        }
        page
    }

    fn router(self) -> Router {
        Router::new()
            .route("/tenants/{tenant}/shipments", get(Self::list))
            .route("/admin", get(Self::admin))
            .route("/admin/tenants/{tenant}", put(Self::change_secret).delete(Self::leave))
            .with_state(self)
    }
}

/// There is no source for the tenant.
fn without_source(error: &PoolError) -> Response {
    match error {
        PoolError::Client(error) if error.is::<UnknownTenant>() => {
            (StatusCode::NOT_FOUND, error.to_string()).into_response()
        }
        PoolError::Full(full) => come_back(full.retry_after),
        // The database is down, or has something that makes no client. The error says which, and belongs in the log.
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// What a caller of ours gets: the API's answer, or why there is none.
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
        // This tenant's client is refused, and nobody else's. A status of its own: 500 would wake our operators, and 401 or 403
        // would say that the caller's own credentials are wrong.
        Err(ApiError::Token(error)) if error.is_permanent() => {
            (StatusCode::FAILED_DEPENDENCY, "the credentials of this tenant are refused: renew them")
                .into_response()
        }
        // No token in time, or the tenant's client was replaced or removed during the call.
        Err(ApiError::Token(error)) => come_back(error.retry_after()),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// Retry-After has whole seconds (RFC 9110 §10.2.3): rounded up, or the next call comes too early.
fn come_back(after: Duration) -> Response {
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, seconds.max(1).to_string())]).into_response()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let builder = Server::builder().another_client("apples", "secret-of-apples");
    let server = builder.another_client("pears", "secret-of-pears").start()?;
    let database = Database {
        provider: Provider::rfc6749(&server.token_endpoint())?,
        secrets: Arc::new(Mutex::new(HashMap::from([
            ("apples".into(), "secret-of-apples".into()),
            ("pears".into(), "an-old-secret".into()),
        ]))),
    };

    let clients = database.clone();
    let pool = TokensPool::builder(move |tenant: &String| clients.client(tenant))
        .name("tenants")
        .max_sources(2) // 10 000 by default; so few that this play fills the pool
        .build()?;
    // Renews the tokens of tenants that are served, and of no others. Ends with the last clone of the pool.
    let keeper = tokio::spawn(pool.keep_fresh());
    let service = Service {
        pool: pool.clone(),
        database,
        http: reqwest::Client::new(),
        origins: Origins::parse([server.origin()])?,
        url: server.resource("/shipments").into(),
    };

    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let callers =
        Callers { http: reqwest::Client::new(), base: format!("http://{}", listener.local_addr()?) };
    let (stop, stopped) = oneshot::channel::<()>();
    let until = async move { drop(stopped.await) };
    let serve = axum::serve(listener, service.router()).with_graceful_shutdown(until);
    let serving = tokio::spawn(async move { serve.await });

    callers.list("apples").await?;
    callers.list("bananas").await?;
    callers.list("pears").await?; // its secret is wrong
    callers.list("apples").await?; // which harms nobody else
    callers.send(Method::PUT, "/admin/tenants/pears", "secret-of-pears").await?;
    callers.list("pears").await?;
    print!("{}", callers.send(Method::GET, "/admin", "").await?);

    // Clones that are kept: now no source can make place for another one.
    let kept = [pool.tokens("apples")?, pool.tokens("pears")?];
    callers.send(Method::PUT, "/admin/tenants/cherries", "secret-of-cherries").await?;
    callers.list("cherries").await?;
    drop(kept);

    callers.send(Method::DELETE, "/admin/tenants/apples", "").await?;
    callers.list("apples").await?;
    println!("{} token requests in all", server.counts().token_requests);

    // Calls that are being served end, then the last clone of the pool goes, and with it the keeper.
    drop((callers, stop, pool));
    serving.await??;
    keeper.await?;
    println!("the service and the keeper of its pool have ended");
    Ok(())
}

/// The callers of the service.
struct Callers {
    http: reqwest::Client,
    base: String,
}

impl Callers {
    async fn list(&self, tenant: &str) -> Result<(), reqwest::Error> {
        self.send(Method::GET, &format!("/tenants/{tenant}/shipments"), "").await.map(drop)
    }

    /// Says what the service answered, and gives its text.
    async fn send(&self, method: Method, path: &str, body: &'static str) -> Result<String, reqwest::Error> {
        let request = self.http.request(method.clone(), format!("{}{path}", self.base));
        let answer = request.body(body).send().await?;
        print!("{method} {path}: {}", answer.status());
        if let Some(seconds) = answer.headers().get(RETRY_AFTER) {
            print!(", Retry-After: {seconds:?}");
        }
        println!();
        answer.text().await
    }
}
