//! The gateway as it is by default, with a token of 1 KiB that stays; or, with a token endpoint, with bounds for ten thousand requests
//! that wait for its answer, and metrics that tell how many do.
//!
//!     cargo run --release -p evergrant-bench --example gateway -- 127.0.0.1:8484 http://127.0.0.1:8080
//!     cargo run --release -p evergrant-bench --example gateway -- 127.0.0.1:8484 http://127.0.0.1:8080 http2     the API speaks HTTP/2
//!     cargo run --release -p evergrant-bench --example gateway -- 127.0.0.1:8484 http://127.0.0.1:8080 http://127.0.0.1:8081/token 127.0.0.1:8485

use evergrant_gateway::{Address, Admin, Gateway, Limits, Listener, LogFormat, LogMode, Route, Upstream};
use evergrant_tokio_reqwest::{BoxError, Client, ClientAuth, Policy, Provider, Tokens};
use std::env;
use std::io;
use std::time::Duration;

/// More than are sent.
const QUEUED: usize = 20_000;
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> Result<(), BoxError> {
    let words: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let (listen, upstream) = match *words {
        [listen, upstream, ..] => (listen, Upstream::parse(upstream)?),
        _ => return Err("usage: gateway LISTEN UPSTREAM [http2 | TOKEN_ENDPOINT ADMIN]".into()),
    };
    let builder = Gateway::builder().log(LogMode::Own, LogFormat::Json, io::stdout());
    let builder = match *words {
        [_, _, endpoint, admin] => {
            let route = route(upstream, queueing(endpoint)?)?.patience(PATIENCE);
            let limits = Limits::new().connections(QUEUED).admitted(QUEUED);
            builder.route(route).limits(limits).admin(Admin::new(admin.parse()?))
        }
        _ => {
            let route = route(upstream, Tokens::fixed(&"a".repeat(1024))?)?;
            builder.route(route.http2(words.get(2) == Some(&"http2")))
        }
    };
    let gateway = builder.build().map_err(|twice| twice.to_string())?;
    let listener = Listener::new(Address::parse(listen)?);
    let running = gateway.serve(&[listener])?;
    running.wait();
    Ok(())
}

fn route(upstream: Upstream, tokens: Tokens) -> Result<Route, BoxError> {
    Route::new("/", upstream, tokens).map_err(|error| error.to_string().into())
}

/// A source whose queue has room for all.
fn queueing(endpoint: &str) -> Result<Tokens, BoxError> {
    // Another one cannot have been first.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let auth = ClientAuth::basic("a-client", "a-secret")?;
    let client = Client::builder(Provider::rfc6749(endpoint)?, auth).build()?;
    let policy = Policy::new().with_max_waiters(QUEUED);
    Ok(Tokens::builder(client).proxy(None).patience(PATIENCE).policy(policy).build()?)
}
