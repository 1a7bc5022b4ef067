//! One suite, every shell: each scenario of `scenarios.rs` runs on each of `shells.rs`, and the traces must be equal. And
//! what a program could print meanwhile is searched for the secrets of the scenarios and for every token.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod gateway;
mod printed;
mod scenarios;
mod secrets;
mod shells;

use printed::with_no_secret;
use scenarios::Trace;
use shells::{ADAPTERS, Mount, SHELLS};

/// Runs the scenario on every shell: what is seen, by the callers and by the servers, must be the same. And nothing may
/// depend on reading a token (RFC 9068 section 6): the same once more on each adapter, with opaque ones and no hint.
// Conforms: R-9068-a
#[track_caller]
fn on_every_shell(scenario: fn(Mount) -> Trace) {
    let mut first: Option<(&str, Trace)> = None;
    let seeing = SHELLS.map(|(name, mount)| {
        // Which one it was, if the scenario fails.
        eprintln!("on {name}");
        (name, scenario(mount))
    });
    let blind = ADAPTERS.map(|place| SHELLS[place].1);
    let blind = blind.map(|mount| ("with tokens that nobody reads", scenarios::blind(scenario, mount)));
    for (name, trace) in seeing.into_iter().chain(blind) {
        if trace.is_of_its_own {
            continue;
        }
        match &first {
            None => first = Some((name, trace)),
            Some((reference, expected)) => assert_eq!(&trace, expected, "{name}, compared with {reference}"),
        }
    }
}

macro_rules! suite {
    ($($scenario:ident)*) => {
        $(#[test]
        fn $scenario() {
            with_no_secret(stringify!($scenario), || on_every_shell(scenarios::$scenario));
        })*
    };
}

scenarios::every_scenario!(suite);
