//! `evergrant inspect`.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::Server;
use fixture::{Folder, evergrant, fails, fed, known, run};

#[test]
fn a_token_is_read_from_stdin_or_from_a_file() {
    let server = Server::start().unwrap();
    let token = run(&mut known(&server, &[])).stdout;
    let folder = Folder::new();
    let file = folder.file("token", 0o600, &token);
    for ended in [
        fed(&mut evergrant(&["inspect"]), token.as_bytes()),
        fed(&mut evergrant(&["inspect", "-"]), token.as_bytes()),
        run(&mut evergrant(&["inspect", &file])),
    ] {
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
        assert!(ended.stdout.contains("issuer      evergrant-mock\n"), "{}", ended.stdout);
        assert!(ended.stdout.contains("UTC, in 23 h 59 min\n"), "{}", ended.stdout);
        assert!(ended.stdout.contains("nothing was checked"), "{}", ended.stdout);
        assert!(!ended.stdout.contains(token.trim()), "the token itself is not shown");
    }
}

#[test]
fn what_every_format_prints_can_be_inspected() {
    let server = Server::start().unwrap();
    for format in ["token", "header", "json"] {
        let printed = run(&mut known(&server, &["--format", format])).stdout;
        let ended = fed(&mut evergrant(&["inspect", "--json"]), printed.as_bytes());
        let found: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!((&found["kind"], &found["verified"]), (&"jwt".into(), &false.into()));
        assert_eq!(found["claims"]["iss"], "evergrant-mock");
    }
}

#[test]
fn a_token_as_an_argument_is_refused_and_not_repeated() {
    let server = Server::start().unwrap();
    let token = run(&mut known(&server, &[])).stdout;
    let ended = run(&mut evergrant(&["inspect", token.trim()]));
    assert_eq!((ended.status, ended.stdout.as_str()), (2, ""));
    assert!(ended.stderr.contains("looks like a token"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("eyJ"), "{}", ended.stderr);
    let ended = run(&mut evergrant(&["inspect", "sentinel"]));
    assert!(ended.status == 2 && !ended.stderr.contains("sentinel"), "{}", ended.stderr);
}

#[test]
fn what_is_no_token_is_a_mistake_of_use() {
    fails(&mut evergrant(&["inspect"]), 2, &["the input is empty"]);
    let folder = Folder::new();
    let long = folder.file("long", 0o600, vec![b'x'; 300_000]);
    fails(&mut evergrant(&["inspect", &long]), 2, &["longer than 262144 bytes"]);
}

#[test]
fn a_check_ends_with_1_when_the_token_is_of_no_use() {
    use base64::Engine as _;
    let jwt = |payload: &str| {
        let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.c2ln", part(r#"{"alg":"HS256"}"#), part(payload))
    };
    for (payload, status) in [
        (r#"{"exp":1000}"#, 1),
        (r#"{"exp":99999999999}"#, 0),
        (r#"{"nbf":99999999998,"exp":99999999999}"#, 1),
        ("{}", 0),
    ] {
        let ended = fed(&mut evergrant(&["inspect", "--check"]), jwt(payload).as_bytes());
        assert_eq!((ended.status, ended.stderr.as_str()), (status, ""), "{payload}: {}", ended.stdout);
        assert_eq!(fed(&mut evergrant(&["inspect"]), jwt(payload).as_bytes()).status, 0, "nobody asked");
    }
    assert_eq!(fed(&mut evergrant(&["inspect", "--check"]), b"opaque").status, 0);
}
