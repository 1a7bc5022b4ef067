//! Having a good token, beside the least that it can cost.
#![allow(clippy::unwrap_used)] // A bench that cannot be set up has nothing to measure.

use arc_swap::ArcSwap;
use evergrant_bench::{Group, Side, at_once, run};
use evergrant_core::{AccessToken, Client, ClientAuth, Provider, Stored, Wall};
use evergrant_tokio_reqwest::Tokens;
use http::HeaderValue;
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn main() {
    // Whoever was here first has installed the same one.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    run(&[header("a header value"), header("a header value").on_threads(2)]);
}

fn header(title: &'static str) -> Group {
    let (floor, tokens) = (floor(), tokens());
    let [authorization, token, try_token] = [&tokens; 3].map(Tokens::clone);
    Group::new(
        title,
        [
            Side::new("floor: pointer, two coarse clocks, clone", move || {
                let floor = Arc::clone(&floor);
                move || {
                    let held = floor.load();
                    (coarse() < held.1).then(|| held.0.clone())
                }
            }),
            Side::new("`authorization()`", move || {
                let tokens = authorization.clone();
                move || at_once(tokens.authorization())
            }),
            Side::new("`token()`", move || {
                let tokens = token.clone();
                move || at_once(tokens.token())
            }),
            Side::new("`try_token()`", move || {
                let tokens = try_token.clone();
                move || tokens.try_token()
            }),
        ],
    )
}

/// A header and its end on both coarse clocks, in seconds.
fn floor() -> Arc<ArcSwap<(HeaderValue, [i64; 2])>> {
    let value = HeaderValue::from_str(&format!("Bearer {}", text())).unwrap();
    Arc::new(ArcSwap::from_pointee((value, [i64::MAX; 2])))
}

fn coarse() -> [i64; 2] {
    [ClockId::MonotonicCoarse, ClockId::RealtimeCoarse].map(|clock| clock_gettime(clock).tv_sec)
}

/// A source that holds a token of 1 KiB for a day.
fn tokens() -> Tokens {
    let provider = Provider::rfc6749("http://127.0.0.1:1/token").unwrap();
    let auth = ClientAuth::post("bench", "secret").unwrap();
    let tokens = Tokens::new(Client::builder(provider, auth).build().unwrap()).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let stored = Stored {
        token: AccessToken::new(&text()).unwrap(),
        issued: Wall::from_epoch(now),
        life: Duration::from_secs(86_400),
    };
    assert!(tokens.restore(stored), "a fresh source takes a stored token");
    tokens
}

fn text() -> String {
    "a".repeat(1024)
}
