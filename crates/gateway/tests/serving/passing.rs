//! Requests that pass, and what they arrive as.

use crate::fixture::{Caller, PATIENCE, address, route, serve};
use evergrant_mock::{Endpoint, Server};

#[test]
fn a_request_arrives_with_the_token_and_its_answer_comes_back() {
    let server = Server::start().unwrap();
    let running = serve(route(&server));
    let mut caller = Caller::new(&running);
    let answer = caller.get("/shipments?page[number]=2");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.field("proxy-status"), None);
    let requests = server.requests();
    let seen = requests.iter().find(|request| request.endpoint() == Endpoint::Resource).unwrap();
    assert_eq!((seen.method(), seen.target()), ("GET", "/shipments?page[number]=2"));
    assert_eq!(seen.header("host"), Some(server.address().to_string().as_str()));
    let token = server.issued().pop().unwrap();
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {token}").as_str()));
    // The connection is used again, and so is the token.
    assert_eq!(caller.post("/shipments", b"{}").status, 200);
    assert_eq!(server.counts().token_requests, 1);
}

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
}

#[test]
fn nothing_listens_any_more_once_it_was_drained() {
    let server = Server::start().unwrap();
    let running = serve(route(&server));
    assert_eq!(Caller::new(&running).get("/").status, 200);
    running.drain(std::time::Duration::ZERO);
    assert!(running.wait());
    assert!(std::net::TcpStream::connect_timeout(&address(&running), PATIENCE).is_err());
}
