//! What broke it once.

use crate::api::{After, Api, ok, refuse, say};
use crate::fixture::{Caller, PATIENCE, address, fixed, limited, route_to, serve, serve_with, tokens, until};
use evergrant_gateway::{Gateway, Limits};
use evergrant_mock::{Endpoint, Fault, Server, Times};
use std::thread;
use std::time::Duration;

#[test]
fn an_answer_before_the_bodys_end_closes_that_connection_and_no_cut_body_arrives_whole() {
    let api = Api::early(|_, stream| {
        say(stream, "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 2\r\n\r\nno");
        // It goes on reading what comes, until nothing does.
        let mut rest = Vec::new();
        let _ended = std::io::Read::read_to_end(stream, &mut rest);
        assert!(!rest.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&rest));
        After::Close
    });
    let running = serve(route_to(&api.origin(), fixed()));
    let host = address(&running);
    for framing in
        ["Content-Length: 100000\r\n\r\n0123456789", "Transfer-Encoding: chunked\r\n\r\n4\r\nAAAA\r\n"]
    {
        for _ in 0..5 {
            let mut caller = Caller::new(&running);
            caller.write(format!("POST / HTTP/1.1\r\nHost: {host}\r\n{framing}")).unwrap();
            assert_eq!(caller.answer().unwrap().status, 413);
        }
    }
    until("all connections to the API are closed", || api.open() == 0);
    until("all connections of callers are, too", || running.counts().connections == 0);
}

#[test]
fn trailers_are_held_to_the_rules_of_fields() {
    let api = Api::start(|_, stream| {
        say(
            stream,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Proxy-X, Connection\r\n\r\n0\r\nX-Sum: 1\r\nProxy-X: 1\r\n\
             Connection: close\r\n\r\n",
        );
        After::KeepOpen
    });
    let running = serve(route_to(&api.origin(), fixed()));
    let host = address(&running);
    let mut caller = Caller::new(&running);
    let names = "X-Check, X-Evergrant-Key, Cookie, X-HTTP-Method-Override, X-Original-URL, X-Forwarded-For, Forwarded, \
                 Proxy-Authorization, Connection, Via, X_Forwarded_For";
    let trailers: String = names.split(", ").map(|name| format!("{name}: 1\r\n")).collect();
    caller
        .write(format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nTrailer: {names}\r\n\r\n1\r\na\r\n0\r\n{trailers}\r\n"
        ))
        .unwrap();
    let answer = caller.answer().unwrap();
    assert_eq!(answer.text(), "x-sum: 1\r\n");
    assert_eq!(api.arrived()[0].trailers.to_ascii_lowercase(), "x-check: 1\r\n");
}

#[test]
fn a_field_with_underscores_is_the_one_with_dashes() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let running = serve(route_to(&api.origin(), fixed()));
    let mut caller = Caller::new(&running);
    caller.send(
        "GET",
        "/",
        "X_HTTP_Method_Override: DELETE\r\nX_Forwarded_For: 1\r\nProxy_Authorization: x\r\nX_Own: 1\r\n",
        b"",
    );
    assert_eq!(caller.answer().unwrap().status, 200);
    let head = api.arrived()[0].head.to_ascii_lowercase();
    assert!(
        head.contains("x_own: 1")
            && !head.contains("x_http")
            && !head.contains("x_forwarded")
            && !head.contains("proxy_"),
        "{head}"
    );
}

#[test]
fn what_was_sent_before_is_not_said_to_be_unsent() {
    let server = Server::start().unwrap();
    let api = Api::start(|_, stream| refuse(stream));
    let route = route_to(&api.origin(), tokens(&server).build().unwrap());
    let running = serve(route.patience(Duration::from_secs(3)));
    until("the first token", || running.is_ready());
    server.fault(Endpoint::Token, Fault::status(503), Times::UntilCleared);
    let answer = Caller::new(&running).post("/", b"x");
    assert_eq!((answer.status, answer.sent().as_deref()), (503, Some("refused")), "{}", answer.text());
    assert!(!answer.text().contains("not sent") && !api.arrived().is_empty(), "{}", answer.text());
}

#[test]
fn a_request_that_was_cut_off_and_then_found_nobody_may_have_arrived() {
    // One connection, which answers once, takes the second request, and goes with whoever listens.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let api = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut piece = [0; 4096];
        let _first = std::io::Read::read(&mut stream, &mut piece).unwrap();
        ok(&mut stream, b"{}");
        let _second = std::io::Read::read(&mut stream, &mut piece).unwrap();
        drop(listener);
    });
    let running = serve(route_to(&origin, fixed()));
    let mut caller = Caller::new(&running);
    assert_eq!(caller.get("/1").status, 200);
    let answer = caller.get("/2");
    api.join().unwrap();
    assert_eq!((answer.status, answer.sent().as_deref()), (502, Some("perhaps")), "{}", answer.text());
}

#[test]
fn who_was_told_to_go_on_gets_the_answer_behind_its_body() {
    let server = Server::start().unwrap();
    let api = Api::early(|_, stream| {
        thread::sleep(Duration::from_millis(100));
        say(
            stream,
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
        let mut rest = Vec::new();
        let _ended = std::io::Read::read_to_end(stream, &mut rest);
        After::Close
    });
    let running = serve(route_to(&api.origin(), tokens(&server).build().unwrap()));
    let host = address(&running);
    for _ in 0..3 {
        let mut caller = Caller::new(&running);
        caller
            .write(format!(
                "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4000000\r\nExpect: 100-continue\r\n\r\n"
            ))
            .unwrap();
        assert_eq!(caller.any_answer("POST").unwrap().status, 100);
        caller.write(vec![b'x'; 4_000_000]).unwrap();
        let answer = caller.answer().unwrap();
        assert!(
            [502, 503].contains(&answer.status) && answer.sent().as_deref() == Some("refused"),
            "{answer:?}"
        );
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_no_closed_connection() {
    let many = (0..120).map(|number| format!("X-{number}: 1\r\n")).collect::<String>();
    for (fields, error) in
        [(many.as_str(), "http_response_header_section_size"), ("X y: 1\r\n", "http_protocol_error")]
    {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{fields}\r\n");
        let api = Api::start(move |_, stream| {
            say(stream, &answer);
            After::KeepOpen
        });
        let running = serve(route_to(&api.origin(), fixed()));
        let answer = Caller::new(&running).get("/");
        assert_eq!(
            (answer.status, answer.problem().as_deref(), answer.sent().as_deref()),
            (502, Some("upstream-unreadable"), Some("perhaps"))
        );
        assert!(answer.field("proxy-status").unwrap().contains(error), "{answer:?}");
    }
    let api = Api::start(|_, stream| {
        say(stream, "HTTP/1.1 101 Switching Protocols\r\n\r\n");
        After::KeepOpen
    });
    let running = serve(route_to(&api.origin(), fixed()));
    assert_eq!(Caller::new(&running).get("/").status, 502);
}

#[test]
fn a_body_that_breaks_http_is_not_called_slow() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let running = serve(route_to(&api.origin(), fixed()));
    let host = address(&running);
    let mut caller = Caller::new(&running);
    caller
        .write(format!("POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"))
        .unwrap();
    let answer = caller.answer().unwrap();
    assert_eq!((answer.status, answer.problem().as_deref()), (400, Some("broken-body")), "{}", answer.text());
}

#[test]
fn a_broken_answer_leaves_a_trace() {
    let api = Api::start(|_, stream| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc");
        After::Close
    });
    let running = serve(route_to(&api.origin(), fixed()));
    let mut caller = Caller::new(&running);
    caller.send("GET", "/", "", b"");
    assert!(caller.answer().is_err());
    until("it is counted", || running.counts().broken == [1, 0, 0]);
}

#[test]
fn a_head_that_comes_in_two_parts_while_it_drains_is_answered() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let running = serve(route_to(&api.origin(), fixed()));
    let host = address(&running);
    let mut caller = Caller::new(&running);
    assert_eq!(caller.get("/").status, 200);
    caller.write("GET / HTTP/1.1\r\n").unwrap();
    thread::sleep(Duration::from_millis(50));
    running.drain(Duration::from_millis(100));
    thread::sleep(Duration::from_millis(300));
    caller.write(format!("Host: {host}\r\n\r\n")).unwrap();
    let answer = caller.answer().unwrap();
    assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
    assert!(running.wait());
}

#[test]
fn after_one_replacement_the_next_waits_and_says_how_long() {
    let server = Server::start().unwrap();
    let api = Api::start(|_, stream| refuse(stream));
    let running = serve(route_to(&api.origin(), tokens(&server).build().unwrap()));
    let mut caller = Caller::new(&running);
    assert_eq!(caller.get("/").status, 502);
    let mut gated = None;
    until("the gate is closed", || {
        let answer = caller.get("/");
        let is_gated = answer.status == 503 && answer.text().contains("a short while ago");
        gated = Some(answer);
        is_gated
    });
    let answer = gated.unwrap();
    assert_eq!(
        (answer.problem().as_deref(), answer.sent().as_deref()),
        (Some("token-refused"), Some("refused"))
    );
    assert!(answer.field("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
}

#[test]
fn what_the_api_says_of_its_idle_connections_is_heard() {
    let api = Api::start(|_, stream| {
        say(stream, "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n");
        After::KeepOpen
    });
    let running = serve(route_to(&api.origin(), fixed()));
    let mut caller = Caller::new(&running);
    for _ in 0..3 {
        assert_eq!(caller.get("/").status, 200);
    }
    assert_eq!(api.connections(), 3, "a second is no time to use one again");
}

#[test]
fn who_holds_connections_to_the_admin_address_keeps_nobody_out() {
    let admin = evergrant_gateway::Admin::new("127.0.0.1:0".parse().unwrap());
    let running = serve_with(Gateway::builder().route(route_to("http://127.0.0.1:1", fixed())).admin(admin));
    let address = running.admin().unwrap().unwrap();
    let _held: Vec<_> = (0..200).map(|_| Caller::at(address)).collect();
    for _ in 0..3 {
        assert_eq!(Caller::at(address).get("/livez").status, 200);
    }
}

#[test]
fn idle_limits_do_not_shorten_a_drain_of_others() {
    // The limits of one connection are looked at while it has one: also the first ever.
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let running =
        limited(route_to(&api.origin(), fixed()), Limits::new().idle_callers(Duration::from_millis(200)));
    let mut caller = Caller::new(&running);
    let began = std::time::Instant::now();
    assert!(caller.is_closed());
    assert!(began.elapsed() < PATIENCE / 2);
}

#[test]
fn a_connection_is_not_closed_behind_an_answer_that_did_not_say_so() {
    // The head of the answer has left when the drain begins, and its body has not.
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let ended = std::sync::Mutex::new(ended);
    let api = Api::start(move |arrived, stream| {
        if arrived.target() == "/next" {
            return ok(stream, b"{}");
        }
        say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
        let _told = ended.lock().unwrap().recv_timeout(PATIENCE);
        say(stream, "cd");
        After::KeepOpen
    });
    let running = serve(route_to(&api.origin(), fixed()));
    let mut caller = Caller::new(&running);
    caller.send("GET", "/", "", b"");
    until("its body has begun", || running.counts().upstream_time.count() == 1);
    thread::sleep(Duration::from_millis(50));
    running.drain(PATIENCE);
    thread::sleep(Duration::from_millis(50));
    end.send(()).unwrap();
    assert_eq!(caller.answer().unwrap().field("connection"), None);
    let next = caller.get("/next");
    assert_eq!((next.status, next.field("connection")), (200, Some("close")));
}

#[test]
fn a_loop_is_told_as_one_and_who_has_told_it() {
    // A gateway that leads to another one, which leads to an API that is the first gateway.
    let api = Api::start(|arrived, stream| {
        let via = arrived.field("via").unwrap().to_owned();
        ok(stream, via.as_bytes())
    });
    let running = serve(route_to(&api.origin(), fixed()));
    let mut caller = Caller::new(&running);
    let via = caller.get("/").text();
    caller.send("GET", "/", &format!("Via: {via}\r\nAuthorization: Bearer a-token-for-the-test\r\n"), b"");
    assert_eq!(caller.answer().unwrap().status, 508);
}

#[test]
fn an_api_that_closes_all_idle_connections_at_once_costs_no_get() {
    // Each connection answers once; then it takes a request and goes, as a server that is started again may.
    let api = Api::start(|_, stream| {
        ok(stream, b"{}");
        let mut request = [0; 4096];
        let _taken = std::io::Read::read(stream, &mut request);
        After::Close
    });
    let running = serve(route_to(&api.origin(), fixed()));
    let mut callers: Vec<_> = (0..8).map(|_| Caller::new(&running)).collect();
    for caller in &mut callers {
        caller.send("GET", "/", "", b"");
    }
    for caller in &mut callers {
        assert_eq!(caller.answer().unwrap().status, 200);
    }
    // Several are idle now, and each is about to go.
    assert_eq!(callers[0].get("/").status, 200);
}
