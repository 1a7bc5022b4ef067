//! Three runtimes in one program, against one server, with one client each: they do not know of each other.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_async_std::{AsyncStd, Body, HttpClient};
use evergrant_mock::Server;
use evergrant_tests::{client, http, install_tls, server};
use evergrant_tokio_reqwest::Origins;
use std::thread;

/// HPACK then never puts it into an index that the next request could be compared with, and Debug does not show it.
// Conforms: R-9110-11.6.2-a
#[test]
fn what_every_adapter_attaches_is_marked_sensitive() {
    install_tls();
    let server: Server = server();
    let client = client(&server);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let tokens = evergrant_tokio_reqwest::Tokens::new(client.clone()).unwrap();
    let on_tokio = runtime.block_on(tokens.authorization()).unwrap();
    let tokens = evergrant_async_std::Tokens::<AsyncStd>::new(client.clone()).unwrap();
    let on_async_std = async_std::task::block_on(tokens.authorization()).unwrap();
    let in_a_thread = evergrant_ureq::Tokens::new(client).unwrap().authorization().unwrap();
    for (value, token) in [on_tokio, on_async_std, in_a_thread].iter().zip(server.issued()) {
        assert_eq!(value.as_bytes(), format!("Bearer {token}").as_bytes());
        assert!(value.is_sensitive());
        assert_eq!(format!("{value:?}"), "Sensitive");
    }
}

// Conforms: L-19
// Conforms: A-41
#[test]
fn three_adapters_in_one_program_share_nothing_but_the_server() {
    install_tls();
    let server: Server = server();
    let (url, client) = (server.resource("/shipments"), client(&server));
    let origins = Origins::parse([server.origin().as_str()]).unwrap();

    thread::scope(|scope| {
        scope.spawn(|| {
            let tokens = evergrant_tokio_reqwest::Tokens::new(client.clone()).unwrap();
            let api = evergrant_tokio_reqwest::Api::new(http(), tokens, origins.clone());
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let answer = runtime.block_on(api.send(http().get(&url))).unwrap();
            assert_eq!(answer.status(), 200);
        });
        scope.spawn(|| {
            let tokens = evergrant_async_std::Tokens::<AsyncStd>::new(client.clone()).unwrap();
            let api = evergrant_async_std::Api::new(HttpClient::new(), tokens, origins.clone());
            let request = ::http::Request::get(&url).body(Body::empty()).unwrap();
            assert_eq!(async_std::task::block_on(api.execute(request)).unwrap().status(), 200);
        });
        scope.spawn(|| {
            let tokens = evergrant_ureq::Tokens::new(client.clone()).unwrap();
            let api = evergrant_ureq::Api::new(ureq::agent(), tokens, origins.clone());
            let request = ::http::Request::get(&url).body(()).unwrap();
            assert_eq!(api.run(request).unwrap().status(), 200);
        });
    });
    let counts = server.counts();
    assert_eq!((counts.token_requests, counts.resource_ok), (3, 3));
}
