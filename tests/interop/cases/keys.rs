//! Assertions that a client signs itself (RFC 7523), with every kind of key.

use super::{Run, permanently};
use crate::clocks::OwnClock;
use crate::command::{Asking, Command, can_shift};
use crate::credentials::{Claims, now, placed};
use crate::placed::{Placed, WRITERS, Writer};
use crate::program::{Kind, Program};
use crate::servers::Server;
use crate::shells::{Mount, Setup};
use evergrant_crypto::KeyFile;
use evergrant_tests::{LONG, quick};
use evergrant_tokio_reqwest::core::{Class, ClockOffset, Now, Refusal, Response};
use evergrant_tokio_reqwest::{
    Algorithm, AssertionForm, Client, ClientAuth, ClientBuilder, Event, EventKind, Observer, Provider,
};
use serde_json::{Value, json};
use std::fs;
use std::sync::{Arc, Mutex};

pub(super) fn one_by_one<'a>(server: &'a Server, case: &mut impl FnMut(&'a Server, &'static str, &[Run])) {
    use Run::{ByHand, Command, Program, Shell};
    let (command, shell) = (Command(the_command_signs), Shell(each_algorithm));
    case(server, "each algorithm, from each kind of file", &[command, shell]);
    let command = Command(the_command_signs_each_type);
    case(server, "each type of assertion", &[command, Shell(each_type), ByHand(each_type_by_hand)]);
    case(server, "a key id", &[Command(the_command_names_a_key), Shell(a_key_id)]);
    let command = Command(the_command_signs_for_another);
    case(
        server,
        "an assertion for another audience",
        &[command, Shell(another_audience), ByHand(audiences_by_hand)],
    );
    let command = Command(the_command_refuses_a_second_mechanism);
    case(server, "one mechanism", &[command, ByHand(one_mechanism)]);
    case(server, "an assertion's id, missing or used twice", &[ByHand(ids)]);
    case(server, "an assertion's times", &[ByHand(times)]);
    case(server, BEHIND, &[Shell(a_clock_behind)]);
    case(server, AHEAD, &[Shell(a_clock_ahead)]);
    if can_shift() {
        case(server, BEHIND, &[Command(the_command_is_behind), Program(a_program_is_behind)]);
        case(server, AHEAD, &[Command(the_command_is_ahead)]);
    }
    case(server, "a key that is renewed in its file", &[Shell(a_renewed_key)]);
    case(server, "a wrong key", &[Shell(a_wrong_key)]);
}

const BEHIND: &str = "a clock that is behind";
const AHEAD: &str = "a clock that is ahead";

// What the cases are made of

/// A source that takes the first outcome of a request, of a client that signs with what is in this file.
pub(super) fn signing(key: KeyFile, client: ClientBuilder) -> Setup {
    let policy = quick().with_attempt_timeout(LONG).with_gate(super::HOUR, super::HOUR);
    Setup { fail_fast: true, key: Some(key), ..Setup::new(client.scope("read").build().unwrap(), policy) }
}

pub(super) fn private_key(id: &str) -> ClientAuth {
    ClientAuth::private_key_jwt(id).unwrap()
}

fn key(name: &str) -> KeyFile {
    KeyFile::new(placed(name))
}

/// The server with its token endpoint set.
fn pinned(server: &Server) -> Provider {
    server.provider().with_issuer(&server.audience).unwrap()
}

/// The server with its token endpoint found out.
pub(super) fn discovered(server: &Server) -> Provider {
    let provider = Provider::discovered(&server.audience).unwrap();
    provider.with_origins(server.provider().origins().clone())
}

/// What the server saw of this client's last assertion, by `jose`: it has these members and no other ones. Its jti.
#[track_caller]
pub(super) fn seen(server: &Server, id: &str, header: &Value) -> String {
    let seen = server.seen(id);
    assert_eq!((&seen["header"], &seen["client_id"]), (header, &json!(id)));
    let number = |name: &str| seen["claims"][name].as_u64().unwrap();
    let (iat, exp) = (number("iat"), number("exp"));
    assert_eq!(exp - iat, 60);
    assert!(iat <= now() - 5 && iat + 60 > now(), "iat {iat} at {}", now());
    let jti = seen["claims"]["jti"].as_str().unwrap();
    // 16 bytes in base64url.
    assert_eq!(jti.len(), 22, "{jti}");
    let claims = json!({ "iss": id, "sub": id, "aud": server.audience, "jti": jti, "iat": iat, "exp": exp });
    assert_eq!(seen["claims"], claims);
    jti.to_owned()
}

fn header(algorithm: &str, key_id: Option<&str>) -> Value {
    let mut header = json!({ "alg": algorithm, "typ": "client-authentication+jwt" });
    if let Some(key_id) = key_id {
        header["kid"] = key_id.into();
    }
    header
}

/// Why the server refuses a client like this, and what is said of it.
fn refusal(mount: Mount, setup: Setup) -> (Refusal, String) {
    let error = mount(setup).token().unwrap_err();
    let refusal = error.refusal().unwrap().clone();
    (refusal.clone(), refusal.to_string())
}

// On every adapter

/// A client, its key, and how the two sign.
struct Signing {
    id: &'static str,
    file: &'static str,
    /// The key's name, if it is set.
    named: Option<&'static str>,
    /// Whether the server's metadata says what it takes.
    found: bool,
    set: Option<Algorithm>,
    algorithm: &'static str,
    key_id: Option<&'static str>,
}

impl Signing {
    const fn new(id: &'static str, file: &'static str, algorithm: &'static str) -> Self {
        Self { id, file, named: None, found: false, set: None, algorithm, key_id: None }
    }

    const fn with_id(self, key_id: &'static str) -> Self {
        Self { key_id: Some(key_id), ..self }
    }

    const fn found(self) -> Self {
        Self { found: true, ..self }
    }
}

const SIGNINGS: [Signing; 13] = [
    Signing::new("key ES256", "ES256.pem", "ES256"),
    Signing::new("key ES256", "ES256.jwk.json", "ES256").with_id("key-ES256").found(),
    Signing {
        named: Some("key-ES256"),
        ..Signing::new("ES256 alone", "ES256.pem", "ES256").with_id("key-ES256")
    },
    Signing::new("key SEC1", "SEC1.pem", "ES256"),
    Signing::new("key ES384", "ES384.pem", "ES384"),
    Signing::new("key ES384", "ES384.jwk.json", "ES384").with_id("key-ES384").found(),
    Signing::new("key EdDSA", "EdDSA.pem", "EdDSA"),
    Signing::new("key EdDSA", "EdDSA.jwk.json", "EdDSA").with_id("key-EdDSA").found(),
    // One key: where nobody knows what the server takes, RS256; where it says that it takes it, PS256.
    Signing::new("key RS256", "RS256.pem", "RS256"),
    Signing::new("key RS256", "RS256.pem", "PS256").found(),
    // These say themselves how they sign.
    Signing::new("key PS256", "PS256.jwk.json", "PS256").with_id("key-PS256"),
    Signing::new("key RS256", "RS256.jwk.json", "RS256").with_id("key-RS256").found(),
    Signing { set: Some(Algorithm::Rs384), ..Signing::new("key RS384", "RS384.pem", "RS384").found() },
];

/// The client whose secret signs.
const BY_SECRET: &str = "secret jwt";

/// Its secret, which is longer than that of the others: 32 bytes at least (RFC 7518 §3.2).
fn long_secret(server: &Server) -> String {
    format!("{} and as long as it has to be", server.secret)
}

// Conforms: R-7523-a, R-7523-b, R-7523-c, R-7523-e, R-7523-f, R-7523-g, R-7523-h, R-7523-i, R-8414-2-d
fn each_algorithm(server: &Server, mount: Mount) {
    let sends = |id: &str, header: &Value, file: &KeyFile, client: ClientBuilder| {
        let shell = mount(signing(file.clone(), client));
        let [first, second] = [(), ()].map(|()| {
            shell.forget();
            assert_eq!(shell.call(&server.resource), 200, "{id}");
            seen(server, id, header)
        });
        assert_ne!(first, second);
    };
    for Signing { id, file, named, found, set, algorithm, key_id } in SIGNINGS {
        let provider = if found { discovered(server) } else { pinned(server) };
        let file = named.map_or_else(|| key(file), |named| key(file).with_id(named));
        let client = Client::builder(provider, private_key(id));
        let client = match set {
            Some(set) => client.assertion_algorithm(set),
            None => client,
        };
        sends(id, &header(algorithm, key_id), &file, client);
    }
    let file = Placed::new(Writer::Rename, &format!("{}\n", long_secret(server)));
    let client = Client::builder(pinned(server), ClientAuth::client_secret_jwt(BY_SECRET).unwrap());
    sends(BY_SECRET, &header("HS256", None), &KeyFile::secret(file.path()), client);
}

/// With the `nbf` that some servers ask for, too.
// Conforms: R-7523-f
fn each_type(server: &Server, mount: Mount) {
    let id = "key ES256";
    let form = AssertionForm::new().with_type("JWT").unwrap().with_not_before();
    let provider = pinned(server).with_assertion_form(form);
    let shell = mount(signing(key("ES256.pem"), Client::builder(provider, private_key(id))));
    assert_eq!(shell.call(&server.resource), 200);
    let seen = server.seen(id);
    assert_eq!(seen["header"], json!({ "alg": "ES256", "typ": "JWT" }));
    assert_eq!(seen["claims"]["nbf"], seen["claims"]["iat"]);
}

/// A wrong one is refused, and no other key tried. Without one the server tries all that it has for the algorithm.
fn a_key_id(server: &Server, mount: Mount) {
    let wrong = key("ES256.pem").with_id("nobody's");
    let (refusal, said) =
        refusal(mount, signing(wrong, Client::builder(pinned(server), private_key("key ES256"))));
    permanently(&refusal, 401, Some("invalid_client"));
    let path = placed("ES256.pem");
    let told =
        format!("signed as client-authentication+jwt by ES256 with the key nobody's in {},", path.display());
    assert!(said.contains("by this key id") && said.contains(&told), "{said}");
    for name in ["ES256.pem", "SEC1.pem"] {
        let client = Client::builder(pinned(server), private_key("several keys"));
        assert_eq!(mount(signing(key(name), client)).call(&server.resource), 200, "{name}");
        assert_eq!(server.seen("several keys")["header"], header("ES256", None));
    }
}

/// A slash too many is another issuer.
// Conforms: R-7523-c, R-7523-d
fn another_audience(server: &Server, mount: Mount) {
    let id = "key ES256";
    let provider = server.provider().with_issuer(&format!("{}/", server.audience)).unwrap();
    let (refusal, said) =
        refusal(mount, signing(key("ES256.pem"), Client::builder(provider, private_key(id))));
    permanently(&refusal, 401, Some("invalid_client"));
    let told = format!("has the audience {}/ and the subject {id}", server.audience);
    assert!(said.contains("and this audience") && said.contains(&told), "{said}");
    // Nobody has said who the issuer is.
    let shell = mount(signing(key("ES256.pem"), Client::builder(server.provider(), private_key(id))));
    assert_eq!(shell.call(&server.resource), 200);
    assert_eq!(server.seen(id)["claims"]["aud"], json!(server.token_endpoint));
}

/// How often somebody was told that the clocks are apart.
#[derive(Default)]
struct Told(Mutex<Vec<ClockOffset>>);

impl Observer for Told {
    fn event(&self, event: &Event<'_>) {
        if let EventKind::ClockOff { offset, .. } = event.kind {
            self.0.lock().unwrap().push(*offset);
        }
    }
}

/// Two tokens on a machine with this clock, and how many requests were refused meanwhile.
fn on_a_clock(server: &Server, mount: Mount, clock: OwnClock) -> (u64, ClockOffset) {
    let id = "key ES256";
    let told = Arc::new(Told::default());
    let observer = Arc::<Told>::clone(&told);
    let setup = signing(key("ES256.pem"), Client::builder(pinned(server), private_key(id)));
    let shell = mount(Setup { clock: Some(clock), observer: Some(observer), ..setup });
    let (granted, refused) = server.ended(id);
    assert_eq!(shell.call(&server.resource), 200);
    let first = server.ended(id).1 - refused;
    for _ in 0..2 {
        shell.forget();
        assert_eq!(shell.call(&server.resource), 200);
        seen(server, id, &header("ES256", None));
    }
    assert_eq!(server.ended(id), (granted + 3, refused + first));
    let told = told.0.lock().unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    (first, told[0])
}

/// The first assertion had ended before it was sent. The answer says what time it is, and that failure is nobody's.
// Conforms: R-7523-j
fn a_clock_behind(server: &Server, mount: Mount) {
    let (refused, offset) = on_a_clock(server, mount, OwnClock::behind(140));
    assert_eq!(refused, 1);
    assert!(matches!(offset, ClockOffset::Behind(by) if by.as_secs().abs_diff(140) < 20), "{offset}");
}

/// oidc-provider looks at `exp` alone: the first assertion is taken, and the next ones have the server's time.
// Conforms: R-7523-j
fn a_clock_ahead(server: &Server, mount: Mount) {
    let (refused, offset) = on_a_clock(server, mount, OwnClock::ahead(140));
    assert_eq!(refused, 0);
    assert!(matches!(offset, ClockOffset::Ahead(by) if by.as_secs().abs_diff(140) < 20), "{offset}");
}

fn text(name: &str) -> String {
    fs::read_to_string(placed(name)).unwrap()
}

/// Each time it signs with what is there then, by what that can.
fn a_renewed_key(server: &Server, mount: Mount) {
    let id = "renewed";
    for writer in WRITERS {
        let file = Placed::new(writer, &text("ES256.pem"));
        let setup = signing(KeyFile::new(file.path()), Client::builder(pinned(server), private_key(id)));
        let shell = mount(setup);
        assert_eq!(shell.call(&server.resource), 200);
        seen(server, id, &header("ES256", None));
        file.put(&text("ES384.jwk.json"));
        assert_eq!((shell.call(&server.resource), shell.status().requests), (200, 1));
        shell.forget();
        assert_eq!(shell.call(&server.resource), 200);
        seen(server, id, &header("ES384", Some("key-ES384")));
    }
}

/// It is sent once more when it has rested for 10 s, then for 20 s, and another one as soon as it is there.
fn a_wrong_key(server: &Server, mount: Mount) {
    let id = "key ES384";
    let file = Placed::new(Writer::Rename, &text("ES256.pem"));
    let client = Client::builder(pinned(server), private_key(id));
    let clock = OwnClock::default();
    let setup = signing(KeyFile::new(file.path()), client);
    let shell = mount(Setup { clock: Some(clock.clone()), ..setup });
    let (granted, refused) = server.ended(id);
    for requests in [1, 2, 2] {
        let error = shell.token().unwrap_err();
        permanently(error.refusal().unwrap(), 401, Some("invalid_client"));
        assert_eq!(server.ended(id), (granted, refused + requests));
        let said = format!("{error} {error:?} {:?}", shell.status());
        assert!(said.contains(&file.path()) && !said.contains("PRIVATE KEY"), "{said}");
        clock.pass(super::HEALS);
    }
    file.put(&text("ES384.pem"));
    assert_eq!(shell.call(&server.resource), 200);
    assert_eq!(server.ended(id), (granted + 1, refused + 2));
}

// With the command

/// As this client, who signs with the key in this file.
pub(super) fn asking(server: &Server, command: &Command, id: &str, file: &str) -> Asking {
    let ask =
        command.vouched(server).with(&["--client-id", id, "--key-file", placed(file).to_str().unwrap()]);
    ask.with(&["--issuer", &server.audience])
}

/// The same of a server whose token endpoint is found out.
pub(super) fn finding(server: &Server, command: &Command, id: &str, file: &str) -> Asking {
    asking(server, command, id, file).without("EVERGRANT_TOKEN_ENDPOINT")
}

// Conforms: R-7523-a, R-7523-b, R-7523-c, R-7523-f, R-7523-g
fn the_command_signs(server: &Server, command: &Command) {
    let prints = |id: &str, header: &Value, ask: &dyn Fn() -> Asking| {
        let [first, second] = [(), ()].map(|()| {
            assert_eq!(server.status_with(&ask().prints_a_token()), 200, "{id}");
            seen(server, id, header)
        });
        assert_ne!(first, second);
    };
    for Signing { id, file, named, found, set, algorithm, key_id } in SIGNINGS {
        let ask = || {
            let asked = if found { finding } else { asking };
            let mut ask = asked(server, command, id, file);
            if let Some(named) = named {
                ask = ask.with(&["--key-id", named]);
            }
            if let Some(set) = set {
                ask = ask.with(&["--assertion-algorithm", set.name()]);
            }
            ask
        };
        prints(id, &header(algorithm, key_id), &ask);
    }
    let secret = long_secret(server);
    let file = Placed::new(Writer::Rename, &secret);
    let ask = || {
        let ask = command.vouched(server).with(&["--client-id", BY_SECRET, "--issuer", &server.audience]);
        ask.with(&["--auth", "client-secret-jwt", "--client-secret-file", &file.path()]).hiding(&secret)
    };
    prints(BY_SECRET, &header("HS256", None), &ask);
}

fn the_command_signs_each_type(server: &Server, command: &Command) {
    let id = "key ES256";
    asking(server, command, id, "ES256.pem").with(&["--assertion-header-type", "JWT"]).prints_a_token();
    assert_eq!(server.seen(id)["header"], json!({ "alg": "ES256", "typ": "JWT" }));
}

fn the_command_names_a_key(server: &Server, command: &Command) {
    let wrong = asking(server, command, "key ES256", "ES256.pem").with(&["--key-id", "nobody's"]);
    wrong.fails(3, &["invalid_client", "http 401", "by this key id", "the key nobody's in"]);
    asking(server, command, "several keys", "ES256.pem").prints_a_token();
}

fn the_command_signs_for_another(server: &Server, command: &Command) {
    let (id, slash) = ("key ES256", format!("{}/", server.audience));
    let wrong = command.vouched(server).with(&["--client-id", id, "--issuer", &slash]);
    let wrong = wrong.with(&["--key-file", placed("ES256.pem").to_str().unwrap()]);
    let told = format!("has the audience {slash} and the subject {id}");
    wrong.fails(3, &["invalid_client", "http 401", "and this audience", &told]);
    let ask = asking(server, command, id, "ES256.pem").with(&["--assertion-audience", "token-endpoint"]);
    ask.prints_a_token();
    assert_eq!(server.seen(id)["claims"]["aud"], json!(server.token_endpoint));
}

fn the_command_refuses_a_second_mechanism(server: &Server, command: &Command) {
    let secret = Placed::new(Writer::Rename, &server.secret);
    let counts = server.ended("key ES256");
    let ask = || asking(server, command, "key ES256", "ES256.pem");
    ask().with(&["--client-secret-file", &secret.path()]).fails(2, &["both set", "in one way"]);
    ask().with(&["--auth", "basic"]).fails(2, &["at fault: the configuration"]);
    ask().variable("EVERGRANT_PARAM", "client_secret=another").fails(2, &["client_secret"]);
    ask()
        .variable("EVERGRANT_TOKEN_HEADER", "Authorization: Basic YTpi")
        .fails(2, &["authorization is reserved"]);
    assert_eq!(server.ended("key ES256"), counts);
}

/// With the second request, and a line about its clock.
fn the_command_is_behind(server: &Server, command: &Command) {
    let (id, command) = ("key ES256", command.shifted("-140s"));
    let (granted, refused) = server.ended(id);
    let ended = asking(server, &command, id, "ES256.pem").end();
    assert_eq!((ended.status, server.ended(id)), (0, (granted + 1, refused + 1)), "{}", ended.stderr);
    assert_eq!(server.status_with(ended.stdout.trim_end()), 200);
}

fn the_command_is_ahead(server: &Server, command: &Command) {
    asking(server, &command.shifted("+140s"), "key ES256", "ES256.pem").prints_a_token();
}

/// It has a token with the second request, and says once what its clock is.
fn a_program_is_behind(server: &Server, command: &Command, kind: Kind) {
    let id = "key ES384";
    let (granted, refused) = server.ended(id);
    let profile = profile(server, id, placed("ES384.pem").to_str().unwrap());
    let program = Program::start(kind, &command.shifted("-140s"), server, &profile, &[]);
    assert_eq!(server.ended(id), (granted + 1, refused + 1));
    let said = program.said();
    assert_eq!(said.matches("behind the server's: set one of the two").count(), 1, "{said}");
}

/// The profile of this client, whose key is in this file.
fn profile(server: &Server, id: &str, path: &str) -> String {
    let issuer = &server.audience;
    format!("client_id = \"{id}\"\nissuer = \"{issuer}\"\nsigning_key = {{ file = \"{path}\" }}")
}

/// A key that nobody knows is in the file, and then one that the server knows beside the first.
pub(super) fn wrong_then_new(server: &Server, command: &Command, kind: Kind) {
    let id = if kind == Kind::Run { "brief key of run" } else { "brief key of gateway" };
    let writer = if kind == Kind::Run { Writer::Rename } else { Writer::Projected };
    let file = Placed::new(writer, &text("ES256.pem"));
    let program = Program::start(kind, command, server, &profile(server, id, &file.path()), &[]);
    seen(server, id, &header("ES256", None));
    file.put(&text("EdDSA.pem"));
    program
        .until(|program| program.call() != 200 && program.said().contains("the client assertion, signed as"));
    let (granted, refused) = server.ended(id);
    assert_eq!(refused, 1, "one request with the wrong key");
    file.put(&text("ES384.jwk.json"));
    super::heals(&program, server, id, (granted, refused));
    seen(server, id, &header("ES384", Some("key-ES384")));
    let said = program.said();
    assert!(said.contains(&file.path()) && !said.contains("PRIVATE KEY") && !said.contains("eyJ"), "{said}");
}

// By hand

/// What core reads of this answer: `Ok`, or the status and the code of a refusal for good.
fn read(server: &Server, id: &str, answer: &Response) -> Result<(), (u16, String)> {
    let client = Client::builder(pinned(server), private_key(id)).build().unwrap();
    match client.read(answer, Now::default()) {
        Ok(_) => Ok(()),
        Err(refusal) => {
            assert_eq!(refusal.class(), Class::Permanent, "{refusal}");
            Err((refusal.status().unwrap(), refusal.code().unwrap().to_owned()))
        }
    }
}

const BY_HAND: &str = "key ES256";

fn sent(server: &Server, claims: &Claims) -> Result<(), (u16, String)> {
    read(server, BY_HAND, &server.send_assertion(&claims.signed(server, "ES256"), &[]))
}

fn refused(status: u16, code: &str) -> Result<(), (u16, String)> {
    Err((status, code.to_owned()))
}

fn each_type_by_hand(server: &Server) {
    let claims = Claims::of(server, BY_HAND);
    for header_type in [json!("client-authentication+jwt"), json!("JWT"), json!("jwt"), Value::Null] {
        let claims = Claims::of(server, BY_HAND).with_header("typ", header_type.clone());
        assert_eq!(sent(server, &claims), Ok(()), "{header_type}");
    }
    // Signed in another way than the header says is no signature, and neither is one of another key.
    let by_another = claims.clone().with_header("alg", "ES384").signed(server, "ES384");
    let answer = server.send_assertion(&by_another, &[]);
    assert_eq!(read(server, BY_HAND, &answer), refused(401, "invalid_client"));
}

fn audiences_by_hand(server: &Server) {
    let issuer = &server.audience;
    let with = |audience: Value| sent(server, &Claims::of(server, BY_HAND).with("aud", audience));
    assert_eq!(with(json!(server.token_endpoint)), Ok(()));
    // Evergrant never sends a list (RFC 7523bis §4); this server takes it.
    assert_eq!(with(json!([issuer])), Ok(()));
    assert_eq!(with(json!([issuer, "https://login.example.com"])), Ok(()));
    for other in [json!(format!("{issuer}/")), json!("https://login.example.com"), json!([]), Value::Null] {
        assert_eq!(with(other.clone()), refused(401, "invalid_client"), "{other}");
    }
}

// Conforms: R-7523-a
fn one_mechanism(server: &Server) {
    let assertion = || Claims::of(server, BY_HAND).signed(server, "ES256");
    let with = |more: &[(&str, &str)]| read(server, BY_HAND, &server.send_assertion(&assertion(), more));
    // Of whom it is may be said beside it, and need not.
    assert_eq!(with(&[]), Ok(()));
    assert_eq!(with(&[("client_id", BY_HAND)]), Ok(()));
    assert_eq!(with(&[("client_id", "post")]), refused(400, "invalid_request"));
    assert_eq!(with(&[("client_secret", &server.secret)]), refused(400, "invalid_request"));
    let basic = server.authorization(BY_HAND);
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let own = [("client_assertion_type", kind), ("client_assertion", &*assertion())];
    assert_eq!(read(server, BY_HAND, &server.send(Some(&basic), &own)), refused(400, "invalid_request"));
    assert_eq!(read(server, BY_HAND, &server.send(None, &own[1..])), refused(400, "invalid_request"));
    // Evergrant cannot be brought to send any of these.
    for (name, value) in
        [("client_secret", "another"), ("client_assertion", "another"), ("client_id", "post")]
    {
        let client = Client::builder(pinned(server), private_key(BY_HAND)).param(name, value);
        assert!(client.build().is_err(), "{name}");
    }
}

// Conforms: A-32, R-7523-g
fn ids(server: &Server) {
    let missing = Claims::of(server, BY_HAND).with("jti", Value::Null);
    assert_eq!(sent(server, &missing), refused(401, "invalid_client"));
    let used = Claims::of(server, BY_HAND).with("jti", format!("used twice at {}", now()));
    assert_eq!(sent(server, &used), Ok(()));
    assert_eq!(sent(server, &used), refused(401, "invalid_client"));
    assert_eq!(sent(server, &used.with("exp", now() + 40)), refused(401, "invalid_client"));
}

/// It grants its clock and ours 15 s, and does not look at `iat`.
fn times(server: &Server) {
    let with = |name: &str, value: u64| sent(server, &Claims::of(server, BY_HAND).with(name, value));
    assert_eq!(with("nbf", now()), Ok(()));
    assert_eq!(with("nbf", now() + 30), refused(401, "invalid_client"));
    assert_eq!(with("iat", now() + 20), Ok(()));
    assert_eq!(with("exp", now() - 185), refused(401, "invalid_client"));
    assert_eq!(with("exp", now() + 3600), Ok(()));
    let endless = Claims::of(server, BY_HAND).with("exp", Value::Null);
    assert_eq!(sent(server, &endless), refused(401, "invalid_client"));
}
