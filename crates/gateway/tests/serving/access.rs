//! Who gets anything, and who nothing.

use crate::api::{Api, ok};
use crate::fixture::{Caller, address, fixed, route, route_to, serve_with, until};
use evergrant_gateway::{Access, Address, Gateway, Key, Keys, Limits, Listener, Route, Running, Upstream};
use evergrant_mock::{Endpoint, Server};
use http::HeaderName;

fn serve(api: &Api, listener: Listener) -> Running {
    let gateway = Gateway::builder().route(route_to(&api.origin(), fixed())).build().unwrap();
    gateway.serve(&[listener]).unwrap()
}

fn loopback() -> Listener {
    Listener::new(Address::parse("127.0.0.1:0").unwrap())
}

#[test]
fn a_page_or_a_rebound_name_gets_nothing_and_a_listed_page_does() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let route = route_to(&api.origin(), fixed())
        .origins([evergrant_core::Origin::parse("https://app.example").unwrap()]);
    let running = serve_with(Gateway::builder().route(route));
    let host = address(&running);
    for lines in [
        format!("Host: {host}\r\nOrigin: https://evil.example\r\n"),
        format!("Host: {host}\r\nOrigin: null\r\n"),
        format!("Host: {host}\r\nOrigin: http://{host}\r\n"),
        format!("Host: {host}\r\nSec-Fetch-Site: cross-site\r\n"),
        format!("Host: {host}\r\nSec-Fetch-Site: same-origin\r\n"),
        "Host: evil.example\r\n".to_owned(),
        format!("Host: evil.example:{}\r\n", host.port()),
        "Host: 127.0.0.1:1\r\n".to_owned(),
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            let mut caller = Caller::new(&running);
            caller.write(format!("{method} / HTTP/1.1\r\n{lines}\r\n")).unwrap();
            let answer = caller.answer().unwrap();
            assert_eq!((answer.status, answer.sent().as_deref()), (403, Some("no")), "{method} {lines}");
        }
    }
    assert!(api.arrived().is_empty());
    let mut caller = Caller::new(&running);
    caller.send("GET", "/", "Origin: https://app.example\r\nSec-Fetch-Site: cross-site\r\n", b"");
    assert_eq!(caller.answer().unwrap().status, 200);
}

#[test]
fn without_a_key_nothing_passes_and_with_one_its_name_is_known() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let (shop, other) = (Key::generate().unwrap(), Key::generate().unwrap());
    let keys = Keys::new([("shop".to_owned(), shop.digest()), ("other".to_owned(), other.digest())]).unwrap();
    let all = route_to(&api.origin(), fixed());
    let upstream = Upstream::parse(&api.origin()).unwrap();
    let shops = Route::new("/shop/", upstream, fixed()).unwrap().callers(["shop"]);
    let gateway = Gateway::builder().route(all).route(shops).build().unwrap();
    let running = gateway.serve(&[loopback().access(Access::Keys(keys))]).unwrap();
    let status = |target: &str, lines: String| {
        let mut caller = Caller::new(&running);
        caller.send("GET", target, &lines, b"");
        caller.answer().unwrap().status
    };
    assert_eq!(status("/", String::new()), 403);
    assert_eq!(status("/", "X-Evergrant-Key: wrong\r\n".to_owned()), 403);
    assert_eq!(status("/", format!("X-Evergrant-Key: {0}\r\nX-Evergrant-Key: {0}\r\n", shop.expose())), 403);
    assert!(api.arrived().is_empty());
    assert_eq!(status("/", format!("X-Evergrant-Key: {}\r\n", shop.expose())), 200);
    // Behind a key any name may be used for the gateway.
    assert_eq!(status("/", format!("Authorization: Bearer {}\r\n", other.expose())), 200);
    assert_eq!(status("/shop/", format!("X-Evergrant-Key: {}\r\n", shop.expose())), 200);
    assert_eq!(status("/shop/", format!("X-Evergrant-Key: {}\r\n", other.expose())), 403);
    for arrived in api.arrived() {
        assert_eq!(arrived.field("authorization"), Some("Bearer a-token-for-the-test"));
        assert_eq!(arrived.field("x-evergrant-key"), None);
    }
}

#[test]
fn of_several_callers_none_takes_all_the_places() {
    let server = Server::start().unwrap();
    let gate = server.hold(Endpoint::Token);
    let (shop, office) = (Key::generate().unwrap(), Key::generate().unwrap());
    let keys = [("shop".to_owned(), shop.digest()), ("office".to_owned(), office.digest())];
    let gateway = Gateway::builder().route(route(&server)).limits(Limits::new().admitted(4)).build().unwrap();
    let running = gateway.serve(&[loopback().access(Access::Keys(Keys::new(keys).unwrap()))]).unwrap();
    let send = |key: &Key| {
        let mut caller = Caller::new(&running);
        caller.send("GET", "/", &format!("X-Evergrant-Key: {}\r\n", key.expose()), b"");
        caller
    };
    let mut waiting = vec![send(&shop), send(&shop)];
    until("the shop has its half", || running.counts().queued == 2);
    let answer = send(&shop).answer().unwrap();
    assert_eq!((answer.status, answer.problem().as_deref()), (503, Some("busy")));
    waiting.push(send(&office));
    until("the office has a place", || running.counts().queued == 3);
    gate.release();
    for caller in &mut waiting {
        assert_eq!(caller.answer().unwrap().status, 200);
    }
}

#[test]
fn a_field_that_a_listener_wants_must_be_there() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let running = serve(&api, loopback().require_header(HeaderName::from_static("x-evergrant")));
    let mut caller = Caller::new(&running);
    let answer = caller.get("/");
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("x-evergrant"), "{}", answer.text());
    caller.send("GET", "/", "X-Evergrant: 1\r\n", b"");
    assert_eq!(caller.answer().unwrap().status, 200);
}

#[cfg(unix)]
mod unix {
    use super::{Access, Address, Api, Gateway, Listener, fixed, ok, route_to};
    use evergrant_gateway::Peers;
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;
    use std::path::Path;

    fn ask(path: &Path) -> String {
        let mut stream = UnixStream::connect(path).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: any.name\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn over_a_socket_its_own_user_may_and_others_may_not() {
        let api = Api::start(|_, stream| ok(stream, b"{}"));
        let folder = tempfile::tempdir().unwrap();
        let own = rustix::process::geteuid().as_raw();
        for (name, access, expected) in [
            ("own", None, "HTTP/1.1 200"),
            ("listed", Some(Access::Peers(Peers::only(own))), "HTTP/1.1 200"),
            ("others", Some(Access::Peers(Peers::only(own.wrapping_add(1)))), "HTTP/1.1 403"),
            ("nobody", Some(Access::Peers(Peers::only(65534))), "HTTP/1.1 403"),
        ] {
            let path = folder.path().join(name);
            let listener = Listener::new(Address::Unix(path.clone()));
            let listener = match access {
                Some(access) => listener.access(access),
                None => listener,
            };
            let gateway = Gateway::builder().route(route_to(&api.origin(), fixed())).build().unwrap();
            let running = gateway.serve(&[listener]).unwrap();
            let answer = ask(&path);
            assert!(answer.starts_with(expected), "{name}: {answer}");
            running.drain(std::time::Duration::ZERO);
            running.wait();
            assert!(!path.exists(), "{name}: the socket goes with the gateway");
        }
        assert_eq!(api.arrived().len(), 2);
    }
}
