//! One suite, every shell: each scenario of `scenarios.rs` runs on each of `shells.rs`, and the traces must be equal. And
//! what a program could print meanwhile, and what a store is given, is searched for the secrets of the scenarios and for every token.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod gateway;
mod printed;
mod scenarios;
mod secrets;
mod shells;

use printed::with_no_secret;
use scenarios::{Engine, Trace};
use shells::{ADAPTERS, FLEETS, Mount, SHELLS};

/// Runs the scenario on every shell: what is seen, by the callers and by the servers, must be the same. And nothing may
/// depend on reading a token (RFC 9068 section 6): the same once more on each adapter, with opaque ones and no hint. A process with a
/// store is the process that it is without one: the same once more with one in memory on each adapter, and in a folder where commands
/// are awaited by tasks and by threads.
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
    let alone = seeing.into_iter().chain(blind);
    let folders = [(0, Engine::InFolder), (4, Engine::InFolder)];
    let stored = ADAPTERS.map(|place| (place, Engine::InMemory)).into_iter().chain(folders);
    let stored = stored.map(|(place, engine)| {
        let (name, mount) = SHELLS[place];
        eprintln!("on {name} with a store: {engine:?}");
        ("with a store", scenarios::over_a_store(engine, scenario, mount))
    });
    for (name, trace) in alone.chain(stored) {
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

/// What is about several sources and one store: on each adapter.
#[track_caller]
fn in_every_fleet(scenario: fn(Mount)) {
    for place in FLEETS {
        let (name, mount) = SHELLS[place];
        eprintln!("on {name}");
        scenario(mount);
    }
}

macro_rules! fleets {
    ($($scenario:ident)*) => {
        $(#[test]
        fn $scenario() {
            with_no_secret(stringify!($scenario), || in_every_fleet(scenarios::$scenario));
        })*
    };
}

scenarios::every_fleet!(fleets);

/// A process may be of any adapter.
#[test]
fn processes_of_every_kind_over_one_store_make_one_request() {
    with_no_secret("processes of every kind", || {
        scenarios::each_process_has_the_token_of_the_first(&SHELLS.map(|(_, mount)| mount));
    });
}
