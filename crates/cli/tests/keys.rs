//! Clients that prove who they are by a key: assertions that they sign themselves, certificates that their connections show; and servers
//! that are found by their issuer.
#![cfg(unix)]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evergrant_mock::{Issuer, Recorded, Registration, Server};
use fixture::{Ended, Folder, evergrant, fails, fed, run, set_mode, token, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const ID: &str = "orders";
/// For HS256 (RFC 7518 §3.2).
const SECRET: &str = "a secret of 32 bytes or more, as RFC 7518 has it";

/// A key in PEM, and a server that knows it.
struct Signed {
    server: Server,
    folder: Folder,
    key: String,
}

/// A new key on P-256 in PEM.
fn new_key() -> String {
    rcgen::KeyPair::generate().unwrap().serialize_pem()
}

fn registered(pem: &str) -> Registration {
    let jwk = Issuer::with_key(ID, pem, None).unwrap().jwk();
    let mut jwk: Value = serde_json::from_str(&jwk).unwrap();
    jwk["kid"] = "2026".into();
    Registration::private_key_jwt(ID, &jwk.to_string()).unwrap()
}

/// A new key on P-256 as a JWK with this name, and its public half.
fn new_jwk(id: &str) -> (String, Value) {
    let pkcs8 = rcgen::KeyPair::generate().unwrap().serialize_der();
    // What ring writes has these lengths: the private number, and at the end both coordinates.
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let (d, point) = (text(&pkcs8[36..68]), &pkcs8[pkcs8.len() - 64..]);
    let public =
        json!({ "kty": "EC", "crv": "P-256", "kid": id, "x": text(&point[..32]), "y": text(&point[32..]) });
    let mut private = public.clone();
    private["d"] = d.into();
    (private.to_string(), public)
}

/// A server that knows these.
fn knows(server: &Server, keys: &[&Value]) {
    let set = json!({ "keys": keys }).to_string();
    server.register(Registration::private_key_jwt(ID, &set).unwrap());
}

impl Signed {
    fn new() -> Self {
        let key = new_key();
        let server = Server::builder().registers(registered(&key)).start().unwrap();
        let folder = Folder::new();
        let key = folder.file("key.pem", 0o600, key);
        Self { server, folder, key }
    }

    /// This command for the client at the server's issuer.
    fn asking(&self, words: &[&str]) -> Command {
        let mut command = evergrant(words);
        command.env("EVERGRANT_ISSUER", self.server.issuer()).env("EVERGRANT_CLIENT_ID", ID);
        command
    }

    fn token(&self, arguments: &[&str]) -> Command {
        let mut command = self.asking(&["token"]);
        command.args(arguments);
        command
    }

    /// A configuration with this in the profile `own`.
    fn config(&self, more: &str) -> String {
        let issuer = self.server.issuer();
        let text = format!("[profile.own]\nissuer = \"{issuer}\"\nclient_id = \"{ID}\"\n{more}\n");
        self.folder.file("config.toml", 0o600, text)
    }

    fn profile(&self, more: &str) -> Command {
        let mut command = token(&["--profile", "own", "--config", &self.config(more)]);
        command.current_dir(self.folder.path());
        command
    }

    fn last(&self) -> Recorded {
        self.server.requests().pop().unwrap()
    }
}

#[track_caller]
fn works(command: &mut Command) -> String {
    let Ended { status, stdout, stderr } = run(command);
    assert_eq!((status, stderr.as_str()), (0, ""), "{stdout}");
    stdout
}

/// A command makes one token request and takes what comes of it; but of that it is the clock's fault.
#[test]
fn a_machine_whose_clock_is_behind_has_a_token_with_the_second_request() {
    let signed = Signed::new();
    signed.server.set_clock_offset(140);
    let ended = run(&mut signed.token(&["--key-file", &signed.key]));
    assert_eq!((ended.status, ended.stdout.len() > 20), (0, true), "{}", ended.stderr);
    assert_eq!(signed.server.counts().token_requests, 2);
}

#[test]
fn a_key_signs_an_assertion_for_the_issuer_whose_metadata_says_where_to_send_it() {
    let signed = Signed::new();
    let printed = works(&mut signed.token(&["--key-file", &signed.key, "--key-id", "2026"]));
    assert_eq!(printed.trim_end(), signed.server.issued()[0]);
    let request = signed.last();
    let assertion = request.assertion().unwrap();
    assert_eq!((assertion.alg(), assertion.typ()), (Some("ES256"), Some("client-authentication+jwt")));
    assert_eq!((assertion.kid(), assertion.aud()), (Some("2026"), Some(signed.server.issuer().as_str())));
    let counts = signed.server.counts();
    assert_eq!((counts.metadata_requests, counts.token_requests), (1, 1));
    // By variables; by stdin; beside a token endpoint, without asking for metadata.
    let mut command = signed.token(&[]);
    works(command.env("EVERGRANT_KEY_FILE", &signed.key));
    let key = fs::read(&signed.key).unwrap();
    assert_eq!(fed(&mut signed.token(&["--key-file", "-"]), &key).status, 0);
    let metadata = signed.server.counts().metadata_requests;
    works(&mut signed.token(&[
        "--key-file",
        &signed.key,
        "--token-endpoint",
        &signed.server.token_endpoint(),
    ]));
    assert_eq!(signed.server.counts().metadata_requests, metadata);
    assert_eq!(signed.last().assertion().unwrap().aud(), Some(signed.server.issuer().as_str()));
}

#[test]
fn what_a_server_wants_otherwise_can_be_said() {
    let signed = Signed::new();
    let asked = |arguments: &[&str]| {
        let ended = run(signed.token(&["--key-file", &signed.key]).args(arguments));
        (ended, signed.last())
    };
    let (ended, request) = asked(&["--assertion-header-type", "JWT"]);
    assert_eq!((ended.status, request.assertion().unwrap().typ()), (0, Some("JWT")));
    let endpoint = signed.server.token_endpoint();
    let (_, request) = asked(&["--assertion-audience", "token-endpoint", "--token-endpoint", &endpoint]);
    assert_eq!(request.assertion().unwrap().aud(), Some(endpoint.as_str()));
    let (ended, _) = asked(&["--assertion-audience", "token-endpoint"]);
    assert!(ended.stderr.contains("next: name it with --token-endpoint, or leave"), "{}", ended.stderr);
    let (_, request) = asked(&["--assertion-audience", "https://login.example.com"]);
    assert_eq!(request.assertion().unwrap().aud(), Some("https://login.example.com"));
    let (ended, _) = asked(&["--assertion-algorithm", "RS384"]);
    assert_eq!(ended.status, 2);
    assert!(ended.stderr.contains("cannot sign by RS384, it can ES256"), "{}", ended.stderr);
    let (ended, _) = asked(&["--assertion-algorithm", "none"]);
    assert!(ended.stderr.contains("ES256, ES384, EdDSA, RS256, RS384 or PS256"), "{}", ended.stderr);
    // Claims are for a profile to say.
    let claims = "signing_key = { file = \"key.pem\" }\nassertion_claims = { text = \"a\", list = [1, { b = true }], n = 1.5 }";
    works(&mut signed.profile(claims));
    let request = signed.last();
    let assertion = request.assertion().unwrap();
    let claim = |name: &str| assertion.claim(name).unwrap();
    assert_eq!([claim("text"), claim("n"), claim("list")], [r#""a""#, "1.5", r#"[1,{"b":true}]"#]);
}

#[test]
fn a_secret_signs_where_the_method_says_so() {
    let server = Server::builder().registers(Registration::client_secret_jwt(ID, SECRET)).start().unwrap();
    let folder = Folder::new();
    let asking = |arguments: &[&str]| {
        let mut command =
            token(&["--issuer", &server.issuer(), "--client-id", ID, "--auth", "client-secret-jwt"]);
        command.args(arguments);
        command
    };
    works(asking(&[]).env("EVERGRANT_CLIENT_SECRET", SECRET));
    assert_eq!(server.requests().last().unwrap().assertion().unwrap().alg(), Some("HS256"));
    let file = folder.file("secret", 0o600, format!("{SECRET}\n"));
    works(&mut asking(&["--client-secret-file", &file]));
    let short = folder.file("short", 0o600, "short");
    fails(
        &mut asking(&["--client-secret-file", &short]),
        2,
        &["shorter than 32 bytes", "use --auth basic or --auth post"],
    );
}

#[test]
fn a_profile_says_where_the_key_is_and_it_goes_nowhere_else() {
    let signed = Signed::new();
    let places = [
        "{ file = \"key.pem\" }",
        "{ command = [\"cat\", \"key.pem\"] }",
        "{ env = \"OWN_KEY\" }",
        "{ credential = \"key.pem\" }",
    ];
    for place in places {
        let mut command = signed.profile(&format!("signing_key = {place}\nkey_id = \"2026\""));
        command.env("OWN_KEY", fs::read_to_string(&signed.key).unwrap());
        works(command.env("CREDENTIALS_DIRECTORY", signed.folder.path()));
        assert_eq!(signed.last().assertion().unwrap().kid(), Some("2026"), "{place}");
    }
    let own = || signed.profile("signing_key = { file = \"key.pem\" }");
    let requests = signed.server.counts().token_requests;
    for elsewhere in [
        ["--issuer", "https://evil.example"],
        ["--token-endpoint", "https://evil.example/token"],
        ["--metadata-url", "https://evil.example/metadata"],
        ["--client-id", "another"],
    ] {
        fails(own().args(elsewhere), 2, &["the profile's signing key is only for", "--key-file"]);
    }
    assert_eq!(signed.server.counts().token_requests, requests);
    // One that is named for it is used.
    let mut command = own();
    command.args(["--key-file", &signed.key, "--token-endpoint", &signed.server.token_endpoint()]);
    works(&mut command);
}

#[test]
fn two_proofs_and_proofs_that_do_not_fit_the_method_are_told_apart() {
    let signed = Signed::new();
    let key = signed.key.clone();
    let asking = |arguments: &[&str]| signed.token(arguments);
    fails(
        &mut asking(&["--key-file", &key, "--client-secret-file", &key]),
        2,
        &["--client-secret-file and --key-file are both set", "remove one of the two"],
    );
    fails(
        &mut asking(&["--key-file", &key, "--assertion-file", &key]),
        2,
        &["--assertion-file and --key-file are both set"],
    );
    fails(
        &mut asking(&["--auth", "private-key-jwt"]),
        2,
        &["--auth says private-key-jwt, and there is none", "signing_key = { file"],
    );
    fails(
        &mut asking(&["--key-file", &key, "--auth", "post"]),
        2,
        &["--auth says another authentication method, and there is a signing key"],
    );
    fails(&mut asking(&["--auth", "tls"]), 2, &["--auth says tls, and there is none", "--certificate"]);
    fails(
        &mut asking(&["--certificate-key", &key]),
        2,
        &["--certificate-key names the key of a certificate, and there is no certificate"],
    );
    fails(&mut asking(&["--certificate", "-"]), 2, &["--certificate is stdin", "name a file"]);
    fails(
        &mut asking(&["--certificate", &key]),
        2,
        &["--certificate names a certificate to show, and the server is at plain http", "https"],
    );
    let mut other = asking(&["--key-id", "2026"]);
    fails(
        other.env("EVERGRANT_CLIENT_SECRET", "secret"),
        2,
        &["--key-id is about the assertions that a client signs, and this one signs none"],
    );
    fails(&mut asking(&["--key-file", "no/such.pem"]), 2, &["with the signing key cannot be opened"]);
    for (content, says) in [
        ("", "is empty"),
        ("my-client-secret", "cannot be used"),
        ("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "certificate"),
    ] {
        let file = signed.folder.file("wrong", 0o600, content);
        let ended = run(&mut asking(&["--key-file", &file]));
        assert_eq!(ended.status, 2, "{}", ended.stderr);
        assert!(
            ended.stderr.contains(says) && !ended.stderr.contains("my-client-secret"),
            "{}",
            ended.stderr
        );
    }
    set_mode(&key, 0o644);
    fails(
        &mut asking(&["--key-file", &key]),
        2,
        &["other users can read the file", "with the signing key", "chmod 600"],
    );
    let both = "client_assertion = { file = \"a\" }\nsigning_key = { file = \"key.pem\" }\n";
    fails(
        &mut signed.profile(both),
        2,
        &["config.toml:5: there are both a client_assertion and a signing_key"],
    );
    let none = "signing_key = { file = \"key.pem\" }\nassertion_algorithm = \"none\"\nassertion_claims = { sub = \"x\" }\n";
    fails(
        &mut signed.profile(none),
        2,
        &["config.toml:5: assertion_algorithm: this is no algorithm of assertions"],
    );
    let ended = run(evergrant(&["config", "check", "--config"]).arg(signed.config(none)));
    assert!(ended.stderr.contains(":6: claim \"sub\" cannot be added"), "{}", ended.stderr);
    assert_eq!(signed.server.counts().token_requests, 0);
}

#[test]
fn an_issuer_that_has_no_metadata_or_is_another_one_is_told_with_what_to_change() {
    let signed = Signed::new();
    let key = ["--key-file", &signed.key];
    let issuer = signed.server.issuer();
    let mut command = evergrant(&["token", "--issuer", &format!("{issuer}/erp"), "--client-id", ID]);
    fails(
        command.args(key),
        3,
        &[
            "metadata cannot be had",
            "at fault: the issuer, or the address of its metadata",
            "--metadata-url rfc8414",
        ],
    );
    works(&mut signed.token(&[key[0], key[1], "--metadata-url", "rfc8414"]));
    let place = format!("{issuer}/.well-known/openid-configuration");
    works(&mut signed.token(&[key[0], key[1], "--metadata-url", &place]));
    let mut command = evergrant(&["token", "--issuer", &format!("{issuer}/"), "--client-id", ID]);
    fails(
        command.args(key),
        3,
        &[&format!("its issuer is {issuer}, and this client is configured for {issuer}/")],
    );
    let endpoint = signed.server.token_endpoint();
    fails(
        &mut signed.token(&[key[0], key[1], "--metadata-url", "rfc8414", "--token-endpoint", &endpoint]),
        2,
        &["the metadata of --metadata-url is not asked for, since the token endpoint is known"],
    );
    fails(
        &mut evergrant(&["token", "--client-id", ID]),
        2,
        &["no authorization server is named", "--issuer URL"],
    );
    let mut query = evergrant(&["token", "--issuer", "https://a.example?b=c", "--client-id", ID]);
    fails(query.args(key), 2, &["issuer has a query"]);
    let mut plain = evergrant(&["token", "--issuer", "http://a.example", "--client-id", ID]);
    fails(plain.args(key), 2, &["issuer is plain http to a.example", "--dangerous-plain-http"]);
}

#[test]
fn what_is_shown_of_a_client_has_its_issuer_and_where_its_key_is_and_nothing_of_it() {
    let signed = Signed::new();
    let config = signed.config(
        "signing_key = { file = \"key.pem\" }\nkey_id = \"2026\"\nassertion_claims = { a = \"SENTINEL\" }",
    );
    let shown = works(evergrant(&["config", "show", "--profile", "own", "--config"]).arg(&config));
    let issuer = signed.server.issuer();
    for line in [
        "token_endpoint        none  (default)".to_owned(),
        format!("issuer                {issuer}  (profile own, line 2)"),
        format!("metadata_url          {issuer}/.well-known/openid-configuration  (default)"),
        "auth                  private-key-jwt  (default)".to_owned(),
        format!("signing_key           in {}  (profile own, line 4)", signed.key),
        "key_id                2026  (profile own, line 5)".to_owned(),
        "assertion_audience    issuer  (default)".to_owned(),
        "assertion_claims      a  (profile own, line 6)".to_owned(),
    ] {
        assert!(shown.contains(&line), "{line:?} is not in: {shown}");
    }
    assert!(!shown.contains("SENTINEL") && !shown.contains("PRIVATE"), "{shown}");
    let checked = works(evergrant(&["config", "check", "--config"]).arg(&config));
    assert!(checked.contains(&format!("client {ID}, key in {}", signed.key)), "{checked}");
    fs::write(&signed.key, "no key").unwrap();
    let ended = run(evergrant(&["config", "check", "--config"]).arg(&config));
    assert_eq!(ended.status, 2);
    assert!(ended.stderr.contains("config.toml:4: the signing key"), "{}", ended.stderr);
    let mut init = evergrant(&["config", "init", "--config"]);
    init.arg(signed.folder.at("new.toml")).args(["--issuer", &issuer, "--client-id", ID, "--key-file"]);
    fs::write(&signed.key, new_key()).unwrap();
    let said = works(init.arg(&signed.key).args(["--key-id", "2026", "--assertion-header-type", "JWT"]));
    let of_profile = format!("--profile default --config {}", signed.folder.at("new.toml"));
    let next = format!(
        "next: register the public key at the server, which this prints: evergrant key {of_profile}; then run: evergrant doctor {of_profile}\n"
    );
    assert!(said.ends_with(&next), "{said}");
    let jwk = public(&["--profile", "default", "--config", &signed.folder.at("new.toml")]);
    assert_eq!(jwk["kid"], "2026");
    let text = fs::read_to_string(signed.folder.at("new.toml")).unwrap();
    for line in [format!("signing_key = {{ file = \"{}\" }}", signed.key), "key_id = \"2026\"".to_owned()] {
        assert!(text.contains(&format!("\n{line}\n")), "{line:?} is not in: {text}");
    }
}

#[test]
fn a_token_of_a_client_without_a_secret_is_kept_under_a_random_key() {
    let signed = Signed::new();
    let caches = Folder::new();
    let asking = |key: &str, mode: &str| {
        let mut command = signed.token(&["--key-file", key, mode]);
        works(command.env("XDG_CACHE_HOME", caches.path()))
    };
    let first = asking(&signed.key, "--cache");
    assert_eq!(asking(&signed.key, "--cache"), first);
    assert_eq!(signed.server.counts().token_requests, 1);
    let listed = |command: &mut Command| works(command.env("XDG_CACHE_HOME", caches.path()));
    let mut list = signed.asking(&["cache", "list", "--json"]);
    let list: Value = serde_json::from_str(&listed(list.args(["--key-file", &signed.key]))).unwrap();
    assert_eq!(list["tokens"][0]["current"], true, "{list}");
    // Another key of the client, and another file key, find nothing, and nobody is told.
    let other = signed.folder.file("other.pem", 0o600, new_key());
    signed.server.register(registered(&fs::read_to_string(&other).unwrap()));
    assert_ne!(asking(&other, "--cache"), first);
    let file_key = format!("{}/evergrant/file.key", caches.path());
    fs::write(&file_key, [7; 32]).unwrap();
    assert_ne!(asking(&other, "--cache"), first);
    assert_eq!(signed.server.counts().token_requests, 3);
    // Nothing is left once all is cleared.
    listed(&mut evergrant(&["cache", "clear"]));
    assert_eq!(fs::read_dir(format!("{}/evergrant", caches.path())).unwrap().count(), 0);
}

/// What a command prints that names no server.
fn public(arguments: &[&str]) -> Value {
    serde_json::from_str(&works(evergrant(&["key"]).args(arguments))).unwrap()
}

#[test]
fn the_public_key_is_printed_for_its_server_and_no_server_is_asked() {
    let signed = Signed::new();
    let jwk = public(&["--key-file", &signed.key, "--key-id", "2026"]);
    assert_eq!((&jwk["kty"], &jwk["kid"], &jwk["use"]), (&"EC".into(), &"2026".into(), &"sig".into()));
    assert_eq!((&jwk["alg"], jwk.get("d")), (&"ES256".into(), None));
    let set = public(&["--key-file", &signed.key, "--key-id", "2026", "--jwks"]);
    assert_eq!(set["keys"], json!([jwk]));
    // The server that is told of it knows the key.
    let file = signed.folder.file("public.json", 0o600, set.to_string());
    signed.server.register(Registration::private_key_jwt(ID, &fs::read_to_string(file).unwrap()).unwrap());
    works(&mut signed.token(&["--key-file", &signed.key, "--key-id", "2026"]));
    let requests = signed.server.requests().len();
    // As every other command finds it.
    let config = signed.config("signing_key = { file = \"key.pem\" }\nkey_id = \"2026\"");
    assert_eq!(public(&["--profile", "own", "--config", &config]), jwk);
    let mut by_variable = evergrant(&["key", "--key-id", "2026"]);
    // What proves who the client is does not matter here, so that nothing is said of it.
    by_variable.env("EVERGRANT_CLIENT_SECRET", "of another client");
    assert_eq!(works(by_variable.env("EVERGRANT_KEY_FILE", &signed.key)).trim_end(), jwk.to_string());
    let key = fs::read(&signed.key).unwrap();
    assert_eq!(fed(&mut evergrant(&["key", "--key-file", "-"]), &key).status, 0);
    assert_eq!(signed.server.requests().len(), requests);
    // Of a key that may sign in several ways the one that was said.
    let rsa = concat!(env!("CARGO_MANIFEST_DIR"), "/../crypto/src/key/tests/keys/rsa2048.pem");
    let rsa = signed.folder.file("rsa.pem", 0o600, fs::read(rsa).unwrap());
    assert_eq!(public(&["--key-file", &rsa]).get("alg"), None);
    assert_eq!(public(&["--key-file", &rsa, "--assertion-algorithm", "PS256"])["alg"], "PS256");
}

#[test]
fn a_client_without_a_private_key_of_its_own_is_told_how_to_make_one() {
    let make = "openssl genpkey -algorithm EC";
    fails(&mut evergrant(&["key"]), 2, &["this client has no signing key", make, "--key-file"]);
    let mut secret = evergrant(&["key", "--auth", "client-secret-jwt"]);
    fails(
        secret.env("EVERGRANT_CLIENT_SECRET", SECRET),
        2,
        &["signs with its secret", "no public key", make],
    );
    let folder = Folder::new();
    let oct = json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET) }).to_string();
    let oct = folder.file("oct.jwk", 0o600, oct);
    fails(&mut evergrant(&["key", "--key-file", &oct]), 2, &["this key is a secret"]);
    fails(&mut evergrant(&["key", "--key-file", &folder.at("none")]), 2, &["cannot be opened"]);
}

#[test]
fn a_key_may_be_called_by_its_thumbprint_and_has_one_name() {
    let signed = Signed::new();
    let jwk = public(&["--key-file", &signed.key, "--key-thumbprint"]);
    let thumbprint = jwk["kid"].as_str().unwrap().to_owned();
    assert_eq!(thumbprint.len(), 43);
    knows(&signed.server, &[&jwk]);
    let kid = || signed.last().assertion().unwrap().kid().map(str::to_owned);
    works(&mut signed.token(&["--key-file", &signed.key, "--key-thumbprint"]));
    assert_eq!(kid().as_deref(), Some(&*thumbprint));
    works(&mut signed.profile("signing_key = { file = \"key.pem\" }\nkey_thumbprint = true"));
    assert_eq!(kid().as_deref(), Some(&*thumbprint));
    let mut by_variable = signed.token(&["--key-file", &signed.key]);
    works(by_variable.env("EVERGRANT_KEY_THUMBPRINT", "1"));
    assert_eq!(kid().as_deref(), Some(&*thumbprint));
    // A name that is said nearer to the command line counts; two that are equally near are a mistake.
    fails(
        &mut signed.token(&["--key-file", &signed.key, "--key-thumbprint", "--key-id", "2026"]),
        2,
        &["--key-id and --key-thumbprint are both set", "a key has one name"],
    );
    let both = "signing_key = { file = \"key.pem\" }\nkey_thumbprint = true\nkey_id = \"2026\"";
    fails(&mut signed.profile(both), 2, &["profile own, line 6 and profile own, line 5 are both set"]);
    knows(&signed.server, &[&jwk, &public(&["--key-file", &signed.key, "--key-id", "2026"])]);
    let mut nearer = signed.token(&["--key-file", &signed.key, "--key-id", "2026"]);
    works(nearer.env("EVERGRANT_KEY_THUMBPRINT", "1"));
    assert_eq!(kid().as_deref(), Some("2026"));
    let named = "signing_key = { file = \"key.pem\" }\nkey_id = \"2026\"";
    works(signed.profile(named).arg("--key-thumbprint"));
    assert_eq!(kid().as_deref(), Some(&*thumbprint));
}

/// The profiles of the guide against the mock, by the commands that stand there.
#[test]
fn the_profiles_for_entra_and_okta_can_be_tried_as_the_guide_says() {
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../crypto/src/key/tests/keys");
    let pages = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/src/providers");
    for (page, name) in [("entra.md", "entra"), ("okta.md", "okta")] {
        let page = fs::read_to_string(format!("{pages}/{page}")).unwrap();
        let fenced = |begins: &str| {
            let (_, rest) = page.split_once(begins).unwrap_or_else(|| panic!("{begins:?} is not in {name}"));
            format!("{begins}{}", rest.split_once("```").unwrap().0)
        };
        let folder = Folder::new();
        fs::create_dir(folder.at("evergrant")).unwrap();
        folder.file("evergrant/config.toml", 0o600, fenced(&format!("[profile.{name}]\n")));
        for (from, to, mode) in
            [("rsa2048.pem", "key.pem", 0o600), ("rsa2048-certificate.pem", "certificate.pem", 0o644)]
        {
            folder.file(&format!("evergrant/{to}"), mode, fs::read(format!("{keys}/{from}")).unwrap());
        }
        let script = fenced(&format!("evergrant key --profile {name}"));
        let own = std::path::Path::new(fixture::EVERGRANT).parent().unwrap();
        let mut shell = Command::new("sh");
        fixture::isolate(&mut shell).args(["-ec", &script]).current_dir(folder.at("evergrant"));
        shell.env("PATH", format!("{}:{}", own.display(), std::env::var("PATH").unwrap()));
        shell.env("XDG_CONFIG_HOME", folder.path());
        let ended = run(&mut shell);
        assert!(
            ended.status == 0 && ended.stdout.trim_end().split('.').count() == 3,
            "{name}: {}",
            ended.stderr
        );
    }
}

#[test]
fn nothing_is_said_of_the_line_break_behind_a_key_in_pem_and_of_who_can_read_a_file_without_a_private_key() {
    let folder = Folder::new();
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../crypto/src/key/tests/keys");
    let read = |name: &str| fs::read_to_string(format!("{keys}/{name}")).unwrap();
    let key = folder.file("key.pem", 0o600, read("rsa2048.pem"));
    assert!(read("rsa2048.pem").ends_with('\n'));
    let ended = run(&mut evergrant(&["-v", "key", "--key-file", &key]));
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    let certificate = folder.file("tls.crt", 0o644, read("rsa2048-certificate.pem"));
    let ended = run(&mut evergrant(&["key", "--key-file", &certificate]));
    assert_eq!(ended.status, 2);
    assert!(
        ended.stderr.contains("a certificate") && !ended.stderr.contains("other users"),
        "{}",
        ended.stderr
    );
    set_mode(&key, 0o644);
    fails(&mut evergrant(&["key", "--key-file", &key]), 2, &["other users can read the file", "chmod 600"]);
}

/// What docs/guide/src/providers/entra.md says.
#[test]
fn a_profile_signs_as_entra_documents_it() {
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../crypto/src/key/tests/keys");
    let folder = Folder::new();
    let copied = |name: &str| folder.file(name, 0o600, fs::read(format!("{keys}/{name}")).unwrap());
    let (key, certificate) = (copied("rsa2048.pem"), copied("rsa2048-certificate.pem"));
    let jwk = public(&["--key-file", &key]).to_string();
    let registration = Registration::private_key_jwt(ID, &jwk).unwrap().audience_is_token_endpoint();
    let server = Server::builder().registers(registration).start().unwrap();
    let endpoint = server.token_endpoint();
    let text = |certificate: &str| {
        format!(
            "[profile.entra]\ntoken_endpoint = \"{endpoint}\"\nclient_id = \"{ID}\"\nsigning_key = {{ file = \"rsa2048.pem\" }}\n\
             key_certificate = \"{certificate}\"\nassertion_audience = \"token-endpoint\"\nassertion_algorithm = \"PS256\"\n\
             assertion_header_type = \"JWT\"\nassertion_not_before = true\n"
        )
    };
    let config = folder.file("config.toml", 0o600, text("rsa2048-certificate.pem"));
    let asking = || token(&["--profile", "entra", "--config", &config]);
    works(&mut asking());
    let request = server.requests().pop().unwrap();
    let sent = request.assertion().unwrap();
    let known = evergrant_crypto::Key::from_pem(&fs::read(&key).unwrap()).unwrap();
    let known = known.with_certificate(&fs::read(&certificate).unwrap()).unwrap();
    let thumbprint = evergrant_drive::Signer::key(&known).certificate().unwrap();
    assert_eq!((sent.alg(), sent.typ(), sent.kid()), (Some("PS256"), Some("JWT"), None));
    assert_eq!(sent.header("x5t#S256"), Some(format!("\"{thumbprint}\"")));
    assert_eq!((sent.aud(), sent.nbf()), (Some(endpoint.as_str()), sent.iat()));
    let shown = works(evergrant(&["config", "show", "--profile", "entra", "--config"]).arg(&config));
    for line in [
        format!("key_certificate       {certificate}  (profile entra, line 5)"),
        "assertion_not_before  true  (profile entra, line 9)".to_owned(),
    ] {
        assert!(shown.contains(&line), "{line:?} is not in: {shown}");
    }
    // A profile that is written from flags says the same, and that Entra is given the certificate.
    let written = folder.at("written.toml");
    let mut init = evergrant(&["config", "init", "--config", &written, "--token-endpoint", &endpoint]);
    init.args(["--client-id", ID, "--key-file", &key, "--key-certificate", &certificate]);
    init.args(["--assertion-audience", "token-endpoint", "--assertion-algorithm", "PS256"]);
    let said = works(init.args(["--assertion-header-type", "JWT", "--assertion-not-before"]));
    assert!(said.contains(&format!("next: register the certificate {certificate} at the server")), "{said}");
    works(&mut token(&["--profile", "default", "--config", &written]));
    let again = server.requests().pop().unwrap();
    let again = again.assertion().unwrap();
    assert_eq!(again.header("x5t#S256"), sent.header("x5t#S256"));
    assert_eq!((again.alg(), again.typ(), again.nbf()), (Some("PS256"), Some("JWT"), again.iat()));
    // By flags, and what is wrong with the certificate.
    let other = folder.file(
        "other.pem",
        0o600,
        rcgen::generate_simple_self_signed(["other".into()]).unwrap().cert.pem(),
    );
    let gone = folder.at("gone.pem");
    for (path, says) in [
        (&other, "a certificate of another key"),
        (&gone, "it is not there"),
        (&key, "no certificate in PEM"),
    ] {
        let place = format!("the certificate of the signing key in {path}: ");
        fails(asking().args(["--key-certificate", path]), 2, &[&place, says]);
    }
    folder.file("config.toml", 0o600, text("gone.pem"));
    works(asking().args(["--key-certificate", &certificate]));
    let ended = run(evergrant(&["config", "check", "--config"]).arg(&config));
    assert!(
        ended.stderr.contains("config.toml:4: the certificate of the signing key in"),
        "{}",
        ended.stderr
    );
    // That of the profile's key is none of another one's.
    let new = folder.file("new.pem", 0o600, new_key());
    server.register(registered(&new_key_of(&new)).audience_is_token_endpoint());
    works(asking().args(["--key-file", &new, "--assertion-algorithm", "ES256"]));
}

fn new_key_of(path: &str) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_secret_that_a_shell_was_left_with_does_not_decide_in_silence() {
    let signed = Signed::new();
    let left = |command: &mut Command| run(command.env("EVERGRANT_CLIENT_SECRET", "of another client"));
    let by_flag = left(&mut signed.token(&["--key-file", &signed.key]));
    let note =
        "note: EVERGRANT_CLIENT_SECRET is set and not used: --key-file says how the client authenticates\n";
    assert_eq!((by_flag.status, by_flag.stderr.as_str()), (0, note));
    let mut by_variable = signed.token(&[]);
    by_variable.env("EVERGRANT_KEY_FILE", &signed.key);
    let said = left(&mut by_variable).stderr;
    assert!(said.contains("not used: EVERGRANT_KEY_FILE says how"), "{said}");
    // A profile that the command line names is meant as a whole; one that it does not name is not.
    let profile = "signing_key = { file = \"key.pem\" }";
    assert_eq!(left(&mut signed.profile(profile)).stderr, "");
    let mut by_name = token(&["--config", &signed.config(profile)]);
    let said = left(by_name.env("EVERGRANT_PROFILE", "own")).stderr;
    assert!(said.contains("not used: profile own, line 4 says how"), "{said}");
    // A flag counts before a variable that names another file.
    let secret = signed.folder.file("secret", 0o600, "a secret");
    let mut both = signed.token(&["--key-file", &signed.key]);
    let said = run(both.env("EVERGRANT_CLIENT_SECRET_FILE", &secret));
    let note = "note: EVERGRANT_CLIENT_SECRET_FILE is set and not used: --key-file says how the client authenticates\n";
    assert_eq!((said.status, said.stderr.as_str()), (0, note));
    let mut variables = signed.token(&[]);
    variables.env("EVERGRANT_CLIENT_SECRET_FILE", &secret).env("EVERGRANT_KEY_FILE", &signed.key);
    fails(&mut variables, 2, &["EVERGRANT_CLIENT_SECRET_FILE and EVERGRANT_KEY_FILE are both set"]);
}

/// With the program that it runs.
fn end(mut child: Child) {
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    child.wait().unwrap();
}

#[test]
fn run_signs_with_a_renewed_key_for_the_next_request() {
    let signed = Signed::new();
    signed.server.set_lifetime(Duration::from_secs(2));
    let ((old, old_public), (new, new_public)) = (new_jwk("old"), new_jwk("new"));
    // Both are known for a while.
    knows(&signed.server, &[&old_public, &new_public]);
    signed.folder.file("key.pem", 0o600, old);
    let mut command = signed.asking(&["run", "--key-file", &signed.key, "--token-file"]);
    command.arg(signed.folder.at("token")).args(["--", "sleep", "600"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until(|| signed.server.counts().token_granted >= 1);
    signed.folder.file("next", 0o600, new);
    fs::rename(signed.folder.at("next"), &signed.key).unwrap();
    until(|| signed.last().assertion().is_some_and(|assertion| assertion.kid() == Some("new")));
    let granted = signed.server.counts().token_granted;
    until(|| signed.server.counts().token_granted > granted);
    assert_eq!(signed.server.counts().token_refused, 0);
    end(child);
}

#[test]
fn a_program_that_is_run_learns_nothing_of_where_a_key_is() {
    let signed = Signed::new();
    let mut command = signed.asking(&["run"]);
    command.env("EVERGRANT_KEY_FILE", &signed.key).args(["--", "env"]);
    let seen = works(&mut command);
    assert!(seen.contains("EVERGRANT_TOKEN=") && !seen.contains("EVERGRANT_KEY_FILE"), "{seen}");
}

#[test]
fn the_gateway_signs_with_a_renewed_key_without_being_told() {
    let signed = Signed::new();
    signed.server.set_lifetime(Duration::from_secs(2));
    let ((old, old_public), (new, new_public)) = (new_jwk("old"), new_jwk("new"));
    knows(&signed.server, &[&old_public, &new_public]);
    signed.folder.file("key.pem", 0o600, old);
    let api = signed.server.origin();
    let more = format!(
        "signing_key = {{ file = \"key.pem\" }}\norigins = [\"{api}\"]\n[gateway]\nlisten = \"unix:{}\"\nadmin = \"none\"\n\
         [[gateway.route]]\npath = \"/\"\nprofile = \"own\"\nupstream = \"{api}\"\n",
        signed.folder.at("socket")
    );
    let config = signed.config(&more);
    let mut command = evergrant(&["gateway", "--config", &config]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    until(|| signed.server.counts().token_granted >= 1);
    signed.folder.file("next", 0o600, new);
    fs::rename(signed.folder.at("next"), &signed.key).unwrap();
    until(|| signed.last().assertion().is_some_and(|assertion| assertion.kid() == Some("new")));
    let granted = signed.server.counts().token_granted;
    until(|| signed.server.counts().token_granted > granted);
    assert_eq!(signed.server.counts().token_refused, 0);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let said: Vec<String> = BufReader::new(child.wait_with_output().unwrap().stderr.as_slice())
        .lines()
        .map(Result::unwrap)
        .collect();
    assert!(!said.iter().any(|line| line.contains("has been read again")), "{said:?}");
}

#[test]
fn the_gateway_takes_a_key_in_another_place_when_its_file_is_read_again() {
    let signed = Signed::new();
    let ((old, old_public), (new, new_public)) = (new_jwk("old"), new_jwk("new"));
    knows(&signed.server, &[&old_public, &new_public]);
    signed.folder.file("key.pem", 0o600, old);
    signed.folder.file("new.jwk", 0o600, new);
    let api = signed.server.origin();
    let lines = |key: &str| {
        signed.config(&format!(
            "signing_key = {{ file = \"{key}\" }}\norigins = [\"{api}\"]\n[gateway]\nlisten = \"unix:{}\"\nadmin = \"none\"\n\
             [[gateway.route]]\npath = \"/\"\nprofile = \"own\"\nupstream = \"{api}\"\n",
            signed.folder.at("socket")
        ))
    };
    let mut command = evergrant(&["gateway", "--config", &lines("key.pem")]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until(|| signed.server.counts().token_granted == 1);
    lines("new.jwk");
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    until(|| signed.last().assertion().is_some_and(|assertion| assertion.kid() == Some("new")));
    assert_eq!(signed.server.counts().token_refused, 0);
    end(child);
}

#[track_caller]
fn doctor_says(command: &mut Command, status: i32, lines: &[&str]) -> String {
    let ended = run(command);
    assert_eq!(ended.status, status, "{}{}", ended.stdout, ended.stderr);
    for words in lines {
        assert!(ended.stdout.contains(words), "{words:?} is not in: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains("PRIVATE") && !ended.stdout.contains("eyJ"), "{}", ended.stdout);
    ended.stdout
}

#[test]
fn a_doctor_walks_from_the_key_to_the_metadata_and_the_token() {
    let signed = Signed::new();
    let doctor = |arguments: &[&str]| {
        let mut command = signed.asking(&["doctor", "--key-file", &signed.key]);
        command.args(arguments);
        command
    };
    let issuer = signed.server.issuer();
    let all = doctor_says(
        &mut doctor(&["--key-id", "2026"]),
        0,
        &[
            &format!("ok       client         issuer {issuer}, as client {ID}, by private_key_jwt"),
            &format!("ok       key            in {}: signs by ES256, kid 2026, thumbprint ", signed.key),
            &format!(
                "ok       metadata       {issuer}/.well-known/openid-configuration: its issuer is the one that was named"
            ),
            &format!("ok       endpoint       {}", signed.server.token_endpoint()),
            &format!("ok       audience       assertions are for {issuer}"),
            "ok       method         private_key_jwt is in the server's list",
            "ok       algorithm      ES256 is in the server's list",
            "ok       clock ",
            "ok       token ",
            "verdict: it works\n",
        ],
    );
    assert!(!all.contains("warning"), "{all}");
    let counts = signed.server.counts();
    assert_eq!((counts.metadata_requests, counts.token_requests), (1, 1));
    // Whom an assertion is for without an issuer.
    let mut without = doctor(&["--token-endpoint", &signed.server.token_endpoint()]);
    doctor_says(
        without.env_remove("EVERGRANT_ISSUER"),
        3,
        &[
            "warning  audience       assertions are for the token endpoint",
            "next: name the server's issuer with --issuer",
            "fault    token ",
        ],
    );
    // Metadata of another issuer, or none.
    let mut other = doctor(&["--issuer", &format!("{issuer}/")]);
    doctor_says(
        &mut other,
        3,
        &["fault    metadata       ", &format!("its issuer is {issuer}, and this client")],
    );
    doctor_says(
        &mut doctor(&["--metadata-url", &format!("{issuer}/nowhere")]),
        3,
        &["fault    metadata ", "rfc8414"],
    );
    // A key that systemd has copied stays as it is.
    let mut copied = doctor(&[]);
    copied.env("CREDENTIALS_DIRECTORY", signed.folder.path());
    doctor_says(&mut copied, 0, &["a credential of systemd, which changes with a restart of the unit alone"]);
    let requests = signed.server.counts().token_requests;
    fs::write(&signed.key, "no key").unwrap();
    doctor_says(&mut doctor(&[]), 2, &["fault    key            the signing key in ", "cannot be used"]);
    fs::write(&signed.key, "").unwrap();
    doctor_says(&mut doctor(&[]), 2, &["fault    key            ", "is empty", "verdict: it does not work"]);
    assert_eq!(signed.server.counts().token_requests, requests);
}

/// The file of this name among the keys of evergrant-crypto.
fn known_key(name: &str) -> Vec<u8> {
    fs::read(format!("{}/../crypto/src/key/tests/keys/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn a_doctor_says_how_an_encrypted_key_is_decrypted() {
    let signed = Signed::new();
    for name in ["encrypted.pem", "encrypted-pkcs1.pem", "encrypted-sec1.pem"] {
        let key = signed.folder.file(name, 0o600, known_key(name));
        let fault = format!(
            "fault    key            the signing key in {key} cannot be used: an encrypted private key\n"
        );
        doctor_says(
            &mut signed.asking(&["doctor", "--key-file", &key]),
            2,
            &[&fault, "next: ", "openssl pkey -in", "verdict: it does not work"],
        );
    }
    assert_eq!(signed.server.counts().token_requests, 0);
}

#[test]
fn a_doctor_says_that_a_key_is_not_there() {
    let signed = Signed::new();
    let gone = signed.folder.at("gone.pem");
    doctor_says(
        &mut signed.asking(&["doctor", "--key-file", &gone]),
        2,
        &[
            &format!("fault    key            the file {gone} with the signing key cannot be opened"),
            "next: ",
        ],
    );
    let mut unset = evergrant(&["doctor", "--profile", "own"]);
    unset.args(["--config", &signed.config("signing_key = { env = \"OWN_KEY\" }")]);
    doctor_says(
        &mut unset,
        2,
        &[
            "fault    key            there is no signing key: the profile says it is in OWN_KEY, which is not set",
            "next: set OWN_KEY",
        ],
    );
    assert_eq!(signed.server.counts().token_requests, 0);
}

#[test]
fn a_doctor_says_that_a_key_and_its_certificate_do_not_belong_together() {
    let signed = Signed::new();
    let key = signed.folder.file("rsa.pem", 0o600, known_key("rsa2048.pem"));
    let other = signed.folder.file("other.pem", 0o644, known_key("rsa3072-certificate.pem"));
    let doctor =
        |certificate: &str| signed.asking(&["doctor", "--key-file", &key, "--key-certificate", certificate]);
    let place = format!("fault    key            the certificate of the signing key in {other}: ");
    doctor_says(&mut doctor(&other), 2, &[&place, "a certificate of another key", "next: "]);
    let gone = signed.folder.at("gone.pem");
    let place = format!("fault    key            the certificate of the signing key in {gone}: ");
    doctor_says(&mut doctor(&gone), 2, &[&place, "it is not there", "next: "]);
    assert_eq!(signed.server.counts().token_requests, 0);
}

/// A key that does not sign as somebody says it should.
#[test]
fn a_doctor_says_which_algorithms_a_key_has() {
    let signed = Signed::new();
    let mut other = signed.asking(&["doctor", "--key-file", &signed.key, "--assertion-algorithm", "PS256"]);
    doctor_says(&mut other, 2, &["fault    key            ", "cannot sign by PS256, it can ES256", "next: "]);
    assert_eq!(signed.server.counts().token_requests, 0);
}

#[test]
fn a_doctor_advises_by_the_servers_lists_and_forbids_nothing() {
    let server = Server::start().unwrap();
    let mut command = evergrant(&["doctor", "--auth", "client-secret-jwt", "--issuer", &server.issuer()]);
    command.env("EVERGRANT_CLIENT_ID", Server::CLIENT_ID).env("EVERGRANT_CLIENT_SECRET", SECRET);
    doctor_says(
        &mut command,
        3,
        &[
            "warning  method         client_secret_jwt is not in the server's list: client_secret_basic, client_secret_post",
            "next: if the server refuses the client, use one of these (--auth)",
            "fault    token ",
        ],
    );
}
