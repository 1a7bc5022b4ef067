//! Requests that wait for a token, or for their turn.

use crate::api::{Api, ok};
use crate::fixture::{
    Caller, PATIENCE, address, fixed, limited, route, route_to, serve, serve_with, tokens, until,
};
use evergrant_gateway::{Gateway, Limits};
use evergrant_mock::{Endpoint, Fault, Server, Times};
use evergrant_tokio_reqwest::Policy;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn requests_that_come_while_there_is_no_token_wait_and_leave_with_the_new_one() {
    let server = Server::start().unwrap();
    let gate = server.hold(Endpoint::Token);
    let running = serve(route(&server));
    let mut callers: Vec<_> = (0..100).map(|_| Caller::new(&running)).collect();
    for (number, caller) in callers.iter_mut().enumerate() {
        caller.send("POST", &format!("/{number}"), "", b"a body");
    }
    until("all are queued", || running.counts().queued == 100);
    assert_eq!(server.counts().resource_requests, 0, "none is sent without a token");
    assert!(!running.is_ready());
    gate.release();
    for caller in &mut callers {
        assert_eq!(caller.answer().unwrap().status, 200);
    }
    assert_eq!((server.counts().token_requests, running.counts().queued), (1, 0));
    until("it is ready", || running.is_ready());
}

#[test]
fn while_a_token_is_held_nobody_waits_for_another() {
    let server = Server::builder().lifetime(Duration::from_secs(3600)).start().unwrap();
    let running = serve(route(&server));
    let mut caller = Caller::new(&running);
    assert_eq!(caller.get("/").status, 200);
    server.fault(Endpoint::Token, Fault::Hang, Times::UntilCleared);
    for _ in 0..50 {
        assert_eq!(caller.get("/").status, 200);
    }
    assert_eq!(running.counts().queued, 0);
}

#[test]
fn a_full_queue_answers_at_once_and_so_does_a_full_house() {
    let server = Server::start().unwrap();
    let _gate = server.hold(Endpoint::Token);
    let few = tokens(&server).policy(Policy::new().with_max_waiters(2)).build().unwrap();
    let running = limited(route_to(&server.origin(), few), Limits::new().admitted(10));
    let mut callers: Vec<_> = (0..2).map(|_| Caller::new(&running)).collect();
    for caller in &mut callers {
        caller.send("GET", "/", "", b"");
    }
    until("the queue is full", || running.counts().queued == 2);
    let answer = Caller::new(&running).get("/");
    assert_eq!(
        (answer.status, answer.problem().as_deref(), answer.sent().as_deref()),
        (503, Some("queue-full"), Some("no"))
    );
    assert!(answer.field("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert!(answer.field("proxy-status").unwrap().starts_with("evergrant-"), "{answer:?}");
}

#[test]
fn no_more_are_admitted_than_may_be() {
    let server = Server::start().unwrap();
    let _gate = server.hold(Endpoint::Token);
    let running = limited(route(&server), Limits::new().admitted(5));
    let mut callers: Vec<_> = (0..5).map(|_| Caller::new(&running)).collect();
    for caller in &mut callers {
        caller.send("GET", "/", "", b"");
    }
    until("all are in", || running.counts().queued == 5);
    let answer = Caller::new(&running).get("/");
    assert_eq!((answer.status, answer.problem().as_deref()), (503, Some("busy")), "{}", answer.text());
    drop(callers);
    until("their places are free", || running.counts().queued == 0);
}

#[test]
fn who_has_waited_for_long_enough_is_told_that_nothing_was_sent() {
    let server = Server::start().unwrap();
    let _gate = server.hold(Endpoint::Token);
    let running = serve(route(&server).patience(Duration::from_millis(200)));
    let answer = Caller::new(&running).post("/", b"a body");
    assert_eq!(
        (answer.status, answer.problem().as_deref(), answer.sent().as_deref()),
        (503, Some("no-token"), Some("no"))
    );
    assert!(answer.field("retry-after").is_some());
    assert_eq!(server.counts().resource_requests, 0);
}

#[test]
fn a_wrong_secret_is_told_with_the_servers_code_and_without_the_secret() {
    let server = Server::start().unwrap();
    server.rotate_client("somebody", "else");
    let running = serve(route(&server));
    let answer = Caller::new(&running).get("/");
    assert_eq!(
        (answer.status, answer.problem().as_deref()),
        (503, Some("client-refused")),
        "{}",
        answer.text()
    );
    assert!(answer.text().contains("invalid_client"), "{}", answer.text());
    assert!(!answer.text().contains(Server::CLIENT_SECRET));
}

#[test]
fn a_caller_that_hangs_up_frees_its_place_also_with_a_body_that_nobody_has_read() {
    let server = Server::start().unwrap();
    let _gate = server.hold(Endpoint::Token);
    let running = serve(route(&server));
    let host = address(&running);
    for head in [
        "GET / HTTP/1.1\r\n".to_owned(),
        "POST / HTTP/1.1\r\nContent-Length: 20000\r\n".to_owned(),
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n".to_owned(),
        "PUT / HTTP/1.1\r\nContent-Length: 20000\r\nExpect: 100-continue\r\n".to_owned(),
    ] {
        let mut caller = Caller::new(&running);
        caller.write(format!("{head}Host: {host}\r\n\r\n")).unwrap();
        if head.contains("20000") && !head.contains("Expect") {
            caller.write(vec![b'x'; 20_000]).unwrap();
        }
        until("it is queued", || running.counts().queued == 1);
        drop(caller);
        let began = Instant::now();
        until("it is seen", || running.counts().queued == 0 && running.counts().connections == 0);
        // 1.5 s on a machine that is not busy.
        assert!(began.elapsed() < PATIENCE / 2, "{head} {:?}", began.elapsed());
    }
}

#[test]
fn turns_at_the_api_are_taken_in_order_and_nobody_is_failed_by_them() {
    let (most, seen) = (8, std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0)));
    let at_once = std::sync::Arc::clone(&seen);
    let highest = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let top = std::sync::Arc::clone(&highest);
    let api = Api::start(move |_, stream| {
        use std::sync::atomic::Ordering::SeqCst;
        top.fetch_max(at_once.fetch_add(1, SeqCst) + 1, SeqCst);
        thread::sleep(Duration::from_millis(5));
        at_once.fetch_sub(1, SeqCst);
        ok(stream, b"{}")
    });
    let running = limited(route_to(&api.origin(), fixed()), Limits::new().turns(most));
    let mut callers: Vec<_> = (0..200).map(|_| Caller::new(&running)).collect();
    for caller in &mut callers {
        caller.send("GET", "/", "", b"");
    }
    for caller in &mut callers {
        assert_eq!(caller.answer().unwrap().status, 200);
    }
    let highest = highest.load(std::sync::atomic::Ordering::SeqCst);
    assert!(highest <= most, "{highest} at once");
    assert!(api.connections() <= 2 * most, "{}", api.connections());
}

#[test]
fn of_those_whose_turn_does_not_come_in_time_nothing_was_sent() {
    let (release, held) = channel::<()>();
    let held = std::sync::Mutex::new(held);
    let api = Api::start(move |_, stream| {
        let _released = held.lock().unwrap().recv_timeout(PATIENCE);
        ok(stream, b"{}")
    });
    let route = route_to(&api.origin(), fixed()).patience(Duration::from_millis(100));
    let running = limited(route, Limits::new().turns(1));
    let mut first = Caller::new(&running);
    first.send("GET", "/", "", b"");
    until("it has arrived", || api.arrived().len() == 1);
    let bytes = api.bytes();
    let answer = Caller::new(&running).post("/", b"x");
    assert_eq!(
        (answer.status, answer.problem().as_deref(), answer.sent().as_deref()),
        (503, Some("busy"), Some("no"))
    );
    assert_eq!(api.bytes(), bytes);
    release.send(()).unwrap();
    assert_eq!(first.answer().unwrap().status, 200);
    assert_eq!(api.arrived().len(), 1);
}

#[test]
fn a_token_that_ends_while_a_turn_is_waited_for_is_not_sent() {
    let server = Server::builder().lifetime(Duration::from_secs(3600)).start().unwrap();
    let (release, held) = channel::<()>();
    let held = std::sync::Mutex::new(held);
    let api = Api::start(move |_, stream| {
        let _released = held.lock().unwrap().recv_timeout(PATIENCE);
        ok(stream, b"{}")
    });
    let source = tokens(&server).build().unwrap();
    let running = serve_with(
        Gateway::builder().route(route_to(&api.origin(), source.clone())).limits(Limits::new().turns(1)),
    );
    let mut first = Caller::new(&running);
    first.send("GET", "/1", "", b"");
    until("it has arrived", || api.arrived().len() == 1);
    let mut second = Caller::new(&running);
    second.send("GET", "/2", "", b"");
    until("it waits for its turn", || running.counts().in_flight == 2);
    // Meanwhile the secret is rotated, and the old token thrown away with it.
    let auth = evergrant_tokio_reqwest::ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    source.rotate(auth, evergrant_tokio_reqwest::Rotation::Drop);
    release.send(()).unwrap();
    release.send(()).unwrap();
    assert_eq!((first.answer().unwrap().status, second.answer().unwrap().status), (200, 200));
    let arrived = api.arrived();
    let token = |number: usize| arrived[number].field("authorization").unwrap().to_owned();
    assert_ne!(token(0), token(1));
    assert_eq!(token(1), format!("Bearer {}", server.issued().pop().unwrap()));
}

#[test]
fn each_place_in_the_queue_is_a_callers() {
    let server = Server::start().unwrap();
    let gate = server.hold(Endpoint::Token);
    let policy = Policy::new().with_max_waiters(2);
    let tokens = tokens(&server).policy(policy).build().unwrap();
    let running = serve(route_to(&server.origin(), tokens));
    until("the first token was asked for", || server.counts().token_requests == 1);
    let mut waiting: Vec<_> = (0..2)
        .map(|_| {
            let mut caller = Caller::new(&running);
            caller.send("GET", "/", "", b"");
            caller
        })
        .collect();
    until("both wait", || running.counts().queued == 2);
    let answer = Caller::new(&running).get("/");
    assert_eq!((answer.status, answer.problem().as_deref()), (503, Some("queue-full")));
    let after: u64 = answer.field("retry-after").unwrap().parse().unwrap();
    assert!(after <= 2, "a place may be free at any moment, not in {after} s");
    gate.release();
    for caller in &mut waiting {
        assert_eq!(caller.answer().unwrap().status, 200);
    }
    assert_eq!(server.counts().token_requests, 1);
}
