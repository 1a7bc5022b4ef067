//! Token endpoints that are found out from an issuer's metadata (OpenID Connect Discovery 1.0, RFC 8414).

use super::keys::{discovered, finding, private_key, seen, signing};
use super::{HEALS, Run, permanently};
use crate::clocks::OwnClock;
use crate::command::Command;
use crate::credentials::placed;
use crate::servers::Server;
use crate::shells::{Mount, Setup, Shell};
use evergrant_crypto::KeyFile;
use evergrant_tests::secs;
use evergrant_tokio_reqwest::core::{MetadataFault, Problem};
use evergrant_tokio_reqwest::{Client, Provider};
use serde_json::json;
use std::sync::Arc;

pub(super) fn one_by_one<'a>(server: &'a Server, case: &mut impl FnMut(&'a Server, &'static str, &[Run])) {
    use Run::{Command, Shell};
    let command = Command(the_command_finds_both_places);
    case(server, "metadata in both forms of place", &[command, Shell(both_places)]);
    let command = Command(the_command_finds_another_issuer);
    case(server, "metadata of another issuer", &[command, Shell(another_issuer)]);
    let command = Command(the_command_finds_no_metadata);
    case(server, "no metadata in this place", &[command, Shell(no_metadata)]);
    case(server, "a token endpoint that moves", &[Shell(a_move)]);
    case(server, "metadata after a refused key", &[Shell(a_refused_key)]);
}

const ID: &str = "key ES256";

fn mounted(mount: Mount, provider: Provider, key: &str) -> (Arc<dyn Shell>, OwnClock) {
    let clock = OwnClock::default();
    let setup = signing(KeyFile::new(placed(key)), Client::builder(provider, private_key(ID)));
    (mount(Setup { clock: Some(clock.clone()), ..setup }), clock)
}

/// How often the metadata was asked for, and how many token requests were granted and refused, during this.
fn during(server: &Server, job: impl FnOnce()) -> (u64, u64, u64) {
    let counts = || (server.metadata_requests(), server.ended(ID));
    let (metadata, (granted, refused)) = counts();
    job();
    let (metadata_after, (granted_after, refused_after)) = counts();
    (metadata_after - metadata, granted_after - granted, refused_after - refused)
}

/// It is asked for once, however many tokens there are.
// Conforms: R-8414-3-a, R-8414-3-b, R-8414-3-d
fn both_places(server: &Server, mount: Mount) {
    for provider in [discovered(server), discovered(server).rfc8414().unwrap()] {
        let (shell, clock) = mounted(mount, provider, "ES256.pem");
        let counts = during(server, || {
            for _ in 0..3 {
                assert_eq!(shell.call(&server.resource), 200);
                seen(server, ID, &json!({ "alg": "ES256", "typ": "client-authentication+jwt" }));
                shell.forget();
            }
        });
        assert_eq!(counts, (1, 3, 0));
        clock.pass(secs(24 * 3600));
        assert_eq!(during(server, || assert_eq!(shell.call(&server.resource), 200)), (1, 1, 0));
    }
}

/// A slash at the end is another issuer, though the metadata is in the same place; and that of another tenant is nobody's here.
// Conforms: R-8414-3.3-a, A-23
fn another_issuer(server: &Server, mount: Mount) {
    let issuer = &server.audience;
    let slash = format!("{issuer}/");
    let elsewhere = format!("{issuer}/of-nobody");
    let place = discovered(server).server().url().to_owned();
    let of_another = Provider::discovered(&elsewhere).unwrap().with_metadata_at(&place).unwrap();
    for (provider, configured) in [(Provider::discovered(&slash).unwrap(), &slash), (of_another, &elsewhere)]
    {
        let (shell, _) = mounted(mount, provider, "ES256.pem");
        let counts = during(server, || {
            for _ in 0..3 {
                let error = shell.token().unwrap_err();
                let refusal = error.refusal().unwrap();
                permanently(refusal, 200, None);
                let both = format!("its issuer is {issuer}, and this client is configured for {configured};");
                let said = error.to_string();
                assert!(said.contains(&both) && said.contains("a slash at the end"), "{said}");
            }
        });
        assert_eq!(counts, (1, 0, 0), "nothing of the client's leaves");
    }
}

/// No other place is tried.
// Conforms: R-8414-3-b
fn no_metadata(server: &Server, mount: Mount) {
    let nowhere = format!("{}/nothing", server.audience);
    let (shell, _) = mounted(mount, discovered(server).with_metadata_at(&nowhere).unwrap(), "ES256.pem");
    let counts = during(server, || {
        let error = shell.token().unwrap_err();
        let refusal = error.refusal().unwrap();
        permanently(refusal, 404, None);
        let Problem::Metadata { fault, .. } = refusal.problem() else { panic!("{error}") };
        assert_eq!(**fault, MetadataFault::Status);
        assert!(refusal.advice().contains("use the other form of its address"), "{error}");
    });
    assert_eq!(counts, (0, 0, 0));
}

/// The held token serves on. The request that finds nothing in the old place has the metadata asked for again: at most once a minute.
// Conforms: R-8414-3-d
fn a_move(server: &Server, mount: Mount) {
    let (shell, clock) = mounted(mount, discovered(server), "ES256.pem");
    assert_eq!(during(server, || assert_eq!(shell.call(&server.resource), 200)), (1, 1, 0));
    server.move_to(Some("/elsewhere/token"));
    assert_eq!(during(server, || assert_eq!(shell.call(&server.resource), 200)), (0, 0, 0));
    shell.forget();
    let refused = || permanently(shell.token().unwrap_err().refusal().unwrap(), 404, None);
    assert_eq!(during(server, refused), (0, 0, 0), "the metadata is a moment old");
    clock.pass(HEALS);
    assert_eq!(during(server, refused), (0, 0, 0));
    clock.pass(secs(60));
    assert_eq!(during(server, || assert_eq!(shell.call(&server.resource), 200)), (1, 1, 0));
    assert_eq!(server.seen(ID)["path"], "/elsewhere/token");
    server.move_to(None);
}

/// It may be the list of methods that has changed.
// Conforms: R-8414-3-d
fn a_refused_key(server: &Server, mount: Mount) {
    let (shell, clock) = mounted(mount, discovered(server), "ES384.pem");
    let refused = || permanently(shell.token().unwrap_err().refusal().unwrap(), 401, Some("invalid_client"));
    assert_eq!(during(server, refused), (1, 0, 1));
    // Once it has rested, the same key is tried again.
    for expected in [(0, 0, 1), (1, 0, 1)] {
        clock.pass(secs(35));
        assert_eq!(during(server, refused), expected);
    }
}

// With the command

fn the_command_finds_both_places(server: &Server, command: &Command) {
    for flags in [&[][..], &["--metadata-url", "rfc8414"]] {
        let counts = during(server, || {
            let token = finding(server, command, ID, "ES256.pem").with(flags).prints_a_token();
            assert_eq!(server.status_with(&token), 200);
        });
        assert_eq!(counts, (1, 1, 0), "{flags:?}");
    }
}

fn the_command_finds_another_issuer(server: &Server, command: &Command) {
    let counts = during(server, || {
        let slash = format!("{}/", server.audience);
        let ask = command.vouched(server).without("EVERGRANT_TOKEN_ENDPOINT").with(&["--client-id", ID]);
        let ask = ask.with(&["--issuer", &slash, "--key-file", placed("ES256.pem").to_str().unwrap()]);
        let both = format!("its issuer is {}, and this client is configured for {slash}", server.audience);
        ask.fails(3, &[&both, "at fault: the issuer", "a slash at the end"]);
    });
    assert_eq!(counts, (1, 0, 0));
}

fn the_command_finds_no_metadata(server: &Server, command: &Command) {
    let nowhere = format!("{}/nothing", server.audience);
    let ask = finding(server, command, ID, "ES256.pem").with(&["--metadata-url", &nowhere]);
    ask.fails(3, &["http 404", "--metadata-url rfc8414"]);
}
