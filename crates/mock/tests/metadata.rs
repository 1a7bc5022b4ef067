//! What the server says of itself, as an HTTP client sees it.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_mock::{Answer, Endpoint, Fault, Issuer, Registration, Server, Times, Trust};
use serde_json::{Value, json};
use std::time::Duration;
use ureq::http::Response;
use ureq::{Agent, Body};

// The program under test in the crate's examples, which are other crates.
#[path = "../doc/story.rs"]
#[allow(dead_code, unreachable_pub)]
mod story;

use story::{ask_for_metadata, ask_for_token};

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

fn agent() -> Agent {
    Agent::config_builder().proxy(None).http_status_as_error(false).max_redirects(0).build().into()
}

fn got(server: &Server, path: &str) -> Response<Body> {
    agent().get(format!("{}{path}", server.origin())).call().unwrap()
}

fn metadata(server: &Server) -> Value {
    serde_json::from_slice(&ask_for_metadata(server).unwrap().body_mut().read_to_vec().unwrap()).unwrap()
}

#[test]
fn metadata_is_of_what_the_server_is_configured_with() {
    let server = Server::start().unwrap();
    let methods = json!(["client_secret_basic", "client_secret_post"]);
    assert_eq!(
        metadata(&server),
        json!({
            "issuer": server.origin(),
            "token_endpoint": server.token_endpoint(),
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": methods,
        })
    );
    let mut oauth = got(&server, OAUTH);
    let read: Value = serde_json::from_slice(&oauth.body_mut().read_to_vec().unwrap()).unwrap();
    assert_eq!(
        (read, &oauth.headers()["content-type"]),
        (metadata(&server), &"application/json".parse().unwrap())
    );
    let client = Issuer::new("orders").unwrap();
    server.register(client.registration());
    server.register(Registration::client_secret_jwt("bills", "secret"));
    let rsa = Issuer::with_key("stock", include_str!("keys/rsa.pem"), Some("PS256")).unwrap();
    server.set_trust(rsa.trust("me"));
    let all = metadata(&server);
    assert_eq!(
        all["token_endpoint_auth_methods_supported"],
        json!(["client_secret_basic", "client_secret_post", "private_key_jwt", "client_secret_jwt"])
    );
    let algorithms = "token_endpoint_auth_signing_alg_values_supported";
    assert_eq!(all[algorithms], json!(["PS256", "ES256", "HS256"]));
    // An SVID is no private_key_jwt.
    let spire = rsa.trust("me").assertion_type(Trust::JWT_SPIFFE);
    let server = Server::builder().client("public", "").trusts(spire).start().unwrap();
    let all = metadata(&server);
    assert_eq!(
        (&all["token_endpoint_auth_methods_supported"], all.get(algorithms)),
        (&json!(["none"]), None)
    );
}

#[test]
fn metadata_of_an_issuer_with_a_path_is_found_in_both_forms() {
    let server = Server::builder().issuer("/realms/shop").start().unwrap();
    for path in [
        "/realms/shop/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/realms/shop",
    ] {
        assert_eq!(got(&server, path).status(), 200, "{path}");
    }
    assert_eq!(metadata(&server)["issuer"], server.issuer());
    for path in [OPENID, OAUTH] {
        assert_eq!(got(&server, path).status(), 404, "{path}");
    }
    let url = format!("{}{OPENID}", server.issuer());
    assert_eq!(agent().post(&url).send_empty().unwrap().status(), 405);
    let head = agent().head(&url).call().unwrap();
    assert_eq!((head.status().as_u16(), head.headers()["content-length"].is_empty()), (200, false));
    let counts = server.counts();
    assert_eq!((counts.metadata_requests, counts.metadata_served, counts.metadata_refused), (7, 4, 3));
    assert_eq!((counts.token_requests, counts.resource_requests, counts.metadata_faulted), (0, 0, 0));
}

#[test]
fn every_fault_strikes_the_metadata_and_can_be_changed_while_it_runs() {
    let server = Server::start().unwrap();
    let struck = |fault: Fault| {
        let fault = server.fault(Endpoint::Metadata, fault, Times::UntilCleared);
        let answer = ask_for_metadata(&server).unwrap();
        fault.clear();
        answer
    };
    let text = |mut answer: Response<Body>| answer.body_mut().read_to_string().unwrap();
    assert_eq!([404, 500].map(|status| struck(Fault::status(status)).status().as_u16()), [404, 500]);
    let redirect = struck(Fault::redirect(302, "http://127.0.0.1:1/"));
    assert_eq!(
        (redirect.status().as_u16(), &redirect.headers()["location"]),
        (302, &"http://127.0.0.1:1/".parse().unwrap())
    );
    let mut large = struck(Fault::Oversized { bytes: 2 * 1024 * 1024 });
    assert_eq!(large.body_mut().read_to_vec().unwrap().len(), 2 * 1024 * 1024);
    assert!(text(struck(Fault::Html)).starts_with("<!DOCTYPE"));
    let other: Value =
        serde_json::from_str(&text(struck(Fault::with_member("issuer", "\"https://other.example\""))))
            .unwrap();
    assert_eq!(
        (&other["issuer"], &other["token_endpoint"]),
        (&json!("https://other.example"), &json!(server.token_endpoint()))
    );
    let without: Value =
        serde_json::from_str(&text(struck(Fault::without_member("token_endpoint")))).unwrap();
    assert!(without.get("token_endpoint").is_none() && without["issuer"] == server.issuer());
    assert_eq!(
        text(struck(Fault::error(503, "temporarily_unavailable"))),
        r#"{"error":"temporarily_unavailable"}"#
    );
    assert_eq!(metadata(&server)["issuer"], server.issuer());
    let counts = server.counts();
    assert_eq!((counts.metadata_requests, counts.metadata_faulted, counts.metadata_served), (9, 8, 1));
    assert_eq!(server.requests()[5].answer(), Answer::Fault("member"));
    // The token endpoint is another.
    server.fault(Endpoint::Metadata, Fault::status(500), Times::UntilCleared);
    assert_eq!(ask_for_token(&server).unwrap().status(), 200);
}

#[test]
fn metadata_is_slow_or_held_apart_from_the_token_endpoint() {
    let server = Server::start().unwrap();
    let gate = server.hold(Endpoint::Metadata);
    server.set_delay(Endpoint::Metadata, Duration::from_millis(20));
    std::thread::scope(|scope| {
        let began = std::time::Instant::now();
        let asking = scope.spawn(|| ask_for_metadata(&server).unwrap().status().as_u16());
        assert!(gate.wait_for_held(1, Duration::from_secs(60)));
        assert_eq!(ask_for_token(&server).unwrap().status(), 200);
        gate.release();
        assert_eq!(asking.join().unwrap(), 200);
        assert!(began.elapsed() >= Duration::from_millis(20));
    });
}

#[test]
fn a_token_endpoint_that_was_moved_is_not_found_where_it_was() {
    let server = Server::start().unwrap();
    let old = server.token_endpoint();
    let asked = |url: &str| {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", Server::CLIENT_ID),
            ("client_secret", Server::CLIENT_SECRET),
        ];
        agent().post(url).send_form(form).unwrap().status().as_u16()
    };
    server.move_token_endpoint("/oauth/token");
    let new = server.token_endpoint();
    assert_eq!(metadata(&server)["token_endpoint"], new);
    assert_eq!([asked(&old), asked(&new)], [404, 200]);
    let counts = server.counts();
    assert_eq!((counts.token_requests, counts.token_refused, counts.token_invalid_client), (2, 1, 0));
    server.move_token_endpoint("/access-token");
    assert_eq!([asked(&old), asked(&new)], [200, 404]);
}

#[test]
fn a_member_of_a_token_response_can_be_missing() {
    let server = Server::start().unwrap();
    server.fault(Endpoint::Token, Fault::without_member("access_token"), Times::Once);
    let answer = ask_for_token(&server).unwrap().body_mut().read_to_string().unwrap();
    assert!(answer.contains("\"token_type\"") && !answer.contains("access_token"), "{answer}");
}
