//! How a gateway ends, and what it says of itself.

use crate::api::{After, Api, ok, say};
use crate::fixture::{
    Caller, PATIENCE, Sink, address, fixed, limited, route, route_to, serve, serve_with, tokens, until,
};
use evergrant_gateway::{Address, Admin, Gateway, Limits, Listener, LogFormat, LogMode, Running, ServeError};
use evergrant_mock::{Endpoint, Fault, Server, Times};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn a_second_gateway_on_the_port_does_not_start() {
    let running = serve(route_to("http://127.0.0.1:1", fixed()));
    let same = Listener::new(Address::Tcp(address(&running)));
    let gateway = Gateway::builder().route(route_to("http://127.0.0.1:1", fixed())).build().unwrap();
    assert!(matches!(gateway.serve(&[same]), Err(ServeError::InUse(_))));
}

#[test]
fn localhost_works_over_both_loopback_addresses() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let gateway = Gateway::builder().route(route_to(&api.origin(), fixed())).build().unwrap();
    let running = gateway.serve(&[Listener::new(Address::parse("localhost:0").unwrap())]).unwrap();
    for address in running.addresses() {
        let Address::Tcp(address) = address else { panic!("{address}") };
        let mut caller = Caller::at(*address);
        caller.write(format!("GET / HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", address.port())).unwrap();
        assert_eq!(caller.answer().unwrap().status, 200);
    }
}

#[test]
fn what_is_in_flight_is_answered_before_it_ends_and_what_waits_gets_its_token() {
    let server = Server::start().unwrap();
    let gate = server.hold(Endpoint::Token);
    let running = serve(route(&server));
    let mut queued: Vec<_> = (0..20).map(|_| Caller::new(&running)).collect();
    for caller in &mut queued {
        caller.send("POST", "/", "", b"x");
    }
    let mut idle = Caller::new(&running);
    until("all are here", || running.counts().queued == 20 && running.counts().connections == 21);
    running.drain(Duration::ZERO);
    assert!(idle.is_closed());
    assert!(std::net::TcpStream::connect_timeout(&address(&running), PATIENCE).is_err());
    gate.release();
    for caller in &mut queued {
        let answer = caller.answer().unwrap();
        assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
    }
    assert!(running.wait());
}

#[test]
fn new_connections_are_accepted_within_the_grace_and_each_closes_with_its_answer() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let running = serve(route_to(&api.origin(), fixed()));
    running.drain(PATIENCE);
    until("it is not ready", || !running.is_ready());
    let answer = Caller::new(&running).get("/");
    assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
    // A shorter grace counts.
    running.drain(Duration::ZERO);
    assert!(running.wait());
}

#[test]
fn a_grace_without_an_end_lasts_until_a_shorter_one() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let limits = Limits::new().drain_time(Duration::MAX);
    let running = limited(route_to(&api.origin(), fixed()), limits);
    running.drain(Duration::MAX);
    until("it drains", || !running.is_ready());
    assert_eq!(Caller::new(&running).get("/").status, 200);
    running.drain(Duration::ZERO);
    running.drain(Duration::MAX);
    assert!(running.wait());
}

#[test]
fn a_new_connection_has_a_second_for_its_first_request_when_the_others_are_closed() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    // On a machine that stands still for a second it is closed by right.
    let is_answered = (0..5).any(|_| {
        let running = serve(route_to(&api.origin(), fixed()));
        let (mut used, mut new) = (Caller::new(&running), Caller::new(&running));
        assert_eq!(used.get("/").status, 200);
        until("both are here", || running.counts().connections == 2);
        running.drain(Duration::ZERO);
        assert!(used.is_closed());
        thread::sleep(Duration::from_millis(50));
        new.send("GET", "/", "", b"");
        let answer = new.answer();
        assert!(running.wait());
        answer.is_ok_and(|answer| (answer.status, answer.field("connection")) == (200, Some("close")))
    });
    assert!(is_answered);
}

#[test]
fn what_takes_too_long_is_cut_and_told() {
    let api = Api::start(|_, _| {
        thread::sleep(PATIENCE);
        After::Close
    });
    let limits = Limits::new().drain_time(Duration::from_millis(100));
    let running = limited(route_to(&api.origin(), fixed()), limits);
    let mut caller = Caller::new(&running);
    caller.send("GET", "/", "", b"");
    until("it has arrived", || api.arrived().len() == 1);
    running.drain(Duration::ZERO);
    assert!(!running.wait());
    assert!(caller.answer().is_err());
}

#[test]
fn stopping_is_at_once() {
    let server = Server::start().unwrap();
    let _gate = server.hold(Endpoint::Token);
    let running = serve(route(&server));
    let mut caller = Caller::new(&running);
    caller.send("GET", "/", "", b"");
    until("it is queued", || running.counts().queued == 1);
    running.drain(PATIENCE);
    running.stop();
    let began = Instant::now();
    assert!(!running.wait());
    assert!(began.elapsed() < PATIENCE / 2 && caller.answer().is_err());
}

#[test]
fn under_load_no_request_that_was_accepted_is_cut() {
    let api = Api::start(|_, stream| {
        thread::sleep(Duration::from_millis(2));
        ok(stream, b"{}")
    });
    let running = Arc::new(serve(route_to(&api.origin(), fixed())));
    let (is_over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (running, is_over, answered) =
                (Arc::clone(&running), Arc::clone(&is_over), Arc::clone(&answered));
            thread::spawn(move || {
                // As a careful client does it: one that is closed without a byte of an answer is not counted as accepted.
                let address: SocketAddr = address(&running);
                while !is_over.load(Ordering::Relaxed) {
                    let Ok(stream) = std::net::TcpStream::connect_timeout(&address, PATIENCE) else { return };
                    drop(stream);
                    let Ok(mut caller) = std::panic::catch_unwind(|| Caller::at(address)) else { return };
                    loop {
                        caller.send("GET", "/", "", b"");
                        let answer = caller.answer().expect("an accepted request is answered");
                        assert_eq!(answer.status, 200);
                        answered.fetch_add(1, Ordering::Relaxed);
                        if answer.field("connection") == Some("close") {
                            break;
                        }
                    }
                }
            })
        })
        .collect();
    until("there is load", || answered.load(Ordering::Relaxed) > 200);
    running.drain(Duration::from_millis(300));
    assert!(running.wait());
    is_over.store(true, Ordering::Relaxed);
    for caller in callers {
        // Those that found nobody listening have ended.
        let _ended = caller.join();
    }
    let counts = running.counts();
    assert_eq!(counts.requests, answered.load(Ordering::Relaxed) as u64, "{counts:?}");
}

fn with_admin(builder: evergrant_gateway::GatewayBuilder) -> (Running, SocketAddr) {
    let admin = Admin::new("127.0.0.1:0".parse().unwrap()).metrics(|| "evergrant_more 1\n".to_owned());
    let running = serve_with(builder.admin(admin));
    let address = running.admin().unwrap().unwrap();
    (running, address)
}

#[test]
fn health_tells_whether_it_may_be_used_and_never_of_others() {
    let server = Server::start().unwrap();
    let gate = server.hold(Endpoint::Token);
    let (running, admin) = with_admin(Gateway::builder().route(route(&server)));
    let ask = |path: &str| Caller::at(admin).get(path);
    assert_eq!((ask("/livez").status, ask("/readyz").status), (200, 503));
    gate.release();
    until("it is ready", || ask("/readyz").status == 200);
    // Whatever happens to the servers, it can be used.
    server.fault(Endpoint::Token, Fault::status(503), Times::UntilCleared);
    server.revoke_all();
    server.fault(Endpoint::Resource, Fault::Reset, Times::UntilCleared);
    let _failed = Caller::new(&running).get("/");
    assert_eq!((ask("/livez").status, ask("/readyz").status), (200, 200));
    running.drain(PATIENCE);
    until("it is not ready", || ask("/readyz").status == 503);
    assert_eq!(ask("/livez").status, 200);
}

#[test]
fn metrics_and_the_status_say_what_happened() {
    let server = Server::start().unwrap();
    let (running, admin) = with_admin(Gateway::builder().route(route(&server)));
    let mut caller = Caller::new(&running);
    assert_eq!(caller.get("/").status, 200);
    caller.send("GET", "/", "Origin: https://evil.example\r\n", b"");
    assert_eq!(caller.answer().unwrap().status, 403);
    until("both are counted", || running.counts().requests == 2 && running.is_ready());
    let metrics = Caller::at(admin).get("/metrics").text();
    for line in [
        "evergrant_gateway_requests_total{route=\"/\",code=\"2xx\"} 1\n",
        "evergrant_gateway_requests_total{route=\"/\",code=\"4xx\"} 1\n",
        "evergrant_gateway_denied_total{reason=\"browser\"} 1\n",
        "evergrant_gateway_request_duration_seconds_count 2\n",
        "evergrant_gateway_in_flight 0\n",
        "evergrant_more 1\n",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    let status: serde_json::Value = serde_json::from_slice(&Caller::at(admin).get("/status").body).unwrap();
    assert_eq!((&status["ready"], &status["requests"]), (&true.into(), &2.into()));
    assert!(status["sources"][0]["status"].is_object(), "{status}");
    let shown = status.to_string() + &metrics;
    assert!(!shown.contains(&server.issued()[0]) && !shown.contains(Server::CLIENT_SECRET));
}

#[test]
fn no_page_in_a_browser_and_no_rebound_name_sees_the_status() {
    let (_running, admin) = with_admin(Gateway::builder().route(route_to("http://127.0.0.1:1", fixed())));
    let port = admin.port();
    for lines in [
        format!("Host: {admin}\r\nOrigin: https://evil.example\r\n"),
        format!("Host: {admin}\r\nOrigin: null\r\n"),
        format!("Host: {admin}\r\nSec-Fetch-Site: cross-site\r\n"),
        format!("Host: {admin}\r\nSec-Fetch-Site: same-site\r\n"),
        format!("Host: evil.example:{port}\r\nSec-Fetch-Site: same-origin\r\n"),
        "Host: evil.example\r\n".to_owned(),
    ] {
        for path in ["/status", "/", "/metrics"] {
            let mut caller = Caller::at(admin);
            caller.write(format!("GET {path} HTTP/1.1\r\n{lines}\r\n")).unwrap();
            let answer = caller.answer().unwrap();
            assert_eq!(answer.status, 403, "{path} {lines}");
            assert!(!answer.text().contains("route"), "there are no routes here: {}", answer.text());
        }
    }
    // Our own page asks so, by whichever name it came.
    for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
        let mut caller = Caller::at(admin);
        caller
            .write(format!("GET / HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Site: same-origin\r\n\r\n"))
            .unwrap();
        assert_eq!(caller.answer().unwrap().status, 200, "{host}");
    }
    let mut caller = Caller::at(admin);
    caller.send("POST", "/readyz", "", b"");
    assert_eq!(caller.answer().unwrap().status, 405);
}

#[test]
fn the_status_can_be_seen_from_this_machine_alone() {
    let admin = Admin::new("0.0.0.0:0".parse().unwrap());
    let route = route_to("http://127.0.0.1:1", fixed());
    let running = serve_with(Gateway::builder().route(route).admin(admin));
    let port = running.admin().unwrap().unwrap().port();
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    for path in ["/status", "/"] {
        assert_eq!(Caller::at(at).get(path).status, 403, "{path}");
    }
    // Whoever watches comes by the name that the machine has there.
    for path in ["/livez", "/readyz", "/metrics"] {
        let mut caller = Caller::at(at);
        caller.write(format!("GET {path} HTTP/1.1\r\nHost: gateway.example:{port}\r\n\r\n")).unwrap();
        assert_eq!(caller.answer().unwrap().status, 200, "{path}");
    }
}

#[test]
fn the_page_and_the_status_show_what_was_answered_here_and_asked_for_and_no_secret() {
    let server = Server::start().unwrap();
    let (running, admin) = with_admin(Gateway::builder().route(route(&server)));
    let mut caller = Caller::new(&running);
    assert_eq!(caller.get("/?key=of-the-query").status, 200);
    caller.send("GET", "/seen", "Origin: https://evil.example\r\nX-Own: own-field\r\n", b"");
    assert_eq!(caller.answer().unwrap().status, 403);
    caller.write("GET /\u{e9} HTTP/1.1\r\n\r\n").unwrap();
    let _refused = caller.any_answer("GET");
    let status =
        || -> serde_json::Value { serde_json::from_slice(&Caller::at(admin).get("/status").body).unwrap() };
    until("seconds have gone by", || {
        let shown = status();
        let seconds = shown["history"]["calls"].as_array().map_or(0, Vec::len);
        seconds >= 2 && shown["token_requests"][0]["outcome"].is_string()
    });
    let shown = status();
    assert_eq!(shown["token_requests"][0]["reason"], "first");
    assert_eq!(shown["token_requests"][0]["outcome"], "token 1 arrived");
    assert!(shown["sources"][0]["life"].as_f64().unwrap() > 3000.0, "{shown}");
    let answered = shown["answered_here"].as_array().unwrap();
    let denied: Vec<_> = answered.iter().map(|line| line["denied"].as_str().unwrap()).collect();
    assert!(denied.contains(&"browser") && !denied.contains(&""), "{denied:?}");
    let page = Caller::at(admin).get("/");
    assert_eq!((page.status, page.field("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.field("content-security-policy").unwrap().contains("default-src 'none'"));
    assert_eq!(page.field("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.field("cache-control"), Some("no-store"));
    let text = page.text();
    assert!(text.contains("browser") && text.contains("there was none yet"), "{text}");
    for secret in [&*server.issued()[0], Server::CLIENT_SECRET, "of-the-query", "own-field"] {
        assert!(!text.contains(secret) && !shown.to_string().contains(secret), "{secret}");
    }
    assert_eq!(Caller::at(admin).get("/nowhere").status, 404);
}

#[test]
fn a_flood_of_refused_requests_is_remembered_within_bounds() {
    let (running, admin) = with_admin(Gateway::builder().route(route_to("http://127.0.0.1:1", fixed())));
    let mut caller = Caller::new(&running);
    for number in 0..200 {
        caller.send("GET", &format!("/{number}"), "Origin: null\r\n", b"");
        assert_eq!(caller.answer().unwrap().status, 403);
    }
    until("the last one is remembered", || {
        Caller::at(admin).get("/status").text().contains("\"path\":\"/199\"")
    });
    let shown: serde_json::Value = serde_json::from_slice(&Caller::at(admin).get("/status").body).unwrap();
    let paths: Vec<_> =
        shown["answered_here"].as_array().unwrap().iter().map(|line| line["path"].clone()).collect();
    assert_eq!(paths.len(), 20);
    assert_eq!((&paths[0], &paths[19]), (&"/199".into(), &"/180".into()), "the latest first");
}

#[test]
fn the_log_names_every_request_and_no_secret() {
    let server = Server::start().unwrap();
    let sink = Sink::default();
    let tokens = tokens(&server).build().unwrap();
    let running = serve_with(Gateway::builder().route(route_to(&server.origin(), tokens)).log(
        LogMode::All,
        LogFormat::Json,
        sink.clone(),
    ));
    let mut caller = Caller::new(&running);
    caller.send(
        "POST",
        "/a%20path?query-secret",
        "Cookie: cookie-secret\r\nX-Field: field-secret\r\n",
        b"body-secret",
    );
    assert_eq!(caller.answer().unwrap().status, 200);
    server.revoke_all();
    assert_eq!(caller.post("/b", b"body-secret").status, 200);
    caller.send("GET", "/c", "Authorization: Bearer own-secret\r\n", b"");
    assert_eq!(caller.answer().unwrap().status, 400);
    let mut broken = Caller::new(&running);
    broken.write("GET nonsense\r\n\r\n").unwrap();
    assert_eq!(broken.answer().unwrap().status, 400);
    until("all are counted", || running.counts().requests == 4);
    running.drain(Duration::ZERO);
    running.wait();
    let log = sink.text();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |path: &str| {
        lines.iter().find(|line| line["path"] == path).unwrap_or_else(|| panic!("{path} in {log}"))
    };
    assert_eq!((&of("/a%20path")["status"], &of("/a%20path")["bytes_in"]), (&200.into(), &11.into()));
    assert_eq!(of("/b")["generation"], 2);
    assert_eq!((&of("-")["denied"], &of("-")["status"]), (&"syntax".into(), &400.into()));
    assert_eq!((&of("/c")["denied"], &of("/c")["sent"]), (&"authorization".into(), &"no".into()));
    for secret in
        ["query-secret", "cookie-secret", "field-secret", "body-secret", "own-secret", Server::CLIENT_SECRET]
    {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    assert!(server.issued().iter().all(|token| !log.contains(token)));
}

#[test]
fn slow_heads_and_idle_connections_are_closed_and_busy_ones_are_not() {
    let api = Api::start(|_, stream| {
        thread::sleep(Duration::from_millis(600));
        say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        After::KeepOpen
    });
    let limits = Limits::new().head_time(Duration::from_millis(200)).idle_callers(Duration::from_millis(400));
    let running = limited(route_to(&api.origin(), fixed()), limits);
    let (mut slow, mut idle, mut busy) =
        (Caller::new(&running), Caller::new(&running), Caller::new(&running));
    busy.send("GET", "/", "", b"");
    slow.write("GET / HT").unwrap();
    assert!(slow.is_closed() && idle.is_closed());
    assert_eq!(busy.answer().unwrap().status, 200);
}

#[test]
fn beyond_the_bound_the_one_that_is_idle_longest_is_closed() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let running = limited(route_to(&api.origin(), fixed()), Limits::new().connections(4));
    let mut callers: Vec<_> = (0..4).map(|_| Caller::new(&running)).collect();
    for caller in &mut callers {
        assert_eq!(caller.get("/").status, 200);
    }
    let mut another = Caller::new(&running);
    assert_eq!(another.get("/").status, 200);
    until("one was closed", || running.counts().connections <= 4);
    let closed = callers.iter_mut().filter(|caller| {
        caller.stream().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut piece = [0; 1];
        matches!(io::Read::read(&mut caller.stream(), &mut piece), Ok(0))
    });
    assert_eq!(closed.count(), 1);
}

#[test]
fn a_new_connection_is_not_closed_for_the_next_one_before_its_first_request() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    // On a machine that stands still for a second it is closed by right.
    let is_answered = (0..5).any(|_| {
        let gateway = Gateway::builder().route(route_to(&api.origin(), fixed())).workers(1);
        let gateway = gateway.limits(Limits::new().connections(1)).build().unwrap();
        let running = gateway.serve(&[Listener::new(Address::parse("127.0.0.1:0").unwrap())]).unwrap();
        let mut new = Caller::new(&running);
        until("it is here", || running.counts().connections == 1);
        let mut next = Caller::new(&running);
        thread::sleep(Duration::from_millis(100));
        new.send("GET", "/", "", b"");
        let is_answered = new.answer().is_ok_and(|answer| answer.status == 200);
        // The one that was used makes room.
        assert_eq!(next.get("/").status, 200);
        is_answered
    });
    assert!(is_answered);
}
