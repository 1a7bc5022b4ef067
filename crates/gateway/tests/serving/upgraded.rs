//! Connections that go on with another protocol.

use crate::api::{After, Api, Arrived, ok, refuse, say};
use crate::fixture::{Caller, PATIENCE, address, fixed, limited, route_to, serve, tokens, until};
use evergrant_gateway::{Limits, Running};
use evergrant_mock::Server;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n";

/// Sends back what comes.
fn echo(stream: &mut TcpStream) -> After {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut piece) {
        if stream.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    After::Close
}

fn agrees(_: &Arrived, stream: &mut TcpStream) -> After {
    // What follows the head at once is not a part of it.
    say(stream, &format!("{AGREED}hello"));
    echo(stream)
}

fn ask(running: &Running, lines: &str) -> Caller {
    let mut caller = Caller::new(running);
    caller.send(
        "GET",
        "/chat?a=1",
        &format!("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n{lines}"),
        b"",
    );
    caller
}

fn read(caller: &mut Caller, length: usize) -> Vec<u8> {
    let mut bytes = caller.unread();
    while bytes.len() < length {
        let mut piece = [0; 4096];
        match caller.stream().read(&mut piece) {
            Ok(read @ 1..) => bytes.extend_from_slice(&piece[..read]),
            ended => panic!("{ended:?} after {bytes:?}"),
        }
    }
    bytes
}

#[test]
fn bytes_pass_both_ways_once_the_api_agrees() {
    let api = Api::start(agrees);
    let running = serve(route_to(&api.origin(), fixed()).upgrades(["websocket"]));
    let mut caller = ask(&running, "Sec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n");
    // Some programs do not wait for the answer.
    caller.write("early").unwrap();
    let answer = caller.any_answer("GET").unwrap();
    assert_eq!((answer.status, answer.field("sec-websocket-accept")), (101, Some("x")), "{answer:?}");
    assert_eq!((answer.field("connection"), answer.field("proxy-status")), (Some("upgrade"), None));
    assert!(answer.field("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket")));
    assert_eq!(read(&mut caller, 10), b"helloearly");
    until("it is a tunnel", || running.counts().tunnels == 1);
    let long: Vec<u8> = (0..1_000_000_u32).map(|number| number as u8).collect();
    let sending = {
        let (mut stream, long) = (caller.stream().try_clone().unwrap(), long.clone());
        std::thread::spawn(move || stream.write_all(&long).unwrap())
    };
    assert!(read(&mut caller, long.len()) == long);
    sending.join().unwrap();
    let arrived = api.arrived().pop().unwrap();
    assert_eq!(arrived.target(), "/chat?a=1");
    assert_eq!(arrived.field("authorization"), Some("Bearer a-token-for-the-test"));
    assert_eq!(arrived.field("connection"), Some("upgrade"));
    assert_eq!(arrived.field("sec-websocket-key"), Some("k"));
    drop(caller);
    until("both ends are gone", || running.counts().tunnels == 0 && running.counts().connections == 0);
    until("the API's too", || api.open() == 0);
}

#[test]
fn a_handshake_whose_token_is_refused_is_sent_again() {
    let server = Server::start().unwrap();
    let first = Mutex::new(None::<String>);
    let api = Api::start(move |arrived, stream| {
        let token = arrived.field("authorization").unwrap().to_owned();
        let first = first.lock().unwrap().get_or_insert_with(|| token.clone()).clone();
        if token == first { refuse(stream) } else { agrees(arrived, stream) }
    });
    let running = serve(route_to(&api.origin(), tokens(&server).build().unwrap()).upgrades(["websocket"]));
    let mut caller = ask(&running, "");
    assert_eq!(caller.any_answer("GET").unwrap().status, 101);
    assert_eq!(read(&mut caller, 5), b"hello");
    assert_eq!(server.counts().token_requests, 2);
    assert_eq!(running.counts().replays, [1, 0, 0]);
}

#[test]
fn a_protocol_that_the_route_does_not_list_is_not_asked_for() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    for route in [
        route_to(&api.origin(), fixed()),
        route_to(&api.origin(), fixed()).upgrades(["other"]),
        // Two at once could be read either way.
        route_to(&api.origin(), fixed()).upgrades(["h2c", "x"]),
    ] {
        let running = serve(route);
        let mut caller = ask(&running, "");
        assert_eq!(caller.answer().unwrap().status, 200);
        let arrived = api.arrived().pop().unwrap();
        assert_eq!((arrived.field("upgrade"), arrived.field("connection")), (None, None));
        assert_eq!(caller.get("/").status, 200, "the connection is what it was");
    }
}

#[test]
fn an_api_that_agrees_to_something_else_is_not_believed() {
    let api = Api::start(|_, stream| {
        say(stream, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n");
        echo(stream)
    });
    let running = serve(route_to(&api.origin(), fixed()).upgrades(["websocket"]));
    let answer = ask(&running, "").answer().unwrap();
    assert_eq!(
        (answer.status, answer.problem().as_deref()),
        (502, Some("upstream-unreadable")),
        "{answer:?}"
    );
    // Nobody asked for it at all.
    let answer = Caller::new(&running).get("/");
    assert_eq!(
        (answer.status, answer.problem().as_deref()),
        (502, Some("upstream-unreadable")),
        "{answer:?}"
    );
}

#[test]
fn an_api_that_does_not_agree_answers_as_ever() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let running = serve(route_to(&api.origin(), fixed()).upgrades(["websocket"]));
    let mut caller = ask(&running, "");
    assert_eq!(caller.answer().unwrap().status, 200);
    assert_eq!(caller.get("/").status, 200);
    assert_eq!(running.counts().tunnels, 0);
}

#[test]
fn a_side_that_has_closed_may_get_a_last_word() {
    let api = Api::start(|_, stream| {
        say(stream, AGREED);
        let mut all = String::new();
        let _ended = stream.read_to_string(&mut all);
        say(stream, &format!("{all}, and goodbye"));
        After::Close
    });
    let running = serve(route_to(&api.origin(), fixed()).upgrades(["websocket"]));
    let mut caller = ask(&running, "");
    assert_eq!(caller.any_answer("GET").unwrap().status, 101);
    caller.write("hello").unwrap();
    caller.stream().shutdown(Shutdown::Write).unwrap();
    assert_eq!(read(&mut caller, 18), b"hello, and goodbye");
    until("both ends are gone", || running.counts().tunnels == 0);
}

#[test]
fn a_tunnel_of_which_one_side_has_closed_is_not_kept_for_one_that_never_does() {
    let (over, is_over) = channel::<()>();
    let is_over = Mutex::new(is_over);
    // It neither reads nor closes; asked for the end, it says that it sends no more.
    let api = Api::start(move |arrived, stream| {
        say(stream, AGREED);
        if arrived.target() == "/end" {
            let _gone = stream.shutdown(Shutdown::Write);
        }
        let _ended = is_over.lock().unwrap().recv();
        After::Close
    });
    let idle = Limits::new().idle_body(Duration::from_millis(50));
    let running = limited(route_to(&api.origin(), fixed()).upgrades(["websocket"]), idle);
    let mut gone = ask(&running, "");
    assert_eq!(gone.any_answer("GET").unwrap().status, 101);
    until("it is a tunnel", || running.counts().tunnels == 1);
    drop(gone);
    until("its place is free", || running.counts().tunnels == 0);
    let mut caller = Caller::new(&running);
    caller.send("GET", "/end", "Connection: Upgrade\r\nUpgrade: websocket\r\n", b"");
    assert_eq!(caller.any_answer("GET").unwrap().status, 101);
    assert!(caller.is_closed());
    until("this one's too", || running.counts().tunnels == 0);
    assert_eq!(running.counts().connections, 0, "its caller's connection is closed");
    drop(over);
}

#[test]
fn a_gateway_that_drains_ends_its_tunnels_last_and_says_that_all_was_answered() {
    let api = Api::start(agrees);
    let running = serve(route_to(&api.origin(), fixed()).upgrades(["websocket"]));
    let mut caller = ask(&running, "");
    assert_eq!(caller.any_answer("GET").unwrap().status, 101);
    until("it is a tunnel", || running.counts().tunnels == 1);
    // It goes on while it may.
    running.drain(Duration::from_millis(300));
    caller.write("still").unwrap();
    assert_eq!(read(&mut caller, 10), b"hellostill");
    assert!(running.wait());
    assert!(caller.is_closed());
    let _port = address(&running);
}
