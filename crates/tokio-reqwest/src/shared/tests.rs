use super::Transport;
use crate::Tokens;
use evergrant_core::{Client, ClientAuth, ConfigError, Provider};
use evergrant_http::proxy::Proxy;
use evergrant_mock::Server;
use reqwest::ClientBuilder;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const ENDPOINT: &str = "http://127.0.0.1:1/token";

fn client(endpoint: &str) -> Client {
    let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    Client::builder(Provider::rfc6749(endpoint).unwrap(), auth).build().unwrap()
}

/// An HTTP client without roots, which take time to read.
fn plain() -> ClientBuilder {
    let _first = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().tls_certs_only([])
}

/// One that cannot be built.
fn broken() -> ClientBuilder {
    plain().user_agent("two\nlines")
}

/// A function that makes HTTP clients, and how many it has made.
fn counted() -> (impl Fn() -> ClientBuilder + Send + Sync + 'static, Arc<AtomicUsize>) {
    let made = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&made);
    let http = move || {
        counter.fetch_add(1, Ordering::Relaxed);
        plain()
    };
    (http, made)
}

#[tokio::test]
async fn sources_share_an_http_client_and_each_has_a_token_of_its_own() {
    let server = Server::start().unwrap();
    let (http, made) = counted();
    let transport = Transport::builder().http(http).build();
    assert_eq!(made.load(Ordering::Relaxed), 0, "none is needed yet");
    let source = || Tokens::builder(client(&server.token_endpoint())).transport(&transport).build().unwrap();
    let (one, other) = (source(), source());
    let (first, second) = (one.token().await.unwrap(), other.token().await.unwrap());
    assert_ne!(first, second);
    assert_eq!((server.counts().token_granted, made.load(Ordering::Relaxed)), (2, 1));
}

#[test]
fn an_http_client_that_cannot_be_built_is_an_error_of_each_source() {
    let transport = Transport::builder().http(broken).build();
    for _ in 0..2 {
        let built = Tokens::builder(client(ENDPOINT)).transport(&transport).build();
        assert!(matches!(built, Err(ConfigError::HttpClient { .. })), "{built:?}");
    }
}

#[test]
fn of_a_transport_and_settings_of_the_sources_own_the_last_counts() {
    let (works, fails) =
        (Transport::builder().http(plain).build(), Transport::builder().http(broken).build());
    let tokens = || Tokens::builder(client(ENDPOINT));
    assert!(tokens().http(broken()).transport(&works).build().is_ok());
    assert!(tokens().http(plain()).transport(&fails).build().is_err());
    assert!(tokens().transport(&fails).transport(&works).build().is_ok());
    assert!(tokens().transport(&fails).http(plain()).build().is_ok());
    assert!(tokens().transport(&works).http(broken()).build().is_err());
    // What was set before the transport does not come back.
    assert!(tokens().http(broken()).transport(&fails).proxy(None).build().is_ok());
    assert!(tokens().http(broken()).transport(&fails).proxy_variables(false).build().is_ok());
    assert!(tokens().proxy(None).http(broken()).build().is_err());
}

#[test]
fn debug_shows_no_password_of_a_proxy_and_no_http_client() {
    let proxy = Proxy::parse("http://root:hunter22@proxy.example:3128").unwrap();
    let builder = Transport::builder().http(plain).proxy(proxy);
    for shown in [format!("{builder:?}"), format!("{:?}", builder.build())] {
        assert!(shown.contains("proxy.example:3128") && !shown.contains("hunter22"), "{shown}");
    }
}
