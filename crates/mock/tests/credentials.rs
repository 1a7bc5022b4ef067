//! How clients authenticate, and clocks, as an HTTP client sees them.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_mock::{Endpoint, Fault, Server, Times};

// The program under test in the crate's examples, which are other crates.
#[path = "../doc/story.rs"]
#[allow(unreachable_pub)]
mod story;

use story::{ask_as, ask_for_token, call_api};

const ID: &str = Server::CLIENT_ID;

fn status(server: &Server, secret: &str) -> u16 {
    ask_as(server, ID, secret).unwrap().status().as_u16()
}

#[test]
fn a_secret_is_rotated_with_an_overlap_or_without() {
    let server = Server::start().unwrap();
    server.add_client_secret(ID, "new");
    assert_eq!(
        [Server::CLIENT_SECRET, "new", "newer"].map(|secret| status(&server, secret)),
        [200, 200, 401]
    );
    server.set_client_secret(ID, "newer");
    assert_eq!(
        [Server::CLIENT_SECRET, "new", "newer"].map(|secret| status(&server, secret)),
        [401, 401, 200]
    );
    // Another client, at run time, which changes nothing for the first.
    server.add_client_secret("orders", "o");
    assert_eq!(
        (ask_as(&server, "orders", "o").unwrap().status().as_u16(), status(&server, "newer")),
        (200, 200)
    );
}

#[test]
fn a_secret_is_refused_until_it_changes_and_the_changed_one_is_the_only_one() {
    let server = Server::start().unwrap();
    server.refuse_credential_until_changed();
    let sent = ["old", "old", "new", "new", "old", Server::CLIENT_SECRET];
    assert_eq!(sent.map(|secret| status(&server, secret)), [401, 401, 200, 200, 401, 401]);
    let counts = server.counts();
    assert_eq!((counts.token_granted, counts.token_refused, counts.token_invalid_client), (2, 4, 4));
    // What is refused for another reason is not counted as a client's.
    ask_as(&server, "nobody", "old").unwrap();
    story::ask_with(&server, &[("client_id", ID), ("client_secret", "new"), ("scope", "\"")]).unwrap();
    let counts = server.counts();
    assert_eq!((counts.token_refused, counts.token_invalid_client, counts.token_requests), (6, 5, 8));
}

#[test]
fn the_refusal_of_a_secret_ends_when_the_server_is_told_another() {
    for end in [Server::set_client_secret, Server::rotate_client] {
        let server = Server::start().unwrap();
        server.refuse_credential_until_changed();
        assert_eq!(status(&server, "mine"), 401);
        end(&server, ID, "mine");
        assert_eq!((status(&server, "mine"), status(&server, "another")), (200, 401));
    }
}

#[test]
fn the_refused_secret_is_told_as_invalid_client() {
    let server = Server::start().unwrap();
    server.refuse_credential_until_changed();
    let refusal = ask_for_token(&server).unwrap().body_mut().read_to_string().unwrap();
    assert_eq!(
        refusal,
        r#"{"error":"invalid_client","error_description":"the secret is refused until it changes"}"#
    );
}

/// A server whose clock says 1970, and an answer of it with Age.
#[test]
fn the_date_is_that_of_the_servers_clock_and_the_age_is_the_token_endpoints() {
    const YEAR_1970: i64 = -20_000_000_000;
    let server = Server::builder().clock_offset(YEAR_1970).start().unwrap();
    let answer = ask_for_token(&server).unwrap();
    assert_eq!(answer.headers()["date"], "Thu, 01 Jan 1970 00:00:00 GMT");
    assert!(!answer.headers().contains_key("age"));
    server.set_age(Some(75));
    assert_eq!(ask_for_token(&server).unwrap().headers()["age"], "75");
    // A refusal and a fault come from the same place.
    assert_eq!(ask_as(&server, "nobody", "x").unwrap().headers()["age"], "75");
    server.fault(Endpoint::Token, Fault::status(503), Times::Once);
    let fault = ask_for_token(&server).unwrap();
    assert_eq!((fault.status().as_u16(), &fault.headers()["age"]), (503, &"75".parse().unwrap()));
    assert_eq!(fault.headers()["date"], "Thu, 01 Jan 1970 00:00:00 GMT");
    assert!(!call_api(&server, "none").unwrap().headers().contains_key("age"));
    server.set_age(None);
    server.set_clock_offset(0);
    let answer = ask_for_token(&server).unwrap();
    assert!(
        !answer.headers().contains_key("age") && !answer.headers()["date"].to_str().unwrap().contains("1970")
    );
}
