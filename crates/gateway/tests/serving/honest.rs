//! What our own answers say of whether a request was sent, and that they reach whoever is still sending.

use crate::api::{After, Api, ok, say};
use crate::fixture::{Caller, PATIENCE, address, fixed, limited, route, route_to, serve, until};
use evergrant_gateway::{Limits, Route, Upstream};
use evergrant_mock::{Endpoint, Server};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

#[test]
fn a_caller_that_sends_all_before_it_reads_sees_our_answer() {
    let server = Server::start().unwrap();
    let _gate = server.hold(Endpoint::Token);
    let no_token = serve(route(&server).patience(Duration::from_millis(50)));
    let denied = serve(route_to("http://127.0.0.1:1", fixed()).methods([http::Method::GET]));
    let full = limited(route_to("http://127.0.0.1:1", fixed()), Limits::new().admitted(0));
    for (running, status) in [(&no_token, 503), (&denied, 405), (&full, 503)] {
        for _ in 0..3 {
            let mut caller = Caller::new(running);
            let body = vec![b'x'; 5_000_000];
            caller.send("POST", "/", "", &body);
            let answer = caller.answer().unwrap();
            assert_eq!(answer.status, status, "{}", answer.text());
            assert_eq!(answer.sent().as_deref(), Some("no"));
            // The rest was read: the connection goes on.
            caller.send("GET", "/nowhere", "Origin: null\r\n", b"");
            assert_eq!(caller.answer().unwrap().status, 403);
        }
    }
}

/// The head of a request whose caller waits for a word before it sends the body.
fn expecting(host: &SocketAddr) -> String {
    format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
}

#[test]
fn who_waits_for_a_word_before_the_body_gets_it_once_there_is_a_token() {
    let api = Api::start(|arrived, stream| ok(stream, &arrived.body));
    let server = Server::start().unwrap();
    let gate = server.hold(Endpoint::Token);
    let running = serve(route_to(&api.origin(), crate::fixture::tokens(&server).build().unwrap()));
    let host = address(&running);
    let mut caller = Caller::new(&running);
    caller.write(expecting(&host)).unwrap();
    until("it is queued", || running.counts().queued == 1);
    caller.stream().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert!(caller.any_answer("POST").is_err(), "nothing is said while there is no token");
    caller.stream().set_read_timeout(Some(PATIENCE)).unwrap();
    gate.release();
    assert_eq!(caller.any_answer("POST").unwrap().status, 100);
    caller.write("abc").unwrap();
    assert_eq!(caller.answer().unwrap().text(), "abc");
    assert_eq!(api.arrived()[0].field("expect"), None);
}

#[test]
fn who_waits_for_a_word_and_is_refused_never_gets_it() {
    let running = serve(route_to("http://127.0.0.1:1", fixed()).methods([http::Method::GET]));
    let host = address(&running);
    let mut caller = Caller::new(&running);
    caller.write(expecting(&host)).unwrap();
    let answer = caller.any_answer("POST").unwrap();
    assert_eq!((answer.status, answer.field("connection")), (405, Some("close")));
}

#[test]
fn an_api_that_cannot_be_reached_was_sent_nothing() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let running = serve(route_to(&format!("http://{closed}"), fixed()));
    let answer = Caller::new(&running).post("/", b"x");
    assert_eq!(
        (answer.status, answer.problem().as_deref(), answer.sent().as_deref()),
        (502, Some("upstream-unreachable"), Some("no"))
    );
    assert!(answer.field("proxy-status").unwrap().contains("connection_refused"), "{answer:?}");
    assert!(answer.field("retry-after").is_some());
    let upstream = Upstream::parse("https://no-such-host.invalid").unwrap();
    let running = serve(Route::new("/", upstream, fixed()).unwrap());
    let answer = Caller::new(&running).get("/");
    assert_eq!((answer.status, answer.sent().as_deref()), (502, Some("no")));
    assert!(answer.field("proxy-status").unwrap().contains("dns_"), "{answer:?}");
}

#[test]
fn an_api_that_hangs_up_may_have_seen_the_request() {
    for answer in ["", "HTTP/1.1 2"] {
        let api = Api::start(move |_, stream| {
            say(stream, answer);
            After::Close
        });
        let running = serve(route_to(&api.origin(), fixed()));
        let answer = Caller::new(&running).post("/", b"x");
        assert_eq!(
            (answer.status, answer.problem().as_deref(), answer.sent().as_deref()),
            (502, Some("upstream-closed"), Some("perhaps")),
            "{}",
            answer.text()
        );
        assert_eq!(api.arrived().len(), 1);
    }
}

#[test]
fn an_api_that_is_too_slow_may_have_seen_the_request() {
    let api = Api::start(|_, _| {
        thread::sleep(Duration::from_secs(2));
        After::Close
    });
    let running = serve(route_to(&api.origin(), fixed()).answer_timeout(Duration::from_millis(100)));
    let answer = Caller::new(&running).post("/", b"x");
    assert_eq!(
        (answer.status, answer.problem().as_deref(), answer.sent().as_deref()),
        (504, Some("upstream-timeout"), Some("perhaps"))
    );
}

#[test]
fn a_connection_that_was_closed_while_it_was_idle_is_no_answer() {
    // The API closes each connection after one answer, without a word.
    let api = Api::start(|arrived, stream| {
        ok(stream, arrived.method().as_bytes());
        After::Close
    });
    let running = serve(route_to(&api.origin(), fixed()));
    let mut caller = Caller::new(&running);
    for round in 0..50 {
        let answer = caller.get("/");
        assert_eq!((answer.status, answer.text().as_str()), (200, "GET"), "{round}");
    }
}

#[test]
fn a_body_that_is_too_long_is_refused_by_its_length_and_on_the_way() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let running = serve(route_to(&api.origin(), fixed()).max_body(1000));
    let mut caller = Caller::new(&running);
    assert_eq!(caller.post("/", &[b'x'; 1000]).status, 200);
    let answer = caller.post("/", &[b'x'; 1001]);
    assert_eq!(
        (answer.status, answer.problem().as_deref(), answer.sent().as_deref()),
        (413, Some("too-large"), Some("no"))
    );
    assert_eq!(api.arrived().len(), 1);
    let host = address(&running);
    let mut caller = Caller::new(&running);
    caller.write(format!("POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n")).unwrap();
    let chunk = [b"100\r\n".to_vec(), vec![b'x'; 256], b"\r\n".to_vec()].concat();
    for _ in 0..5 {
        caller.write(&chunk).unwrap();
    }
    let answer = caller.answer().unwrap();
    assert_eq!((answer.status, answer.sent().as_deref()), (413, Some("perhaps")), "{}", answer.text());
}

#[test]
fn an_answer_that_breaks_off_is_not_made_whole() {
    let api = Api::start(|_, stream| {
        say(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        After::Close
    });
    let running = serve(route_to(&api.origin(), fixed()));
    let mut caller = Caller::new(&running);
    caller.send("GET", "/", "", b"");
    assert!(caller.answer().is_err(), "a caller must see that it is cut");
}

#[test]
fn a_body_that_stops_coming_is_told() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let running = serve(route_to(&api.origin(), fixed()).answer_timeout(Duration::from_millis(200)));
    let host = address(&running);
    let mut caller = Caller::new(&running);
    caller.write(format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\nabc")).unwrap();
    let answer = caller.answer().unwrap();
    assert_eq!(answer.status, 408, "{}", answer.text());
    assert_eq!(api.arrived().len(), 0);
}

#[test]
fn a_caller_that_does_not_read_is_closed_and_holds_nothing() {
    let api = Api::start(|_, stream| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 500000000\r\n\r\n");
        let piece = [b'x'; 65536];
        while stream.write_all(&piece).is_ok() {}
        After::Close
    });
    let running =
        limited(route_to(&api.origin(), fixed()), Limits::new().idle_body(Duration::from_millis(300)));
    let mut caller = Caller::new(&running);
    caller.send("GET", "/", "", b"");
    until("it was closed", || running.counts().connections == 0 && running.counts().requests == 1);
    until("the API sees it, too", || api.open() == 0);
}
