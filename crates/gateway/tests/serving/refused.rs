//! Tokens that the API refuses.

use crate::api::{After, Api, ok, refuse, say};
use crate::fixture::{Caller, address, fixed, route, route_to, serve, serve_with, tokens};
use evergrant_gateway::{Gateway, OnRefused};
use evergrant_mock::{Endpoint, Server};

#[test]
fn a_revoked_token_is_replaced_and_the_request_sent_once_more() {
    let server = Server::start().unwrap();
    let running = serve(route(&server));
    let mut caller = Caller::new(&running);
    assert_eq!(caller.get("/").status, 200);
    server.revoke_all();
    let answer = caller.post("/shipments", b"one body");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(server.counts().token_requests, 2);
    let requests = server.requests();
    let bodies =
        requests.iter().filter(|request| request.method() == "POST" && request.path() == "/shipments");
    // Once with the revoked token, once more because it was young, and with the new one.
    let bodies: Vec<_> = bodies.map(evergrant_mock::Recorded::body).collect();
    assert!((2..=3).contains(&bodies.len()) && bodies.iter().all(|body| *body == b"one body"), "{bodies:?}");
    assert_eq!(running.counts().replays, [1, 0, 0]);
}

#[test]
fn an_api_that_refuses_every_token_gets_three_requests_at_most_and_the_caller_its_words() {
    let server = Server::start().unwrap();
    let api = Api::start(|_, stream| refuse(stream));
    let running = serve(route_to(&api.origin(), tokens(&server).build().unwrap()));
    let mut caller = Caller::new(&running);
    let answer = caller.post("/shipments", b"x");
    assert_eq!(
        (answer.status, answer.problem().as_deref()),
        (502, Some("token-refused")),
        "{}",
        answer.text()
    );
    assert_eq!(answer.sent().as_deref(), Some("refused"));
    assert!(answer.text().contains("the token was revoked"), "{}", answer.text());
    assert_eq!(answer.field("www-authenticate"), None);
    assert!((2..=3).contains(&api.arrived().len()), "{}", api.arrived().len());
    assert!(server.counts().token_requests <= 2);
}

#[test]
fn where_it_is_asked_for_the_refusal_is_passed_on() {
    let server = Server::start().unwrap();
    let api = Api::start(|_, stream| refuse(stream));
    let tokens = tokens(&server).build().unwrap();
    let running = serve(route_to(&api.origin(), tokens).on_refused(OnRefused::Pass));
    let answer = Caller::new(&running).get("/");
    assert_eq!((answer.status, answer.field("proxy-status")), (401, None));
    assert!(answer.field("www-authenticate").is_some() && answer.text().contains("the token was revoked"));
}

#[test]
fn what_cannot_be_sent_again_is_sent_once_and_may_be_repeated_by_its_caller() {
    let server = Server::start().unwrap();
    let api = Api::start(|_, stream| refuse(stream));
    let running = serve(route_to(&api.origin(), tokens(&server).build().unwrap()));
    let mut caller = Caller::new(&running);
    // Longer than what is kept.
    let answer = caller.post("/", &vec![b'x'; 65 * 1024]);
    assert_eq!(
        (answer.status, answer.problem().as_deref()),
        (503, Some("token-refused")),
        "{}",
        answer.text()
    );
    assert_eq!(answer.sent().as_deref(), Some("refused"));
    let after: u64 = answer.field("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&after));
    assert_eq!(api.arrived().len(), 1);
    assert_eq!(running.counts().replays, [0, 0, 1]);
}

#[test]
fn a_refusal_that_comes_before_the_body_has_ended_is_answered_with_the_whole_body() {
    let server = Server::start().unwrap();
    let api = Api::early(|_, stream| {
        refuse(stream);
        After::Close
    });
    let running = serve(route_to(&api.origin(), tokens(&server).build().unwrap()));
    let host = address(&running);
    let mut caller = Caller::new(&running);
    caller.write(format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\n\r\nab")).unwrap();
    // The API has answered: the rest may take its time.
    crate::fixture::until("the first refusal", || !api.arrived().is_empty());
    caller.write("cd").unwrap();
    let answer = caller.answer().unwrap();
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!((2..=3).contains(&api.arrived().len()));
}

#[test]
fn what_another_status_says_of_the_token_is_passed_on_as_it_is() {
    let api = Api::start(|_, stream| {
        say(
            stream,
            "HTTP/1.1 403 Forbidden\r\nWWW-Authenticate: Bearer error=\"insufficient_scope\"\r\nContent-Length: 2\r\n\r\nno",
        );
        After::KeepOpen
    });
    let running = serve(route_to(&api.origin(), fixed()));
    let answer = Caller::new(&running).get("/");
    assert_eq!((answer.status, answer.text().as_str(), answer.field("proxy-status")), (403, "no", None));
    assert!(answer.field("www-authenticate").unwrap().contains("insufficient_scope"));
}

#[test]
fn one_request_replaces_the_token_of_many_callers() {
    let server = Server::start().unwrap();
    let running = serve(route(&server));
    let mut callers: Vec<_> = (0..40).map(|_| Caller::new(&running)).collect();
    for caller in &mut callers {
        assert_eq!(caller.get("/").status, 200);
    }
    server.revoke_all();
    for caller in &mut callers {
        caller.send("POST", "/x", "", b"body");
    }
    for caller in &mut callers {
        assert_eq!(caller.answer().unwrap().status, 200);
    }
    assert_eq!(server.counts().token_requests, 2);
}

#[test]
fn several_routes_share_a_source() {
    let server = Server::start().unwrap();
    let api = Api::start(|_, stream| ok(stream, b"other"));
    let tokens = tokens(&server).build().unwrap();
    let other = evergrant_gateway::Upstream::parse(&api.origin()).unwrap();
    let other = evergrant_gateway::Route::new("/other/", other, tokens.clone()).unwrap();
    let running = serve_with(Gateway::builder().route(route_to(&server.origin(), tokens)).route(other));
    let mut caller = Caller::new(&running);
    assert_eq!(caller.get("/x").status, 200);
    assert_eq!(caller.get("/other/x").text(), "other");
    assert_eq!(server.counts().token_requests, 1);
    assert_eq!(
        server.requests().iter().filter(|request| request.endpoint() == Endpoint::Resource).count(),
        1
    );
}

#[test]
fn a_new_token_that_needs_longer_than_a_caller_may_wait_is_told() {
    let server = Server::start().unwrap();
    let api = Api::start(|_, stream| refuse(stream));
    let route = route_to(&api.origin(), tokens(&server).build().unwrap());
    let running = serve(route.patience(std::time::Duration::from_millis(20)));
    crate::fixture::until("the first token", || running.is_ready());
    let answer = Caller::new(&running).post("/", b"x");
    assert_eq!(
        (answer.status, answer.problem().as_deref(), answer.sent().as_deref()),
        (503, Some("token-refused"), Some("refused"))
    );
    assert!(answer.text().contains("patience"), "{}", answer.text());
    assert_eq!(api.arrived().len(), 1);
}

#[test]
fn a_head_that_cannot_be_trusted_is_the_last_on_its_connection() {
    let running = serve(route_to("http://127.0.0.1:1", fixed()));
    let host = address(&running);
    let mut caller = Caller::new(&running);
    caller.write(format!("GET /a/../b HTTP/1.1\r\nHost: {host}\r\n\r\n")).unwrap();
    let answer = caller.answer().unwrap();
    assert_eq!((answer.status, answer.field("connection")), (400, Some("close")));
    assert!(caller.is_closed());
}
