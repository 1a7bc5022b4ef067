//! Other routes for a gateway that runs.

use crate::api::{After, Api, ok};
use crate::fixture::{
    Answer, Caller, PATIENCE, Sink, address, fixed, limited, route_to, serve, serve_with, tokens, until,
};
use evergrant_gateway::{
    Access, Address, Admin, Gateway, Issue, Key, Keys, Limits, Listener, LogFormat, LogMode, Reload, Route,
    Running, ServeError, Upstream,
};
use evergrant_mock::{Endpoint, Fault, Server, Times};
use evergrant_tokio_reqwest::{ClientAuth, Rotation, Tokens};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A source whose token is this text.
fn source(token: &str) -> Tokens {
    Tokens::fixed(token).unwrap()
}

fn at(path: &str, origin: &str, tokens: Tokens) -> Route {
    Route::new(path, Upstream::parse(origin).unwrap(), tokens).unwrap()
}

/// An API that answers with the token that it got and its own name.
fn echo(name: &'static str) -> Api {
    Api::start(move |arrived, stream| {
        let token = arrived.field("authorization").unwrap_or_default();
        let body = format!("{name} {} {token}", arrived.target());
        ok(stream, body.as_bytes())
    })
}

fn with_key(key: &Key, name: &str) -> Listener {
    let keys = Keys::new([(name.to_owned(), key.digest())]).unwrap();
    Listener::new(Address::parse("127.0.0.1:0").unwrap()).access(Access::Keys(keys))
}

fn get_with(caller: &mut Caller, key: &Key) -> Answer {
    caller.send("GET", "/", &format!("X-Evergrant-Key: {}\r\n", key.expose()), b"");
    caller.answer().unwrap()
}

#[test]
fn under_load_no_request_is_lost_and_none_is_answered_by_a_route_with_the_client_of_another() {
    let (first, second) = (echo("first"), echo("second"));
    let (one, other) = (source("of-one"), source("of-the-other"));
    // The same paths, with apis and clients changed over.
    let routes = |is_first: bool| {
        let (api, tokens) = if is_first { (&first, &one) } else { (&second, &other) };
        let more = if is_first { "/only-first/" } else { "/only-second/" };
        vec![at("/", &api.origin(), tokens.clone()), at(more, &api.origin(), tokens.clone())]
    };
    let mut begun = Gateway::builder();
    for route in routes(true) {
        begun = begun.route(route);
    }
    let running = serve_with(begun);
    let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let seen = Mutex::new([0, 0]);
    thread::scope(|scope| {
        for number in 0..6 {
            let (running, is_over, answered, seen) = (&running, &is_over, &answered, &seen);
            scope.spawn(move || {
                let mut caller = Caller::new(running);
                while !is_over.load(Ordering::Relaxed) {
                    let answer = match number % 3 {
                        0 => caller.post("/orders", b"some body"),
                        1 => caller.get("/orders"),
                        _ => {
                            caller = Caller::new(running);
                            caller.get("/orders")
                        }
                    };
                    let which = match answer.text().as_str() {
                        "first /orders Bearer of-one" => 0,
                        "second /orders Bearer of-the-other" => 1,
                        mixed => panic!("{} {mixed:?}", answer.head),
                    };
                    assert_eq!(answer.status, 200);
                    seen.lock().unwrap()[which] += 1;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 1..=50 {
            let before = answered.load(Ordering::Relaxed);
            until("there is load", || answered.load(Ordering::Relaxed) >= before + 12);
            assert_eq!(running.reload(Reload::new(routes(round % 2 == 0))).unwrap(), []);
            // What comes from now on is served by the new routes alone.
            let only = if round % 2 == 0 { "/only-first/" } else { "/only-second/" };
            let gone = if round % 2 == 0 { "/only-second/" } else { "/only-first/" };
            let mut caller = Caller::new(&running);
            assert!(caller.get(only).text().contains(&only[6..11]));
            assert!(caller.get(gone).text().contains(&only[6..11]), "the shorter route takes it");
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let seen = *seen.lock().unwrap();
    assert!(seen[0] > 100 && seen[1] > 100, "both served: {seen:?}");
    let counted = running.counts();
    until("all are counted", || running.counts().in_flight == 0);
    assert!(counted.own.is_empty(), "{counted:?}");
    assert_eq!(running.counts().requests as usize, answered.load(Ordering::Relaxed) + 100);
}

#[test]
fn what_is_in_flight_ends_with_its_own_route_client_and_connection() {
    let is_over = Arc::new(AtomicBool::new(false));
    let until_told = Arc::clone(&is_over);
    let slow = Api::start(move |arrived, stream| {
        while !until_told.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(1));
        }
        ok(stream, arrived.field("authorization").unwrap_or_default().as_bytes())
    });
    let next = echo("next");
    let running = serve(route_to(&slow.origin(), source("old")));
    let mut in_flight = Caller::new(&running);
    in_flight.send("POST", "/", "", b"x");
    until("it has arrived", || slow.arrived().len() == 1);
    running.reload(Reload::new(vec![route_to(&next.origin(), source("new"))])).unwrap();
    assert_eq!(Caller::new(&running).get("/a").text(), "next /a Bearer new");
    is_over.store(true, Ordering::Relaxed);
    let answer = in_flight.answer().unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "Bearer old"));
    // The same connection of the caller's is served by the new route afterwards.
    assert_eq!(in_flight.get("/b").text(), "next /b Bearer new");
    until("nothing keeps the old connection", || slow.open() == 0);
}

#[test]
fn what_is_idle_is_closed_in_time_where_a_request_keeps_the_routes_of_before() {
    let is_over = Arc::new(AtomicBool::new(false));
    let until_told = Arc::clone(&is_over);
    let old = Api::start(move |arrived, stream| {
        while arrived.target() == "/long" && !until_told.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(1));
        }
        ok(stream, b"old")
    });
    let new = echo("new");
    let limits = Limits::new().idle_upstream(Duration::from_millis(300));
    let builder = Gateway::builder().limits(limits).route(route_to(&old.origin(), fixed())).workers(1);
    let running = builder.build().unwrap().serve(&[Listener::new(Address::parse("127.0.0.1:0").unwrap())]);
    let running = running.unwrap();
    let mut long = Caller::new(&running);
    long.send("GET", "/long", "", b"");
    until("it has arrived", || old.arrived().len() == 1);
    assert_eq!(Caller::new(&running).get("/").text(), "old");
    assert_eq!(old.connections(), 2);
    // More than once: what a table before the last one has is not forgotten.
    for _ in 0..2 {
        running.reload(Reload::new(vec![route_to(&new.origin(), fixed())])).unwrap();
    }
    until("the idle one is closed", || old.open() == 1);
    is_over.store(true, Ordering::Relaxed);
    assert_eq!(long.answer().unwrap().text(), "old");
    until("nothing keeps the other one", || old.open() == 0);
}

#[test]
fn callers_at_rest_that_came_before_are_closed_in_time_and_by_a_drain() {
    let api = echo("api");
    let route = || route_to(&api.origin(), fixed());
    for is_drained in [false, true] {
        let time = if is_drained { PATIENCE * 100 } else { Duration::from_millis(300) };
        let running = limited(route(), Limits::new().idle_callers(time));
        let mut caller = Caller::new(&running);
        assert_eq!(caller.get("/").status, 200);
        running.reload(Reload::new(vec![route()])).unwrap();
        if is_drained {
            running.drain(Duration::ZERO);
            assert!(running.wait());
        }
        assert!(caller.is_closed());
    }
}

#[test]
fn who_waits_for_a_token_of_a_client_that_has_gone_gets_it_and_its_route() {
    let (old, new) = (Server::start().unwrap(), echo("new"));
    let gate = old.hold(Endpoint::Token);
    let running = serve(route_to(&old.origin(), tokens(&old).build().unwrap()));
    let mut queued = Caller::new(&running);
    queued.send("GET", "/", "", b"");
    until("it waits", || running.counts().queued == 1);
    running.reload(Reload::new(vec![route_to(&new.origin(), source("new"))])).unwrap();
    assert_eq!(Caller::new(&running).get("/").text(), "new / Bearer new");
    gate.release();
    assert_eq!(queued.answer().unwrap().status, 200);
    assert_eq!(old.counts().resource_ok, 1);
}

#[test]
fn a_source_that_stays_keeps_its_token_and_its_api_the_connection() {
    let server = Server::start().unwrap();
    let api = echo("api");
    let tokens = tokens(&server).build().unwrap();
    let running =
        Gateway::builder().route(at("/", &api.origin(), tokens.clone())).workers(1).build().unwrap();
    let running = running.serve(&[Listener::new(Address::parse("127.0.0.1:0").unwrap())]).unwrap();
    let first = Caller::new(&running).get("/");
    for _ in 0..3 {
        let routes = vec![
            at("/", &api.origin(), tokens.clone()).max_body(1),
            at("/more/", &format!("{}/below", api.origin()), tokens.clone()),
        ];
        running.reload(Reload::new(routes)).unwrap();
        assert_eq!(Caller::new(&running).get("/").body, first.body);
    }
    assert_eq!(Caller::new(&running).get("/more/").status, 200);
    assert_eq!(Caller::new(&running).post("/", b"too long").status, 413, "what the route says is new");
    assert_eq!((server.counts().token_requests, api.connections()), (1, 1));
}

#[test]
fn other_roots_mean_other_connections_and_the_same_ones_read_again_do_not() {
    let api = echo("api");
    let running = Gateway::builder().route(route_to(&api.origin(), fixed())).workers(1).build().unwrap();
    let running = running.serve(&[Listener::new(Address::parse("127.0.0.1:0").unwrap())]).unwrap();
    let roots = |of: &[&str]| {
        let mut store = rustls::RootCertStore::empty();
        for name in of {
            store.roots.push(rustls::pki_types::TrustAnchor {
                subject: name.as_bytes().to_vec().into(),
                subject_public_key_info: b"key".to_vec().into(),
                name_constraints: None,
            });
        }
        Arc::new(store)
    };
    let mut connections = Vec::new();
    for of in [None, Some(&["a"][..]), Some(&["a"]), Some(&["a", "b"]), None] {
        let route = route_to(&api.origin(), fixed());
        let route = match of {
            Some(of) => route.roots(roots(of)),
            None => route,
        };
        running.reload(Reload::new(vec![route])).unwrap();
        assert_eq!(Caller::new(&running).get("/").status, 200);
        connections.push(api.connections());
    }
    assert_eq!(connections, [1, 2, 2, 3, 4]);
}

#[test]
fn the_first_token_of_a_new_client_is_there_before_its_routes_are_and_the_old_ones_serve_meanwhile() {
    let (server, old) = (Server::start().unwrap(), echo("old"));
    let running = serve(route_to(&old.origin(), source("old")));
    assert_eq!(Caller::new(&running).get("/").status, 200);
    let gate = server.hold(Endpoint::Token);
    let new = route_to(&server.origin(), tokens(&server).build().unwrap());
    thread::scope(|scope| {
        let reloading = scope.spawn(|| running.reload(Reload::new(vec![new]).warm_up(PATIENCE)).unwrap());
        until("the first token is asked for", || server.counts().token_requests == 1);
        for _ in 0..20 {
            assert_eq!(Caller::new(&running).get("/").text(), "old / Bearer old");
        }
        assert!(running.is_ready() && !reloading.is_finished());
        gate.release();
        reloading.join().unwrap();
    });
    assert_eq!(Caller::new(&running).get("/").status, 200);
    assert_eq!((server.counts().resource_ok, server.counts().token_requests), (1, 1));
    assert_eq!(running.counts().queue_time.count(), 0, "no request waited");
}

#[test]
fn a_new_client_that_gets_no_token_neither_holds_up_the_routes_nor_makes_the_gateway_unready() {
    let (refusing, hanging) = (Server::start().unwrap(), Server::start().unwrap());
    refusing.fault(Endpoint::Token, Fault::status(401), Times::UntilCleared);
    let _gate = hanging.hold(Endpoint::Token);
    let api = echo("api");
    let running = serve(route_to(&api.origin(), fixed()));
    until("it is ready", || running.is_ready());
    // The one is not waited for, however long there is; the other not for longer than that.
    for (server, time) in [(&refusing, PATIENCE * 100), (&hanging, Duration::from_millis(30))] {
        let routes = vec![
            at("/", &api.origin(), fixed()),
            at("/new/", &server.origin(), tokens(server).build().unwrap()).patience(Duration::from_millis(1)),
        ];
        running.reload(Reload::new(routes).warm_up(time)).unwrap();
        assert!(running.is_ready());
        assert_eq!(Caller::new(&running).get("/").status, 200);
        assert_eq!(Caller::new(&running).get("/new/").status, 503);
    }
}

#[test]
fn a_gateway_that_is_not_ready_yet_is_when_the_sources_that_there_are_then_have_tokens() {
    let (hanging, server) = (Server::start().unwrap(), Server::start().unwrap());
    let _gate = hanging.hold(Endpoint::Token);
    let running = serve(route_to(&hanging.origin(), tokens(&hanging).build().unwrap()));
    until("it is asked for", || hanging.counts().token_requests == 1);
    assert!(!running.is_ready());
    let route = route_to(&server.origin(), tokens(&server).build().unwrap());
    running.reload(Reload::new(vec![route]).warm_up(PATIENCE)).unwrap();
    until("it is ready", || running.is_ready());
}

#[test]
fn a_source_that_has_gone_is_not_kept_fresh_any_more() {
    let (staying, going) = (Server::start().unwrap(), Server::start().unwrap());
    let (stays, goes) = (tokens(&staying).build().unwrap(), tokens(&going).build().unwrap());
    let stay = || at("/", &staying.origin(), stays.clone());
    let builder = Gateway::builder().route(stay()).route(at("/goes/", &going.origin(), goes.clone()));
    let running = serve_with(builder);
    until("it is ready", || running.is_ready());
    running.reload(Reload::new(vec![stay()])).unwrap();
    // Who keeps a source fresh asks at once for a token in place of one that is thrown away; nobody calls.
    for tokens in [&stays, &goes] {
        let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
        tokens.rotate(auth, Rotation::Drop);
    }
    until("the one is asked for", || staying.counts().token_requests == 2);
    thread::sleep(Duration::from_millis(100));
    assert_eq!(going.counts().token_requests, 1);
}

#[test]
fn what_a_listener_that_takes_a_restart_gives_out_is_kept_fresh_and_shown() {
    let (staying, coming) = (Server::start().unwrap(), Server::start().unwrap());
    let (stays, comes) = (tokens(&staying).build().unwrap(), tokens(&coming).build().unwrap());
    let key = Key::generate().unwrap();
    let issue = |name: &str, tokens: &Tokens| Issue::new([(name.to_owned(), tokens.clone())]).unwrap();
    let builder = Gateway::builder().admin(Admin::new("127.0.0.1:0".parse().unwrap()));
    let builder = builder.issue(issue("stays", &stays).listener(with_key(&key, "shop")));
    let running = builder.build().unwrap().serve(&[]).unwrap();
    until("it is ready", || running.is_ready());
    let elsewhere = Address::Tcp("127.0.0.1:9".parse().unwrap());
    let keys = Keys::new([("shop".to_owned(), key.digest())]).unwrap();
    let moved = Listener::new(elsewhere.clone()).access(Access::Keys(keys));
    let reload = Reload::new(Vec::new()).issue(issue("comes", &comes).listener(moved));
    let bound = Address::parse("127.0.0.1:0").unwrap();
    assert_eq!(running.reload(reload).unwrap(), [bound, elsewhere]);
    let shown = status(running.admin().unwrap().unwrap())["sources"].as_array().unwrap().len();
    assert_eq!(shown, 1, "the one that is given out");
    let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    stays.rotate(auth, Rotation::Drop);
    until("it is kept fresh", || staying.counts().token_requests == 2);
    assert_eq!(coming.counts().token_requests, 0, "nobody gets a token of that one");
}

#[test]
fn a_key_that_is_removed_opens_nothing_on_connections_that_are_there_already() {
    let api = echo("api");
    let (old, new) = (Key::generate().unwrap(), Key::generate().unwrap());
    let route = || route_to(&api.origin(), fixed());
    let running = Gateway::builder().route(route()).build().unwrap().serve(&[with_key(&old, "old")]).unwrap();
    let mut caller = Caller::new(&running);
    assert_eq!((get_with(&mut caller, &old).status, get_with(&mut caller, &new).status), (200, 403));
    let changed = Reload::new(vec![route()]).listeners([with_key(&new, "new")]);
    assert_eq!(running.reload(changed).unwrap(), []);
    assert_eq!((get_with(&mut caller, &old).status, get_with(&mut caller, &new).status), (403, 200));
    // Whoever says nothing of listeners leaves them as they are.
    assert_eq!(running.reload(Reload::new(vec![route().callers(["old"])])).unwrap(), []);
    assert_eq!(get_with(&mut caller, &new).status, 403, "callers are the route's");
    let open = Listener::new(Address::parse("127.0.0.1:0").unwrap());
    assert_eq!(running.reload(Reload::new(vec![route()]).listeners([open])).unwrap(), []);
    assert_eq!(caller.get("/").status, 200);
    caller.write("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").unwrap();
    assert_eq!(caller.answer().unwrap().status, 403, "an open listener answers to its own names alone");
}

#[test]
fn the_share_of_a_caller_counts_on() {
    let server = Server::start().unwrap();
    let _gate = server.hold(Endpoint::Token);
    let (shop, office) = (Key::generate().unwrap(), Key::generate().unwrap());
    let listener = || {
        let keys = [("shop".to_owned(), shop.digest()), ("office".to_owned(), office.digest())];
        Listener::new(Address::parse("127.0.0.1:0").unwrap()).access(Access::Keys(Keys::new(keys).unwrap()))
    };
    let route = route_to(&server.origin(), tokens(&server).build().unwrap());
    let builder = Gateway::builder().limits(Limits::new().admitted(4)).route(route.clone());
    let running = builder.build().unwrap().serve(&[listener()]).unwrap();
    let line = |key: &Key| format!("X-Evergrant-Key: {}\r\n", key.expose());
    let mut queued: Vec<_> = (0..2).map(|_| Caller::new(&running)).collect();
    queued.iter_mut().for_each(|caller| caller.send("GET", "/", &line(&shop), b""));
    until("they wait", || running.counts().queued == 2);
    running.reload(Reload::new(vec![route]).listeners([listener()])).unwrap();
    assert_eq!(get_with(&mut Caller::new(&running), &shop).status, 503, "half of it is all that it may have");
    let mut other = Caller::new(&running);
    other.send("GET", "/", &line(&office), b"");
    until("the other one waits", || running.counts().queued == 3);
}

#[test]
fn an_address_that_is_new_or_gone_takes_a_restart_and_all_else_is_taken() {
    let (old, new) = (echo("old"), echo("new"));
    let running = serve(route_to(&old.origin(), fixed()));
    let other = Address::Tcp("127.0.0.1:9".parse().unwrap());
    let reload = |listeners: Vec<Listener>| {
        let routes = vec![route_to(&new.origin(), fixed())];
        running.reload(Reload::new(routes).listeners(listeners)).unwrap()
    };
    let own = Address::parse("127.0.0.1:0").unwrap();
    assert_eq!(
        reload(vec![Listener::new(own.clone()), Listener::new(other.clone())]),
        std::slice::from_ref(&other)
    );
    assert!(Caller::new(&running).get("/").text().starts_with("new"));
    assert_eq!(reload(vec![Listener::new(other.clone())]), [own.clone(), other]);
    assert_eq!(Caller::new(&running).get("/").status, 200, "it goes on as it was");
    assert_eq!(reload(Vec::new()), [own]);
}

#[test]
fn a_key_that_is_removed_opens_nothing_where_the_address_is_gone_too() {
    let api = echo("api");
    let (stays, goes) = (Key::generate().unwrap(), Key::generate().unwrap());
    let keys = |keys: &[(&str, &Key)]| {
        Access::Keys(Keys::new(keys.iter().map(|(name, key)| ((*name).to_owned(), key.digest()))).unwrap())
    };
    let own = Address::parse("127.0.0.1:0").unwrap();
    let listener = Listener::new(own.clone()).access(keys(&[("stays", &stays), ("goes", &goes)]));
    let route = || route_to(&api.origin(), fixed());
    let running = Gateway::builder().route(route()).build().unwrap().serve(&[listener]).unwrap();
    let mut caller = Caller::new(&running);
    assert_eq!((get_with(&mut caller, &stays).status, get_with(&mut caller, &goes).status), (200, 200));
    let other = Address::Tcp("127.0.0.1:9".parse().unwrap());
    // The key of another name is another one.
    let moved = Listener::new(other.clone()).access(keys(&[("stays", &stays), ("other", &goes)]));
    let reload = Reload::new(vec![route()]).listeners([moved]);
    assert_eq!(running.reload(reload).unwrap(), [own.clone(), other]);
    assert_eq!((get_with(&mut caller, &stays).status, get_with(&mut caller, &goes).status), (200, 403));
    assert_eq!(running.reload(Reload::new(vec![route()]).listeners([])).unwrap(), [own]);
    assert_eq!(get_with(&mut caller, &stays).status, 403, "nobody has a key");
}

#[cfg(unix)]
#[test]
fn a_socket_of_its_own_user_is_opened_to_others_by_a_restart_alone_and_who_needs_a_key_is_new() {
    use std::io::Read as _;
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::UnixStream;
    let api = echo("api");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    let address = Address::Unix(path.clone());
    let route = || route_to(&api.origin(), fixed());
    let running = Gateway::builder().route(route()).build().unwrap();
    let running = running.serve(&[Listener::new(address.clone())]).unwrap();
    let get = |lines: &str| {
        let mut stream = UnixStream::connect(&path).unwrap();
        let head = format!("GET / HTTP/1.1\r\nHost: api\r\n{lines}Connection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer[9..12].parse::<u16>().unwrap()
    };
    assert_eq!(get(""), 200);
    let key = Key::generate().unwrap();
    let keys = Keys::new([("shop".to_owned(), key.digest())]).unwrap();
    let keyed = Listener::new(address.clone()).access(Access::Keys(keys));
    assert_eq!(
        running.reload(Reload::new(vec![route()]).listeners([keyed])).unwrap(),
        std::slice::from_ref(&address)
    );
    assert_eq!((get(""), get(&format!("X-Evergrant-Key: {}\r\n", key.expose()))), (403, 200));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "others come with a restart");
    let same = Listener::new(address).require_header("X-Evergrant".parse().unwrap());
    assert_eq!(running.reload(Reload::new(vec![route()]).listeners([same])).unwrap(), []);
    assert_eq!(get("X-Evergrant: 1\r\n"), 200);
}

fn with_admin(routes: Vec<Route>) -> (Running, SocketAddr) {
    let mut builder = Gateway::builder().admin(Admin::new("127.0.0.1:0".parse().unwrap()));
    for route in routes {
        builder = builder.route(route);
    }
    let running = serve_with(builder);
    let address = running.admin().unwrap().unwrap();
    (running, address)
}

fn status(admin: SocketAddr) -> serde_json::Value {
    serde_json::from_slice(&Caller::at(admin).get("/status").body).unwrap()
}

fn metric(admin: SocketAddr, name: &str) -> Option<u64> {
    let text = Caller::at(admin).get("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("evergrant_gateway_{name} ")));
    line.map(|value| value.parse().unwrap())
}

#[test]
fn a_fault_changes_nothing_and_is_told_where_people_look() {
    let api = echo("api");
    let (running, admin) = with_admin(vec![route_to(&api.origin(), fixed())]);
    assert!(status(admin)["reload"].is_null());
    assert_eq!(metric(admin, "reloads_total{outcome=\"failed\"}"), Some(0));
    let twice = vec![route_to("http://127.0.0.1:1", fixed()), route_to("http://127.0.0.1:2", fixed())];
    assert!(matches!(running.reload(Reload::new(twice)), Err(ServeError::Twice(_))));
    assert_eq!(Caller::new(&running).get("/").status, 200);
    let reload = &status(admin)["reload"];
    assert_eq!((&reload["outcome"], &reload["needs_restart"]), (&"failed".into(), &serde_json::json!([])));
    assert!(reload["fault"].as_str().unwrap().contains("two routes have the path /"), "{reload}");
    // An access that does not suit the address.
    let exposed = Listener::new(Address::parse("127.0.0.1:0").unwrap())
        .access(Access::Peers(evergrant_gateway::Peers::only(1000)));
    let routes = vec![route_to("http://127.0.0.1:1", fixed())];
    assert!(running.reload(Reload::new(routes).listeners([exposed])).is_err());
    running.reload_failed(&format!("gateway.toml:3: <b>{}", "ä".repeat(4096)));
    assert_eq!(Caller::new(&running).get("/").status, 200);
    let fault = status(admin)["reload"]["fault"].as_str().unwrap().to_owned();
    assert!(fault.starts_with("gateway.toml:3: <b>ää") && fault.len() <= 4096, "{}", fault.len());
    assert!(
        Caller::at(admin).get("/").text().contains("the one before is still used: gateway.toml:3: &lt;b")
    );
    assert_eq!(metric(admin, "reloads_total{outcome=\"failed\"}"), Some(3));
    let taken = Reload::new(vec![route_to(&api.origin(), fixed())]).needs_restart(["instance".to_owned()]);
    running.reload(taken.listeners([])).unwrap();
    let reload = &status(admin)["reload"];
    assert_eq!((&reload["outcome"], &reload["fault"]), (&"taken".into(), &serde_json::Value::Null));
    assert_eq!(reload["needs_restart"], serde_json::json!(["instance", "127.0.0.1:0"]));
    assert!(Caller::at(admin).get("/").text().contains("takes a restart: instance, 127.0.0.1:0"));
    assert_eq!(metric(admin, "reloads_total{outcome=\"taken\"}"), Some(1));
}

#[test]
fn what_is_counted_of_a_route_that_stays_never_goes_backwards_and_one_that_goes_leaves_no_label() {
    let api = echo("api");
    let stays = || at("/stays/", &api.origin(), fixed());
    let (running, admin) = with_admin(vec![stays(), at("/goes/", &api.origin(), fixed())]);
    let ok = |path: &str| metric(admin, &format!("requests_total{{route=\"{path}\",code=\"2xx\"}}"));
    let call = |path: &str| {
        let before = running.counts().requests;
        assert_eq!(Caller::new(&running).get(path).status, 200);
        until("it is counted", || running.counts().requests == before + 1);
    };
    call("/stays/");
    call("/goes/");
    assert_eq!((ok("/stays/"), ok("/goes/")), (Some(1), Some(1)));
    running.reload(Reload::new(vec![at("/comes/", &api.origin(), fixed()), stays()])).unwrap();
    call("/stays/");
    call("/comes/");
    assert_eq!((ok("/stays/"), ok("/goes/"), ok("/comes/")), (Some(2), None, Some(1)));
    assert_eq!(running.counts().requests, 4, "all that there were");
    let source = &status(admin)["sources"];
    assert_eq!(source.as_array().unwrap().len(), 2, "those of the routes that there are: {source}");
}

#[test]
fn one_that_is_drained_while_it_waits_for_a_first_token_ends_with_the_client_that_has_one() {
    let (hanging, api) = (Server::start().unwrap(), echo("api"));
    let _gate = hanging.hold(Endpoint::Token);
    let running = serve(route_to(&api.origin(), fixed()));
    assert_eq!(Caller::new(&running).get("/").status, 200);
    let new = route_to(&hanging.origin(), tokens(&hanging).build().unwrap());
    thread::scope(|scope| {
        let reloading = scope.spawn(|| running.reload(Reload::new(vec![new]).warm_up(PATIENCE * 100)));
        until("it is asked for", || hanging.counts().token_requests == 1);
        running.drain(PATIENCE);
        until("it is told", || reloading.is_finished());
        assert_eq!(Caller::new(&running).get("/").text(), "api / Bearer a-token-for-the-test");
        running.drain(Duration::ZERO);
        assert!(running.wait());
        assert!(matches!(reloading.join().unwrap(), Err(ServeError::Ending)));
    });
    assert!(matches!(running.reload(Reload::new(Vec::new())), Err(ServeError::Ending)));
}

#[test]
fn the_log_has_it_too() {
    for (format, failed, taken) in [
        (LogFormat::Json, "\"fault\":\"line 3\\n\"", "\"reload\":\"taken\""),
        (LogFormat::Short, "reload failed: line 3\\n\n", "reload taken; needs a restart: 127.0.0.1:0\n"),
    ] {
        let log = Sink::default();
        let route = || route_to("http://127.0.0.1:1", fixed());
        let running = serve_with(Gateway::builder().route(route()).log(LogMode::Own, format, log.clone()));
        running.reload_failed("line 3\n");
        running.reload(Reload::new(vec![route()]).listeners([])).unwrap();
        drop(running);
        let text = log.text();
        assert!(text.contains(failed) && text.contains(taken), "{text}");
    }
}

#[test]
fn a_listener_that_nobody_accepts_from_stays_bound() {
    let running = serve(route_to("http://127.0.0.1:1", fixed()));
    running.reload(Reload::new(Vec::new()).listeners([])).unwrap();
    assert!(TcpListener::bind(address(&running)).is_err());
    assert_eq!(Caller::new(&running).get("/").status, 404);
}

#[test]
fn an_answer_that_streams_goes_on_over_the_swap() {
    let (say_more, more) = std::sync::mpsc::channel::<()>();
    let more = Mutex::new(more);
    let api = Api::start(move |_, stream| {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
        if stream.write_all(head).is_err() {
            return After::Close;
        }
        let _told = more.lock().unwrap().recv_timeout(PATIENCE);
        let _written = stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n");
        After::KeepOpen
    });
    let running = serve(route_to(&api.origin(), fixed()));
    let mut caller = Caller::new(&running);
    caller.send("GET", "/", "", b"");
    until("it has arrived", || api.arrived().len() == 1);
    let other = Api::start(|_, stream| ok(stream, b"{}"));
    running.reload(Reload::new(vec![route_to(&other.origin(), fixed())])).unwrap();
    say_more.send(()).unwrap();
    assert_eq!(caller.answer().unwrap().text(), "firstsecond");
    assert_eq!(caller.get("/").text(), "{}");
}
