//! Scenarios: a script for the servers, and what callers on any shell must see.

mod fleet;
mod live;
mod signed;

pub(crate) use fleet::*;
pub(crate) use live::*;
pub(crate) use signed::*;

use crate::shells::Mount;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use evergrant_mock::{Answer, Challenge, Endpoint, Fault, Recorded, Server, Times, TokenStyle};
use evergrant_tests::places::Place;
use evergrant_tests::raw::Raw;
use evergrant_tests::stores::{InFolder, InMemory};
use evergrant_tests::{LONG, install_tls, ms, quick, secs};
use evergrant_tokio_reqwest::core::{Cause, Class, Malformed, Problem, Refusal, Scope};
use evergrant_tokio_reqwest::{
    Client, ClientAuth, ClientBuilder, Error, ManualClock, Origins, Policy, Provider, RequestStatus,
    Rotation, SealedStore, Status, myparcel,
};
use std::cell::Cell;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

/// The client's secret: what every encoding has to change, so that a form of it that leaks can be told.
pub(crate) const SECRET: &str = "sentinel&secret/+ 1\"\\%é";
/// Its secret after a rotation.
pub(crate) const SECOND_SECRET: &str = "second&sentinel/+ 2\"\\%é";
/// What a gateway before the token endpoint wants to see in a header.
pub(crate) const KEY: &str = "sentinel-key/+ of%the~gateway=";
/// A caller's own credentials.
pub(crate) const OWN_AUTHORIZATION: &str = "Basic c2VudGluZWw6b2YtdGhlLWNhbGxlcg==";

/// Calls the macro with the name of every scenario.
macro_rules! every_scenario {
    ($for_all:ident) => {
        $for_all! {
            a_cold_start_makes_one_request_for_all
            a_refused_token_is_replaced_and_the_body_sent_again
            the_replays_own_refusal_is_handed_on
            invalid_token_at_403_is_a_refused_token
            a_body_that_cannot_be_repeated_is_not_but_the_refresh_is_set_off
            a_carriers_bad_secret_does_not_cost_a_token
            a_carriers_bad_secret_is_told_from_ours_in_a_packed_answer
            the_token_does_not_follow_a_redirect_to_another_origin
            insufficient_scope_is_handed_on
            a_401_that_names_another_scheme_is_a_refused_token
            an_error_of_the_api_is_an_answer
            the_header_says_bearer_and_the_token_is_nowhere_else
            every_line_of_a_challenge_is_read_and_its_scope_is_not_asked_for
            each_request_has_a_replay_of_its_own
            a_scope_that_was_granted_in_part_is_told_and_is_no_error
            a_challenge_of_the_token_endpoint_is_an_answer_and_no_other_method_is_tried
            the_error_uri_is_never_fetched
            nothing_that_an_answer_names_is_fetched
            no_redirect_of_a_token_request_is_followed
            the_query_of_the_token_endpoint_goes_along_byte_for_byte
            header_fields_of_the_clients_own_go_to_the_token_endpoint_alone
            a_coded_answer_is_malformed
            a_packed_answer_is_unpacked_and_so_is_a_refusal
            an_interim_answer_of_the_token_endpoint_is_skipped
            an_answer_is_read_however_it_is_framed
            a_wrong_origin_is_refused_before_anything_is_sent
            a_url_that_looks_like_an_allowed_one_gets_no_token
            a_url_that_readers_disagree_about_gets_no_token_elsewhere
            an_allowed_origin_is_known_in_any_spelling
            a_url_with_a_password_does_not_show_it
            no_redirect_takes_the_token_to_another_origin
            a_redirect_there_and_back_again_takes_no_token_along
            a_token_that_would_break_out_of_its_header_is_never_sent
            a_forged_second_answer_is_not_the_next_calls
            a_callers_own_authorization_is_refused_before_anything_is_sent
            a_token_that_just_came_is_given_time_to_settle
            a_transient_failure_is_waited_through
            a_caller_that_fails_fast_takes_the_first_outcome
            a_refused_client_is_told_with_the_servers_words
            a_hung_endpoint_ends_with_the_callers_patience
            a_caller_that_goes_away_in_mid_flight_makes_no_second_request
            nobody_sees_the_endpoint_fail_while_the_token_lives
            fifty_calls_with_a_refused_token_share_one_request
            a_rotation_takes_effect_at_once
            an_answer_without_a_token_is_transient
            a_secret_in_a_file_that_is_renewed_is_read_for_each_request
            each_way_to_authenticate_takes_a_secret_that_is_read
            a_wrong_secret_is_mended_in_its_file_while_the_program_runs
            a_costly_command_is_run_no_more_often_than_its_secret_may_be_sent
            a_foreign_assertion_is_read_from_its_file_and_sent_alone
            a_refused_assertion_tells_what_it_says_of_itself
            the_value_of_a_parameter_is_read_for_each_request
            a_secret_that_cannot_be_read_is_told_by_its_place_and_never_by_its_text
            a_secret_that_comes_a_moment_later_is_waited_for
            no_failure_of_a_source_takes_the_token_that_is_held
            a_rotation_takes_effect_on_a_secret_that_was_read
            each_request_has_an_assertion_of_its_own_signed_by_the_key_of_that_moment
            a_refused_key_is_not_sent_again_until_another_one_is_in_its_place
            a_clock_that_is_off_costs_one_refused_request
            an_endpoint_that_has_moved_is_found_out_anew
            metadata_of_another_issuer_gets_no_credential
        }
    };
}
pub(crate) use every_scenario;

/// One adapter on one runtime, as a thread sees it.
pub(crate) trait Shell: Send + Sync {
    /// An authorized call.
    fn call(&self, call: &Call) -> Seen;
    fn rotate(&self, auth: ClientAuth, rotation: Rotation);
    fn status(&self) -> Status;
    /// Waits until the store was told everything, if there is one.
    fn flush(&self) {}
    /// Whether it can send a refused request again: a ureq middleware cannot.
    fn replays(&self) -> bool {
        true
    }
}

/// How a shell is set up.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) client: Client,
    pub(crate) policy: Policy,
    pub(crate) clock: Option<ManualClock>,
    pub(crate) fail_fast: bool,
    pub(crate) origins: Origins,
    /// Where its secret or its assertion lives, if that is read.
    pub(crate) secret: Option<Place>,
    /// The file with the key that signs its assertions, if it signs them.
    pub(crate) key: Option<PathBuf>,
    /// Where the values of parameters live.
    pub(crate) params: Vec<(&'static str, Place)>,
    /// The store, where the scenario is about one.
    pub(crate) store: Option<SealedStore>,
}

/// The store that each shell of a scenario has of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Engine {
    None,
    InMemory,
    /// In memory, where a clock is moved, since a folder goes by the host's; and where there is no such folder.
    InFolder,
}

thread_local! {
    /// Whether the scenario on this thread has tokens that nobody reads.
    static BLIND: Cell<bool> = const { Cell::new(false) };
    static ENGINE: Cell<Engine> = const { Cell::new(Engine::None) };
    /// What is under [`Telling`].
    static UNDER: Cell<Option<Mount>> = const { Cell::new(None) };
}

/// A shell that returns once its store knows what happened: clocks that are moved are moved after that.
struct Telling(Arc<dyn Shell>);

fn telling(setup: &Setup) -> Arc<dyn Shell> {
    Arc::new(Telling(UNDER.get().unwrap()(setup)))
}

impl Shell for Telling {
    fn call(&self, call: &Call) -> Seen {
        let seen = self.0.call(call);
        if !matches!(self.status().request, RequestStatus::InFlight(_)) {
            self.0.flush();
        }
        seen
    }

    fn rotate(&self, auth: ClientAuth, rotation: Rotation) {
        self.0.rotate(auth, rotation);
    }

    fn status(&self) -> Status {
        self.0.status()
    }

    fn replays(&self) -> bool {
        self.0.replays()
    }
}

/// Runs a scenario with a store of its own for each shell.
pub(crate) fn over_a_store(engine: Engine, scenario: fn(Mount) -> Trace, mount: Mount) -> Trace {
    ENGINE.set(engine);
    UNDER.set(Some(mount));
    let trace = scenario(telling);
    ENGINE.set(Engine::None);
    trace
}

/// Runs a scenario with opaque tokens and without the hint of a JWT.
pub(crate) fn blind(scenario: fn(Mount) -> Trace, mount: Mount) -> Trace {
    BLIND.set(true);
    let trace = scenario(mount);
    BLIND.set(false);
    trace
}

fn server() -> Server {
    install_tls();
    let builder = Server::builder().client(Server::CLIENT_ID, SECRET).lifetime(secs(3600));
    let server = builder.start().unwrap();
    if BLIND.get() {
        server.set_style(TokenStyle::Opaque);
    }
    server
}

/// The server's client, at this provider.
fn client_at(provider: Provider) -> ClientBuilder {
    let auth = ClientAuth::post(Server::CLIENT_ID, SECRET).unwrap();
    Client::builder(provider, auth).jwt_hint(!BLIND.get())
}

fn rfc6749(server: &Server) -> ClientBuilder {
    client_at(Provider::rfc6749(&server.token_endpoint()).unwrap())
}

fn client(server: &Server) -> Client {
    rfc6749(server).build().unwrap()
}

impl Setup {
    pub(crate) fn new(server: &Server) -> Self {
        Self {
            client: client(server),
            policy: quick(),
            clock: None,
            fail_fast: false,
            origins: Origins::parse([server.origin().as_str()]).unwrap(),
            secret: None,
            key: None,
            params: Vec::new(),
            store: None,
        }
    }

    /// The store of a shell that is set up so.
    pub(crate) fn store(&self) -> Option<SealedStore> {
        let own = || match (ENGINE.get(), &self.clock) {
            (Engine::None, _) => None,
            (Engine::InFolder, None) if cfg!(unix) => Some(InFolder::new().sealed()),
            (Engine::InMemory | Engine::InFolder, clock) => Some(InMemory::hasty(clock.as_ref()).sealed()),
        };
        self.store.clone().or_else(own)
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
    pub(crate) fn get(url: String) -> Self {
        Self { method: "GET", url, body: "", authorization: None, streamed: false }
    }
}

/// What a caller sees.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    Answer(u16, String),
    NoToken(Error),
    /// With the error's words.
    WrongOrigin(String),
    AuthorizedAlready,
    /// The HTTP library reads no URL in it.
    NoUrl,
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
    requests: Vec<(Endpoint, String, String, Answer, String)>,
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
            let (method, path) = (request.method().to_owned(), request.path().to_owned());
            (request.endpoint(), method, path, request.answer(), conversation(request))
        })
        .collect();
    if results.len() > 1 {
        requests.sort_by_key(|request| format!("{request:?}"));
        results.sort_unstable();
    }
    Trace { requests, results, is_of_its_own: replayed && !shell.replays() }
}

/// What a token request says, byte by byte (I27, I45): all but the name of the HTTP library, how it keeps its connection, and of an assertion
/// that is made for it the moment, the name and the signature.
fn conversation(request: &Recorded) -> String {
    if request.endpoint() != Endpoint::Token {
        return String::new();
    }
    let mut lines: Vec<String> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| !matches!(name.as_str(), "host" | "user-agent" | "connection"))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    lines.sort_unstable();
    let body = String::from_utf8_lossy(request.body());
    let made = request.parameter("client_assertion").filter(|text| !text.ends_with(SIGNATURE));
    lines.push(match made {
        Some(text) => body.replace(&text, &but_for_the_moment(&text)),
        None => body.into_owned(),
    });
    lines.join("\n")
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

// Conforms: L-01
pub(crate) fn a_cold_start_makes_one_request_for_all(mount: Mount) -> Trace {
    let server = server();
    // A gateway asks before anybody calls.
    let gate = server.hold(Endpoint::Token);
    let shell = mount(&Setup::new(&server));
    let calls = at_once(&shell, 20, &get(&server));
    while shell.status().waiting < 20 {
        thread::sleep(ms(1));
    }
    gate.release();
    let results = statuses(calls);
    assert_eq!(server.counts().token_requests, 1);
    trace(&server, results, &shell, false)
}

// Conforms: R-6750-3-a, R-9110-15.5.2-a
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
    assert_eq!(bodies.map(Recorded::body).collect::<Vec<_>>(), [b"a parcel", b"a parcel"]);
    assert_eq!(server.counts().token_requests, 1);
    trace(&server, vec![seen.status()], &shell, true)
}

// Conforms: R-6750-3-e, L-16
pub(crate) fn the_replays_own_refusal_is_handed_on(mount: Mount) -> Trace {
    let server = server();
    let mut setup = Setup::new(&server);
    setup.policy = setup.policy.with_settle(ms(400));
    let shell = mount(&setup);
    let _wrong = server.fault(Endpoint::Resource, Fault::status(401), Times::Next(3));
    // The first token, the same once it has settled, and its replacement.
    let seen = shell.call(&get(&server));
    assert_eq!(seen.status(), 401);
    if shell.replays() {
        assert_eq!((server.counts().resource_requests, server.counts().token_requests), (3, 2));
    }
    trace(&server, vec![seen.status()], &shell, true)
}

// Conforms: R-6750-3-f
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

// Conforms: R-9110-15.5.2-a
pub(crate) fn a_body_that_cannot_be_repeated_is_not_but_the_refresh_is_set_off(mount: Mount) -> Trace {
    let server = server();
    let shell = settled(&server, mount);
    server.revoke_all();
    let call = Call { method: "POST", body: "streamed", streamed: true, ..get(&server) };
    let seen = shell.call(&call);
    assert_eq!((seen.status(), server.counts().resource_requests), (401, 1));
    // Nobody asked for it: the next call finds the new token, or waits for it.
    let status = shell.status();
    assert!(status.requests == 2 || matches!(status.request, RequestStatus::InFlight(_)), "{status:?}");
    assert_eq!(shell.call(&get(&server)).status(), 200);
    assert_eq!(shell.status().requests, 2);
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
// Conforms: M-07
pub(crate) fn a_carriers_bad_secret_does_not_cost_a_token(mount: Mount) -> Trace {
    let server = server();
    let mut setup = Setup::new(&server);
    let provider = myparcel::sandbox().with_token_endpoint(&server.token_endpoint()).unwrap();
    setup.client = client_at(provider).build().unwrap();
    setup.policy = setup.policy.with_settle(ms(400));
    let shell = mount(&setup);
    server.set_challenge(Challenge::Foreign);
    let seen = shell.call(&get(&server));
    assert!(matches!(&seen, Seen::Answer(401, body) if body.contains("13003")), "{seen:?}");
    // Else it settles, and is replaced.
    assert_eq!(server.counts().resource_requests, 1);
    trace(&server, vec![seen.status()], &shell, false)
}

/// The same where something in front of the API packs what it says: whether the HTTP library unpacks it (the tests' reqwest
/// and ureq do) or leaves it as it came, the code is read.
// Conforms: M-07
pub(crate) fn a_carriers_bad_secret_is_told_from_ours_in_a_packed_answer(mount: Mount) -> Trace {
    let server = server();
    let mut setup = Setup::new(&server);
    let provider = myparcel::sandbox().with_token_endpoint(&server.token_endpoint()).unwrap();
    setup.client = client_at(provider).build().unwrap();
    setup.policy = setup.policy.with_settle(ms(400));
    let shell = mount(&setup);
    server.set_challenge(Challenge::Foreign);
    let mut results = Vec::new();
    for packed in [Fault::Gzip, Fault::Deflate] {
        server.reset_counts();
        let _packed = server.fault(Endpoint::Resource, packed, Times::UntilCleared);
        let Seen::Answer(status, _) = shell.call(&get(&server)) else { panic!("no answer") };
        assert_eq!(server.counts().resource_requests, 1);
        server.clear_faults();
        results.push(status);
    }
    assert_eq!(results, [401, 401]);
    trace(&server, results, &shell, false)
}

/// Some clients follow a redirect and some hand it on; the token goes along with neither.
// Conforms: R-9700-b
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

// Conforms: R-6750-3-b
pub(crate) fn insufficient_scope_is_handed_on(mount: Mount) -> Trace {
    let script = |server: &Server| {
        let _once = server.fault(Endpoint::Resource, Fault::error(403, "insufficient_scope"), Times::Once);
    };
    handed_on(mount, script, 403)
}

// Conforms: R-6750-3-g
pub(crate) fn a_401_that_names_another_scheme_is_a_refused_token(mount: Mount) -> Trace {
    let server = server();
    let shell = settled(&server, mount);
    // The connection ends with it: unsaid, the next request might be sent on it.
    let basic = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\
                 Content-Length: 0\r\nConnection: close\r\n\r\n";
    let _refused = server.fault(Endpoint::Resource, Fault::raw(basic), Times::Once);
    let seen = shell.call(&get(&server));
    assert_eq!(seen.status(), if shell.replays() { 200 } else { 401 });
    trace(&server, vec![seen.status()], &shell, true)
}

pub(crate) fn an_error_of_the_api_is_an_answer(mount: Mount) -> Trace {
    let script = |server: &Server| {
        let down = Fault::status_with_body(503, "text/plain", "down for tea");
        let _once = server.fault(Endpoint::Resource, down, Times::Once);
    };
    handed_on(mount, script, 503)
}

/// RFC 6750 section 2.1: one space, and the scheme in our spelling, whatever the server calls the type.
// Conforms: M-11, R-6749-5.1-j, R-6750-2.1-a, R-6750-2.1-b, R-6750-2.2-a, Q-06
pub(crate) fn the_header_says_bearer_and_the_token_is_nowhere_else(mount: Mount) -> Trace {
    let server = server();
    let answer = r#"{"access_token":"mF_9\u002eB5f-4.1JqM","token_type":"bearer","expires_in":3600}"#;
    let _answer =
        server.fault(Endpoint::Token, Fault::status_with_body(200, "application/json", answer), Times::Once);
    let _ok = server.fault(Endpoint::Resource, Fault::status(200), Times::Once);
    let shell = mount(&Setup::new(&server));
    let call = Call { method: "POST", body: "a parcel", ..Call::get(server.resource("/shipments?page=2")) };
    let seen = shell.call(&call);
    assert_eq!(seen.status(), 200);
    let requests = server.requests();
    let request = requests.iter().find(|request| request.endpoint() == Endpoint::Resource).unwrap();
    let lines = request.headers().iter().filter(|(name, _)| name == "authorization");
    assert_eq!(lines.map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["Bearer mF_9.B5f-4.1JqM"]);
    assert_eq!((request.target(), request.body()), ("/shipments?page=2", &b"a parcel"[..]));
    trace(&server, vec![seen.status()], &shell, false)
}

/// A server names the scope it wants; nobody but the caller decides what is asked for.
// Conforms: R-6750-3-i, R-9110-11-a, A-37
pub(crate) fn every_line_of_a_challenge_is_read_and_its_scope_is_not_asked_for(mount: Mount) -> Trace {
    let server = server();
    let shell = settled(&server, mount);
    let refused = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\n\
                   WWW-Authenticate: Bearer error=\"invalid_token\", scope=\"admin\"\r\n\
                   Content-Length: 0\r\nConnection: close\r\n\r\n";
    let _refused = server.fault(Endpoint::Resource, Fault::raw(refused), Times::Once);
    let seen = shell.call(&get(&server));
    assert_eq!(seen.status(), if shell.replays() { 200 } else { 401 });
    assert!(server.wait_for_token_requests(1, LONG));
    let requests = server.requests();
    let mut asked = requests.iter().filter(|request| request.endpoint() == Endpoint::Token);
    assert!(asked.all(|request| request.parameter("scope").is_none()));
    trace(&server, vec![seen.status()], &shell, true)
}

/// A flag that the first refusal sets for good would leave the second request without its replay.
// Conforms: M-15
pub(crate) fn each_request_has_a_replay_of_its_own(mount: Mount) -> Trace {
    let server = server();
    let clock = ManualClock::new();
    let shell = mount(&Setup { clock: Some(clock.clone()), ..Setup::new(&server) });
    assert_eq!(shell.call(&get(&server)).status(), 200);
    let mut results = Vec::new();
    for _ in 0..2 {
        clock.advance(secs(900));
        server.revoke_all();
        let seen = shell.call(&get(&server));
        assert_eq!(seen.status(), if shell.replays() { 200 } else { 401 });
        results.push(seen.status());
        if !shell.replays() {
            assert_eq!(shell.call(&get(&server)).status(), 200);
        }
    }
    assert_eq!(server.counts().token_requests, 3);
    trace(&server, results, &shell, true)
}

// Conforms: R-6749-3.3-d
pub(crate) fn a_scope_that_was_granted_in_part_is_told_and_is_no_error(mount: Mount) -> Trace {
    let server = server();
    let client = rfc6749(&server).scope("a b c").build().unwrap();
    let shell = mount(&Setup { client, ..Setup::new(&server) });
    assert_eq!(shell.status().narrowed_scope, None);
    server.set_granted_scope(Some("c a"));
    assert_eq!(shell.call(&get(&server)).status(), 200);
    assert_eq!(shell.status().narrowed_scope, Some(Scope::parse("b").unwrap()));
    server.set_granted_scope(None);
    let auth = ClientAuth::post(Server::CLIENT_ID, SECRET).unwrap();
    shell.rotate(auth, Rotation::Drop);
    assert_eq!(shell.status().narrowed_scope, None);
    let seen = shell.call(&get(&server));
    assert_eq!((seen.status(), shell.status().narrowed_scope), (200, None));
    trace(&server, vec![seen.status()], &shell, false)
}

/// What the token endpoint answers, byte by byte; then the connection ends.
fn raw(head: &str, body: &[u8]) -> Fault {
    let head = format!("{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    Fault::raw([head.as_bytes(), body].concat())
}

/// A caller that takes the first outcome; the rest after it is not over before a slow machine has told it.
fn hasty(server: &Server) -> Setup {
    let policy = quick().with_backoff(LONG, LONG).with_cooldown(LONG, LONG);
    Setup { policy, fail_fast: true, ..Setup::new(server) }
}

/// What this client is told by an endpoint that always answers so, at the first try.
fn told(mount: Mount, server: &Server, client: Client, fault: Fault) -> (Arc<dyn Shell>, Refusal) {
    let shell = mount(&Setup { client, ..hasty(server) });
    let _fault = server.fault(Endpoint::Token, fault, Times::UntilCleared);
    let refusal = shell.call(&get(server)).error().refusal().unwrap().clone();
    (shell, refusal)
}

/// An HTTP library that answers a challenge by itself, or a client that tries one method after another, would ask
/// twice.
// Conforms: R-6749-2.3.1-l, R-6749-5.2-m, Q-42
pub(crate) fn a_challenge_of_the_token_endpoint_is_an_answer_and_no_other_method_is_tried(
    mount: Mount,
) -> Trace {
    let server = server();
    let auth = ClientAuth::basic(Server::CLIENT_ID, SECRET).unwrap();
    let refused = raw("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"OAuth\"", b"");
    let (shell, refusal) = told(mount, &server, client(&server).with_auth(auth), refused);
    assert_eq!((refusal.class(), refusal.status()), (Class::Permanent, Some(401)));
    assert_eq!(refusal.problem(), &Problem::Status);
    let requests = server.requests();
    let authorized: Vec<_> = requests.iter().map(|request| request.header("authorization")).collect();
    assert!(matches!(authorized[..], [Some(basic)] if basic.starts_with("Basic ")), "{authorized:?}");
    trace(&server, vec![], &shell, false)
}

/// A page that a server names may be anywhere.
// Conforms: R-6749-5.2-j
pub(crate) fn the_error_uri_is_never_fetched(mount: Mount) -> Trace {
    let (server, page) = (server(), TcpListener::bind("127.0.0.1:0").unwrap());
    let body =
        format!(r#"{{"error":"invalid_client","error_uri":"http://{}/why"}}"#, page.local_addr().unwrap());
    let refused = Fault::status_with_body(401, "application/json", body);
    let (shell, refusal) = told(mount, &server, client(&server), refused);
    assert_eq!(refusal.code(), Some("invalid_client"));
    assert_eq!(shell.call(&get(&server)).error().refusal(), Some(&refusal));
    assert!(nobody_came(&page));
    trace(&server, vec![], &shell, false)
}

fn nobody_came(to: &TcpListener) -> bool {
    to.set_nonblocking(true).unwrap();
    to.accept().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

/// A token may name keys, a token response another endpoint, and a challenge metadata (RFC 9728 section 5.1): whoever
/// fetched one could be led anywhere, and whoever believed one would take its secret there.
// Conforms: R-9728-a, A-22, A-23, A-42
pub(crate) fn nothing_that_an_answer_names_is_fetched(mount: Mount) -> Trace {
    let (server, elsewhere) = (server(), TcpListener::bind("127.0.0.1:0").unwrap());
    let url = format!("http://{}/named", elsewhere.local_addr().unwrap());
    let token = [&*format!(r#"{{"alg":"RS256","jku":"{url}","x5u":"{url}"}}"#), "{}", "signature"];
    let token = token.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    let grant = format!(
        r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600,"issuer":"{url}",
        "token_endpoint":"{url}","jwks_uri":"{url}","mtls_endpoint_aliases":{{"token_endpoint":"{url}"}}}}"#
    );
    let granted = raw("HTTP/1.1 200 OK\r\nContent-Type: application/json", grant.as_bytes());
    let _granted = server.fault(Endpoint::Token, granted, Times::Once);
    let _accepted = server.fault(Endpoint::Resource, raw("HTTP/1.1 200 OK", b""), Times::Once);
    let shell = mount(&Setup::new(&server));
    assert_eq!(shell.call(&get(&server)).status(), 200);
    thread::sleep(ms(3));
    let refused = format!(
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"invalid_token\", \
         resource_metadata=\"{url}\", authorization_uri=\"{url}\""
    );
    let _refused = server.fault(Endpoint::Resource, raw(&refused, b""), Times::Once);
    let seen = shell.call(&get(&server));
    assert_eq!(seen.status(), if shell.replays() { 200 } else { 401 });
    // The same endpoint is asked again.
    assert!(server.wait_for_token_requests(2, LONG));
    assert!(nobody_came(&elsewhere));
    trace(&server, vec![seen.status()], &shell, true)
}

/// Not to the same server, not to another, and whether the method would stay or change.
// Conforms: R-9110-15.4-a, Q-34
pub(crate) fn no_redirect_of_a_token_request_is_followed(mount: Mount) -> Trace {
    let other = server();
    let mut requests = Vec::new();
    for status in [301, 302, 303, 307, 308] {
        for away in [false, true] {
            let server = server();
            let location = if away { other.token_endpoint() } else { server.token_endpoint() };
            let redirect = Fault::redirect(status, location);
            let (shell, refusal) = told(mount, &server, client(&server), redirect);
            assert_eq!((refusal.class(), refusal.status()), (Class::Permanent, Some(status)));
            assert_eq!(server.counts().token_requests, 1, "{status}");
            requests.extend(trace(&server, vec![], &shell, false).requests);
        }
    }
    assert!(other.requests().is_empty());
    Trace { requests, results: vec![], is_of_its_own: false }
}

// Conforms: R-6749-3.2-b
pub(crate) fn the_query_of_the_token_endpoint_goes_along_byte_for_byte(mount: Mount) -> Trace {
    let server = server();
    let query = "p=B2C_1%2f&x=a+b&y=%7E~";
    let provider = Provider::rfc6749(&format!("{}?{query}", server.token_endpoint())).unwrap();
    let shell = mount(&Setup { client: client_at(provider).build().unwrap(), ..Setup::new(&server) });
    let seen = shell.call(&get(&server));
    assert_eq!(seen.status(), 200);
    assert_eq!(server.requests()[0].target(), format!("/access-token?{query}"));
    trace(&server, vec![seen.status()], &shell, false)
}

/// Each line once, whatever the HTTP library would say by itself; and a call's own User-Agent stays its own.
pub(crate) fn header_fields_of_the_clients_own_go_to_the_token_endpoint_alone(mount: Mount) -> Trace {
    const OURS: &str = concat!("evergrant/", env!("CARGO_PKG_VERSION"));
    let mut traced = Vec::new();
    for (agent, expected) in [(None, OURS), (Some("a-program/7"), "a-program/7")] {
        let server = server();
        let client = rfc6749(&server).header("X-Api-Key", KEY).header("Account", "4711");
        let client = agent.iter().fold(client, |client, agent| client.header("User-Agent", agent));
        let shell = mount(&Setup { client: client.build().unwrap(), ..Setup::new(&server) });
        assert_eq!(shell.call(&get(&server)).status(), 200);
        let requests = server.requests();
        let lines = |at: Endpoint, name: &str| -> Vec<String> {
            let request = requests.iter().find(|request| request.endpoint() == at).unwrap();
            let lines = request.headers().iter().filter(|(ours, _)| ours == name);
            lines.map(|(_, value)| value.clone()).collect()
        };
        assert_eq!(lines(Endpoint::Token, "x-api-key"), [KEY]);
        assert_eq!(lines(Endpoint::Token, "account"), ["4711"]);
        assert_eq!(lines(Endpoint::Token, "user-agent"), [expected]);
        assert!(lines(Endpoint::Resource, "x-api-key").is_empty());
        assert!(lines(Endpoint::Resource, "account").is_empty());
        let call = lines(Endpoint::Resource, "user-agent");
        assert!(call.iter().all(|agent| agent != OURS && agent != "a-program/7"), "{call:?}");
        traced.extend(trace(&server, vec![], &shell, false).requests);
    }
    Trace { requests: traced, results: vec![], is_of_its_own: false }
}

/// Nothing decodes it, so nothing grows.
// Conforms: R-9110-8.4-a, R-9110-8.4-b
pub(crate) fn a_coded_answer_is_malformed(mount: Mount) -> Trace {
    let server = server();
    // {"access_token":"a-token-from-a-coded-body","token_type":"Bearer","expires_in":3600}
    let body = STANDARD.decode(GZIP).unwrap();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: br";
    let (shell, refusal) = told(mount, &server, client(&server), raw(head, &body));
    assert!(matches!(refusal.problem(), Problem::Malformed(_)), "{refusal}");
    assert_eq!(server.requests()[0].header("accept-encoding"), Some("identity"));
    trace(&server, vec![], &shell, false)
}

/// Some proxies pack whatever one asks for.
// Conforms: R-9110-8.4-b, Q-32
pub(crate) fn a_packed_answer_is_unpacked_and_so_is_a_refusal(mount: Mount) -> Trace {
    let server = server();
    let mut results = Vec::new();
    for packed in [Fault::Gzip, Fault::Deflate] {
        let _packed = server.fault(Endpoint::Token, packed, Times::Once);
        let shell = mount(&hasty(&server));
        let seen = shell.call(&get(&server));
        assert_eq!(seen.status(), 200);
        results.push(seen.status());
    }
    assert!(server.requests().iter().all(|request| {
        request.endpoint() == Endpoint::Resource || request.header("accept-encoding") == Some("identity")
    }));
    server.rotate_client("another", "secret");
    let (shell, refusal) = told(mount, &server, client(&server), Fault::Gzip);
    assert_eq!(refusal.code(), Some("invalid_client"));
    trace(&server, results, &shell, false)
}

const GZIP: &str = "H4sIAAAAAAACA6tWSkxOTi0uji/Jz07NU7JSStQFs3TTivJzdRN1k/NTUlN0k/JTKpV0lMAy8SWVBalAhU6piUWpRUDR1IqCzKLU4vhMoHZjMwODWgBXmHXJVAAAAA==";

/// RFC 9110 section 15.2: a 1xx comes before the answer, whether it was asked for or not.
// Conforms: R-9110-15-a
pub(crate) fn an_interim_answer_of_the_token_endpoint_is_skipped(mount: Mount) -> Trace {
    let server = server();
    let head = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n\
                HTTP/1.1 200 OK\r\nContent-Type: application/json";
    let body = br#"{"access_token":"after-a-hint","token_type":"Bearer","expires_in":3600}"#;
    let _answer = server.fault(Endpoint::Token, raw(head, body), Times::Once);
    let _ok = server.fault(Endpoint::Resource, Fault::status(200), Times::Once);
    let shell = mount(&hasty(&server));
    let seen = shell.call(&get(&server));
    assert_eq!((seen.status(), server.counts().token_requests), (200, 1));
    trace(&server, vec![seen.status()], &shell, false)
}

// Conforms: R-9700-b
/// RFC 9112 sections 6 and 7: in chunks, with an extension and a trailer; up to the end of the connection. What
/// breaks off is no answer, however much of a token had come.
// Conforms: Q-33
pub(crate) fn an_answer_is_read_however_it_is_framed(mount: Mount) -> Trace {
    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
    const BODY: [&str; 2] =
        [r#"{"access_token":"in-two-"#, r#"parts","token_type":"Bearer","expires_in":3600}"#];
    let chunks = BODY.map(|chunk| format!("{:x};ext=1\r\n{chunk}\r\n", chunk.len())).concat();
    let chunked = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{chunks}");
    let mut requests = Vec::new();
    let mut results = Vec::new();
    for whole in [format!("{chunked}0\r\nX-Checksum: 1\r\n\r\n"), format!("{HEAD}\r\n{}", BODY.concat())] {
        let server = server();
        let _answer = server.fault(Endpoint::Token, Fault::raw(whole), Times::Once);
        let _ok = server.fault(Endpoint::Resource, Fault::status(200), Times::Once);
        let shell = mount(&hasty(&server));
        results.push(shell.call(&get(&server)).status());
        let log = server.requests();
        let sent = log.iter().find(|request| request.endpoint() == Endpoint::Resource).unwrap();
        assert_eq!(sent.header("authorization"), Some("Bearer in-two-parts"));
        requests.extend(trace(&server, vec![], &shell, false).requests);
    }
    let body = BODY.concat();
    let short = format!("{HEAD}Content-Length: {}\r\n\r\n{body}", body.len() + 1);
    for broken in [chunked, short, format!("{HEAD}Content-Length: 99\r\n\r\n{}", BODY[0])] {
        let server = server();
        let (shell, refusal) = told(mount, &server, client(&server), Fault::raw(broken));
        assert_eq!((refusal.class(), refusal.status()), (Class::Transient, None), "{refusal}");
        requests.extend(trace(&server, vec![], &shell, false).requests);
    }
    Trace { requests, results, is_of_its_own: false }
}

// Conforms: A-27, R-9700-b
pub(crate) fn a_wrong_origin_is_refused_before_anything_is_sent(mount: Mount) -> Trace {
    let (ours, other) = (server(), server());
    let shell = settled(&ours, mount);
    assert!(matches!(shell.call(&get(&other)), Seen::WrongOrigin(_)));
    assert_eq!(other.counts().resource_requests, 0);
    trace(&ours, vec![], &shell, false)
}

/// A shell that may send its token to this server and to a host that there is not, with a token that has settled.
fn confined(server: &Server, mount: Mount) -> Arc<dyn Shell> {
    let origins = Origins::parse([server.origin().as_str(), "https://api.example"]).unwrap();
    let shell = mount(&Setup { origins, ..Setup::new(server) });
    assert_eq!(shell.call(&get(server)).status(), 200);
    thread::sleep(ms(3));
    server.reset_counts();
    shell
}

/// What a scenario judged by itself: shells may differ in how they refuse.
const fn judged() -> Trace {
    Trace { requests: vec![], results: vec![], is_of_its_own: false }
}

// Conforms: A-26, A-27, R-9700-b
pub(crate) fn a_url_that_looks_like_an_allowed_one_gets_no_token(mount: Mount) -> Trace {
    let (ours, other) = (server(), server());
    let shell = confined(&ours, mount);
    let (our_port, other_port) = (ours.address().port(), other.address().port());
    let mut urls: Vec<String> = [
        "https://api.example.evil.test/",
        "https://api.example@evil.test/",
        "https://api.example:443@evil.test/",
        "https://api.example:8443/",
        "https://api.example:0/",
        "http://api.example/",
        "http://api.example:443/",
        "https://api.example./",
        "https://api.example%2eevil.test/",
        "https://api%2eexample@evil.test/",
        "https://www.api.example/",
        "https://xapi.example/",
        "https://example/",
        "https://evil.test/https://api.example/",
        "https://evil.test/?https://api.example/",
        "https://evil.test/#https://api.example/",
        "https://evil.test/@api.example",
        "https://xn--ap-oka.example/",
        "https://ap\u{456}.example/",
        "https://api.\u{435}xample/",
    ]
    .map(String::from)
    .into();
    for host in ["127.0.0.2", "0.0.0.0", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.0.0.1.example"] {
        urls.push(format!("http://{host}:{our_port}/"));
    }
    urls.push(format!("http://127.0.0.1:{other_port}/"));
    urls.push(format!("https://127.0.0.1:{our_port}/"));
    urls.push(format!("http://127.0.0.1:{our_port}@127.0.0.1:{other_port}/"));
    urls.push(format!("http://127.0.0.1:{other_port}/{}", ours.origin()));
    urls.push("http://127.0.0.1/".into());
    for url in urls {
        let seen = shell.call(&Call::get(url.clone()));
        // Userinfo is an Authorization header to some libraries, and no URL to others.
        let refused = matches!(seen, Seen::WrongOrigin(_) | Seen::AuthorizedAlready | Seen::NoUrl);
        assert!(refused, "{url}: {seen:?}");
    }
    assert_eq!((ours.counts().resource_requests, other.counts().resource_requests), (0, 0));
    judged()
}

/// Where two readers of a URL may see two hosts, it is refused, or the one host that was read is also the one that is
/// connected to.
// Conforms: A-27
pub(crate) fn a_url_that_readers_disagree_about_gets_no_token_elsewhere(mount: Mount) -> Trace {
    let (ours, other) = (server(), server());
    let shell = confined(&ours, mount);
    let (our_port, other_port) = (ours.address().port(), other.address().port());
    let mut urls: Vec<String> = [
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "127%2e0%2e0%2e1",
        "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
        "127\u{3002}0\u{3002}0\u{3002}1",
    ]
    .map(|host| format!("http://{host}:{our_port}/shipments"))
    .into();
    urls.push(format!("http://127.0.0.1:{our_port}\\@127.0.0.1:{other_port}/shipments"));
    urls.push(format!("http:\\\\127.0.0.1:{our_port}\\shipments"));
    urls.push(format!("http:127.0.0.1:{our_port}/shipments"));
    urls.push(format!("http:///127.0.0.1:{our_port}/shipments"));
    urls.push(format!("http://127.0.0.1:{our_port}#@127.0.0.1:{other_port}/shipments"));
    urls.push(format!("http://127.0.0.1:{our_port}?@127.0.0.1:{other_port}/shipments"));
    urls.push(format!("http://127.0.0.1:{our_port}\t/shipments"));
    urls.push(format!(" http://127.0.0.1:{our_port}/shipments"));
    for url in urls {
        // Whatever answers, it is ours: the other is asked nothing.
        let seen = shell.call(&Call::get(url.clone()));
        let known =
            matches!(seen, Seen::Answer(..) | Seen::WrongOrigin(_) | Seen::AuthorizedAlready | Seen::NoUrl);
        assert!(known, "{url}: {seen:?}");
    }
    assert_eq!(other.counts().resource_requests, 0);
    judged()
}

// Conforms: A-27
pub(crate) fn an_allowed_origin_is_known_in_any_spelling(mount: Mount) -> Trace {
    let server = server();
    let shell = confined(&server, mount);
    let address = server.address();
    let mut results = Vec::new();
    for url in
        [format!("HTTP://{address}/shipments"), format!("http://{address}"), format!("hTTp://{address}/?")]
    {
        results.push(shell.call(&Call::get(url)).status());
    }
    assert_eq!(results, [200, 200, 200]);
    // Its default port, in capitals: allowed, and then there is no such host.
    let away = shell.call(&Call::get("https://API.EXAMPLE:443/".into()));
    assert!(matches!(away, Seen::Failed(_)), "{away:?}");
    judged()
}

// Conforms: A-04
pub(crate) fn a_url_with_a_password_does_not_show_it(mount: Mount) -> Trace {
    let server = server();
    let shell = confined(&server, mount);
    for host in ["evil.test", "api.example.", "127.0.0.1:1"] {
        let seen =
            shell.call(&Call::get(format!("https://user:sentinel-of-a-url@{host}/path?sentinel-of-a-url")));
        match &seen {
            Seen::AuthorizedAlready => {}
            Seen::WrongOrigin(words) => {
                assert!(words.contains(host.trim_end_matches('.')), "{words}");
                assert!(!words.contains("sentinel-of-a-url"), "{words}");
            }
            other => panic!("{other:?}"),
        }
    }
    judged()
}

/// Another port, host or scheme, however the redirect is written: who follows it goes there without the token.
// Conforms: A-26, A-28
pub(crate) fn no_redirect_takes_the_token_to_another_origin(mount: Mount) -> Trace {
    let (ours, other) = (server(), server());
    let shell = settled(&ours, mount);
    let (our_port, other_port) = (ours.address().port(), other.address().port());
    let plain = format!("http://127.0.0.1:{other_port}/shipments");
    for (status, target) in [(301, &plain), (302, &plain), (303, &plain)] {
        let _away = ours.fault(Endpoint::Resource, Fault::redirect(status, target), Times::Once);
        let seen = shell.call(&get(&ours));
        assert!(matches!(seen, Seen::Answer(code, _) if code == status || code == 401), "{seen:?}");
    }
    for status in [307, 308] {
        for target in [
            plain.clone(),
            format!("//127.0.0.1:{other_port}/shipments"),
            format!("http://localhost:{other_port}/shipments"),
            format!("http://127.0.0.1:{our_port}@127.0.0.1:{other_port}/shipments"),
            format!("http://[::ffff:127.0.0.1]:{other_port}/shipments"),
            // Nobody speaks TLS there: whoever follows fails.
            format!("https://127.0.0.1:{other_port}/shipments"),
            format!("https://127.0.0.1:{our_port}/shipments"),
        ] {
            let _away = ours.fault(Endpoint::Resource, Fault::redirect(status, &target), Times::Once);
            let seen = shell.call(&get(&ours));
            let known = matches!(&seen, Seen::Answer(code, _) if *code == status || *code == 401)
                || matches!(&seen, Seen::Failed(_));
            assert!(known, "{status} to {target}: {seen:?}");
        }
    }
    let token = ours.issued().pop().unwrap();
    for request in other.requests() {
        // reqwest makes Basic credentials of the Location's own userinfo: whoever redirects may send those along.
        let authorization = request.header("authorization").unwrap_or("Basic");
        assert!(authorization.starts_with("Basic"), "{}", request.path());
        assert!(request.headers().iter().all(|(_, value)| !value.contains(&token)), "{}", request.path());
    }
    // Nor was the token thrown away for what others answered.
    assert_eq!((ours.counts().resource_requests, ours.counts().token_requests), (17, 0));
    judged()
}

/// From here to another origin and back: neither the other sees the token, nor does the second visit here carry it.
// Conforms: A-28
pub(crate) fn a_redirect_there_and_back_again_takes_no_token_along(mount: Mount) -> Trace {
    let (ours, other) = (server(), server());
    let shell = settled(&ours, mount);
    for status in [302, 307, 308] {
        let before = ours.counts().resource_requests;
        let away =
            ours.fault(Endpoint::Resource, Fault::redirect(status, other.resource("/there")), Times::Once);
        let back = other.fault(
            Endpoint::Resource,
            Fault::redirect(status, ours.resource("/back-again")),
            Times::Once,
        );
        let seen = shell.call(&get(&ours));
        assert!(
            matches!(seen, Seen::Answer(code, _) if code == status || code == 401 || code == 200),
            "{seen:?}"
        );
        assert!(ours.counts().resource_requests > before);
        away.clear();
        back.clear();
    }
    assert!(other.requests().iter().all(|request| request.header("authorization").is_none()));
    let again = ours.requests();
    assert!(
        again
            .iter()
            .filter(|request| request.path() == "/back-again")
            .all(|request| request.header("authorization").is_none())
    );
    judged()
}

/// A token with a line break, or whatever else no header carries: nobody makes a request with it.
// Conforms: A-13
pub(crate) fn a_token_that_would_break_out_of_its_header_is_never_sent(mount: Mount) -> Trace {
    let server = server();
    for token in ["a\\r\\nX-Evil: 1", "a\\u0000", "a\\tb", "a\\u0085", "\u{e9}", " a", ""] {
        let shell = mount(&hasty(&server));
        let answer = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#);
        let fault = Fault::status_with_body(200, "application/json", answer);
        let fault = server.fault(Endpoint::Token, fault, Times::UntilCleared);
        let seen = shell.call(&get(&server));
        let problem = seen.error().refusal().map(Refusal::problem);
        assert_eq!(problem, Some(&Problem::Malformed(Malformed::AccessToken)), "{token}");
        fault.clear();
    }
    assert_eq!(server.counts().resource_requests, 0);
    assert!(server.requests().iter().all(|request| request.header("x-evil").is_none()));
    judged()
}

/// A server, or somebody before it, that sends a second answer along with the first: the next call gets its own. (One
/// that comes later is noticed by a connection that is looked at meanwhile; reqwest's are not while their runtime stands
/// still.)
// Conforms: A-40
pub(crate) fn a_forged_second_answer_is_not_the_next_calls(mount: Mount) -> Trace {
    let answer = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n".to_owned();
    let both = chunked.replace("\r\nTransfer", "\r\nContent-Length: 4\r\nTransfer");
    for good in [answer("good"), chunked, both] {
        let forged = format!("{good}{}", answer("evil"));
        let resource = Raw::serve(move |connection| {
            while connection.request().is_some() {
                connection.send(&forged);
            }
        });
        let server = server();
        let origins = Origins::parse([resource.origin().as_str()]).unwrap();
        let shell = mount(&Setup { origins, ..Setup::new(&server) });
        for _ in 0..4 {
            let seen = shell.call(&Call::get(format!("{}/shipments", resource.origin())));
            assert_eq!(seen, Seen::Answer(200, "good".into()));
        }
    }
    judged()
}

// Conforms: R-6750-2.1-e
pub(crate) fn a_callers_own_authorization_is_refused_before_anything_is_sent(mount: Mount) -> Trace {
    let server = server();
    let shell = settled(&server, mount);
    let call = Call { authorization: Some(OWN_AUTHORIZATION), ..get(&server) };
    assert_eq!(shell.call(&call), Seen::AuthorizedAlready);
    trace(&server, vec![], &shell, false)
}

// Conforms: R-7519-n, Q-44
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

// Conforms: L-34
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
    let shell = mount(&hasty(&server));
    let _down = server.fault(Endpoint::Token, Fault::status(503), Times::Next(2));
    let seen = shell.call(&get(&server));
    assert_eq!(seen.error().refusal().unwrap().status(), Some(503));
    assert_eq!((server.counts().token_requests, server.counts().resource_requests), (1, 0));
    trace(&server, vec![], &shell, false)
}

// Conforms: R-6749-2.3.1-l, L-21
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

// Conforms: L-10, L-11
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

// Conforms: L-06
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

// Conforms: L-12
pub(crate) fn fifty_calls_with_a_refused_token_share_one_request(mount: Mount) -> Trace {
    let server = server();
    let shell = settled(&server, mount);
    server.revoke_all();
    let gate = server.hold(Endpoint::Resource);
    let calls = at_once(&shell, 50, &get(&server));
    assert!(gate.wait_for_held(50, LONG));
    gate.release();
    let results = statuses(calls);
    let expected = if shell.replays() { 200 } else { 401 };
    assert!(results.iter().all(|status| *status == expected), "{results:?}");
    assert!(server.wait_for_token_requests(1, LONG));
    assert_eq!(shell.status().requests, 2);
    trace(&server, results, &shell, true)
}

// Conforms: L-20
pub(crate) fn a_rotation_takes_effect_at_once(mount: Mount) -> Trace {
    let server = server();
    let shell = settled(&server, mount);
    server.rotate_client("second", SECOND_SECRET);
    shell.rotate(ClientAuth::basic("second", SECOND_SECRET).unwrap(), Rotation::Drop);
    let seen = shell.call(&get(&server));
    assert_eq!((seen.status(), server.counts().token_granted), (200, 1));
    trace(&server, vec![seen.status()], &shell, false)
}

pub(crate) fn an_answer_without_a_token_is_transient(mount: Mount) -> Trace {
    let server = server();
    let empty = Fault::status_with_body(200, "application/json", "{}");
    let (shell, refusal) = told(mount, &server, client(&server), empty);
    assert_eq!(refusal.class(), Class::Transient);
    trace(&server, vec![], &shell, false)
}
