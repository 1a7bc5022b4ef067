//! Many sources in one process, over real sockets, on every transport.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

#[path = "pool/keeping.rs"]
mod keeping;
#[path = "pool/limits.rs"]
mod limits;
#[path = "pool/replacing.rs"]
mod replacing;
#[path = "pool/separate.rs"]
mod separate;
#[path = "pool/stored.rs"]
mod stored;

use evergrant_mock::{Endpoint, Server};
use evergrant_tests::pools::Setup;
use evergrant_tests::{LONG, ms};
use evergrant_tokio_reqwest::{Client, ClientAuth, Provider};
use std::thread;
use std::time::Instant;

/// Waits until it is so, looking now and then: a look at hundreds of tenants takes its time.
#[track_caller]
fn until(what: &str, so: impl Fn() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < LONG, "{what}");
        thread::sleep(ms(10));
    }
}

/// The mock's client, at this endpoint and of this scope: what tenants are told apart by.
fn client(token_endpoint: &str, scope: &str) -> Client {
    let provider = Provider::rfc6749(token_endpoint).unwrap();
    let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    Client::builder(provider, auth).scope(scope).build().unwrap()
}

/// Every tenant has its client at this server, with its name for a scope.
fn at(server: &Server) -> Setup {
    let endpoint = server.token_endpoint();
    Setup::new(move |tenant| client(&endpoint, tenant))
}

/// How often a token of this scope was asked for.
fn asked_for(server: &Server, scope: &str) -> usize {
    let requests = server.requests();
    let of_the_scope = requests.iter().filter(|request| {
        request.endpoint() == Endpoint::Token && request.parameter("scope").as_deref() == Some(scope)
    });
    of_the_scope.count()
}
