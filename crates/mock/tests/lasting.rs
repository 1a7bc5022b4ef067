//! What lasts: hangs, slow bodies, gates, delays, idle connections; and what the end of the server does to them.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_mock::{Endpoint, Fault, Server, Times};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Far more than anything here takes, on any machine: who waits so long waits for ever.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

fn body() -> String {
    let (id, secret) = (Server::CLIENT_ID, Server::CLIENT_SECRET);
    format!("grant_type=client_credentials&client_id={id}&client_secret={secret}")
}

/// A connection on which a token was asked for, and nothing was read yet.
fn asked(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    ask(&mut stream);
    stream
}

fn ask(stream: &mut TcpStream) {
    let (body, form) = (body(), "Content-Type: application/x-www-form-urlencoded");
    let length = body.len();
    let request =
        format!("POST /access-token HTTP/1.1\r\nHost: m\r\n{form}\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
}

/// The header of a response, byte by byte so that nothing of the body is taken.
fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().filter_map(|line| line.split_once(": ")).find(|(given, _)| *given == name).map(|(_, v)| v)
}

fn answer(stream: &mut TcpStream) -> (String, String) {
    let head = head(stream);
    let mut body = vec![0; header(&head, "Content-Length").unwrap().parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

fn access_token(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

fn status_of(server: &Server, token: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(stream, "GET /shipments HTTP/1.1\r\nHost: m\r\nAuthorization: Bearer {token}\r\n\r\n").unwrap();
    head(&mut stream)[9..12].to_owned()
}

/// Whether nothing comes for a while: the connection is open, and silent.
fn is_silent(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(SHORT)).unwrap();
    let read = stream.read(&mut [0; 64]);
    stream.set_read_timeout(Some(LONG)).unwrap();
    read.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

/// Whether the other side has ended it, with a reset or without, and sends nothing more.
fn has_ended(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 64]) {
        Ok(read) => read == 0,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

/// Stops the server on another thread: a stop that hangs fails the test instead of hanging it.
fn stop(server: Server) {
    let (done, stopped) = mpsc::channel();
    thread::spawn(move || {
        drop(server);
        let _ = done.send(());
    });
    stopped.recv_timeout(LONG).unwrap();
}

#[test]
fn a_hang_answers_nothing_until_the_end_of_the_server() {
    let server = Server::start().unwrap();
    server.fault(Endpoint::Token, Fault::Hang, Times::UntilCleared);
    let mut stream = asked(&server);
    // On a busy machine the request may arrive long after it was sent.
    assert!(server.wait_for(LONG, |counts| counts.token_faulted == 1));
    assert!(is_silent(&mut stream));
    server.clear_faults();
    assert!(is_silent(&mut stream), "what hangs already goes on");
    stop(server);
    assert!(has_ended(&mut stream));
}

#[test]
fn a_hang_ends_when_the_client_goes() {
    let server = Server::start().unwrap();
    server.fault(Endpoint::Token, Fault::Hang, Times::Once);
    let stream = asked(&server);
    assert!(server.wait_for(LONG, |counts| counts.token_in_flight_max == 1));
    drop(stream);
    // The deepest concurrency starts again from what is there: none, as soon as the server sees the end.
    let start = Instant::now();
    while server.counts().token_in_flight_max != 0 {
        assert!(start.elapsed() < LONG);
        thread::sleep(Duration::from_millis(1));
        server.reset_counts();
    }
}

#[test]
fn a_slow_body_sends_its_header_at_once_and_its_bytes_one_by_one() {
    let server = Server::start().unwrap();
    let per_byte = Duration::from_millis(1);
    server.fault(Endpoint::Token, Fault::SlowBody { per_byte }, Times::Once);
    let mut stream = asked(&server);
    let start = Instant::now();
    let (head, body) = answer(&mut stream);
    assert!(start.elapsed() >= per_byte * u32::try_from(body.len()).unwrap() / 2, "{:?}", start.elapsed());
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(status_of(&server, &access_token(&body)), "200");
    // The connection goes on, and the next answer is an ordinary one.
    ask(&mut stream);
    assert!(answer(&mut stream).0.starts_with("HTTP/1.1 200 "));
    server.fault(Endpoint::Token, Fault::SlowBody { per_byte: LONG }, Times::Once);
    ask(&mut stream);
    self::head(&mut stream);
    assert!(is_silent(&mut stream), "the header alone is there");
    stop(server);
    assert!(has_ended(&mut stream));
}

#[test]
fn an_answer_at_a_gate_is_decided_already_and_its_token_can_be_revoked_there() {
    let server = Server::start().unwrap();
    let gate = server.hold(Endpoint::Token);
    let mut stream = asked(&server);
    assert!(gate.wait_for_held(1, LONG));
    assert!(is_silent(&mut stream));
    assert_eq!(server.issued().len(), 1);
    server.revoke_all();
    gate.release();
    let (_, body) = answer(&mut stream);
    assert_eq!(status_of(&server, &access_token(&body)), "401");
}

#[test]
fn a_gate_holds_its_own_endpoint_and_faults_too_and_not_who_came_before_a_later_one() {
    let server = Server::start().unwrap();
    let first = server.hold(Endpoint::Token);
    assert_eq!(status_of(&server, "none"), "401");
    server.fault(Endpoint::Token, Fault::status(503), Times::Once);
    let mut early = asked(&server);
    assert!(first.wait_for_held(1, LONG));
    let second = server.hold(Endpoint::Token);
    let mut late = asked(&server);
    assert!(second.wait_for_held(1, LONG));
    drop(first);
    assert!(answer(&mut early).0.starts_with("HTTP/1.1 503 "));
    assert_eq!(second.held(), 1);
    drop(second);
    assert!(answer(&mut late).0.starts_with("HTTP/1.1 200 "));
}

#[test]
fn the_deepest_concurrency_is_told() {
    let server = Server::start().unwrap();
    let gate = server.hold(Endpoint::Token);
    let mut streams: Vec<_> = (0..5).map(|_| asked(&server)).collect();
    assert!(gate.wait_for_held(5, LONG));
    gate.release();
    for stream in &mut streams {
        answer(stream);
    }
    assert_eq!(server.counts().token_in_flight_max, 5);
    server.reset_counts();
    for stream in &mut streams {
        ask(stream);
        answer(stream);
    }
    // An answer that has been read is no longer in flight, or this would be a matter of luck.
    assert_eq!(server.counts().token_in_flight_max, 1);
}

#[test]
fn the_end_of_the_server_cuts_what_is_held_delayed_or_idle() {
    let server = Server::start().unwrap();
    let gate = server.hold(Endpoint::Token);
    let mut held = asked(&server);
    assert!(gate.wait_for_held(1, LONG));
    server.set_delay(Endpoint::Resource, LONG * 60);
    let mut delayed = TcpStream::connect(server.address()).unwrap();
    write!(delayed, "GET / HTTP/1.1\r\nHost: m\r\n\r\n").unwrap();
    assert!(server.wait_for(LONG, |counts| counts.resource_refused == 1));
    let mut idle = TcpStream::connect(server.address()).unwrap();
    stop(server);
    for stream in [&mut held, &mut delayed, &mut idle] {
        stream.set_read_timeout(Some(LONG)).unwrap();
        assert!(has_ended(stream));
    }
    drop(gate);
}

/// On an address of its own: a port of 127.0.0.1 might be another test's by then. Linux has all of 127.0.0.0/8.
#[cfg(target_os = "linux")]
#[test]
fn nobody_listens_after_the_end_of_the_server() {
    let server = Server::builder().address("127.0.0.77:0".parse().unwrap()).start().unwrap();
    let address = server.address();
    answer(&mut asked(&server));
    stop(server);
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn faults_are_not_delayed() {
    let server = Server::start().unwrap();
    server.set_delay(Endpoint::Token, LONG * 60);
    server.fault(Endpoint::Token, Fault::status(500), Times::Once);
    assert!(answer(&mut asked(&server)).0.starts_with("HTTP/1.1 500 "));
}

#[test]
fn a_silent_connection_is_closed_after_its_time() {
    let server = Server::builder().idle_timeout(Duration::from_millis(5)).start().unwrap();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    assert!(has_ended(&mut stream));
}

#[test]
fn a_wait_for_what_does_not_come_ends() {
    let server = Server::start().unwrap();
    assert!(!server.wait_for_token_requests(1, Duration::from_millis(2)));
    answer(&mut asked(&server));
    assert!(server.wait_for_token_requests(1, Duration::ZERO));
}

#[test]
fn the_date_and_the_times_of_tokens_go_by_the_servers_clock() {
    let server = Server::start().unwrap();
    // Further back than 1970 no clock goes.
    server.set_clock_offset(i64::MIN);
    let (head, body) = answer(&mut asked(&server));
    assert_eq!(header(&head, "Date"), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
    let token = access_token(&body);
    assert_eq!(status_of(&server, &token), "200");
    server.set_clock_offset(0);
    assert_eq!(status_of(&server, &token), "401");
}

#[test]
fn a_scope_may_be_narrowed_and_is_granted_as_asked_otherwise() {
    let server = Server::start().unwrap();
    let scope = |server: &Server| {
        let body: serde_json::Value = serde_json::from_str(&answer(&mut asked(server)).1).unwrap();
        body["scope"].as_str().unwrap().to_owned()
    };
    assert_eq!(scope(&server), "*");
    server.set_granted_scope(Some("shipments.show"));
    assert_eq!(scope(&server), "shipments.show");
    server.set_granted_scope(None);
    assert_eq!(scope(&server), "*");
}
