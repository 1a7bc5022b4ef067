//! Requests that pass, and what they arrive as.

use crate::api::{After, Api, ok, say};
use crate::fixture::{Caller, PATIENCE, address, fixed, route, route_to, serve};
use evergrant_gateway::OwnAuthorization;
use evergrant_mock::{Endpoint, Server};
use std::net::TcpStream;
use std::time::Duration;

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
fn nothing_that_is_the_callers_own_reaches_the_api() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let running = serve(route_to(&api.origin(), fixed()).authorization(OwnAuthorization::Drop));
    let mut caller = Caller::new(&running);
    caller.send(
        "GET",
        "/a;v=1/%7Eb?q=%2e%2e/&é",
        "Authorization: Basic bWU6c2VjcmV0\r\nCookie: session=1\r\nProxy-Authorization: Basic eA==\r\nX-Evergrant-Key: k\r\n\
         Connection: x-secret, authorization\r\nX-Secret: 1\r\nTE: trailers, deflate\r\nKeep-Alive: 5\r\nX-Forwarded-For: 10.0.0.1\r\n\
         Forwarded: for=1\r\nX-Original-URL: /admin\r\nX-HTTP-Method-Override: DELETE\r\nAccept: application/json\r\n\
         If-None-Match: \"a\"\r\nIdempotency-Key: 7\r\nRange: bytes=0-1\r\n",
        b"",
    );
    assert_eq!(caller.answer().unwrap().status, 200);
    let arrived = api.arrived().pop().unwrap();
    assert_eq!(arrived.target(), "/a;v=1/%7Eb?q=%2e%2e/&é");
    let head = arrived.head.to_ascii_lowercase();
    let names: Vec<_> = head.lines().skip(1).filter_map(|line| Some(line.split_once(':')?.0)).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        ["accept", "authorization", "host", "idempotency-key", "if-none-match", "range", "te", "via"]
    );
    assert_eq!(arrived.field("authorization"), Some("Bearer a-token-for-the-test"));
    assert_eq!(arrived.field("te"), Some("trailers"));
    assert!(arrived.field("via").unwrap().starts_with("1.1 evergrant-"), "{arrived:?}");
}

#[test]
fn bodies_and_trailers_arrive_byte_for_byte_both_ways() {
    let api = Api::start(|arrived, stream| {
        say(
            stream,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nETag: \"e\"\r\nSet-Cookie: a=1\r\nConnection: x-hop\r\n\
             X-Hop: 1\r\n\r\n",
        );
        for piece in arrived.body.chunks(7001) {
            say(stream, &format!("{:x}\r\n", piece.len()));
            let _gone = std::io::Write::write_all(stream, piece);
            say(stream, "\r\n");
        }
        say(stream, "0\r\nX-Sum: 17\r\n\r\n");
        After::KeepOpen
    });
    let running = serve(route_to(&api.origin(), fixed()));
    let mut caller = Caller::new(&running);
    let body: Vec<u8> = (0..300_000_u32).flat_map(|number| (number as u16).to_le_bytes()).collect();
    let host = address(&running);
    caller
        .write(format!(
            "PUT /x HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nTrailer: X-Check\r\n\r\n"
        ))
        .unwrap();
    let mut writer = caller.stream().try_clone().unwrap();
    let sent = body.clone();
    let thread = std::thread::spawn(move || {
        for piece in sent.chunks(50_000) {
            say(&mut writer, &format!("{:X}\r\n", piece.len()));
            std::io::Write::write_all(&mut writer, piece).unwrap();
            say(&mut writer, "\r\n");
        }
        say(&mut writer, "0\r\nX-Check: yes\r\n\r\n");
    });
    let answer = caller.answer().unwrap();
    thread.join().unwrap();
    assert_eq!(answer.status, 200);
    let trailers = b"x-sum: 17\r\n";
    assert!(answer.body.ends_with(trailers), "{:?}", answer.text().split_off(answer.body.len() - 40));
    assert!(answer.body[..answer.body.len() - trailers.len()] == body[..]);
    assert_eq!(
        (answer.field("etag"), answer.field("x-hop"), answer.field("set-cookie")),
        (Some("\"e\""), None, None)
    );
    let arrived = api.arrived().pop().unwrap();
    assert!(arrived.body == body);
    assert_eq!(arrived.trailers.to_ascii_lowercase(), "x-check: yes\r\n");
}

#[test]
fn every_method_and_kind_of_body_passes_as_it_came() {
    let api = Api::start(|arrived, stream| match arrived.method() {
        "HEAD" => {
            say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
            After::KeepOpen
        }
        "DELETE" => {
            say(stream, "HTTP/1.1 204 No Content\r\n\r\n");
            After::KeepOpen
        }
        _ => ok(stream, arrived.method().as_bytes()),
    });
    let running = serve(route_to(&api.origin(), fixed()));
    let mut caller = Caller::new(&running);
    for (method, body) in [
        ("GET", &b""[..]),
        ("GET", b"a body"),
        ("POST", b""),
        ("POST", b"x"),
        ("PUT", b"x"),
        ("PATCH", b"x"),
        ("DELETE", b"x"),
        ("DELETE", b""),
        ("OPTIONS", b""),
        ("HEAD", b""),
    ] {
        caller.send(method, "/", "", body);
        let answer = caller.any_answer(method).unwrap();
        assert!([200, 204].contains(&answer.status), "{method} {answer:?}");
        let arrived = api.arrived().pop().unwrap();
        assert_eq!((arrived.method(), &*arrived.body), (method, body));
    }
    caller
        .write(format!(
            "GET / HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
            address(&running)
        ))
        .unwrap();
    assert_eq!(caller.answer().unwrap().status, 200);
    assert_eq!(api.arrived().pop().unwrap().body, b"ab");
    // One request after another needs one connection.
    assert_eq!(api.connections(), 1);
}

#[test]
fn an_old_caller_and_pipelined_requests_are_answered() {
    let api = Api::start(|arrived, stream| ok(stream, arrived.target().as_bytes()));
    let running = serve(route_to(&api.origin(), fixed()));
    let host = address(&running);
    let mut caller = Caller::new(&running);
    caller.write(format!("GET /1 HTTP/1.1\r\nHost: {host}\r\n\r\nGET /2 HTTP/1.1\r\nHost: {host}\r\n\r\nGET /3 HTTP/1.1\r\nHost: {host}\r\n\r\n")).unwrap();
    for expected in ["/1", "/2", "/3"] {
        assert_eq!(caller.answer().unwrap().text(), expected);
    }
    let mut old = Caller::new(&running);
    old.write(format!("GET /old HTTP/1.0\r\nHost: {host}\r\n\r\n")).unwrap();
    assert_eq!(old.answer().unwrap().text(), "/old");
    assert!(api.arrived().last().unwrap().field("via").unwrap().starts_with("1.0 "));
    assert!(old.is_closed());
}

#[test]
fn interim_answers_are_left_out_and_an_answer_without_a_length_ends_with_its_connection() {
    let api = Api::start(|_, stream| {
        say(
            stream,
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
        );
        After::Close
    });
    let running = serve(route_to(&api.origin(), fixed()));
    let mut caller = Caller::new(&running);
    for _ in 0..2 {
        let answer = caller.get("/");
        assert_eq!((answer.status, answer.text().as_str()), (200, "until the end"));
    }
    assert_eq!(api.connections(), 2);
}

#[test]
fn links_that_lead_back_to_the_api_lead_back_to_the_gateway() {
    let api = Api::start(|arrived, stream| {
        let origin = format!("http://{}", arrived.field("host").unwrap());
        say(
            stream,
            &format!(
                "HTTP/1.1 201 Created\r\nLocation: {origin}/base/shipments/7?x=1\r\nContent-Location: https://elsewhere.example/7\r\n\
                 Content-Length: 0\r\n\r\n"
            ),
        );
        After::KeepOpen
    });
    let upstream = evergrant_gateway::Upstream::parse(&format!("{}/base", api.origin())).unwrap();
    let plain = evergrant_gateway::Route::new("/", upstream.clone(), fixed()).unwrap();
    let stripped = evergrant_gateway::Route::new("/mp/", upstream, fixed()).unwrap().strip(true);
    let running =
        crate::fixture::serve_with(evergrant_gateway::Gateway::builder().route(plain).route(stripped));
    let mut caller = Caller::new(&running);
    let answer = caller.get("/shipments");
    assert_eq!(api.arrived().pop().unwrap().target(), "/base/shipments");
    assert_eq!(answer.field("location"), Some("/shipments/7?x=1"));
    assert_eq!(answer.field("content-location"), Some("https://elsewhere.example/7"));
    let answer = caller.get("/m%70/shipments%2D1");
    assert_eq!(api.arrived().pop().unwrap().target(), "/base/shipments%2D1");
    assert_eq!(answer.field("location"), Some("/mp/shipments/7?x=1"));
}

#[test]
fn what_is_sent_through_us_twice_is_a_loop() {
    let api = Api::start(|arrived, stream| ok(stream, arrived.field("via").unwrap_or_default().as_bytes()));
    let running = serve(route_to(&api.origin(), fixed()));
    let mut caller = Caller::new(&running);
    let via = caller.get("/").text();
    caller.send("GET", "/", &format!("Via: 1.1 other, {via}\r\n"), b"");
    let answer = caller.answer().unwrap();
    assert_eq!((answer.status, answer.problem().as_deref()), (508, Some("loop")), "{}", answer.text());
    assert_eq!(api.arrived().len(), 1);
}

#[test]
fn a_head_has_at_most_a_hundred_fields() {
    let api = Api::start(|_, stream| ok(stream, b"[]"));
    let running = serve(route_to(&api.origin(), fixed()));
    for (many, status) in [(99, 200), (100, 431)] {
        let mut caller = Caller::new(&running);
        let lines = "X-Field: 1\r\n".repeat(many);
        caller.send("GET", "/shipments", &lines, b"");
        assert_eq!(caller.answer().unwrap().status, status, "{many} and Host");
    }
}

#[test]
fn nothing_listens_any_more_once_it_was_drained() {
    let server = Server::start().unwrap();
    let running = serve(route(&server));
    assert_eq!(Caller::new(&running).get("/").status, 200);
    running.drain(Duration::ZERO);
    assert!(running.wait());
    assert!(TcpStream::connect_timeout(&address(&running), PATIENCE).is_err());
}
