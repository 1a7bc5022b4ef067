//! What the tests share: a server, a client of it, and a source of tokens; a server of raw bytes, and one that speaks
//! TLS; a token request, and a pool of sources, through each transport; stores that sources share.

pub mod certified;
#[cfg(doctest)]
pub mod pages;
pub mod places;
pub mod pools;
pub mod raw;
pub mod stores;
pub mod transports;

use evergrant_mock::{Fault, Server};
use evergrant_tokio_reqwest::{Api, Client, ClientAuth, Origins, Policy, Provider, Tokens, TokensBuilder};
use std::sync::Once;
use std::time::Duration;

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// Longer than anything here takes on a busy machine: what waits for it waits for a fault of ours.
pub const LONG: Duration = Duration::from_secs(60);

/// How long a request may take that meets this fault: little, where waiting is all it does, and long where it must be
/// met, however busy the machine is.
pub fn time_for(fault: &Fault) -> Duration {
    match fault {
        Fault::Hang | Fault::SlowBody { .. } => ms(100),
        _ => LONG,
    }
}

/// `n` milliseconds.
pub const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// `n` seconds.
pub const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The tests' TLS provider, which reqwest needs even for plain http.
pub fn install_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Somebody else's is as good.
        let _installed = rustls::crypto::ring::default_provider().install_default();
    });
}

/// A server on loopback, whose tokens live an hour.
///
/// # Panics
/// No port can be had.
pub fn server() -> Server {
    install_tls();
    Server::builder().lifetime(secs(3600)).start().expect("a port of loopback")
}

/// The server's client, which authenticates in the body.
///
/// # Panics
/// The server's URL is no token endpoint.
pub fn client(server: &Server) -> Client {
    let provider = Provider::rfc6749(&server.token_endpoint()).expect("http on a loopback literal");
    let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET).expect("plain characters");
    Client::builder(provider, auth).build().expect("nothing is wrong with it")
}

/// A quick policy: the machine's behaviour, without the seconds a test would wait for.
pub fn quick() -> Policy {
    Policy::new().with_min_interval(ms(1)).with_settle(ms(1)).with_backoff(ms(20), ms(80)).with_patience(LONG)
}

/// A source over the server's client.
pub fn builder(server: &Server) -> TokensBuilder {
    Tokens::builder(client(server)).policy(quick())
}

/// A source over the server's client, with the quick policy.
///
/// # Panics
/// The HTTP client cannot be built.
pub fn tokens(server: &Server) -> Tokens {
    builder(server).build().expect("a TLS provider is installed")
}

/// The program's own HTTP client.
///
/// # Panics
/// The HTTP client cannot be built.
pub fn http() -> reqwest::Client {
    install_tls();
    reqwest::Client::builder().no_proxy().build().expect("a TLS provider is installed")
}

/// An authorized client for the server's own origin.
///
/// # Panics
/// The server's origin is none.
pub fn api(server: &Server, tokens: &Tokens) -> Api {
    Api::new(http(), tokens.clone(), Origins::parse([server.origin().as_str()]).expect("loopback"))
}
