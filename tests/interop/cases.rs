//! The cases: what each server is asked, and what must come of it.

mod assertions;
mod certificates;
mod discovery;
mod keys;
mod secrets;

use crate::command::Command;
use crate::program::{Kind, Program};
use crate::servers::{BRIEF, PARCELS, PLAIN, POST, SPACED, Server, Servers, variable};
use crate::shells::{Mount, Setup, Shell};
use evergrant_tests::{LONG, ms, quick};
use evergrant_tokio_reqwest::core::{BodyFormat, Class, Now, Reason, Refusal, Scope};
use evergrant_tokio_reqwest::{
    Client, ClientAuth, ClientBuilder, ConfigError, FileSource, Policy, Token, Verdict, VerdictRule,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// One row of the table.
pub(crate) struct Case<'a> {
    pub(crate) server: &'a Server,
    pub(crate) name: &'static str,
    pub(crate) run: Run,
}

/// What drives it.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// Each adapter.
    Shell(fn(&Server, Mount)),
    /// The command.
    Command(fn(&Server, &Command)),
    /// What of the command runs for long.
    Program(fn(&Server, &Command, Kind)),
    /// A request that evergrant would not send; its answer is read by core.
    ByHand(fn(&Server)),
}

/// The cases that run one after another: they count what a server sees.
pub(crate) fn one_by_one(servers: &Servers) -> Vec<Case<'_>> {
    let Servers { oidc_provider: oidc, django, django_json: json, django_api: api, .. } = servers;
    let Servers { authlib, node_oauth, doorkeeper, keys, tenant, certificates, .. } = servers;
    let raw = || [node_oauth].into_iter().chain(doorkeeper);
    let mut cases = Vec::new();
    let mut case = |server, name, runs: &[Run]| {
        cases.extend(runs.iter().map(|run| Case { server, name, run: *run }));
    };
    use Run::{ByHand, Command, Shell};
    for server in [oidc, django, authlib].into_iter().chain(raw()) {
        case(server, COLD, &[Command(the_command_prints_a_token_in_each_format), Shell(a_cold_start)]);
        case(server, BODY, &[Command(the_command_authenticates_in_the_body), Shell(credentials_in_the_body)]);
        case(server, WRONG_SECRET, &[Command(the_command_is_refused), Shell(a_wrong_secret)]);
        case(server, REVOKED, &[Command(the_command_after_a_revocation), Shell(a_revoked_token)]);
    }
    case(oidc, JSON_FOR_FORM, &[Command(the_command_sends_json_to_oidc), Shell(json_as_an_invalid_request)]);
    case(oidc, JWT, &[Command(the_command_prints_a_jwt), Shell(a_jwt)]);
    case(oidc, RAW, &[Command(the_command_sends_raw_basic_to_oidc), Shell(raw_basic_to_oidc)]);
    case(oidc, WRONG_SCOPE, &[Command(the_command_is_not_told_of_a_dropped_scope), Shell(a_dropped_scope)]);
    case(oidc, TWO, &[Command(the_command_refuses_a_second_credential), ByHand(two_credentials_at_oidc)]);
    for server in [django, authlib].into_iter().chain(raw()) {
        case(server, WRONG_SCOPE, &[Command(the_command_is_told_of_a_wrong_scope), Shell(a_wrong_scope)]);
        let by_hand = ByHand(two_credentials_of_which_one_is_read);
        case(server, TWO, &[Command(the_command_refuses_a_second_credential), by_hand]);
    }
    for server in [django, authlib] {
        case(
            server,
            JSON_FOR_FORM,
            &[Command(the_command_sends_json_as_an_empty_form), Shell(json_as_an_empty_form)],
        );
    }
    case(django, RAW, &[Command(the_command_sends_raw_basic_to_django), Shell(raw_basic_to_django)]);
    case(authlib, EITHER, &[Command(the_command_sends_raw_basic_to_authlib), Shell(raw_basic_to_authlib)]);
    case(authlib, SPACE, &[Command(the_command_sends_a_space_to_authlib), Shell(a_space_to_authlib)]);
    case(authlib, REDIRECT, &[Command(the_command_is_redirected), Shell(a_redirect)]);
    case(authlib, WRONG_PATH, &[Command(the_command_at_no_path_of_authlib), Shell(no_path_of_authlib)]);
    case(
        node_oauth,
        JSON_FOR_FORM,
        &[Command(the_command_sends_json_to_node_oauth), Shell(json_as_an_invalid_request)],
    );
    for server in raw() {
        case(server, FORM_ENCODED, &[Command(the_command_encodes_for_nothing), Shell(encoded_basic_to_raw)]);
    }
    if let Some(server) = doorkeeper {
        case(server, EITHER_FORMAT, &[Command(the_command_sends_json), Shell(json_where_either_is_read)]);
    }
    case(
        node_oauth,
        WRONG_IN_BODY,
        &[Command(the_command_is_refused_in_the_body), Shell(a_wrong_secret_in_the_body)],
    );
    for server in [authlib].into_iter().chain(raw()) {
        case(server, LACKING, &[Shell(a_scope_that_the_resource_does_not_accept)]);
    }
    case(django, NO_SLASH, &[Command(the_command_at_a_wrong_path), Shell(a_wrong_path)]);
    case(json, COLD, &[Command(the_command_prints_a_token_in_each_format), Shell(a_cold_start)]);
    case(json, BODY, &[Command(the_command_authenticates_in_the_body), Shell(credentials_in_the_body)]);
    case(json, FORM_FOR_JSON, &[Command(the_command_sends_a_form), Shell(a_form_where_json_is_wanted)]);
    case(api, DEFAULT_VERDICT, &[Shell(a_403_without_a_verdict_of_its_own)]);
    case(api, OWN_VERDICT, &[Shell(a_403_with_a_verdict_of_its_own)]);
    case(api, SCOPE_VERDICT, &[Shell(a_403_for_a_scope_with_a_verdict_of_its_own)]);
    for server in [oidc, authlib] {
        assertions::one_by_one(server, &mut case);
    }
    keys::one_by_one(keys, &mut case);
    discovery::one_by_one(tenant, &mut case);
    certificates::one_by_one(certificates, &mut case);
    case(oidc, PRINTED, &[Run::Program(assertions::printed)]);
    case(
        oidc,
        CREDENTIAL,
        &[Command(secrets::the_command_reads_a_credential), Run::Program(secrets::a_credential)],
    );
    cases
}

/// The cases that wait until tokens end: they may do so together.
pub(crate) fn together(servers: &Servers) -> Vec<Case<'_>> {
    let Servers { oidc_provider: oidc, django, authlib, node_oauth, doorkeeper, keys, certificates, .. } =
        servers;
    let case = |server, name, run| Case { server, name, run };
    let mut cases = vec![case(oidc, JWT_EXPIRY, Run::Shell(across_expiry_with_jwts))];
    for server in [oidc, django, authlib, node_oauth] {
        cases.push(case(server, EXPIRY, Run::Command(the_command_across_expiry)));
        cases.push(case(server, EXPIRY, Run::Shell(across_expiry)));
    }
    for server in [oidc, authlib] {
        cases.push(case(server, LATE, Run::Program(assertions::renewed_late)));
        cases.push(case(server, CHANGED, Run::Program(secrets::changed)));
        cases.push(case(server, WRONG_TWICE, Run::Program(secrets::wrong_twice)));
    }
    cases.push(case(keys, WRONG_KEY, Run::Program(keys::wrong_then_new)));
    cases.push(case(certificates, WRONG_CERTIFICATE, Run::Program(certificates::wrong_then_new)));
    if let Some(server) = doorkeeper {
        cases.push(case(server, REUSED, Run::Command(the_command_across_expiry)));
        cases.push(case(server, REUSED, Run::Shell(across_expiry_with_reused_tokens)));
    }
    cases
}

const COLD: &str = "cold start";
const BODY: &str = "credentials in the body";
const WRONG_SECRET: &str = "wrong secret";
const WRONG_SCOPE: &str = "wrong scope";
const RAW: &str = "raw Basic where it must be encoded";
const TWO: &str = "two credentials at once";
const JWT: &str = "JWT";
const JSON_FOR_FORM: &str = "JSON where a form is wanted";
const FORM_FOR_JSON: &str = "a form where JSON is wanted";
const EITHER: &str = "raw Basic where it may be encoded";
const FORM_ENCODED: &str = "encoded Basic where it must be raw";
const SPACE: &str = "a space in a Basic header";
const WRONG_IN_BODY: &str = "wrong secret in the body";
const REDIRECT: &str = "a redirect to the last slash";
const WRONG_PATH: &str = "a path that is not there";
const LACKING: &str = "a scope that the resource does not accept";
const NO_SLASH: &str = "the path without its last slash";
const REVOKED: &str = "revoked token";
const DEFAULT_VERDICT: &str = "403 for a revoked token is handed on";
const OWN_VERDICT: &str = "403 for a revoked token, own verdict";
const SCOPE_VERDICT: &str = "403 for a scope, own verdict";
const EXPIRY: &str = "refresh across expiry";
const EITHER_FORMAT: &str = "JSON where a form is usual";
const REUSED: &str = "the same token until it ends";
const PRINTED: &str = "an assertion that a command prints";
const CREDENTIAL: &str = "a credential of systemd";
const LATE: &str = "an assertion that is renewed too late";
const CHANGED: &str = "another secret at the server, then in the file";
const WRONG_TWICE: &str = "two wrong secrets in the file, then the right one";
const WRONG_KEY: &str = "a wrong key in its file, then a new one";
const WRONG_CERTIFICATE: &str = "a wrong certificate in its files, then a new one";
const JWT_EXPIRY: &str = "refresh across expiry, JWT";

/// How long the tokens of the client [`BRIEF`] live.
const BRIEF_LIFE: Duration = Duration::from_secs(3);

/// How long a refused credential rests that is read from a file, and the second between two token requests.
const HEALS: Duration = Duration::from_secs(11);

/// What a busy machine may take beside that: less than another such rest at its shortest.
const BUSY: Duration = Duration::from_secs(4);

/// Longer than all of it.
const HOUR: Duration = Duration::from_secs(3600);

// What the cases are made of

fn build(client: ClientBuilder) -> Client {
    client.build().unwrap()
}

/// A source that takes the first outcome of a request, good or bad, however long a busy machine takes for it.
fn mounted(mount: Mount, client: ClientBuilder) -> Arc<dyn Shell> {
    mounted_with(mount, client, None)
}

/// The same, whose secret or assertion is there.
fn mounted_with(mount: Mount, client: ClientBuilder, source: Option<FileSource>) -> Arc<dyn Shell> {
    let policy = quick().with_attempt_timeout(LONG).with_gate(HOUR, HOUR);
    mount(Setup { fail_fast: true, source, ..Setup::new(build(client), policy) })
}

/// Why a client like this is refused.
fn refusal(mount: Mount, client: ClientBuilder) -> Refusal {
    let shell = mounted(mount, client);
    shell.token().unwrap_err().refusal().unwrap().clone()
}

#[track_caller]
fn permanently(refusal: &Refusal, status: u16, code: Option<&str>) {
    let seen = (refusal.class(), refusal.status(), refusal.code());
    assert_eq!(seen, (Class::Permanent, Some(status), code), "{refusal}");
}

/// How many token requests the server sees while this is done.
fn requests_during(server: &Server, job: impl FnOnce()) -> u64 {
    let before = server.token_requests();
    job();
    server.token_requests() - before
}

/// The statuses that 20 callers get who call at once.
fn twenty_at_once(shell: &Arc<dyn Shell>, url: &str) -> Vec<u16> {
    thread::scope(|scope| {
        let calls: Vec<_> = (0..20).map(|_| scope.spawn(|| shell.call(url))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    })
}

/// A program whose file was mended just now has a token within [`HEALS`]: by one request that is granted, and none that is refused.
#[track_caller]
fn heals(program: &Program<'_>, server: &Server, client: &str, (granted, refused): (u64, u64)) {
    let began = Instant::now();
    until(|| server.ended(client) != (granted, refused));
    let took = began.elapsed();
    assert_eq!(server.ended(client), (granted + 1, refused));
    program.until(|program| program.call() == 200);
    println!(
        "       {client} at {}: a token {:.1} s after its file was mended",
        server.name,
        took.as_secs_f32()
    );
    assert!(took < HEALS + BUSY, "{took:?}");
}

fn is_jwt(token: &str) -> bool {
    token.split('.').count() == 3 && token.starts_with("eyJ")
}

/// Until it holds, in steps of 50 ms; what waits longer than [`LONG`] waits for a fault.
#[track_caller]
fn until(mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < LONG, "it never came to hold");
        thread::sleep(ms(50));
    }
}

// On every adapter

// Conforms: L-01, R-6749-2.3.1-d, R-6749-2.3.1-e, R-6750-2.1-a
fn a_cold_start(server: &Server, mount: Mount) {
    let shell = mounted(mount, server.as_client(server.client));
    let requests = requests_during(server, || {
        assert_eq!(twenty_at_once(&shell, &server.resource), [200; 20]);
    });
    assert_eq!((requests, shell.status().requests), (1, 1));
    assert!(!is_jwt(shell.token().unwrap().value().expose()), "an opaque token was expected");
}

fn credentials_in_the_body(server: &Server, mount: Mount) {
    let auth = ClientAuth::post(POST, &server.secret).unwrap();
    let shell = mounted(mount, Client::builder(server.provider(), auth).scope("read"));
    assert_eq!(shell.call(&server.resource), 200);
}

// Conforms: L-21, R-6749-2.3.1-l, R-6749-5.2-a
fn a_wrong_secret(server: &Server, mount: Mount) {
    let wrong = "nobody's:secret";
    let auth = server.basic.auth(server.client, wrong);
    let shell = mounted(mount, Client::builder(server.provider(), auth));
    let requests = requests_during(server, || {
        for _ in 0..3 {
            let error = shell.token().unwrap_err();
            permanently(error.refusal().unwrap(), 401, Some("invalid_client"));
            assert!(!format!("{error} {error:?}").contains(wrong));
            thread::sleep(ms(20));
        }
    });
    assert_eq!(requests, 1);
}

/// oidc-provider leaves out a scope it does not know. Where it knows another one it says which it granted; where it knows
/// none it says nothing, and only the resource can tell.
// Conforms: R-6749-3.3-c, R-6749-3.3-d, R-6750-3-b
fn a_dropped_scope(server: &Server, mount: Mount) {
    let shell = mounted(mount, server.as_client(PLAIN).scope("nonsense"));
    let requests = requests_during(server, || {
        assert_eq!((shell.call(&server.resource), shell.call(&server.resource)), (403, 403));
    });
    assert_eq!(requests, 1, "a lacking scope costs no token");
    assert_eq!(shell.status().narrowed_scope, None, "the answer names no scope at all");
    let shell = mounted(mount, server.as_client(PLAIN).scope("nonsense read"));
    assert_eq!(shell.call(&server.resource), 200);
    assert_eq!(shell.status().narrowed_scope, Some(Scope::parse("nonsense").unwrap()));
}

// Conforms: R-6749-5.2-b
fn a_wrong_scope(server: &Server, mount: Mount) {
    permanently(&refusal(mount, server.as_client(PLAIN).scope("nonsense")), 400, Some("invalid_scope"));
}

fn raw_basic(server: &Server, mount: Mount, status: u16, code: &str) {
    let auth = ClientAuth::basic_raw(PLAIN, &server.secret).unwrap();
    permanently(&refusal(mount, Client::builder(server.provider(), auth)), status, Some(code));
    assert_eq!(mounted(mount, server.as_client(PLAIN)).call(&server.resource), 200);
}

fn raw_basic_to_oidc(server: &Server, mount: Mount) {
    raw_basic(server, mount, 400, "invalid_request");
}

fn raw_basic_to_django(server: &Server, mount: Mount) {
    raw_basic(server, mount, 401, "invalid_client");
}

/// authlib undoes percent escapes where it finds them, so that a raw secret passes unless it has one.
// Conforms: R-6749-2.3.1-g
fn raw_basic_to_authlib(server: &Server, mount: Mount) {
    let auth = ClientAuth::basic_raw(PLAIN, &server.secret).unwrap();
    let shell = mounted(mount, Client::builder(server.provider(), auth).scope("read"));
    assert_eq!(shell.call(&server.resource), 200);
}

/// A space is a plus sign in a form, and authlib leaves that as it is: the right secret, encoded, is a wrong one. Raw it
/// passes, as it does in the body.
// Conforms: R-6749-2.3.1-g
fn a_space_to_authlib(server: &Server, mount: Mount) {
    let secret = variable("SECRET");
    let builder = |auth: Result<ClientAuth, ConfigError>| {
        Client::builder(server.provider(), auth.unwrap()).scope("read")
    };
    let encoded = builder(ClientAuth::basic(SPACED, &secret));
    permanently(&refusal(mount, encoded), 401, Some("invalid_client"));
    for auth in [ClientAuth::basic_raw(SPACED, &secret), ClientAuth::post(SPACED, &secret)] {
        assert_eq!(mounted(mount, builder(auth)).call(&server.resource), 200);
    }
}

/// These servers compare what stands in the header.
// Conforms: R-6749-2.3.1-g
fn encoded_basic_to_raw(server: &Server, mount: Mount) {
    let auth = ClientAuth::basic(PLAIN, &server.secret).unwrap();
    permanently(&refusal(mount, Client::builder(server.provider(), auth)), 401, Some("invalid_client"));
}

// Conforms: R-6749-5.2-a
fn a_wrong_secret_in_the_body(server: &Server, mount: Mount) {
    let auth = ClientAuth::post(POST, "nobody's").unwrap();
    permanently(&refusal(mount, Client::builder(server.provider(), auth)), 400, Some("invalid_client"));
}

/// Flask redirects to the path with its last slash, by 308: whoever follows it sends the secret twice.
// Conforms: A-29, R-9110-15.4-a
fn a_redirect(server: &Server, mount: Mount) {
    let endpoint = server.token_endpoint.trim_end_matches('/');
    let provider = server.provider().with_token_endpoint(endpoint).unwrap();
    let auth = ClientAuth::basic(PLAIN, &server.secret).unwrap();
    let requests = requests_during(server, || {
        permanently(&refusal(mount, Client::builder(provider, auth)), 308, None);
    });
    assert_eq!(requests, 1);
}

// Conforms: R-6749-5.2-f
fn no_path_of_authlib(server: &Server, mount: Mount) {
    let provider = server.provider().with_token_endpoint(&no_path(server)).unwrap();
    let auth = ClientAuth::basic(PLAIN, &server.secret).unwrap();
    permanently(&refusal(mount, Client::builder(provider, auth)), 404, None);
}

fn no_path(server: &Server) -> String {
    format!("{}nothing", server.token_endpoint)
}

/// At 403, with a challenge or without one: it is no reason for another token.
// Conforms: R-6750-3-b, R-6750-3-j
fn a_scope_that_the_resource_does_not_accept(server: &Server, mount: Mount) {
    let auth = server.basic.auth(server.client, &server.secret);
    let shell = mounted(mount, Client::builder(server.provider(), auth).scope("write"));
    let requests = requests_during(server, || {
        assert_eq!((shell.call(&server.resource), shell.call(&server.resource)), (403, 403));
    });
    assert_eq!(requests, 1, "a lacking scope costs no token");
}

fn in_another_format(server: &Server, mount: Mount, format: BodyFormat) -> Refusal {
    let auth = ClientAuth::post(POST, &server.secret).unwrap();
    refusal(mount, Client::builder(server.provider().with_body(format), auth))
}

fn json_where_either_is_read(server: &Server, mount: Mount) {
    let auth = ClientAuth::post(POST, &server.secret).unwrap();
    let client = Client::builder(server.provider().with_body(BodyFormat::Json), auth).scope("read");
    assert_eq!(mounted(mount, client).call(&server.resource), 200);
}

fn json_as_an_invalid_request(server: &Server, mount: Mount) {
    permanently(&in_another_format(server, mount, BodyFormat::Json), 400, Some("invalid_request"));
}

fn json_as_an_empty_form(server: &Server, mount: Mount) {
    permanently(&in_another_format(server, mount, BodyFormat::Json), 400, Some("unsupported_grant_type"));
}

fn a_form_where_json_is_wanted(server: &Server, mount: Mount) {
    permanently(&in_another_format(server, mount, BodyFormat::Form), 400, Some("unsupported_grant_type"));
}

/// It answers with a page of HTML.
// Conforms: R-6749-5.2-f
fn a_wrong_path(server: &Server, mount: Mount) {
    let provider =
        server.provider().with_token_endpoint(server.token_endpoint.trim_end_matches('/')).unwrap();
    let auth = ClientAuth::basic(PLAIN, &server.secret).unwrap();
    permanently(&refusal(mount, Client::builder(provider, auth)), 404, None);
}

fn a_jwt(server: &Server, mount: Mount) {
    let shell = mounted(mount, server.as_client(server.client).resource(PARCELS));
    assert_eq!(shell.call(&server.resource), 200);
    assert!(is_jwt(shell.token().unwrap().value().expose()));
}

/// A source whose token was revoked at the server, after a call with it.
fn revoked(server: &Server, shell: &Arc<dyn Shell>) -> Token {
    assert_eq!(shell.call(&server.resource), 200);
    let token = shell.token().unwrap();
    server.revoke(token.value().expose());
    token
}

// Conforms: L-12, R-6749-5.1-p, R-6750-3-a
fn a_revoked_token(server: &Server, mount: Mount) {
    let shell = mounted(mount, server.as_client(server.client));
    let old = revoked(server, &shell);
    assert_eq!(server.status_with(old.value().expose()), 401);
    let requests = requests_during(server, || {
        assert_eq!(twenty_at_once(&shell, &server.resource), [200; 20]);
    });
    assert_eq!((requests, shell.token().unwrap().generation().number()), (1, 2));
}

/// django-oauth-toolkit's own resources answer 403 without a challenge, whatever is wrong with the token.
// Conforms: R-6750-3-j
fn a_403_without_a_verdict_of_its_own(server: &Server, mount: Mount) {
    let shell = mounted(mount, server.as_client(server.client));
    revoked(server, &shell);
    let requests = requests_during(server, || assert_eq!(shell.call(&server.resource), 403));
    assert_eq!(requests, 0);
}

fn with_own_verdict(server: &Server) -> ClientBuilder {
    let rule = VerdictRule::custom(|answer| match answer.status() {
        403 if answer.challenges().is_empty() => Verdict::TokenRefused,
        _ => VerdictRule::Rfc6750.judge(answer),
    });
    let auth = server.basic.auth(server.client, &server.secret);
    Client::builder(server.provider().with_verdict(rule), auth)
}

fn a_403_with_a_verdict_of_its_own(server: &Server, mount: Mount) {
    let shell = mounted(mount, with_own_verdict(server).scope("read"));
    revoked(server, &shell);
    let requests = requests_during(server, || {
        assert_eq!(twenty_at_once(&shell, &server.resource), [200; 20]);
    });
    assert_eq!((requests, shell.token().unwrap().generation().number()), (1, 2));
}

/// Such a rule cannot tell a lacking scope from a bad token. The gate bounds what that costs.
// Conforms: L-17
fn a_403_for_a_scope_with_a_verdict_of_its_own(server: &Server, mount: Mount) {
    let shell = mounted(mount, with_own_verdict(server).scope("write"));
    let requests = requests_during(server, || {
        for _ in 0..10 {
            assert_eq!(shell.call(&server.resource), 403);
        }
    });
    assert!(requests <= 2, "{requests} token requests for 10 calls");
}

// Conforms: L-03, L-05
fn across_expiry(server: &Server, mount: Mount) {
    brief(server, mount, server.as_client(BRIEF));
}

// Conforms: L-03, L-05
fn across_expiry_with_jwts(server: &Server, mount: Mount) {
    let shell = brief(server, mount, server.as_client(BRIEF).resource(PARCELS));
    assert!(is_jwt(shell.token().unwrap().value().expose()));
}

/// Calls through two ends of a token, each of which succeeds, and a replacement that was asked for before an end; then
/// a token that ends while nobody asks.
fn brief(server: &Server, mount: Mount, client: ClientBuilder) -> Arc<dyn Shell> {
    // A busy machine may take a token to the resource when it has just ended: each such one is replaced.
    let policy = Policy::new().with_patience(LONG).with_settle(ms(1)).with_gate(ms(2), ms(2));
    let began = Instant::now();
    let shell = mount(Setup::new(build(client), policy));
    let call = || assert_eq!(shell.call(&server.resource), 200);
    let held = || shell.token().unwrap();
    call();
    let first = held();
    let mut early = false;
    until(|| {
        call();
        let status = shell.status();
        assert!(status.held.is_none_or(|held| held.used_for <= BRIEF_LIFE), "{status:?}");
        early |= matches!(status.last_request, Some((Reason::Early, _)));
        early && held().generation().number() >= 3
    });
    until(|| server.status_with(first.value().expose()) == 401);
    call();
    until(|| shell.try_token().is_none());
    call();
    assert!(held().generation().number() >= 4);
    // However often they were called for, requests are a second apart.
    let requests = shell.status().requests;
    assert!(requests <= began.elapsed().as_secs() + 1, "{requests} token requests");
    shell
}

/// Whoever asks gets the same token until it ends, and is told a life of 0 in its last moment: that is not taken for an
/// unknown life, which would be an hour, and asking for it makes no loop.
// Conforms
fn across_expiry_with_reused_tokens(server: &Server, mount: Mount) {
    let policy = Policy::new().with_patience(LONG).with_settle(ms(1)).with_gate(ms(2), ms(2));
    let client = build(server.as_client(BRIEF));
    let began = Instant::now();
    let shell = mount(Setup::new(client, policy));
    let mut tokens = BTreeSet::new();
    until(|| {
        assert_eq!(shell.call(&server.resource), 200);
        tokens.extend(shell.try_token().map(|token| token.value().expose().to_owned()));
        tokens.len() >= 3
    });
    let requests = shell.status().requests;
    assert!(requests <= began.elapsed().as_secs() + 1, "{requests} token requests");
}

// With the command

// Conforms: R-6749-2.3.1-d, R-6749-2.3.1-e
fn the_command_prints_a_token_in_each_format(server: &Server, command: &Command) {
    let ask = || command.token(server, server.client);
    let token = ask().prints_a_token();
    assert!(!is_jwt(&token), "an opaque token was expected");
    assert_eq!(server.status_with(&token), 200);
    let header = ask().with(&["--format", "header"]).end().stdout;
    let token = header.strip_prefix("Authorization: Bearer ").unwrap().trim_end();
    assert_eq!(server.status_with(token), 200);
    let json = ask().with(&["--format", "json"]).end().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(server.status_with(json["access_token"].as_str().unwrap()), 200);
    let life = json["expires_in"].as_u64().unwrap();
    assert!((500..=600).contains(&life), "a life of {life} s");
}

fn the_command_authenticates_in_the_body(server: &Server, command: &Command) {
    let ask = command.token(server, POST).with(&["--auth", "post"]);
    assert_eq!(server.status_with(&ask.prints_a_token()), 200);
}

fn the_command_is_refused(server: &Server, command: &Command) {
    let wrong = command.token(server, server.client).variable("EVERGRANT_CLIENT_SECRET", "nobody's");
    let requests = requests_during(server, || {
        wrong.fails(3, &["invalid_client", "http 401", "at fault: the client", "next: check the client id"]);
    });
    assert_eq!(requests, 1);
}

fn the_command_sends_raw_basic_to_oidc(server: &Server, command: &Command) {
    let raw = command.token(server, PLAIN).with(&["--auth", "basic-raw"]);
    raw.fails(3, &["invalid_request", "http 400", "not properly encoded"]);
}

fn the_command_sends_raw_basic_to_django(server: &Server, command: &Command) {
    command.token(server, PLAIN).with(&["--auth", "basic-raw"]).fails(3, &["invalid_client", "http 401"]);
}

fn the_command_sends_raw_basic_to_authlib(server: &Server, command: &Command) {
    let token = command.token(server, PLAIN).with(&["--auth", "basic-raw"]).prints_a_token();
    assert_eq!(server.status_with(&token), 200);
}

fn the_command_sends_a_space_to_authlib(server: &Server, command: &Command) {
    let ask = || command.token(server, SPACED).variable("EVERGRANT_CLIENT_SECRET", &variable("SECRET"));
    ask().fails(3, &["invalid_client", "http 401"]);
    let token = ask().with(&["--auth", "basic-raw"]).prints_a_token();
    assert_eq!(server.status_with(&token), 200);
}

fn the_command_encodes_for_nothing(server: &Server, command: &Command) {
    command.token(server, PLAIN).with(&["--auth", "basic"]).fails(3, &["invalid_client", "http 401"]);
}

fn the_command_is_refused_in_the_body(server: &Server, command: &Command) {
    let wrong = command.token(server, POST).variable("EVERGRANT_CLIENT_SECRET", "nobody's");
    wrong.with(&["--auth", "post"]).fails(3, &["invalid_client", "http 400"]);
}

fn the_command_sends_json_to_node_oauth(server: &Server, command: &Command) {
    let json = command.token(server, POST).with(&["--auth", "post", "--body", "json"]);
    json.fails(3, &["invalid_request", "http 400"]);
}

// Conforms: R-9110-15.4-a
fn the_command_is_redirected(server: &Server, command: &Command) {
    let path = server.token_endpoint.trim_end_matches('/');
    let ask = command.token(server, PLAIN).with(&["--token-endpoint", path]);
    let requests = requests_during(server, || ask.fails(3, &["308", "127.0.0.1"]));
    assert_eq!(requests, 1);
}

fn the_command_at_no_path_of_authlib(server: &Server, command: &Command) {
    command.token(server, PLAIN).with(&["--token-endpoint", &no_path(server)]).fails(3, &["http 404"]);
}

fn the_command_is_not_told_of_a_dropped_scope(server: &Server, command: &Command) {
    let ask = command.token(server, PLAIN).with(&["--scope", "nonsense"]);
    assert_eq!(server.status_with(&ask.prints_a_token()), 403);
}

fn the_command_is_told_of_a_wrong_scope(server: &Server, command: &Command) {
    let ask = command.token(server, PLAIN).with(&["--scope", "nonsense"]);
    ask.fails(3, &["invalid_scope", "http 400", "next: request scopes that this client is allowed"]);
}

// Conforms: R-6749-2.3.1-h
fn the_command_refuses_a_second_credential(server: &Server, command: &Command) {
    let both = command.token(server, PLAIN).variable("EVERGRANT_PARAM", "client_secret=another");
    let requests =
        requests_during(server, || both.fails(2, &["client_secret", "at fault: the configuration"]));
    assert_eq!(requests, 0);
}

fn the_command_sends_json(server: &Server, command: &Command) {
    let token = command.token(server, POST).with(&["--auth", "post", "--body", "json"]).prints_a_token();
    assert_eq!(server.status_with(&token), 200);
}

fn the_command_sends_json_to_oidc(server: &Server, command: &Command) {
    let json = command.token(server, POST).with(&["--auth", "post", "--body", "json"]);
    json.fails(3, &["invalid_request", "http 400", "only application/x-www-form-urlencoded"]);
}

fn the_command_sends_json_as_an_empty_form(server: &Server, command: &Command) {
    let json = command.token(server, POST).with(&["--auth", "post", "--body", "json"]);
    json.fails(3, &["unsupported_grant_type", "http 400"]);
}

fn the_command_sends_a_form(server: &Server, command: &Command) {
    let form = command.token(server, POST).with(&["--auth", "post", "--body", "form"]);
    form.fails(3, &["unsupported_grant_type", "http 400"]);
}

fn the_command_at_a_wrong_path(server: &Server, command: &Command) {
    let path = server.token_endpoint.trim_end_matches('/');
    let ask = command.token(server, PLAIN).with(&["--token-endpoint", path]);
    ask.fails(3, &["http 404", "next: check the path of the token endpoint"]);
}

fn the_command_prints_a_jwt(server: &Server, command: &Command) {
    let token = command.token(server, server.client).with(&["--resource", PARCELS]).prints_a_token();
    assert!(is_jwt(&token));
    assert_eq!(server.status_with(&token), 200);
}

fn the_command_after_a_revocation(server: &Server, command: &Command) {
    let first = command.token(server, server.client).prints_a_token();
    assert_eq!(server.status_with(&first), 200);
    server.revoke(&first);
    assert_eq!(server.status_with(&first), 401);
    assert_eq!(server.status_with(&command.token(server, server.client).prints_a_token()), 200);
}

fn the_command_across_expiry(server: &Server, command: &Command) {
    let ask = || command.token(server, BRIEF).with(&["--wait", "60s"]).prints_a_token();
    let first = ask();
    until(|| server.status_with(&first) == 401);
    assert_ne!(ask(), first);
}

// By hand

fn two_credentials(server: &Server) -> (Client, evergrant_tokio_reqwest::core::Response) {
    let second = server.as_client(PLAIN).param("client_secret", "another").build();
    assert!(matches!(second, Err(ConfigError::Parameter { .. })), "evergrant would send it");
    let parameters =
        [("grant_type", "client_credentials"), ("client_id", PLAIN), ("client_secret", "another")];
    (build(server.as_client(PLAIN)), server.send_with_basic(PLAIN, parameters))
}

// Conforms: R-6749-2.3.1-h
fn two_credentials_at_oidc(server: &Server) {
    let (client, answer) = two_credentials(server);
    permanently(&client.read(&answer, Now::default()).unwrap_err(), 400, Some("invalid_request"));
}

/// They take the one that is right, or the one in the header, and say nothing of the other: a mistake would stay hidden.
// Conforms: R-6749-2.3.1-h
fn two_credentials_of_which_one_is_read(server: &Server) {
    let (client, answer) = two_credentials(server);
    client.read(&answer, Now::default()).unwrap();
}
