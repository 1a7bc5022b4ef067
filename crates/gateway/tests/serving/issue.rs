//! Tokens for programs of this machine, over sockets.

use crate::fixture::{Answer, Caller, PATIENCE, fixed, tokens, until};
use crate::many::{Many, a_moment, read, run};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evergrant_gateway::{
    Access, Address, Gateway, Issue, IssueError, Key, Keys, Listener, LogFormat, LogMode, Peers, Reload,
    Running, ServeError,
};
use evergrant_mock::{Endpoint, Server};
use evergrant_tokio_reqwest::{Policy, Tokens};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const GRANT: &str = "grant_type=client_credentials";

/// A gateway without a route, that gives out tokens at a loopback address to whoever has the key.
struct Desk {
    running: Running,
    key: Key,
    log: Written,
}

/// What was logged.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Desk {
    fn of(profiles: impl IntoIterator<Item = (&'static str, Tokens)>) -> Self {
        Self::patient(profiles, PATIENCE)
    }

    fn patient(profiles: impl IntoIterator<Item = (&'static str, Tokens)>, patience: Duration) -> Self {
        let key = Key::generate().unwrap();
        let keys = Keys::new([("shop".to_owned(), key.digest())]).unwrap();
        let listener = Listener::new(Address::parse("127.0.0.1:0").unwrap()).access(Access::Keys(keys));
        let named = profiles.into_iter().map(|(name, tokens)| (name.to_owned(), tokens));
        let issue = Issue::new(named).unwrap().listener(listener).patience(patience);
        let log = Written::default();
        let gateway = Gateway::builder().issue(issue).workers(2);
        let gateway = gateway.log(LogMode::All, LogFormat::Json, log.clone()).build().unwrap();
        Self { running: gateway.serve(&[]).unwrap(), key, log }
    }

    fn address(&self) -> SocketAddr {
        match self.running.issuing() {
            [Address::Tcp(address)] => *address,
            other => panic!("{other:?}"),
        }
    }

    fn caller(&self) -> Caller {
        Caller::at(self.address())
    }

    fn ask(&self, method: &str, target: &str, lines: &str, body: &str) -> Answer {
        let mut caller = self.caller();
        caller.send(method, target, lines, body.as_bytes());
        let answer = caller.answer().unwrap();
        assert_eq!(answer.field("cache-control"), Some("no-store"), "{method} {target}");
        assert_eq!(answer.field("pragma"), Some("no-cache"), "{method} {target}");
        answer
    }

    fn basic(&self) -> String {
        let pair = format!("shop:{}", self.key.expose());
        format!("{FORM}Authorization: Basic {}\r\n", STANDARD.encode(pair))
    }

    fn keyed(&self) -> String {
        format!("X-Evergrant-Key: {}\r\n", self.key.expose())
    }

    fn token(&self, target: &str) -> Answer {
        self.ask("POST", target, &self.basic(), GRANT)
    }

    fn authorize(&self, target: &str) -> Answer {
        self.ask("GET", target, &self.keyed(), "")
    }

    fn reject(&self, target: &str, token: &str) -> (u16, String) {
        let lines = format!("{}Authorization: Bearer {token}\r\n", self.keyed());
        let answer = self.ask("POST", target, &lines, "");
        let document = json(&answer);
        (answer.status, document["result"].as_str().unwrap_or_default().to_owned())
    }

    /// Everything that it showed, once it has ended.
    fn shown(self) -> String {
        let counts = format!("{:?} {:?}", self.running, self.running.counts());
        self.running.drain(Duration::ZERO);
        assert!(self.running.wait());
        let log = self.log.0.lock().unwrap().clone();
        counts + &String::from_utf8(log).unwrap()
    }
}

fn json(answer: &Answer) -> serde_json::Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{}", answer.text()))
}

fn error(answer: &Answer) -> (u16, String) {
    (answer.status, json(answer)["error"].as_str().unwrap_or_default().to_owned())
}

fn source(server: &Server, policy: Policy) -> Tokens {
    tokens(server).policy(policy).build().unwrap()
}

fn usual(server: &Server) -> Tokens {
    source(server, Policy::new().with_max_waiters(1024))
}

#[test]
fn a_library_gets_the_token_as_from_an_authorization_server_and_all_of_them_cost_one_request() {
    let server = Server::start().unwrap();
    server.set_granted_scope(Some("orders labels"));
    let desk = Desk::of([("orders", usual(&server))]);
    let form = format!("{GRANT}&client_id=shop&client_secret={}", desk.key.expose());
    for answer in [
        desk.token("/token"),
        desk.token("/token/orders"),
        desk.ask("POST", "/token", FORM, &form),
        desk.ask("POST", "/token", &desk.basic(), &format!("{GRANT}&client_id=shop&scope=labels")),
    ] {
        assert_eq!((answer.status, answer.field("content-type")), (200, Some("application/json")));
        let document = json(&answer);
        assert_eq!(document["access_token"], server.issued().last().unwrap().as_str());
        assert_eq!(
            (&document["token_type"], &document["scope"]),
            (&"Bearer".into(), &"orders labels".into())
        );
        let left = document["expires_in"].as_u64().unwrap();
        assert!((1..=86_400).contains(&left), "{left}");
    }
    let same = desk.ask("POST", "/token", &desk.basic(), &format!("{GRANT}&scope=labels+orders"));
    assert!(json(&same).get("scope").is_none(), "it is what was asked for (RFC 6749 section 5.1)");
    assert_eq!(server.counts().token_requests, 1);
    // G14
    let (key, token) = (desk.key.expose().to_owned(), server.issued().pop().unwrap());
    let shown = desk.shown();
    assert_eq!(shown.matches("\"path\":\"/token").count(), 5, "{shown}");
    assert!(shown.contains("\"caller\":\"shop\""), "{shown}");
    assert!(shown.contains(&format!("\"bytes_in\":{},", GRANT.len())), "{shown}");
    assert!(!shown.contains(&key) && !shown.contains(&token), "{shown}");
}

#[test]
fn many_programs_at_once_wait_for_one_token() {
    let server = Server::start().unwrap();
    let gate = server.hold(Endpoint::Token);
    let desk = Desk::of([("orders", usual(&server))]);
    let mut callers: Vec<_> = (0..40).map(|_| desk.caller()).collect();
    for (number, caller) in callers.iter_mut().enumerate() {
        match number % 2 {
            0 => caller.send("POST", "/token", &desk.basic(), GRANT.as_bytes()),
            _ => caller.send("GET", "/authorize/orders/any", &desk.keyed(), b""),
        }
    }
    until("all wait", || desk.running.counts().queued == 40);
    assert!(!desk.running.is_ready());
    gate.release();
    for caller in &mut callers {
        assert_eq!(caller.answer().unwrap().status, 200);
    }
    until("it is ready", || desk.running.is_ready());
    assert_eq!(server.counts().token_requests, 1);
}

#[test]
fn who_hangs_up_frees_its_place_and_a_full_queue_says_so() {
    let server = Server::start().unwrap();
    let _gate = server.hold(Endpoint::Token);
    let desk = Desk::of([("orders", source(&server, Policy::new().with_max_waiters(2)))]);
    let wait = |desk: &Desk| {
        let mut caller = desk.caller();
        caller.send("GET", "/authorize/orders/things", &desk.keyed(), b"");
        caller
    };
    let waiting = [wait(&desk), wait(&desk)];
    until("two wait", || desk.running.counts().queued == 2);
    let full = desk.token("/token");
    assert_eq!(error(&full), (503, "temporarily_unavailable".to_owned()));
    assert!(json(&full)["error_description"].as_str().unwrap().contains("queue"), "{}", full.text());
    assert!(full.field("retry-after").is_some());
    drop(waiting);
    until("they have gone", || desk.running.counts().queued == 0);
    until("nobody holds a connection", || desk.running.counts().connections == 0);
    let _waiting = wait(&desk);
    until("there is room again", || desk.running.counts().queued == 1);
}

#[test]
fn under_a_drain_whoever_waits_still_gets_the_token() {
    let server = Server::start().unwrap();
    let gate = server.hold(Endpoint::Token);
    let desk = Desk::of([("orders", usual(&server))]);
    let mut caller = desk.caller();
    caller.send("POST", "/token", &desk.basic(), GRANT.as_bytes());
    until("it waits", || desk.running.counts().queued == 1);
    desk.running.drain(Duration::ZERO);
    until("it is not ready", || !desk.running.is_ready());
    gate.release();
    assert_eq!(caller.answer().unwrap().status, 200);
    assert!(desk.running.wait());
}

#[test]
fn without_a_token_in_time_they_are_told_when_to_come_back() {
    let server = Server::start().unwrap();
    let gate = server.hold(Endpoint::Token);
    let desk = Desk::patient([("orders", usual(&server))], Duration::from_millis(50));
    let token = desk.token("/token");
    assert_eq!(error(&token), (503, "temporarily_unavailable".to_owned()));
    let authorize = desk.authorize("/authorize/orders/things");
    assert_eq!((authorize.status, authorize.problem().as_deref()), (503, Some("no-token")));
    for answer in [token, authorize] {
        let after: u64 = answer.field("retry-after").unwrap().parse().unwrap();
        assert!(after >= 1 && !answer.text().contains("access_token"));
    }
    gate.release();
    until("the token has come", || desk.token("/token").status == 200);
}

// G13
#[test]
fn who_may_not_gets_no_token_and_no_word_of_one() {
    let server = Server::start().unwrap();
    let desk = Desk::of([("orders", usual(&server))]);
    let (basic, keyed) = (desk.basic(), desk.keyed());
    let bearer = format!("{FORM}Authorization: Bearer {}\r\n", desk.key.expose());
    let wrong = format!("{FORM}Authorization: Basic {}\r\n", STANDARD.encode("shop:wrong"));
    for (method, target, lines, expected) in [
        ("POST", "/token", FORM, (401, "invalid_client")),
        ("POST", "/token", &bearer, (401, "invalid_client")),
        ("POST", "/token", &wrong, (401, "invalid_client")),
        ("POST", "/token", &format!("{basic}Origin: https://evil.example\r\n"), (403, "invalid_request")),
        ("POST", "/token", &format!("{basic}Origin: null\r\n"), (403, "invalid_request")),
        ("POST", "/token", &format!("{basic}Sec-Fetch-Site: same-origin\r\n"), (403, "invalid_request")),
        ("GET", "/token", &basic, (405, "invalid_request")),
        ("OPTIONS", "/token", &basic, (405, "invalid_request")),
        ("POST", "/token/labels", &basic, (404, "invalid_request")),
        ("GET", "/authorize/orders", "", (403, "")),
        ("GET", "/authorize/orders", "X-Evergrant-Key: wrong\r\n", (403, "")),
        // A front passes its caller's Authorization on.
        ("GET", "/authorize/orders", &bearer, (403, "")),
        ("GET", "/authorize/labels", &keyed, (404, "")),
        ("GET", "/authorize", &keyed, (404, "")),
        ("POST", "/reject/orders", "Authorization: Bearer a-token\r\n", (403, "")),
        ("POST", "/reject/orders", &format!("{keyed}Origin: https://evil.example\r\n"), (403, "")),
        ("GET", "/reject/orders", &keyed, (405, "")),
        ("GET", "/", "", (403, "")),
        ("POST", "/", "", (403, "")),
        ("POST", "/", &keyed, (404, "")),
    ] {
        let body = if method == "POST" { GRANT } else { "" };
        let lines = if lines.contains(FORM) { lines.to_owned() } else { format!("{FORM}{lines}") };
        let answer = desk.ask(method, target, &lines, body);
        assert_eq!(error(&answer), (expected.0, expected.1.to_owned()), "{method} {target} {lines}");
        assert!(answer.field("authorization").is_none() && json(&answer).get("access_token").is_none());
        assert!(!format!("{answer:?}").contains("route"), "there is none here: {answer:?}");
        let wants_basic = answer.field("www-authenticate").is_some_and(|value| value.starts_with("Basic "));
        assert_eq!(wants_basic, answer.status == 401, "{method} {target}");
        assert_eq!(answer.field("allow").is_some(), answer.status == 405);
    }
    // A name that a page made point here.
    let mut caller = desk.caller();
    let length = GRANT.len();
    for target in ["/token", "/reject/orders"] {
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: evil.example\r\n{basic}{keyed}Content-Length: {length}\r\n\r\n"
        );
        caller.write(format!("{head}{GRANT}")).unwrap();
        assert_eq!(caller.answer().unwrap().status, 403, "{target}");
    }
    let denied = desk.running.counts().own.values().sum::<u64>();
    assert_eq!(denied, 22);
}

#[test]
fn what_is_asked_wrongly_is_told_as_oauth_does() {
    let server = Server::start().unwrap();
    server.set_granted_scope(Some("orders"));
    let desk = Desk::of([("orders", usual(&server)), ("labels", usual(&server))]);
    let large = format!("{GRANT}&more={}", "x".repeat(32 * 1024));
    let json_body = desk.basic().replace("application/x-www-form-urlencoded", "application/json");
    let basic = desk.basic();
    for (target, lines, body, expected) in [
        ("/token/orders", &basic, "", (400, "invalid_request")),
        ("/token/orders", &basic, "grant_type=password", (400, "unsupported_grant_type")),
        ("/token/orders", &basic, "grant_type=client_credentials&grant_type=x", (400, "invalid_request")),
        ("/token/orders", &basic, "grant_type=%zz", (400, "invalid_request")),
        ("/token/orders", &basic, &large, (413, "invalid_request")),
        ("/token/orders", &json_body, "{}", (400, "invalid_request")),
        ("/token/orders", &basic, "grant_type=client_credentials&scope=all", (400, "invalid_scope")),
        ("/token/orders", &basic, "grant_type=client_credentials&client_secret=x", (400, "invalid_request")),
        // Which of the two?
        ("/token", &basic, GRANT, (400, "invalid_request")),
    ] {
        let answer = desk.ask("POST", target, lines, body);
        assert_eq!(error(&answer), (expected.0, expected.1.to_owned()), "{target} {body:.60}");
        let described = json(&answer)["error_description"].as_str().unwrap().to_owned();
        assert!(!described.is_empty() && !described.contains(['"', '\\']), "{described}");
    }
    assert_eq!(desk.token("/token/labels").status, 200);
}

#[test]
fn a_front_gets_the_field_whatever_its_caller_sent() {
    let server = Server::start().unwrap();
    let desk = Desk::of([("orders", usual(&server))]);
    let own = "Authorization: Bearer of-the-caller\r\nCookie: a=b\r\nOrigin: https://shop.example\r\nX-Forwarded-For: 192.0.2.7\r\nSec-Fetch-Site: cross-site\r\n";
    for (method, target) in [
        ("GET", "/authorize/orders"),
        ("DELETE", "/authorize/orders/v2/things?q=1"),
        ("PURGE", "/authorize/orders/a%2fb//c"),
        ("POST", "/authorize/orders/../labels"),
    ] {
        let answer = desk.ask(method, target, &format!("{}{own}", desk.keyed()), "");
        assert_eq!((answer.status, answer.field("content-length")), (200, Some("0")), "{method} {target}");
        let expected = format!("Bearer {}", server.issued().pop().unwrap());
        assert_eq!(answer.field("authorization"), Some(expected.as_str()));
    }
    // It passes the name of its own site on as well.
    let mut caller = desk.caller();
    caller
        .write(format!("GET /authorize/orders/ HTTP/1.1\r\nHost: shop.example\r\n{}\r\n", desk.keyed()))
        .unwrap();
    assert_eq!(caller.answer().unwrap().status, 200);
}

#[test]
fn a_body_that_a_front_sends_along_does_no_harm() {
    let desk = Desk::of([("orders", fixed())]);
    let mut caller = desk.caller();
    for _ in 0..2 {
        caller.send("PUT", "/authorize/orders/things", &desk.keyed(), &vec![b'x'; 200_000]);
        assert_eq!(caller.answer().unwrap().status, 200);
    }
}

#[test]
fn a_refused_token_is_replaced_if_it_is_the_one_that_is_held() {
    let server = Server::start().unwrap();
    let policy = Policy::new().with_settle(Duration::from_millis(1));
    let desk = Desk::of([("orders", source(&server, policy))]);
    let held =
        |desk: &Desk| desk.authorize("/authorize/orders").field("authorization").unwrap()[7..].to_owned();
    let first = held(&desk);
    assert_eq!(desk.reject("/reject/orders", "another"), (200, "replaced".to_owned()));
    assert_eq!(server.counts().token_requests, 1);
    // Once it has settled.
    until("it is rejected", || desk.reject("/reject/orders", &first).1 == "rejected");
    let second = held(&desk);
    assert_ne!(second, first);
    // Whoever else was refused with the first one does no harm.
    assert_eq!(desk.reject("/reject/orders", &first), (200, "replaced".to_owned()));
    // An API that refuses every token costs one request in a while.
    let mut results = Vec::new();
    until("the gate is closed", || {
        results.push(desk.reject("/reject/orders", &second).1);
        results.last().is_some_and(|result| result == "kept")
    });
    assert!(results.iter().all(|result| ["kept", "settling"].contains(&result.as_str())), "{results:?}");
    assert_eq!(held(&desk), second);
    assert_eq!(server.counts().token_requests, 2);
    // In the form as well.
    let answer =
        desk.ask("POST", "/reject/orders", &format!("{FORM}{}", desk.keyed()), &format!("token={first}"));
    assert_eq!((answer.status, json(&answer)["result"].as_str()), (200, Some("replaced")));
    let both = format!("{FORM}{}Authorization: Bearer {first}\r\n", desk.keyed());
    assert_eq!(desk.ask("POST", "/reject/orders", &both, &format!("token={first}")).status, 400);
    let shown = desk.shown();
    assert!(!shown.contains(&first) && !shown.contains(&second), "{shown}");
}

#[test]
fn a_token_that_is_new_is_not_replaced_at_once_and_a_fixed_one_never() {
    let server = Server::start().unwrap();
    let policy = Policy::new().with_settle(Duration::from_secs(3600));
    let desk = Desk::of([("orders", source(&server, policy)), ("fixed", fixed())]);
    let answer = desk.authorize("/authorize/orders");
    let token = answer.field("authorization").unwrap()[7..].to_owned();
    assert_eq!(desk.reject("/reject/orders", &token), (200, "settling".to_owned()));
    assert_eq!(desk.reject("/reject/fixed", "a-token-for-the-test"), (200, "kept".to_owned()));
    let answer = json(&desk.token("/token/fixed"));
    assert!(answer.get("expires_in").is_none() && answer["access_token"] == "a-token-for-the-test");
}

#[test]
fn no_token_is_given_out_whose_end_would_be_0() {
    // Renewed only at its end: asked for in its last second, callers wait for the next one.
    let server = Server::builder().lifetime(Duration::from_secs(2)).start().unwrap();
    let policy = Policy::new().with_leeway(Duration::from_millis(1)).with_ahead(Duration::from_millis(1));
    let desk = Desk::of([("orders", source(&server, policy))]);
    let mut seen = std::collections::BTreeSet::new();
    until("three tokens came", || {
        let answer = json(&desk.token("/token"));
        assert_eq!(answer["expires_in"], 1, "{answer}");
        seen.insert(answer["access_token"].as_str().unwrap().to_owned());
        seen.len() == 3
    });
}

#[test]
fn a_form_that_does_not_come_is_not_waited_for() {
    let key = Key::generate().unwrap();
    let keys = Keys::new([("shop".to_owned(), key.digest())]).unwrap();
    let listener = Listener::new(Address::parse("127.0.0.1:0").unwrap()).access(Access::Keys(keys));
    let issue = Issue::new([("orders".to_owned(), fixed())]).unwrap().listener(listener);
    let limits = evergrant_gateway::Limits::new().head_time(Duration::from_millis(100));
    let running = Gateway::builder().issue(issue).limits(limits).build().unwrap().serve(&[]).unwrap();
    let [Address::Tcp(address)] = running.issuing() else { panic!() };
    let mut caller = Caller::at(*address);
    let head = format!("POST /token HTTP/1.1\r\nHost: {address}\r\n{FORM}Content-Length: 100\r\n\r\ngrant");
    caller.write(head).unwrap();
    assert_eq!(error(&caller.answer().unwrap()), (408, "invalid_request".to_owned()));
}

/// Whoever sends a form is not known before it was read: over HTTP/2 each connection might have a hundred of them.
#[test]
fn so_many_forms_are_read_at_once_and_no_more() {
    let desk = Desk::of([("orders", fixed())]);
    run(async {
        let mut answers = FuturesUnordered::new();
        let mut open = Vec::new();
        for _ in 0..11 {
            let caller = Many::at(desk.address()).await;
            for _ in 0..100 {
                let mut sender = caller.sender.clone().ready().await.unwrap();
                let request = caller.request("POST", "/token").body(()).unwrap();
                let (answer, stream) = sender.send_request(request, false).unwrap();
                answers.push(answer);
                open.push(stream);
            }
        }
        for _ in 0..1100 - 1024 {
            assert_eq!(answers.next().await.unwrap().unwrap().status(), 503);
        }
        let another = tokio::time::timeout(Duration::from_millis(50), answers.next()).await;
        assert!(another.is_err(), "{another:?}");
        // A place is free once its form is not read any more.
        drop((answers, open));
        let form = format!("{GRANT}&client_id=shop&client_secret={}", desk.key.expose());
        let caller = Many::at(desk.address()).await;
        while caller.post("/token", form.as_bytes()).await.status() == 503 {
            a_moment().await;
        }
        assert_eq!(caller.post("/token", form.as_bytes()).await.status(), 200);
    });
}

#[test]
fn a_field_that_its_listener_wants_must_be_there() {
    let key = Key::generate().unwrap();
    let keys = Keys::new([("shop".to_owned(), key.digest())]).unwrap();
    let listener = Listener::new(Address::parse("127.0.0.1:0").unwrap()).access(Access::Keys(keys));
    let listener = listener.require_header(http::HeaderName::from_static("x-evergrant"));
    let issue = Issue::new([("orders".to_owned(), fixed())]).unwrap().listener(listener);
    let running = Gateway::builder().issue(issue).build().unwrap().serve(&[]).unwrap();
    let [Address::Tcp(address)] = running.issuing() else { panic!() };
    let mut caller = Caller::at(*address);
    let lines = format!("{FORM}X-Evergrant-Key: {}\r\n", key.expose());
    let form = format!("{GRANT}&client_id=shop&client_secret={}", key.expose());
    for (method, target, body) in [("GET", "/authorize/orders", ""), ("POST", "/token", form.as_str())] {
        for (field, status) in [("", 403), ("X-Evergrant: 1\r\n", 200)] {
            caller.send(method, target, &format!("{lines}{field}"), body.as_bytes());
            assert_eq!(caller.answer().unwrap().status, status, "{target} {field}");
        }
    }
}

#[test]
fn a_listener_for_tokens_knows_its_callers_or_does_not_start() {
    let key = Key::generate().unwrap();
    let keys = || Access::Keys(Keys::new([("a".to_owned(), key.digest())]).unwrap());
    let at = |address: &str| Listener::new(Address::parse(address).unwrap());
    for listener in [
        at("127.0.0.1:0"),
        at("localhost:0").access(Access::Anyone),
        at("0.0.0.0:0").access(keys()).plain_http(true),
        at("0.0.0.0:0").access(Access::Anyone),
        at("127.0.0.1:0").access(Access::Peers(Peers::own())),
        at("unix:any.sock").access(Access::Anyone),
    ] {
        let issue = Issue::new([("a".to_owned(), fixed())]).unwrap().listener(listener.clone());
        let error = Gateway::builder().issue(issue).build().unwrap().serve(&[]).unwrap_err();
        assert!(matches!(&error, ServeError::Issue(at) if at == listener.address()), "{error:?}");
        assert!(error.to_string().contains("use unix:PATH, or a loopback address with keys"));
    }
    for (names, expected) in [
        (vec![], IssueError::NoProfile),
        (vec!["a/b"], IssueError::Name("a/b".into())),
        (vec!["A"], IssueError::Name("A".into())),
        (vec!["a", "a"], IssueError::Twice("a".into())),
    ] {
        let profiles = names.into_iter().map(|name| (name.to_owned(), fixed()));
        assert_eq!(Issue::new(profiles).unwrap_err(), expected);
    }
}

#[test]
fn beside_routes_it_shares_their_token_and_is_not_among_their_paths() {
    let server = Server::start().unwrap();
    let source = usual(&server);
    let route = crate::fixture::route_to(&server.origin(), source.clone());
    let key = Key::generate().unwrap();
    let keys = Keys::new([("shop".to_owned(), key.digest())]).unwrap();
    let listener = Listener::new(Address::parse("127.0.0.1:0").unwrap()).access(Access::Keys(keys));
    let issue = Issue::new([("orders".to_owned(), source)]).unwrap().listener(listener);
    let running = crate::fixture::serve_with(Gateway::builder().route(route).issue(issue));
    // The path of a route is its API's.
    assert_eq!(Caller::new(&running).get("/authorize/orders").status, 200);
    assert!(server.requests().iter().any(|request| request.path() == "/authorize/orders"));
    let [Address::Tcp(address)] = running.issuing() else { panic!() };
    let mut caller = Caller::at(*address);
    caller.send("GET", "/authorize/orders", &format!("X-Evergrant-Key: {}\r\n", key.expose()), b"");
    assert_eq!(caller.answer().unwrap().status, 200);
    caller.send("GET", "/things", "", b"");
    assert_eq!(caller.answer().unwrap().status, 403);
    assert_eq!(server.counts().token_requests, 1);
}

#[cfg(unix)]
mod unix {
    use super::{Access, Address, FORM, GRANT, Gateway, Issue, Listener, Peers, fixed};
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;
    use std::path::Path;
    use std::time::Duration;

    fn ask(path: &Path, head: &str) -> String {
        let mut stream = UnixStream::connect(path).unwrap();
        let length = GRANT.len();
        let lines = format!("Host: any.name\r\n{FORM}Connection: close\r\nContent-Length: {length}\r\n");
        stream.write_all(format!("{head} HTTP/1.1\r\n{lines}\r\n{GRANT}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    // G13
    #[test]
    fn over_a_socket_its_own_user_needs_no_credentials_and_others_get_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let own = rustix::process::geteuid().as_raw();
        for (name, access, is_given) in [
            ("own", None, true),
            ("listed", Some(Access::Peers(Peers::only(own))), true),
            ("others", Some(Access::Peers(Peers::only(own.wrapping_add(1)))), false),
        ] {
            let path = folder.path().join(name);
            let listener = Listener::new(Address::Unix(path.clone()));
            let listener = match access {
                Some(access) => listener.access(access),
                None => listener,
            };
            let issue = Issue::new([("orders".to_owned(), fixed())]).unwrap().listener(listener);
            let running = Gateway::builder().issue(issue).build().unwrap().serve(&[]).unwrap();
            for head in ["POST /token", "GET /authorize/orders/x", "POST /token/orders"] {
                let answer = ask(&path, head);
                let expected = if is_given { "HTTP/1.1 200" } else { "HTTP/1.1 403" };
                assert!(answer.starts_with(expected), "{name} {head}: {answer}");
                assert_eq!(answer.contains("a-token-for-the-test"), is_given, "{name} {head}");
            }
            running.drain(Duration::ZERO);
            assert!(running.wait() && !path.exists());
        }
    }
}

#[test]
fn keys_and_profiles_are_swapped_while_it_gives_out_tokens() {
    let desk = Desk::of([("orders", fixed())]);
    assert_eq!(desk.token("/token/orders").status, 200);
    let mut kept = desk.caller();
    kept.send("POST", "/token/orders", &desk.basic(), GRANT.as_bytes());
    assert_eq!(kept.answer().unwrap().status, 200);
    let other = Key::generate().unwrap();
    let keys = Keys::new([("shop".to_owned(), other.digest())]).unwrap();
    let listener = Listener::new(Address::parse("127.0.0.1:0").unwrap()).access(Access::Keys(keys));
    let new = Tokens::fixed("another-token").unwrap();
    let named = [("orders".to_owned(), fixed()), ("labels".to_owned(), new)];
    let issue = Issue::new(named).unwrap().listener(listener).patience(PATIENCE);
    let reload = || Reload::new(Vec::new()).issue(issue.clone());
    assert_eq!(desk.running.reload(reload()).unwrap(), []);
    // The key that is gone opens nothing, on a connection that was there before either.
    kept.send("POST", "/token/orders", &desk.basic(), GRANT.as_bytes());
    assert_eq!(kept.answer().unwrap().status, 401);
    assert_eq!(desk.token("/token/orders").status, 401);
    let desk = Desk { key: other, ..desk };
    assert!(desk.token("/token/labels").text().contains("another-token"));
    // One that does not know its callers is refused, and nothing else is taken then.
    let open = Listener::new(Address::parse("127.0.0.1:0").unwrap()).access(Access::Anyone);
    let open = Issue::new([("orders".to_owned(), fixed())]).unwrap().listener(open);
    let refused = desk.running.reload(Reload::new(Vec::new()).issue(open));
    assert!(matches!(refused, Err(ServeError::Issue(_))), "{refused:?}");
    assert_eq!(desk.token("/token/labels").status, 200);
    // Nothing said of it: it goes on.
    assert_eq!(desk.running.reload(Reload::new(Vec::new())).unwrap(), []);
    assert_eq!(desk.token("/token/labels").status, 200);
    // Nothing is to be given out any more: until the restart there is nobody to whom it is.
    let own = Address::parse("127.0.0.1:0").unwrap();
    assert_eq!(desk.running.reload(Reload::new(Vec::new()).no_issue()).unwrap(), [own]);
    assert_eq!(desk.token("/token/labels").status, 401);
    assert_eq!(desk.running.reload(reload()).unwrap(), []);
    assert_eq!(desk.token("/token/labels").status, 200);
}

/// As on a route: a front may ask so, with the fields and the body of what it asks about.
#[test]
fn whoever_expects_a_word_over_http2_is_not_reset_here_either() {
    let desk = Desk::of([("api", fixed())]);
    run(async {
        let caller = Many::at(desk.address()).await;
        let mut sender = caller.sender.clone().ready().await.unwrap();
        let request = caller.request("POST", "/authorize/api").header("expect", "100-continue");
        let request = request.header("x-evergrant-key", desk.key.expose()).body(()).unwrap();
        let (answer, mut stream) = sender.send_request(request, false).unwrap();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 200);
        let _empty = read(&mut answer.into_body()).await.unwrap();
        a_moment().await;
        stream.send_data("late".into(), true).expect("it was reset");
    });
}
