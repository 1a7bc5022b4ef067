//! Having a good token, beside the least that it can cost.
#![allow(clippy::unwrap_used)] // A bench that cannot be set up has nothing to measure.

use arc_swap::ArcSwap;
use evergrant_bench::subjects::{client, held, opaque, stored};
use evergrant_bench::{Group, Side, at_once, run};
use evergrant_core::ClientAuth;
use evergrant_tokio_reqwest::Tokens;
use http::HeaderValue;
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;

fn main() {
    run(&[
        owned("a header value"),
        owned("a header value").on_threads(2),
        lent("a lent header value"),
        lent("a lent header value").on_threads(2),
    ]);
}

/// A value of the caller's own: what an HTTP library takes. A shared count is the limit of two threads.
fn owned(title: &'static str) -> Group {
    let (floor, tokens) = (floor(), held(1024));
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

/// A value that is looked at and given back: nothing is counted, so threads do not slow each other down.
fn lent(title: &'static str) -> Group {
    let (floor, tokens, threads) = (floor(), held(1024), threads());
    Group::new(
        title,
        [
            Side::new("floor: pointer, two coarse clocks", move || {
                let floor = Arc::clone(&floor);
                move || {
                    let held = floor.load();
                    (coarse() < held.1).then(|| held.0.len())
                }
            }),
            Side::new("`with_authorization(..)`", move || {
                let tokens = tokens.clone();
                move || at_once(tokens.with_authorization(HeaderValue::len))
            }),
            Side::new("the same of ureq, which is no future", move || {
                let tokens = threads.clone();
                move || tokens.with_authorization(HeaderValue::len)
            }),
        ],
    )
}

/// The same source, for threads.
fn threads() -> evergrant_ureq::Tokens {
    let tokens = evergrant_ureq::Tokens::new(client(ClientAuth::post)).unwrap();
    assert!(tokens.restore(stored(1024)), "a fresh source takes a stored token");
    tokens
}

/// A header and its end on both coarse clocks, in seconds.
fn floor() -> Arc<ArcSwap<(HeaderValue, [i64; 2])>> {
    let value = HeaderValue::from_str(&format!("Bearer {}", opaque(1024))).unwrap();
    Arc::new(ArcSwap::from_pointee((value, [i64::MAX; 2])))
}

fn coarse() -> [i64; 2] {
    [ClockId::MonotonicCoarse, ClockId::RealtimeCoarse].map(|clock| clock_gettime(clock).tv_sec)
}
