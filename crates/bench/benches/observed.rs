//! Having a good token of a source that has an observer: a program of its own, since a second caller of the same code would
//! keep the compiler from inlining it in both.
#![allow(clippy::unwrap_used)] // A bench that cannot be set up has nothing to measure.

use evergrant_bench::subjects::observed;
use evergrant_bench::{Group, Side, at_once, run};
use http::HeaderValue;

fn main() {
    let tokens = observed(1024);
    let lending = tokens.clone();
    run(&[Group::new(
        "with an observer",
        [
            Side::new("`authorization()`", move || {
                let tokens = tokens.clone();
                move || at_once(tokens.authorization())
            }),
            Side::new("`with_authorization(..)`", move || {
                let tokens = lending.clone();
                move || at_once(tokens.with_authorization(HeaderValue::len))
            }),
        ],
    )]);
}
