//! Every option and every fault, as a client with nothing but a socket sees it.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use evergrant_mock::{
    Answer, Challenge, Endpoint, ErrorStyle, ExpiresIn, Fault, JwtTimes, Server, Times, TokenStyle,
};
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);
const MS: Duration = Duration::from_millis(1);

/// Sends these bytes and reads until the server closes, which it does on `Connection: close`.
fn talk(server: &Server, request: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server.address())?;
    stream.set_read_timeout(Some(LONG))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(ours, _)| ours.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

fn reply(bytes: Vec<u8>) -> Reply {
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head: head.into(), body: body.into() }
}

fn send(server: &Server, method: &str, path: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: mock\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    reply(talk(server, &request).unwrap())
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const JSON: &str = "Content-Type: application/json\r\n";

fn credentials() -> String {
    format!("client_id={}&client_secret={}", Server::CLIENT_ID, Server::CLIENT_SECRET)
}

fn ask(server: &Server) -> Reply {
    let body = format!("grant_type=client_credentials&{}", credentials());
    send(server, "POST", "/access-token", FORM, &body)
}

fn token(server: &Server) -> String {
    ask(server).json()["access_token"].as_str().unwrap().to_owned()
}

fn get(server: &Server, token: &str) -> Reply {
    send(server, "GET", "/shipments", &format!("Authorization: Bearer {token}\r\n"), "")
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[test]
fn a_token_is_granted_to_form_and_json_bodies_and_to_basic() {
    let server = Server::start().unwrap();
    let (id, secret) = (Server::CLIENT_ID, Server::CLIENT_SECRET);
    let json = format!(
        r#"{{"grant_type":"client_credentials","client_id":"{id}","client_secret":"{secret}","scope":"*"}}"#
    );
    let basic = format!("{FORM}Authorization: Basic {}\r\n", STANDARD.encode(format!("{id}:{secret}")));
    for (headers, body) in [
        (FORM, format!("grant_type=client_credentials&{}", credentials())),
        (JSON, json),
        (&basic, "grant_type=client_credentials&scope=a+b".into()),
    ] {
        let granted = send(&server, "POST", "/access-token", headers, &body);
        assert_eq!((granted.status, granted.header("cache-control")), (200, Some("no-store")), "{body}");
        assert_eq!(granted.json()["token_type"], "Bearer");
        let token = granted.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(get(&server, &token).status, 200);
    }
    assert_eq!(server.counts().token_granted, 3);
}

#[test]
fn a_wrong_request_is_refused_as_rfc_6749_says() {
    let server = Server::start().unwrap();
    let all = format!("grant_type=client_credentials&{}", credentials());
    let two_ways = format!("{FORM}Authorization: Basic {}\r\n", STANDARD.encode("a:b"));
    for (headers, body, status, code) in [
        (FORM, "grant_type=client_credentials&client_id=x&client_secret=y".into(), 401, "invalid_client"),
        (FORM, all.replace("client_credentials&", "password&"), 400, "unsupported_grant_type"),
        (FORM, credentials(), 400, "invalid_request"),
        (FORM, format!("{all}&scope=%22"), 400, "invalid_scope"),
        (FORM, format!("{all}&scope=a&scope=b"), 400, "invalid_request"),
        (JSON, "[]".into(), 400, "invalid_request"),
        (&two_ways, all.clone(), 400, "invalid_request"),
    ] {
        let refused = send(&server, "POST", "/access-token", headers, &body);
        assert_eq!((refused.status, refused.json()["error"].as_str()), (status, Some(code)), "{body}");
    }
    assert_eq!(send(&server, "GET", "/access-token", "", "").status, 405);
    assert_eq!(server.counts().token_granted, 0);
}

#[test]
fn a_wrong_request_is_refused_as_myparcel_does() {
    let server = Server::start().unwrap();
    server.set_errors(ErrorStyle::MyParcel);
    let refused = send(
        &server,
        "POST",
        "/access-token",
        FORM,
        "grant_type=client_credentials&client_id=x&client_secret=y",
    );
    assert_eq!((refused.status, &refused.json()["errors"][0]["code"]), (403, &Value::from("14000")));
    let scope = format!("grant_type=client_credentials&{}&scope=%22", credentials());
    let refused = send(&server, "POST", "/access-token", FORM, &scope);
    assert_eq!((refused.status, &refused.json()["errors"][0]["code"]), (403, &Value::from("14001")));
}

#[test]
fn the_api_verifies_signature_expiry_and_revocation() {
    let server = Server::start().unwrap();
    let good = token(&server);
    assert_eq!(get(&server, &good).status, 200);
    assert_eq!(get(&server, &good).header("x-evergrant-mock-token"), Some("1"));
    let last = if good.ends_with('A') { "B" } else { "A" };
    let forged = format!("{}{last}", &good[..good.len() - 1]);
    for bad in [forged.as_str(), "nonsense", "a.b.c"] {
        let refused = get(&server, bad);
        assert_eq!(refused.status, 401, "{bad}");
        assert!(refused.header("www-authenticate").unwrap().contains("invalid_token"));
    }
    assert_eq!(
        send(&server, "GET", "/shipments", "", "")
            .header("www-authenticate")
            .map(|c| c.starts_with("Bearer")),
        Some(true)
    );
    server.revoke(&good);
    assert_eq!(get(&server, &good).status, 401);
    let next = token(&server);
    assert_eq!(get(&server, &next).status, 200);
    server.revoke_all();
    assert_eq!(get(&server, &next).status, 401);
    let last = token(&server);
    assert_eq!(get(&server, &last).status, 200);
    // An hour later, by the server's own clock.
    server.set_clock_offset(86_400);
    assert_eq!(get(&server, &last).status, 401);
    assert_eq!(server.counts().resource_refused, 7);
}

#[test]
fn tokens_are_of_the_style_and_life_that_was_set() {
    let server = Server::builder().lifetime(Duration::from_millis(1500)).start().unwrap();
    assert_eq!(ask(&server).json()["expires_in"], 2);
    let times = claims(&token(&server));
    let life = times["exp"].as_f64().unwrap() - times["iat"].as_f64().unwrap();
    assert!((life - 1.5).abs() < 0.001, "{life}");
    server.set_lifetime(Duration::from_secs(60));
    server.set_style(TokenStyle::Jwt(JwtTimes::Integer));
    assert!(claims(&token(&server))["exp"].is_u64());
    server.set_style(TokenStyle::Jwt(JwtTimes::Text));
    assert!(claims(&token(&server))["exp"].as_str().unwrap().bytes().all(|byte| byte.is_ascii_digit()));
    server.set_style(TokenStyle::Jwt(JwtTimes::Absent));
    assert!(claims(&token(&server)).get("exp").is_none());
    server.set_style(TokenStyle::Opaque);
    let (one, other) = (token(&server), token(&server));
    assert!(one != other && !one.contains('.') && get(&server, &other).status == 200);
    server.set_style(TokenStyle::Sticky);
    let same = token(&server);
    assert_eq!(token(&server), same);
    server.revoke_all();
    assert_ne!(token(&server), same);
    assert!(server.issued().contains(&same));
}

#[test]
fn expires_in_says_what_the_test_wants() {
    let server = Server::start().unwrap();
    for literal in ["\"3600\"", "3600.5", "-1", "null", "18446744073709551615"] {
        server.set_expires_in(ExpiresIn::raw(literal));
        assert!(ask(&server).body.contains(&format!("\"expires_in\":{literal}")), "{literal}");
    }
    server.set_expires_in(ExpiresIn::Omitted);
    assert!(!ask(&server).body.contains("expires_in"));
}

#[test]
fn a_refused_token_is_challenged_as_the_test_wants() {
    let server = Server::start().unwrap();
    let good = token(&server);
    server.set_challenge(Challenge::None);
    let refused = get(&server, "bad");
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, None));
    server.set_challenge(Challenge::MyParcel);
    assert_eq!(get(&server, "bad").json()["errors"][0]["code"], "14002");
    server.set_challenge(Challenge::Foreign);
    assert_eq!(get(&server, &good).json()["errors"][0]["code"], "13003");
    server.set_challenge(Challenge::ForeignScheme);
    assert!(get(&server, &good).header("www-authenticate").unwrap().starts_with("Basic"));
    let headers = vec![("X-Mine".to_owned(), "yes".to_owned())];
    server.set_challenge(Challenge::Raw { status: 418, headers, body: b"teapot".to_vec() });
    let refused = get(&server, "bad");
    assert_eq!(
        (refused.status, refused.header("x-mine"), refused.body.as_str()),
        (418, Some("yes"), "teapot")
    );
    assert_eq!(get(&server, &good).status, 200);
}

#[test]
fn faults_that_are_answers() {
    let server = Server::start().unwrap();
    let on_token = |fault| server.fault(Endpoint::Token, fault, Times::Once);
    on_token(Fault::status_with_retry_after(503, "7"));
    let down = ask(&server);
    assert_eq!((down.status, down.header("retry-after")), (503, Some("7")));
    on_token(Fault::status_with_body(418, "text/plain", "teapot"));
    assert_eq!(ask(&server).body, "teapot");
    on_token(Fault::error(400, "invalid_scope"));
    assert_eq!(ask(&server).json()["error"], "invalid_scope");
    on_token(Fault::Html);
    assert!(ask(&server).header("content-type").unwrap().starts_with("text/html"));
    on_token(Fault::redirect(307, "https://elsewhere.example/"));
    let redirected = ask(&server);
    assert_eq!((redirected.status, redirected.header("location")), (307, Some("https://elsewhere.example/")));
    on_token(Fault::Oversized { bytes: 300_000 });
    let large = ask(&server);
    assert!(large.body.len() == 300_000 && large.json()["access_token"].is_string());
    server.fault(Endpoint::Resource, Fault::error(403, "insufficient_scope"), Times::Once);
    assert!(get(&server, "any").header("www-authenticate").unwrap().contains("insufficient_scope"));
    assert_eq!(ask(&server).status, 200);
}

/// What follows the header, as another implementation unpacks it.
fn unpacked(answer: &[u8], mut unpack: impl FnMut(&[u8]) -> Box<dyn Read>) -> String {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let mut body = String::new();
    unpack(&answer[end + 4..]).read_to_string(&mut body).unwrap();
    body
}

#[test]
fn faults_that_pack_the_ordinary_answer_whatever_it_is() {
    let server = Server::start().unwrap();
    let body = format!("grant_type=client_credentials&{}", credentials());
    let request = format!(
        "POST /access-token HTTP/1.1\r\nHost: mock\r\nConnection: close\r\nContent-Length: {}\r\n{FORM}\r\n{body}",
        body.len()
    );
    server.fault(Endpoint::Token, Fault::Gzip, Times::Once);
    let answer = talk(&server, &request).unwrap();
    assert!(String::from_utf8_lossy(&answer).contains("\r\nContent-Encoding: gzip\r\n"));
    let body =
        unpacked(&answer, |body| Box::new(flate2::read::GzDecoder::new(std::io::Cursor::new(body.to_vec()))));
    assert!(serde_json::from_str::<Value>(&body).unwrap()["access_token"].is_string(), "{body}");
    server.fault(Endpoint::Resource, Fault::Deflate, Times::Once);
    let answer = talk(&server, "GET /any HTTP/1.1\r\nHost: mock\r\nConnection: close\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer);
    assert!(
        head.starts_with("HTTP/1.1 401 ") && head.contains("\r\nContent-Encoding: deflate\r\n"),
        "{head}"
    );
    unpacked(&answer, |body| Box::new(flate2::read::ZlibDecoder::new(std::io::Cursor::new(body.to_vec()))));
    let names: Vec<Answer> = server.requests().iter().map(evergrant_mock::Recorded::answer).collect();
    assert_eq!(names, ["gzip", "deflate"].map(Answer::Fault));
}

#[test]
fn faults_that_break_the_connection() {
    let server = Server::start().unwrap();
    let request = format!(
        "POST /access-token HTTP/1.1\r\nHost: mock\r\nContent-Length: {}\r\n{FORM}\r\n{}",
        credentials().len(),
        credentials()
    );
    let meet = |fault| {
        server.fault(Endpoint::Token, fault, Times::Once);
        talk(&server, &request)
    };
    assert_eq!(meet(Fault::Reset).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(meet(Fault::CloseBeforeAnswer).unwrap(), b"");
    assert!(!meet(Fault::Garbage).unwrap().starts_with(b"HTTP/"));
    assert_eq!(meet(Fault::raw("HTTP/1.1 200 OK\r\n\r\nmine")).unwrap(), b"HTTP/1.1 200 OK\r\n\r\nmine");
    let cut = reply(meet(Fault::TruncatedBody).unwrap());
    let said: usize = cut.header("content-length").unwrap().parse().unwrap();
    assert!(cut.body.len() < said, "{} of {said}", cut.body.len());
    let names: Vec<Answer> = server.requests().iter().map(evergrant_mock::Recorded::answer).collect();
    let expected = ["reset", "close-before-answer", "garbage", "raw", "truncated-body"].map(Answer::Fault);
    assert_eq!(names, expected);
    assert_eq!(server.counts().token_faulted, 5);
}

#[test]
fn a_hang_and_a_slow_body_last_until_the_server_stops() {
    let server = Server::start().unwrap();
    server.fault(Endpoint::Token, Fault::Hang, Times::Once);
    server.fault(Endpoint::Token, Fault::SlowBody { per_byte: LONG }, Times::Once);
    let address = server.address();
    let clients: Vec<_> = (0..2)
        .map(|_| {
            thread::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                let body = format!("grant_type=client_credentials&{}", credentials());
                write!(
                    stream,
                    "POST /access-token HTTP/1.1\r\nHost: mock\r\nContent-Length: {}\r\n{FORM}\r\n{body}",
                    body.len()
                )
                .unwrap();
                // Whether it ends with a reset or an end: it ends.
                let _ended = stream.read_to_end(&mut Vec::new());
            })
        })
        .collect();
    assert!(server.wait_for_token_requests(2, LONG));
    drop(server);
    for client in clients {
        client.join().unwrap();
    }
}

#[test]
fn faults_strike_as_often_as_they_may_and_can_be_taken_back() {
    let server = Server::start().unwrap();
    server.fault(Endpoint::Token, Fault::status(500), Times::Next(2));
    assert_eq!([1, 2, 3].map(|_| ask(&server).status), [500, 500, 200]);
    let handle = server.fault(Endpoint::Token, Fault::status(502), Times::UntilCleared);
    assert_eq!((ask(&server).status, handle.is_active()), (502, true));
    handle.clear();
    assert_eq!((ask(&server).status, handle.is_active()), (200, false));
    server.fault(Endpoint::Token, Fault::status(503), Times::For(LONG));
    assert_eq!(ask(&server).status, 503);
    server.clear_faults();
    assert_eq!(ask(&server).status, 200);
}

#[test]
fn a_gate_holds_answers_until_it_is_released() {
    let server = Server::start().unwrap();
    let gate = server.hold(Endpoint::Token);
    thread::scope(|scope| {
        let asking = scope.spawn(|| ask(&server).status);
        assert!(gate.wait_for_held(1, LONG));
        assert_eq!(gate.held(), 1);
        assert!(!asking.is_finished());
        gate.release();
        assert_eq!(asking.join().unwrap(), 200);
    });
}

#[test]
fn a_connection_is_kept_and_serves_request_after_request() {
    let server = Server::start().unwrap();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    // Chunked, with 100-continue, and a HEAD: what clients do.
    let chunked = format!("{FORM}Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n");
    let body = format!("grant_type=client_credentials&{}", credentials());
    let (a, b) = body.split_at(10);
    write!(stream, "POST /access-token HTTP/1.1\r\nHost: mock\r\n{chunked}\r\n").unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    write!(stream, "{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n", a.len(), b.len()).unwrap();
    write!(stream, "HEAD /x HTTP/1.1\r\nHost: mock\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.contains("HTTP/1.1 401 ") && text.ends_with("\r\n\r\n"), "a HEAD has no body: {text}");
    assert_eq!(server.requests()[0].body(), body.as_bytes());
}

#[test]
fn what_is_no_request_is_refused_and_the_server_goes_on() {
    let server = Server::start().unwrap();
    for (request, status) in [
        ("nonsense\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(200_000)), 431),
        ("POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n".to_owned(), 413),
    ] {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        // It may be refused before all of it is written.
        let _written = stream.write_all(request.as_bytes());
        let mut answer = [0; 12];
        if stream.read_exact(&mut answer).is_ok() {
            assert_eq!(std::str::from_utf8(&answer).unwrap(), format!("HTTP/1.1 {status}"));
        }
    }
    assert_eq!(ask(&server).status, 200);
}

#[test]
fn the_log_tells_what_arrived_and_prints_no_secret() {
    let server = Server::start().unwrap();
    let good = token(&server);
    get(&server, &good);
    let requests = server.requests();
    assert_eq!(
        (requests[0].method(), requests[0].target(), requests[0].endpoint()),
        ("POST", "/access-token", Endpoint::Token)
    );
    assert_eq!(requests[0].parameter("client_id").as_deref(), Some(Server::CLIENT_ID));
    assert_eq!(requests[1].header("authorization").unwrap(), format!("Bearer {good}"));
    assert_eq!((requests[1].answer(), requests[1].endpoint()), (Answer::Status(200), Endpoint::Resource));
    assert!(requests[0].at() <= requests[1].at());
    let printed = format!("{requests:?} {server:?}");
    assert!(!printed.contains(&good) && !printed.contains(Server::CLIENT_SECRET), "{printed}");
    server.reset_counts();
    assert_eq!(server.counts(), evergrant_mock::Counts::default());
}

#[test]
fn it_listens_on_loopback_alone_and_knows_the_client_it_was_given() {
    let everywhere = Server::builder().address("0.0.0.0:0".parse().unwrap()).start();
    assert_eq!(everywhere.unwrap_err().kind(), ErrorKind::InvalidInput);
    let server = Server::builder().client("mine", "own").start().unwrap();
    assert_eq!(ask(&server).status, 401);
    server.rotate_client(Server::CLIENT_ID, Server::CLIENT_SECRET);
    assert_eq!(ask(&server).status, 200);
}

#[test]
fn each_of_many_clients_has_its_own_secret_and_its_own_tokens() {
    let server =
        Server::builder().another_client("orders", "o").another_client("bills", "b").start().unwrap();
    let ask_as = |id: &str, secret: &str| {
        let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        send(&server, "POST", "/access-token", FORM, &body)
    };
    for (id, secret) in [("orders", "o"), ("bills", "b"), (Server::CLIENT_ID, Server::CLIENT_SECRET)] {
        let token = ask_as(id, secret).json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(claims(&token)["sub"], id);
        assert_eq!(get(&server, &token).status, 200);
    }
    assert_eq!(ask_as("orders", "b").status, 401);
    server.rotate_client("mine", "own");
    assert_eq!((ask_as("mine", "own").status, ask_as("orders", "o").status), (200, 401));
}

#[test]
fn a_burst_of_connections_is_served() {
    let server = Server::start().unwrap();
    thread::scope(|scope| {
        for _ in 0..300 {
            scope.spawn(|| assert_eq!(ask(&server).status, 200));
        }
    });
    assert_eq!(server.counts().token_granted, 300);
    assert!(server.counts().token_in_flight_max >= 1);
}

#[test]
fn a_delay_makes_answers_later_and_is_cut_short_by_the_end() {
    let server = Server::start().unwrap();
    server.set_delay(Endpoint::Token, 20 * MS);
    let began = std::time::Instant::now();
    assert_eq!(ask(&server).status, 200);
    assert!(began.elapsed() >= 20 * MS);
}
