//! The story that this began with: users' requests arrive while the token has ended and the authorization server is down.

use crate::api::{Api, ok};
use crate::fixture::{Caller, raise_file_limit, route_to, serve, serve_with, tokens, until};
use evergrant_gateway::{Gateway, Limits};
use evergrant_mock::{Endpoint, Fault, Server, Times};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn a_thousand_requests_outlast_an_outage_and_all_leave_with_one_token() {
    const USERS: usize = 1000;
    raise_file_limit();
    let server = Server::builder().lifetime(Duration::from_secs(4)).start().unwrap();
    let running = serve(route_to(&server.origin(), tokens(&server).build().unwrap()));
    until("the first token", || running.is_ready());
    let outage = server.fault(Endpoint::Token, Fault::status(503), Times::UntilCleared);
    // The token ends.
    let mut first = Caller::new(&running);
    first.send("GET", "/0", "", b"");
    until("the token has ended", || {
        if running.counts().queued == 1 {
            return true;
        }
        if running.counts().requests > 0 {
            // It was still good.
            let _answer = first.answer().unwrap();
            let before = running.counts().requests;
            first.send("GET", "/0", "", b"");
            until("it was answered or is queued", || {
                running.counts().queued == 1 || running.counts().requests > before
            });
        }
        running.counts().queued == 1
    });
    let sent_before = server.counts().resource_requests;
    let began = Instant::now();
    let mut users: Vec<_> = (1..USERS).map(|_| Caller::new(&running)).collect();
    for (number, user) in users.iter_mut().enumerate() {
        user.send("POST", &format!("/{number}"), "", format!("order {number}").as_bytes());
    }
    until("all are queued", || running.counts().queued == USERS as i64);
    while began.elapsed() < Duration::from_secs(3) {
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.counts().resource_requests, sent_before, "none is sent without a token");
    let granted = server.counts().token_granted;
    // Long enough for the last of them to be answered.
    server.set_lifetime(Duration::from_secs(3600));
    outage.clear();
    assert_eq!(first.answer().unwrap().status, 200);
    for user in &mut users {
        assert_eq!(user.answer().unwrap().status, 200);
    }
    println!(
        "the longest of {USERS} requests took {:?} from when the first came, 3 s of it an outage",
        began.elapsed()
    );
    assert_eq!(server.counts().token_granted, granted + 1, "one token for all");
    let token = format!("Bearer {}", server.issued().pop().unwrap());
    let requests = server.requests();
    let arrived = requests
        .iter()
        .filter(|request| request.method() == "POST" && request.endpoint() == Endpoint::Resource);
    let mut bodies: Vec<_> = arrived
        .map(|request| {
            assert_eq!(request.header("authorization"), Some(token.as_str()));
            String::from_utf8_lossy(request.body()).into_owned()
        })
        .collect();
    bodies.sort_unstable();
    bodies.dedup();
    assert_eq!(bodies.len(), USERS - 1, "each arrived, and once");
}

#[test]
fn of_a_full_queue_none_is_failed_by_an_api_that_takes_its_time() {
    const USERS: usize = 1023;
    raise_file_limit();
    let server = Server::start().unwrap();
    let gate = server.hold(Endpoint::Token);
    let api = Api::start(|_, stream| {
        thread::sleep(Duration::from_millis(100));
        ok(stream, b"{}")
    });
    let running = serve_with(
        Gateway::builder()
            .route(route_to(&api.origin(), tokens(&server).build().unwrap()))
            .limits(Limits::new().turns(256)),
    );
    let mut users: Vec<_> = (0..USERS).map(|_| Caller::new(&running)).collect();
    for user in &mut users {
        user.send("GET", "/", "", b"");
    }
    until("all are queued", || running.counts().queued == USERS as i64);
    gate.release();
    for user in &mut users {
        assert_eq!(user.answer().unwrap().status, 200);
    }
    assert_eq!((api.arrived().len(), server.counts().token_requests), (USERS, 1));
}
