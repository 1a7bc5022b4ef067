//! Pages in a browser: what is answered to them, so that they can read it.

use crate::api::{After, Api, ok, say};
use crate::fixture::{Answer, Caller, fixed, limited, route_to, serve};
use evergrant_core::Origin;
use evergrant_gateway::{Access, Address, Gateway, Key, Keys, Limits, Listener, Route};
use http::{HeaderName, Method};

const PAGE: &str = "https://app.example";

fn listing(api: &str) -> Route {
    route_to(api, fixed()).origins([Origin::parse(PAGE).unwrap()]).methods([Method::GET, Method::POST])
}

fn ask(caller: &mut Caller, method: &str, lines: &str) -> Answer {
    caller.send(method, "/", &format!("Origin: {PAGE}\r\n{lines}"), b"");
    caller.answer().unwrap()
}

fn may_read(answer: &Answer) -> bool {
    let exposed =
        |name| answer.head.lines().any(|line| line == format!("access-control-expose-headers: {name}"));
    answer.field("access-control-allow-origin") == Some(PAGE) && exposed("Retry-After, Date, Proxy-Status")
}

#[test]
fn preflights_are_answered_here_without_a_key_and_without_a_field_that_the_listener_wants() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let key = Key::generate().unwrap();
    let keys = Keys::new([("app".to_owned(), key.digest())]).unwrap();
    let listener = Listener::new(Address::parse("127.0.0.1:0").unwrap())
        .access(Access::Keys(keys))
        .require_header(HeaderName::from_static("x-evergrant"));
    let gateway = Gateway::builder().route(listing(&api.origin())).build().unwrap();
    let running = gateway.serve(&[listener]).unwrap();
    let mut caller = Caller::new(&running);
    let asked = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-evergrant,x-evergrant-key\r\n";
    let answer = ask(&mut caller, "OPTIONS", asked);
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(answer.field("access-control-allow-methods"), Some("GET, POST"));
    assert_eq!(answer.field("access-control-allow-headers"), Some("x-evergrant,x-evergrant-key"));
    assert_eq!(answer.field("content-length"), None, "RFC 9110 section 8.6");
    assert!(may_read(&answer));
    assert!(api.arrived().is_empty());
    // The request itself needs both.
    assert_eq!(ask(&mut caller, "POST", "").status, 403);
    assert!(may_read(&ask(&mut caller, "POST", "")), "the page is told why");
    let fields = format!("X-Evergrant: 1\r\nX-Evergrant-Key: {}\r\n", key.expose());
    assert_eq!(ask(&mut caller, "POST", &fields).status, 200);
    assert_eq!(running.counts().requests, 4);
}

#[test]
fn a_preflight_of_another_page_is_refused_and_that_page_can_read_nothing() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let running = serve(listing(&api.origin()));
    for lines in [
        "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n",
        "Origin: null\r\nAccess-Control-Request-Method: POST\r\n",
        "Origin: https://app.example\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n",
    ] {
        for method in ["OPTIONS", "POST", "GET"] {
            let mut caller = Caller::new(&running);
            caller.send(method, "/", lines, b"");
            let answer = caller.answer().unwrap();
            assert!(answer.status == 403 || answer.status == 405, "{answer:?}");
            assert!(!answer.head.contains("access-control-"), "{answer:?}");
        }
    }
    assert!(api.arrived().is_empty());
}

#[test]
fn an_options_that_is_no_preflight_is_held_to_the_methods_of_the_route() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let running = serve(listing(&api.origin()));
    let answer = ask(&mut Caller::new(&running), "OPTIONS", "");
    assert_eq!(answer.status, 405);
    assert!(may_read(&answer));
}

#[test]
fn our_own_answers_can_be_read_by_the_page_with_the_time_to_come_back() {
    let running = limited(listing("http://127.0.0.1:1"), Limits::new().admitted(0));
    let answer = ask(&mut Caller::new(&running), "POST", "");
    assert_eq!(answer.status, 503);
    assert!(may_read(&answer) && answer.field("retry-after").is_some(), "{answer:?}");
}

#[test]
fn what_the_api_says_of_pages_is_ours_to_say() {
    let api = Api::start(|_, stream| {
        say(
            stream,
            "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Expose-Headers: X-Total\r\nContent-Length: 2\r\n\r\n{}",
        );
        After::KeepOpen
    });
    let running = serve(listing(&api.origin()));
    let mut caller = Caller::new(&running);
    let answer = ask(&mut caller, "GET", "");
    assert!(may_read(&answer));
    assert_eq!(answer.head.matches("access-control-allow-origin").count(), 1);
    assert_eq!(answer.field("access-control-allow-credentials"), None);
    assert!(answer.head.contains("X-Total"));
    // A program's answer is not kept for a page.
    let answer = caller.get("/");
    assert_eq!(answer.field("access-control-allow-origin"), None);
    assert_eq!(answer.field("vary"), Some("Origin"));
}

#[test]
fn what_is_refused_before_its_route_is_known_can_be_read_by_a_page_of_any_route_alone() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let upstream = evergrant_gateway::Upstream::parse(&api.origin()).unwrap();
    let route = Route::new("/orders/", upstream, fixed()).unwrap();
    let running = serve(route.origins([Origin::parse(PAGE).unwrap()]));
    for (target, status) in [("/nowhere", 404), ("/orders/a%5cb", 400), ("/orders/%2e%2e/x", 400)] {
        for (origin, can) in [(PAGE, true), ("https://evil.example", false)] {
            let mut caller = Caller::new(&running);
            caller.send("GET", target, &format!("Origin: {origin}\r\n"), b"");
            let answer = caller.answer().unwrap();
            assert_eq!((answer.status, may_read(&answer)), (status, can), "{target} of {origin}");
        }
    }
    // A name that somebody made point here is told nothing.
    let mut caller = Caller::new(&running);
    caller.write(format!("GET /orders/ HTTP/1.1\r\nHost: evil.example\r\nOrigin: {PAGE}\r\n\r\n")).unwrap();
    let answer = caller.answer().unwrap();
    assert_eq!((answer.status, may_read(&answer)), (403, false));
    assert!(api.arrived().is_empty());
}
