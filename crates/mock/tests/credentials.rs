//! How clients authenticate, and clocks, as an HTTP client sees them.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evergrant_mock::{Answer, Endpoint, ErrorStyle, Fault, Issuer, Server, Times, Trust};

// The program under test in the crate's examples, which are other crates.
#[path = "../doc/story.rs"]
#[allow(dead_code, unreachable_pub)]
mod story;

use story::{ask_as, ask_by_assertion, ask_for_token, ask_with, call_api};

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
    ask_with(&server, &[("client_id", ID), ("client_secret", "new"), ("scope", "\"")]).unwrap();
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

const AUDIENCE: &str = "https://login.example.com";
const TYPE: (&str, &str) = ("client_assertion_type", Trust::JWT_BEARER);

/// The status and the body of an answer.
fn told(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, String) {
    let mut answer = answer.unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

fn invalid_client(description: &str) -> (u16, String) {
    (401, format!(r#"{{"error":"invalid_client","error_description":"{description}"}}"#))
}

fn invalid_request(description: &str) -> (u16, String) {
    (400, format!(r#"{{"error":"invalid_request","error_description":"{description}"}}"#))
}

#[test]
fn an_assertion_is_granted_a_token_for_its_subject_or_for_the_client_that_is_named() {
    let cluster = Issuer::new("https://kubernetes.default.svc").unwrap();
    let server =
        Server::builder().another_client("orders", "x").trusts(cluster.trust(AUDIENCE)).start().unwrap();
    let token = cluster.service_account("shop", "orders", AUDIENCE).signed().unwrap();
    let sub = "system:serviceaccount:shop:orders";
    for (client_id, client) in [("", sub), (sub, sub), ("orders", "orders"), (ID, ID)] {
        let parameters = [TYPE, ("client_assertion", &token), ("client_id", client_id)];
        let (status, body) = told(ask_with(&server, &parameters));
        assert_eq!(status, 200, "{body}");
        let issued = server.issued().pop().unwrap();
        assert_eq!(call_api(&server, &issued).unwrap().status(), 200);
        let claims = issued.split('.').nth(1).unwrap();
        let claims: serde_json::Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        assert_eq!(claims["sub"], client);
    }
    let parameters = [TYPE, ("client_assertion", &token), ("client_id", "nobody")];
    let unknown = "client_id is neither a client of this server nor the sub of the assertion";
    assert_eq!(told(ask_with(&server, &parameters)), invalid_client(unknown));
    let counts = server.counts();
    assert_eq!((counts.token_granted, counts.token_refused, counts.token_invalid_client), (4, 1, 1));
    // Secrets are still accepted.
    assert_eq!(ask_for_token(&server).unwrap().status(), 200);
}

#[test]
fn a_refused_assertion_is_told_which_check_failed() {
    let issuer = Issuer::new("https://issuer.example.com").unwrap();
    let server = Server::builder().trusts(issuer.trust(AUDIENCE)).start().unwrap();
    let good = || issuer.assertion().sub("orders").aud(AUDIENCE);
    let other = Issuer::new("https://issuer.example.com").unwrap();
    for (text, description) in [
        (good().exp(-31).signed(), "the assertion has expired"),
        (good().nbf(60).signed(), "the assertion is not valid yet, or its nbf is not a number"),
        (good().aud("me").signed(), "the aud of the assertion is not the expected one alone"),
        (Ok(good().unsigned()), "the alg of the assertion is none"),
        (
            other.assertion().sub("orders").aud(AUDIENCE).signed(),
            "the kid of the assertion is that of no trusted key",
        ),
        (Ok("nonsense".to_owned()), "the assertion is no signed JWT"),
    ] {
        assert_eq!(told(ask_by_assertion(&server, &text.unwrap())), invalid_client(description));
    }
    server.set_errors(ErrorStyle::MyParcel);
    let (status, body) = told(ask_by_assertion(&server, "nonsense"));
    assert!(status == 403 && body.contains("\"14000\"") && body.contains("no signed JWT"), "{body}");
    let nobody = Server::start().unwrap();
    let refused = told(ask_by_assertion(&nobody, &good().signed().unwrap()));
    assert_eq!(refused, invalid_client("this server trusts no client assertions"));
}

#[test]
fn several_are_trusted_until_another_alone_is() {
    let issuers = [(); 3].map(|()| Issuer::new("https://issuer.example.com").unwrap());
    let [one, two, three] = &issuers;
    let server = Server::builder().trusts(one.trust(AUDIENCE)).trusts(two.trust(AUDIENCE)).start().unwrap();
    let statuses = || {
        issuers.each_ref().map(|issuer| {
            let text = issuer.assertion().sub("orders").aud(AUDIENCE).signed().unwrap();
            ask_by_assertion(&server, &text).unwrap().status().as_u16()
        })
    };
    assert_eq!(statuses(), [200, 200, 401]);
    server.set_trust(three.trust(AUDIENCE));
    assert_eq!(statuses(), [401, 401, 200]);
}

#[test]
fn an_assertion_goes_by_the_clock_of_the_server() {
    let issuer = Issuer::new("https://issuer.example.com").unwrap();
    let server = Server::builder().trusts(issuer.trust(AUDIENCE)).clock_offset(3600).start().unwrap();
    let text = issuer.assertion().sub("orders").aud(AUDIENCE).nbf(0).signed().unwrap();
    let status = || ask_by_assertion(&server, &text).unwrap().status().as_u16();
    assert_eq!(status(), 401);
    server.set_clock_offset(0);
    assert_eq!(status(), 200);
    server.set_clock_offset(-3600);
    assert_eq!(status(), 401);
}

#[test]
fn an_assertion_is_the_only_way_in_which_a_client_authenticates() {
    let issuer = Issuer::new("https://issuer.example.com").unwrap();
    let server = Server::builder().trusts(issuer.trust(AUDIENCE)).start().unwrap();
    let text = issuer.assertion().sub("orders").aud(AUDIENCE).signed().unwrap();
    let two_ways = || invalid_request("more than one client authentication");
    let secret = ("client_secret", Server::CLIENT_SECRET);
    let assertion = ("client_assertion", text.as_str());
    assert_eq!(told(ask_with(&server, &[TYPE, assertion, secret])), two_ways());
    assert_eq!(told(ask_with(&server, &[TYPE, assertion, secret, ("client_id", ID)])), two_ways());
    assert_eq!(
        told(ask_with(&server, &[TYPE, assertion, TYPE])),
        invalid_request("a parameter is there more than once")
    );
    assert_eq!(told(ask_with(&server, &[assertion])), invalid_request("client_assertion_type is missing"));
    assert_eq!(told(ask_with(&server, &[TYPE])), invalid_request("client_assertion is missing"));
    let agent: ureq::Agent =
        ureq::Agent::config_builder().proxy(None).http_status_as_error(false).build().into();
    let form = [("grant_type", "client_credentials"), TYPE, assertion];
    let basic = agent.post(server.token_endpoint()).header("Authorization", "Basic YTpi").send_form(form);
    assert_eq!(told(basic), two_ways());
    let in_url = agent.post(format!("{}?client_assertion={text}", server.token_endpoint())).send_form(form);
    assert_eq!(told(in_url), invalid_request("a credential in the URL is read by every log on the way"));
    // In JSON, as in a form; what is no string is none of it.
    let json = |assertion: &str| {
        let body = format!(
            r#"{{"grant_type":"client_credentials","client_assertion_type":"{}","client_assertion":{assertion}}}"#,
            Trust::JWT_BEARER
        );
        told(agent.post(server.token_endpoint()).header("Content-Type", "application/json").send(body))
    };
    assert_eq!(json(&format!("\"{text}\"")).0, 200);
    assert_eq!(json("[7]"), invalid_request("a parameter is no string"));
}

#[test]
fn an_assertion_is_refused_until_it_changes_and_a_changed_one_is_checked() {
    let issuer = Issuer::new("https://issuer.example.com").unwrap();
    let server = Server::builder().trusts(issuer.trust(AUDIENCE).once()).start().unwrap();
    server.refuse_credential_until_changed();
    let fresh = || issuer.assertion().sub("orders").aud(AUDIENCE);
    let (first, second) = (fresh().signed().unwrap(), fresh().signed().unwrap());
    let refused = invalid_client("the assertion is refused until it changes");
    assert_eq!([(); 2].map(|()| told(ask_by_assertion(&server, &first))), [refused.clone(), refused.clone()]);
    // One that fails its checks is no change.
    assert_eq!(ask_by_assertion(&server, &fresh().exp(-60).signed().unwrap()).unwrap().status(), 401);
    assert_eq!(told(ask_by_assertion(&server, &first)), refused);
    assert_eq!(told(ask_by_assertion(&server, &second)).0, 200);
    // What was refused was not used.
    assert_eq!(told(ask_by_assertion(&server, &first)).0, 200);
    assert_eq!(
        told(ask_by_assertion(&server, &second)),
        invalid_client("the jti of the assertion was used before")
    );
}

#[test]
fn an_assertion_is_in_the_log_and_in_no_debug() {
    let issuer = Issuer::new("https://issuer.example.com").unwrap();
    let server = Server::builder().trusts(issuer.trust(AUDIENCE)).start().unwrap();
    let text = issuer.assertion().sub("orders").aud(AUDIENCE).signed().unwrap();
    ask_by_assertion(&server, &text).unwrap();
    ask_by_assertion(&server, "nonsense").unwrap();
    let requests = server.requests();
    assert_eq!(requests[0].parameter("client_assertion").as_deref(), Some(text.as_str()));
    assert_eq!(requests[0].parameter("client_assertion_type").as_deref(), Some(Trust::JWT_BEARER));
    assert_eq!([requests[0].answer(), requests[1].answer()], [200, 401].map(Answer::Status));
    let printed = format!("{requests:?} {server:?}");
    assert!(text.split('.').all(|part| !printed.contains(part)), "{printed}");
}
