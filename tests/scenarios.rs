//! Scenarios: a script for the servers, and what callers on any shell must see.

use crate::Mount;
use evergrant_mock::{Answer, Challenge, Endpoint, Fault, Server, Times};
use evergrant_tests::{client, ms, quick, secs, server};
use evergrant_tokio_reqwest::{
    Class, Client, ClientAuth, Error, ManualClock, Origins, Policy, RequestStatus, Rotation, Status, myparcel,
};
use std::sync::Arc;
use std::thread;

/// One adapter on one runtime, as a thread sees it.
pub(crate) trait Shell: Send + Sync {
    /// An authorized call.
    fn call(&self, call: &Call) -> Seen;
    fn rotate(&self, auth: ClientAuth, rotation: Rotation);
    fn status(&self) -> Status;
    /// Whether it can send a refused request again: a ureq middleware cannot.
    fn replays(&self) -> bool {
        true
    }
    /// Whether it can look into a body before it judges an answer: a layer over any body cannot.
    fn looks_into_bodies(&self) -> bool {
        true
    }
}

/// How a shell is set up.
pub(crate) struct Setup {
    pub(crate) client: Client,
    pub(crate) policy: Policy,
    pub(crate) clock: Option<ManualClock>,
    pub(crate) fail_fast: bool,
    pub(crate) origins: Origins,
}

impl Setup {
    fn new(server: &Server) -> Self {
        Self {
            client: client(server),
            policy: quick(),
            clock: None,
            fail_fast: false,
            origins: Origins::parse([server.origin().as_str()]).unwrap(),
        }
    }
}

/// What is called.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) body: &'static str,
    pub(crate) authorization: Option<&'static str>,
    /// Whether the body is a stream, which can be read once.
    pub(crate) streamed: bool,
}

impl Call {
    fn get(url: String) -> Self {
        Self { method: "GET", url, body: "", authorization: None, streamed: false }
    }
}

/// What a caller sees.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    Answer(u16, String),
    NoToken(Error),
    WrongOrigin,
    AuthorizedAlready,
    Failed(String),
}

impl Seen {
    fn status(&self) -> u16 {
        match self {
            Self::Answer(status, _) => *status,
            other => panic!("expected an answer, saw {other:?}"),
        }
    }

    fn error(&self) -> &Error {
        match self {
            Self::NoToken(error) => error,
            other => panic!("expected an error about the token, saw {other:?}"),
        }
    }
}

/// What can be observed of a scenario: the requests at the server, in order, and the results at the callers.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Trace {
    requests: Vec<(Endpoint, String, String, Answer)>,
    results: Vec<u16>,
    /// A shell that cannot replay: the scenario judged its trace by itself.
    pub(crate) is_of_its_own: bool,
}

/// The requests of callers that run at once come in any order; what they are is the same.
fn trace(server: &Server, mut results: Vec<u16>, shell: &Arc<dyn Shell>, replayed: bool) -> Trace {
    let mut requests: Vec<_> = server
        .requests()
        .iter()
        .map(|request| {
            (request.endpoint(), request.method().to_owned(), request.path().to_owned(), request.answer())
        })
        .collect();
    if results.len() > 1 {
        requests.sort_by_key(|(endpoint, method, path, answer)| {
            format!("{endpoint:?} {method} {path} {answer:?}")
        });
        results.sort_unstable();
    }
    Trace { requests, results, is_of_its_own: replayed && !shell.replays() }
}

fn get(server: &Server) -> Call {
    Call::get(server.resource("/shipments"))
}

/// A shell whose token is here and has settled.
fn settled(server: &Server, mount: Mount) -> Arc<dyn Shell> {
    let shell = mount(&Setup::new(server));
    assert_eq!(shell.call(&get(server)).status(), 200);
    thread::sleep(ms(3));
    server.reset_counts();
    shell
}

fn at_once(shell: &Arc<dyn Shell>, count: usize, call: &Call) -> Vec<thread::JoinHandle<Seen>> {
    (0..count)
        .map(|_| {
            let (shell, call) = (Arc::clone(shell), call.clone());
            thread::spawn(move || shell.call(&call))
        })
        .collect()
}

fn statuses(calls: Vec<thread::JoinHandle<Seen>>) -> Vec<u16> {
    calls.into_iter().map(|call| call.join().unwrap().status()).collect()
}

pub(crate) fn a_cold_start_makes_one_request_for_all(mount: Mount) -> Trace {
    let server = server();
    let shell = mount(&Setup::new(&server));
    let gate = server.hold(Endpoint::Token);
    let calls = at_once(&shell, 20, &get(&server));
    while shell.status().waiting < 20 {
        thread::sleep(ms(1));
    }
    gate.release();
    let results = statuses(calls);
    assert_eq!(server.counts().token_requests, 1);
    trace(&server, results, &shell, false)
}

pub(crate) fn a_refused_token_is_replaced_and_the_body_sent_again(mount: Mount) -> Trace {
    let server = server();
    let shell = settled(&server, mount);
    server.revoke_all();
    let call = Call { method: "POST", body: "a parcel", ..get(&server) };
    let mut seen = shell.call(&call);
    if !shell.replays() {
        assert_eq!(seen.status(), 401);
        seen = shell.call(&call);
    }
    assert_eq!(seen.status(), 200);
    let requests = server.requests();
    let bodies =
        requests.iter().filter(|request| request.method() == "POST" && request.path() == "/shipments");
    assert_eq!(bodies.map(evergrant_mock::Recorded::body).collect::<Vec<_>>(), [b"a parcel", b"a parcel"]);
    assert_eq!(server.counts().token_requests, 1);
    trace(&server, vec![seen.status()], &shell, true)
}

pub(crate) fn the_replays_own_refusal_is_handed_on(mount: Mount) -> Trace {
    let server = server();
    let shell = settled(&server, mount);
    let _wrong = server.fault(Endpoint::Resource, Fault::status(401), Times::Next(2));
    let seen = shell.call(&get(&server));
    assert_eq!(seen.status(), 401);
    if shell.replays() {
        assert_eq!((server.counts().resource_requests, server.counts().token_requests), (2, 1));
    }
    trace(&server, vec![seen.status()], &shell, true)
}

pub(crate) fn invalid_token_at_403_is_a_refused_token(mount: Mount) -> Trace {
    let server = server();
    let shell = settled(&server, mount);
    let _refused = server.fault(Endpoint::Resource, Fault::error(403, "invalid_token"), Times::Once);
    let seen = shell.call(&get(&server));
    assert_eq!(seen.status(), if shell.replays() { 200 } else { 403 });
    trace(&server, vec![seen.status()], &shell, true)
}

/// The answer is handed on as it is: no token request, no replay.
fn handed_on(mount: Mount, script: impl Fn(&Server), status: u16) -> Trace {
    let server = server();
    let shell = settled(&server, mount);
    script(&server);
    let seen = shell.call(&get(&server));
    assert_eq!(seen.status(), status);
    assert_eq!((server.counts().resource_requests, server.counts().token_requests), (1, 0));
    trace(&server, vec![seen.status()], &shell, false)
}

pub(crate) fn a_body_that_cannot_be_repeated_is_not_but_the_refresh_is_set_off(mount: Mount) -> Trace {
    let server = server();
    let shell = settled(&server, mount);
    server.revoke_all();
    let call = Call { method: "POST", body: "streamed", streamed: true, ..get(&server) };
    let seen = shell.call(&call);
    assert_eq!((seen.status(), server.counts().resource_requests), (401, 1));
    // Nobody asked for it: the next call finds the new token, or waits for it.
    assert_eq!(shell.status().requests, 2);
    assert_eq!(shell.call(&get(&server)).status(), 200);
    assert_eq!((server.counts().token_requests, server.counts().resource_requests), (1, 2));
    assert_eq!(
        server
            .requests()
            .iter()
            .find(|request| request.method() == "POST" && request.path() == "/shipments")
            .unwrap()
            .body(),
        b"streamed"
    );
    trace(&server, vec![seen.status()], &shell, false)
}

/// MyParcel.com's 401 for a carrier's secret says nothing about our token; its body is looked at, and put back whole.
pub(crate) fn a_carriers_bad_secret_does_not_cost_a_token(mount: Mount) -> Trace {
    let server = server();
    let mut setup = Setup::new(&server);
    let provider = myparcel::sandbox().with_token_endpoint(&server.token_endpoint()).unwrap();
    let auth = ClientAuth::post(Server::CLIENT_ID, Server::CLIENT_SECRET).unwrap();
    setup.client = Client::builder(provider, auth).build().unwrap();
    let shell = mount(&setup);
    server.set_challenge(Challenge::Foreign);
    let seen = shell.call(&get(&server));
    assert!(matches!(&seen, Seen::Answer(401, body) if body.contains("13003")), "{seen:?}");
    let expected = if shell.looks_into_bodies() { 1 } else { 2 };
    assert_eq!(server.counts().resource_requests, expected);
    let mut trace = trace(&server, vec![seen.status()], &shell, false);
    trace.is_of_its_own = !shell.looks_into_bodies();
    trace
}

/// Some clients follow a redirect and some hand it on; the token goes along with neither.
pub(crate) fn the_token_does_not_follow_a_redirect_to_another_origin(mount: Mount) -> Trace {
    let (ours, other) = (server(), server());
    let shell = settled(&ours, mount);
    let away = Fault::redirect(302, other.resource("/shipments"));
    let _away = ours.fault(Endpoint::Resource, away, Times::Once);
    let seen = shell.call(&get(&ours));
    assert!(matches!(seen.status(), 302 | 401), "{seen:?}");
    assert!(other.requests().iter().all(|request| request.header("authorization").is_none()));
    assert_eq!((ours.counts().resource_requests, ours.counts().token_requests), (1, 0));
    trace(&ours, vec![], &shell, false)
}

pub(crate) fn insufficient_scope_is_handed_on(mount: Mount) -> Trace {
    let script = |server: &Server| {
        let _once = server.fault(Endpoint::Resource, Fault::error(403, "insufficient_scope"), Times::Once);
    };
    handed_on(mount, script, 403)
}

pub(crate) fn a_challenge_for_another_scheme_is_handed_on(mount: Mount) -> Trace {
    handed_on(mount, |server| server.set_challenge(Challenge::ForeignScheme), 401)
}

pub(crate) fn an_error_of_the_api_is_an_answer(mount: Mount) -> Trace {
    let script = |server: &Server| {
        let down = Fault::status_with_body(503, "text/plain", "down for tea");
        let _once = server.fault(Endpoint::Resource, down, Times::Once);
    };
    handed_on(mount, script, 503)
}

pub(crate) fn a_wrong_origin_is_refused_before_anything_is_sent(mount: Mount) -> Trace {
    let (ours, other) = (server(), server());
    let shell = settled(&ours, mount);
    assert_eq!(shell.call(&get(&other)), Seen::WrongOrigin);
    assert_eq!(other.counts().resource_requests, 0);
    trace(&ours, vec![], &shell, false)
}

pub(crate) fn a_callers_own_authorization_is_refused_before_anything_is_sent(mount: Mount) -> Trace {
    let server = server();
    let shell = settled(&server, mount);
    let call = Call { authorization: Some("Basic eDp5"), ..get(&server) };
    assert_eq!(shell.call(&call), Seen::AuthorizedAlready);
    trace(&server, vec![], &shell, false)
}

pub(crate) fn a_token_that_just_came_is_given_time_to_settle(mount: Mount) -> Trace {
    let server = server();
    let mut setup = Setup::new(&server);
    setup.policy = setup.policy.with_settle(ms(400));
    let shell = mount(&setup);
    let _early = server.fault(Endpoint::Resource, Fault::status(401), Times::Once);
    let seen = shell.call(&get(&server));
    assert_eq!(seen.status(), if shell.replays() { 200 } else { 401 });
    assert_eq!(server.counts().token_requests, 1);
    trace(&server, vec![seen.status()], &shell, true)
}

pub(crate) fn a_transient_failure_is_waited_through(mount: Mount) -> Trace {
    let server = server();
    let shell = mount(&Setup::new(&server));
    let _down = server.fault(Endpoint::Token, Fault::status(503), Times::Next(2));
    let seen = shell.call(&get(&server));
    assert_eq!((seen.status(), server.counts().token_requests), (200, 3));
    trace(&server, vec![seen.status()], &shell, false)
}

pub(crate) fn a_caller_that_fails_fast_takes_the_first_outcome(mount: Mount) -> Trace {
    let server = server();
    let shell = mount(&Setup { fail_fast: true, ..Setup::new(&server) });
    let _down = server.fault(Endpoint::Token, Fault::status(503), Times::Next(2));
    let seen = shell.call(&get(&server));
    assert_eq!(seen.error().refusal().unwrap().status(), Some(503));
    assert_eq!((server.counts().token_requests, server.counts().resource_requests), (1, 0));
    trace(&server, vec![], &shell, false)
}

pub(crate) fn a_refused_client_is_told_with_the_servers_words(mount: Mount) -> Trace {
    let server = server();
    let shell = mount(&Setup::new(&server));
    server.rotate_client("somebody", "else");
    for _ in 0..3 {
        let seen = shell.call(&get(&server));
        assert_eq!(seen.error().refusal().unwrap().code(), Some("invalid_client"));
        assert!(seen.error().is_permanent());
    }
    assert_eq!(server.counts().token_requests, 1);
    trace(&server, vec![], &shell, false)
}

pub(crate) fn a_hung_endpoint_ends_with_the_callers_patience(mount: Mount) -> Trace {
    let server = server();
    let mut setup = Setup::new(&server);
    setup.policy = setup.policy.with_patience(ms(30));
    let shell = mount(&setup);
    let _hung = server.fault(Endpoint::Token, Fault::Hang, Times::UntilCleared);
    for _ in 0..2 {
        let seen = shell.call(&get(&server));
        assert!(matches!(seen.error(), Error::TimedOut { last_error: None, .. }), "{seen:?}");
    }
    assert!(matches!(shell.status().request, RequestStatus::InFlight(_)));
    assert_eq!(shell.status().requests, 1);
    // Whether the request has arrived yet is the network's affair.
    Trace { requests: vec![], results: vec![], is_of_its_own: false }
}

pub(crate) fn a_caller_that_goes_away_in_mid_flight_makes_no_second_request(mount: Mount) -> Trace {
    let server = server();
    let mut setup = Setup::new(&server);
    setup.policy = setup.policy.with_patience(ms(30));
    let shell = mount(&setup);
    let gate = server.hold(Endpoint::Token);
    assert!(matches!(shell.call(&get(&server)).error(), Error::TimedOut { .. }));
    let next = at_once(&shell, 1, &get(&server)).remove(0);
    gate.release();
    // It may have come too late for the one that waited; it is there for the next.
    let mut seen = next.join().unwrap();
    while matches!(seen, Seen::NoToken(_)) {
        seen = shell.call(&get(&server));
    }
    assert_eq!((seen.status(), shell.status().requests), (200, 1));
    trace(&server, vec![seen.status()], &shell, false)
}

pub(crate) fn nobody_sees_the_endpoint_fail_while_the_token_lives(mount: Mount) -> Trace {
    let server = server();
    let clock = ManualClock::new();
    let shell = mount(&Setup { clock: Some(clock.clone()), ..Setup::new(&server) });
    assert_eq!(shell.call(&get(&server)).status(), 200);
    let _down = server.fault(Endpoint::Token, Fault::status(503), Times::UntilCleared);
    clock.advance(secs(3300));
    let mut results = Vec::new();
    for _ in 0..5 {
        results.push(shell.call(&get(&server)).status());
        while matches!(shell.status().request, RequestStatus::InFlight(_)) {
            thread::sleep(ms(1));
            // A runtime of one thread moves only while somebody calls.
            results.push(shell.call(&get(&server)).status());
        }
        clock.advance(secs(20));
    }
    assert!(results.iter().all(|status| *status == 200));
    assert!(server.counts().token_requests > 1, "the refresh was tried");
    Trace { requests: vec![], results: vec![], is_of_its_own: false }
}

pub(crate) fn fifty_calls_with_a_refused_token_share_one_request(mount: Mount) -> Trace {
    let server = server();
    let shell = settled(&server, mount);
    server.revoke_all();
    let gate = server.hold(Endpoint::Resource);
    let calls = at_once(&shell, 50, &get(&server));
    assert!(gate.wait_for_held(50, evergrant_tests::LONG));
    gate.release();
    let results = statuses(calls);
    let expected = if shell.replays() { 200 } else { 401 };
    assert!(results.iter().all(|status| *status == expected), "{results:?}");
    assert!(server.wait_for_token_requests(1, evergrant_tests::LONG));
    assert_eq!(shell.status().requests, 2);
    trace(&server, results, &shell, true)
}

pub(crate) fn a_rotation_takes_effect_at_once(mount: Mount) -> Trace {
    let server = server();
    let shell = settled(&server, mount);
    server.rotate_client("second", "other");
    shell.rotate(ClientAuth::basic("second", "other").unwrap(), Rotation::Drop);
    let seen = shell.call(&get(&server));
    assert_eq!((seen.status(), server.counts().token_granted), (200, 1));
    trace(&server, vec![seen.status()], &shell, false)
}

/// One token request that meets this fault: the caller sees it, at the first try.
fn refused(mount: Mount, fault: Fault, class: Class) -> Trace {
    let server = server();
    let shell = mount(&Setup { fail_fast: true, ..Setup::new(&server) });
    let _fault = server.fault(Endpoint::Token, fault, Times::UntilCleared);
    let seen = shell.call(&get(&server));
    assert_eq!(seen.error().refusal().unwrap().class(), class);
    trace(&server, vec![], &shell, false)
}

pub(crate) fn an_endpoint_that_redirects_is_not_followed(mount: Mount) -> Trace {
    let other = server();
    let trace = refused(mount, Fault::redirect(307, other.token_endpoint()), Class::Permanent);
    assert_eq!(other.counts().token_requests, 0);
    trace
}

pub(crate) fn an_answer_without_a_token_is_transient(mount: Mount) -> Trace {
    refused(mount, Fault::status_with_body(200, "application/json", "{}"), Class::Transient)
}
