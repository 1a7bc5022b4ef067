//! Clients whose connections show a certificate (RFC 8705).
#![cfg(unix)]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evergrant_mock::{Registration, Server};
use fixture::{Ended, Folder, evergrant, fails, run, set_mode, until};
use rcgen::{CertificateParams, CertifiedKey, DnType, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const ID: &str = "orders";

/// A certificate of this name that ends so many days from now, and its key.
fn issued(name: &str, days: i64) -> CertifiedKey<KeyPair> {
    let signing_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["client.example".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = jiff::Timestamp::now();
    let on = |days: i64| {
        let date =
            (now + jiff::SignedDuration::from_hours(24 * days)).to_zoned(jiff::tz::TimeZone::UTC).date();
        rcgen::date_time_ymd(date.year().into(), date.month() as u8, date.day() as u8)
    };
    (params.not_before, params.not_after) = (on(days.min(0) - 10), on(days));
    CertifiedKey { cert: params.self_signed(&signing_key).unwrap(), signing_key }
}

/// `x5t#S256`.
fn thumbprint(certified: &CertifiedKey<KeyPair>) -> String {
    URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, certified.cert.der()))
}

/// A server over TLS that knows a client by this certificate, and the client's files.
struct Mutual {
    server: Server,
    folder: Folder,
    ca: String,
    certificate: String,
    key: String,
}

impl Mutual {
    fn new(certified: &CertifiedKey<KeyPair>) -> Self {
        Self::with(certified, |builder| builder)
    }

    fn with(
        certified: &CertifiedKey<KeyPair>,
        configured: impl FnOnce(evergrant_mock::Builder) -> evergrant_mock::Builder,
    ) -> Self {
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let builder = Server::builder().tls(&own.cert.pem(), &own.signing_key.serialize_pem());
        let registration = Registration::self_signed_tls_client_auth(ID, &certified.cert.pem()).unwrap();
        let builder = builder.asks_for_certificates().registers(registration);
        let server = configured(builder).start().unwrap();
        let folder = Folder::new();
        let ca = folder.file("ca.pem", 0o600, own.cert.pem());
        let certificate = folder.file("tls.crt", 0o644, certified.cert.pem());
        let key = folder.file("tls.key", 0o600, certified.signing_key.serialize_pem());
        Self { server, folder, ca, certificate, key }
    }

    /// This command for the client at its token endpoint.
    fn asking(&self, words: &[&str]) -> Command {
        let mut command = evergrant(words);
        let variables = [
            ("EVERGRANT_TOKEN_ENDPOINT", self.server.token_endpoint()),
            ("EVERGRANT_CLIENT_ID", ID.to_owned()),
            ("EVERGRANT_CA_FILE", self.ca.clone()),
            ("EVERGRANT_CERTIFICATE", self.certificate.clone()),
            ("EVERGRANT_CERTIFICATE_KEY", self.key.clone()),
        ];
        command.envs(variables);
        command
    }

    /// Puts another certificate in the place of the one that is there, one file after the other.
    fn renew(&self, certified: &CertifiedKey<KeyPair>) {
        for (name, mode, text) in [
            ("tls.crt", 0o644, certified.cert.pem()),
            ("tls.key", 0o600, certified.signing_key.serialize_pem()),
        ] {
            self.folder.file("new", mode, text);
            fs::rename(self.folder.at("new"), self.folder.at(name)).unwrap();
        }
    }

    fn config(&self, more: &str) -> String {
        let text = format!(
            "[profile.own]\ntoken_endpoint = \"{}\"\nclient_id = \"{ID}\"\nca_file = \"ca.pem\"\n{more}\n",
            self.server.token_endpoint()
        );
        self.folder.file("config.toml", 0o600, text)
    }
}

#[track_caller]
fn works(command: &mut Command) -> String {
    let Ended { status, stdout, stderr } = run(command);
    assert_eq!((status, stderr.as_str()), (0, ""), "{stdout}");
    stdout
}

#[test]
fn a_certificate_is_how_a_client_proves_who_it_is_where_nothing_else_does() {
    let certified = issued(ID, 90);
    let mutual = Mutual::new(&certified);
    let printed = works(&mut mutual.asking(&["token"]));
    assert_eq!(printed.trim_end(), mutual.server.issued()[0]);
    let request = mutual.server.requests().pop().unwrap();
    assert_eq!(request.certificate(), Some(thumbprint(&certified).as_str()));
    assert_eq!(
        (request.parameter("client_id").as_deref(), request.header("authorization")),
        (Some(ID), None)
    );
    // Both in one file.
    let both = certified.cert.pem() + &certified.signing_key.serialize_pem();
    let both = mutual.folder.file("both.pem", 0o600, both);
    let mut one = mutual.asking(&["token", "--certificate", &both]);
    works(one.env_remove("EVERGRANT_CERTIFICATE_KEY"));
    // A secret that is there is sent over the same connection.
    let mut with_secret = mutual.asking(&["token"]);
    let ended = run(with_secret.env("EVERGRANT_CLIENT_SECRET", "some-secret"));
    assert_eq!(ended.status, 3, "{}", ended.stderr);
    let request = mutual.server.requests().pop().unwrap();
    assert!(request.header("authorization").is_some() && request.certificate().is_some());
    assert!(ended.stderr.contains(
        "authenticates by EVERGRANT_CLIENT_SECRET, and shows the certificate of EVERGRANT_CERTIFICATE"
    ));
    // A flag counts before what a shell was left with.
    let secret = mutual.folder.file("secret", 0o600, "some-secret");
    for (variable, value) in
        [("EVERGRANT_CLIENT_SECRET", "some-secret"), ("EVERGRANT_CLIENT_SECRET_FILE", &secret)]
    {
        let mut by_flag = mutual.asking(&["token", "--certificate", &mutual.certificate]);
        let ended = run(by_flag.env(variable, value));
        let note = format!("{variable} is set and not used: the client authenticates by --certificate alone");
        assert!(ended.status == 0 && ended.stderr.contains(&note), "{}", ended.stderr);
        let mut both = mutual.asking(&["token", "--certificate", &mutual.certificate, "--auth", "basic"]);
        let ended = run(both.env(variable, value));
        assert!(ended.status == 3 && !ended.stderr.contains("note"), "{}", ended.stderr);
    }
    let mut told = mutual.asking(&["token", "--auth", "tls"]);
    works(told.env("EVERGRANT_CLIENT_SECRET", "some-secret"));
    // By the server's metadata, at the endpoint that is for clients with a certificate.
    let mut found = mutual.asking(&["token", "--issuer", &mutual.server.issuer()]);
    works(found.env_remove("EVERGRANT_TOKEN_ENDPOINT"));
}

#[test]
fn a_profiles_certificate_is_for_its_own_client_and_server_and_no_variable_is_its_secret() {
    let mutual = Mutual::new(&issued(ID, 90));
    let config = mutual.config("certificate = \"tls.crt\"\ncertificate_key = \"tls.key\"");
    let asking = || {
        let mut command = evergrant(&["token", "--profile", "own", "--config", &config]);
        command.env("EVERGRANT_CLIENT_SECRET", "of another client");
        command
    };
    works(&mut asking());
    assert_eq!(mutual.server.requests().pop().unwrap().header("authorization"), None);
    mutual.config("certificate_bound = true");
    fails(
        &mut asking(),
        2,
        &["profile own, line 5 says that tokens are bound to a certificate, and the client shows none"],
    );
    mutual.config("certificate = \"tls.crt\"\ncertificate_key = \"tls.key\"");
    let shown = works(evergrant(&["config", "show", "--profile", "own", "--config"]).arg(&config));
    for line in [
        "auth                  tls  (default)".to_owned(),
        "client_secret         none  (default)".to_owned(),
        format!("certificate           {}  (profile own, line 5)", mutual.certificate),
        format!("certificate_key       {}  (profile own, line 6)", mutual.key),
    ] {
        assert!(shown.contains(&line), "{line:?} is not in: {shown}");
    }
    let said = "certificate = \"tls.crt\"\ncertificate_key = \"tls.key\"\ncertificate_bound = true";
    mutual.config(said);
    works(&mut asking());
    let show = || evergrant(&["config", "show", "--profile", "own", "--config", &config]);
    for (mut command, line) in [
        (show(), "certificate_bound     true  (profile own, line 7)"),
        (
            evergrant(&["config", "show", "--config", &config, "--certificate-bound"]),
            "true  (--certificate-bound)",
        ),
    ] {
        let shown = works(command.env("EVERGRANT_PROFILE", "own"));
        assert!(shown.contains(line), "{line:?} is not in: {shown}");
    }
    let mut by_variable = evergrant(&["config", "show", "--config", &config]);
    by_variable.env("EVERGRANT_PROFILE", "own").env("EVERGRANT_CERTIFICATE_BOUND", "0");
    assert!(works(&mut by_variable).contains("certificate_bound     false  (EVERGRANT_CERTIFICATE_BOUND)"));
    for elsewhere in [["--token-endpoint", "https://evil.example/token"], ["--client-id", "another"]] {
        fails(asking().args(elsewhere), 2, &["the profile's certificate is only for", "--certificate"]);
    }
    assert_eq!(mutual.server.counts().token_requests, 2);
}

#[test]
fn a_new_profile_has_what_was_said_of_the_certificate_and_says_that_it_is_registered() {
    let mutual = Mutual::new(&issued(ID, 90));
    let config = mutual.folder.at("new.toml");
    let mut init = mutual.asking(&["config", "init", "--config", &config, "--certificate-bound"]);
    let said = works(&mut init);
    let next = format!(
        "next: register the certificate {} at the server, without its key; then run: evergrant doctor --profile default --config {config}\n",
        mutual.certificate
    );
    assert!(said.ends_with(&next), "{said}");
    let text = fs::read_to_string(&config).unwrap();
    for line in [format!("certificate = \"{}\"", mutual.certificate), "certificate_bound = true".to_owned()] {
        assert!(text.contains(&format!("\n{line}\n")), "{line:?} is not in: {text}");
    }
    works(&mut evergrant(&["token", "--profile", "default", "--config", &config]));
}

#[test]
fn what_is_wrong_with_the_files_is_told_with_what_to_do() {
    let mutual = Mutual::new(&issued(ID, 90));
    let asking = |certificate: &str, key: &str| {
        mutual.asking(&["token", "--certificate", certificate, "--certificate-key", key])
    };
    let (certificate, key) = (mutual.certificate.as_str(), mutual.key.as_str());
    let gone = mutual.folder.at("gone");
    fails(
        &mut asking(&gone, key),
        2,
        &[&format!("the client certificate cannot be read from {gone}: it is not there")],
    );
    let other = mutual.folder.file("other.key", 0o600, issued("other", 9).signing_key.serialize_pem());
    fails(
        &mut asking(certificate, &other),
        2,
        &[
            &format!(
                "the client certificate in {certificate} cannot be used: the client certificate and its private key do not belong"
            ),
            "next: put the key there that the certificate was issued for",
        ],
    );
    // Whoever names a certificate that everybody may read has not said where its key is.
    set_mode(certificate, 0o644);
    let mut keyless = mutual.asking(&["token", "--certificate", certificate]);
    keyless.env_remove("EVERGRANT_CERTIFICATE_KEY");
    fails(
        &mut keyless,
        2,
        &[
            &format!("the client certificate in {certificate} cannot be used: it has no private key"),
            "next: name the file with the key of this certificate: --certificate-key FILE",
        ],
    );
    let both = [fs::read(certificate).unwrap(), fs::read(key).unwrap()].concat();
    let both = mutual.folder.file("both.pem", 0o644, both);
    let mut open = mutual.asking(&["token", "--certificate", &both]);
    fails(open.env_remove("EVERGRANT_CERTIFICATE_KEY"), 2, &["other users can read the file", "chmod 600"]);
    fails(&mut asking(key, key), 2, &["certificate", "-----BEGIN CERTIFICATE-----"]);
    let readable = mutual.folder.file("alone.crt", 0o600, fs::read(certificate).unwrap());
    fails(&mut asking(&readable, &readable), 2, &["no private key in PEM", "-----BEGIN PRIVATE KEY-----"]);
    let binary = mutual.folder.file("binary", 0o600, [0x30, 0x82, 0xff, 0xfe]);
    fails(
        &mut asking(&binary, key),
        2,
        &["a binary format", "openssl x509 -inform DER", "openssl pkcs12 -in"],
    );
    // A key in such a format is told the same, wherever it is named.
    let mut signing = evergrant(&["key", "--key-file", &binary]);
    fails(&mut signing, 2, &["openssl pkey -inform DER", "of PKCS#12 openssl pkcs12 -in FILE -nocerts"]);
    set_mode(key, 0o640);
    fails(
        &mut asking(certificate, key),
        2,
        &["other users can read the file", "with the key of the client certificate (mode 640)", "chmod 600"],
    );
    let ended = run(evergrant(&["config", "check", "--config"])
        .arg(mutual.config("certificate = \"tls.crt\"\ncertificate_key = \"tls.key\"")));
    assert!(ended.stderr.contains("config.toml:5: the client certificate"), "{}", ended.stderr);
    assert_eq!(mutual.server.counts().token_requests, 0);
}

#[test]
fn a_token_that_is_bound_to_a_certificate_is_kept_for_that_one() {
    let first = issued(ID, 90);
    let mutual = Mutual::with(&first, evergrant_mock::Builder::certificate_bound_tokens);
    let caches = Folder::new();
    let asked = || works(mutual.asking(&["token", "--cache"]).env("XDG_CACHE_HOME", caches.path()));
    let token = asked();
    assert_eq!(asked(), token);
    let second = issued(ID, 90);
    mutual.server.register(Registration::self_signed_tls_client_auth(ID, &second.cert.pem()).unwrap());
    mutual.renew(&second);
    assert_ne!(asked(), token);
    assert_eq!(mutual.server.counts().token_requests, 2);
}

/// RFC 8705 §3: the API takes such a token over a connection that shows the same certificate alone.
#[test]
fn a_call_with_a_bound_token_shows_the_certificate_to_the_api() {
    let certified = issued(ID, 90);
    let mutual = Mutual::with(&certified, evergrant_mock::Builder::certificate_bound_tokens);
    let caches = Folder::new();
    let asking = |words: &[&str]| {
        let mut command = mutual.asking(words);
        command.env("EVERGRANT_ALLOW_ORIGIN", mutual.server.origin()).env("XDG_CACHE_HOME", caches.path());
        command
    };
    let url = mutual.server.resource("/shipments");
    assert!(works(&mut asking(&["request", &url])).contains("\"data\""));
    let call = mutual.server.requests().pop().unwrap();
    assert_eq!(call.certificate(), Some(thumbprint(&certified).as_str()));
    // With a token that was kept.
    for _ in 0..2 {
        works(&mut asking(&["request", "--cache", &url]));
    }
    assert_eq!(mutual.server.counts().token_requests, 2);
    let token = works(&mut asking(&["token", "--cache"]));
    let told = fixture::fed(&mut evergrant(&["inspect"]), token.as_bytes()).stdout;
    let bound =
        format!("bound       to the certificate with the SHA-256 thumbprint {}", thumbprint(&certified));
    assert!(told.contains(&bound), "{told}");
}

/// A token that is no JWT does not say that it is bound.
#[test]
fn a_call_with_a_kept_token_that_does_not_say_what_it_is_bound_to_shows_the_certificate_as_well() {
    let certified = issued(ID, 90);
    let opaque = |builder: evergrant_mock::Builder| {
        builder.style(evergrant_mock::TokenStyle::Opaque).certificate_bound_tokens()
    };
    let mutual = Mutual::with(&certified, opaque);
    let (caches, url) = (Folder::new(), mutual.server.resource("/shipments"));
    for _ in 0..2 {
        let mut command = mutual.asking(&["request", "--cache", &url]);
        command.env("EVERGRANT_ALLOW_ORIGIN", mutual.server.origin());
        works(command.env("XDG_CACHE_HOME", caches.path()));
        let call = mutual.server.requests().pop().unwrap();
        assert_eq!(call.certificate(), Some(thumbprint(&certified).as_str()));
    }
    assert_eq!(mutual.server.counts().token_requests, 1);
}

/// With the program that it runs.
fn end(mut child: Child) {
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    child.wait().unwrap();
}

/// Both are known to the server from here on, and the new one is in the files.
fn renewed(mutual: &Mutual, old: &CertifiedKey<KeyPair>) -> String {
    let new = issued(ID, 90);
    let both = old.cert.pem() + &new.cert.pem();
    mutual.server.register(Registration::self_signed_tls_client_auth(ID, &both).unwrap());
    mutual.renew(&new);
    thumbprint(&new)
}

fn shows(server: &Server, thumbprint: &str) -> bool {
    server.requests().last().is_some_and(|request| request.certificate() == Some(thumbprint))
}

#[test]
fn run_shows_a_renewed_certificate_for_the_next_request() {
    let first = issued(ID, 90);
    let mutual = Mutual::new(&first);
    mutual.server.set_lifetime(Duration::from_secs(2));
    let mut command = mutual.asking(&["run", "--token-file"]);
    command.arg(mutual.folder.at("token")).args(["--", "sleep", "600"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until(|| mutual.server.counts().token_granted >= 1);
    let new = renewed(&mutual, &first);
    until(|| shows(&mutual.server, &new));
    assert_eq!(mutual.server.counts().token_refused, 0);
    end(child);
}

#[test]
fn the_gateway_shows_a_renewed_certificate_without_being_told() {
    let first = issued(ID, 90);
    let mutual = Mutual::new(&first);
    mutual.server.set_lifetime(Duration::from_secs(2));
    let api = mutual.server.origin();
    let more = format!(
        "certificate = \"tls.crt\"\ncertificate_key = \"tls.key\"\norigins = [\"{api}\"]\n[gateway]\nlisten = \"unix:{}\"\n\
         admin = \"none\"\n[[gateway.route]]\npath = \"/\"\nprofile = \"own\"\nupstream = \"{api}\"\n",
        mutual.folder.at("socket")
    );
    let mut command = evergrant(&["gateway", "--config", &mutual.config(&more)]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until(|| mutual.server.counts().token_granted >= 1);
    let new = renewed(&mutual, &first);
    until(|| shows(&mutual.server, &new));
    assert_eq!(mutual.server.counts().token_refused, 0);
    end(child);
}

/// RFC 8705 §3: whoever gets such a token can use it with the certificate alone.
#[test]
fn tokens_of_a_bound_profile_are_given_out_with_a_warning() {
    let mutual = Mutual::new(&issued(ID, 90));
    let warning = "issue gives out tokens of profile own, which are bound to its certificate";
    let issue =
        format!("[gateway.issue]\nlisten = \"unix:{}\"\nprofiles = [\"own\"]\n", mutual.folder.at("socket"));
    let files = "certificate = \"tls.crt\"\ncertificate_key = \"tls.key\"\n";
    for (bound, is_warned) in [("certificate_bound = true\n", true), ("", false)] {
        let config = mutual.config(&format!("{files}{bound}{issue}"));
        let ended = run(&mut evergrant(&["config", "check", "--config", &config]));
        assert_eq!((ended.status, ended.stderr.contains(warning)), (0, is_warned), "{}", ended.stderr);
    }
    let config =
        mutual.config(&format!("{files}certificate_bound = true\n[gateway]\nadmin = \"none\"\n{issue}"));
    let mut command = evergrant(&["gateway", "--config", &config]);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains(warning)), "it did not warn");
    end(child);
}

#[test]
fn the_gateway_shows_the_certificate_to_the_api() {
    let certified = issued(ID, 90);
    let mutual = Mutual::new(&certified);
    let (api, socket) = (mutual.server.origin(), mutual.folder.at("socket"));
    let mut command = mutual.asking(&["gateway", "--upstream", &api, "--listen", &format!("unix:{socket}")]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until(|| UnixStream::connect(&socket).is_ok());
    let mut caller = UnixStream::connect(&socket).unwrap();
    caller.write_all(b"GET /shipments HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(shows(&mutual.server, &thumbprint(&certified)));
    end(child);
}

#[test]
fn a_doctor_tells_whom_a_certificate_is_of_and_when_it_ends() {
    let mutual = Mutual::new(&issued(ID, 90));
    let doctor = || run(&mut mutual.asking(&["doctor"]));
    let ended = doctor();
    assert_eq!(ended.status, 0, "{}{}", ended.stdout, ended.stderr);
    let line = ended.stdout.lines().find(|line| line.contains("client cert")).unwrap();
    assert!(
        line.starts_with("ok ") && line.contains(&format!("in {}: of CN={ID}", mutual.certificate)),
        "{line}"
    );
    assert!(line.contains("belongs to its key, ends in 89 d") || line.contains("ends in 90 d"), "{line}");
    let soon = issued(ID, 13);
    mutual.server.register(Registration::self_signed_tls_client_auth(ID, &soon.cert.pem()).unwrap());
    mutual.renew(&soon);
    let ended = doctor();
    assert!(ended.stdout.contains("warning  client cert") && ended.status == 0, "{}", ended.stdout);
    mutual.renew(&issued(ID, -2));
    let requests = mutual.server.counts().token_requests;
    let ended = doctor();
    assert!(ended.stdout.contains("fault    client cert") && ended.status == 2, "{}", ended.stdout);
    assert!(ended.stdout.contains(" ended ") && ended.stdout.contains("have it renewed"), "{}", ended.stdout);
    fs::remove_file(&mutual.key).unwrap();
    let ended = doctor();
    assert!(ended.stdout.contains(&format!("cannot be read from {}", mutual.key)), "{}", ended.stdout);
    assert_eq!((ended.status, mutual.server.counts().token_requests), (2, requests));
}

#[test]
fn a_doctor_says_what_is_wrong_with_the_key_of_a_certificate_and_how_to_fix_it() {
    let mutual = Mutual::new(&issued(ID, 90));
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../crypto/src/key/tests/keys");
    let encrypted = fs::read(format!("{keys}/encrypted.pem")).unwrap();
    let encrypted = mutual.folder.file("encrypted.key", 0o600, encrypted);
    let other = mutual.folder.file("other.key", 0o600, issued("other", 9).signing_key.serialize_pem());
    let gone = mutual.folder.at("gone.key");
    for (key, says, next) in [
        (
            &encrypted,
            format!("in {encrypted} cannot be used: the private key is encrypted"),
            "openssl pkey -in",
        ),
        (&other, "do not belong together".to_owned(), "next: "),
        (&gone, format!("the client certificate cannot be read from {gone}: it is not there"), "next: "),
    ] {
        let ended = run(&mut mutual.asking(&["doctor", "--certificate-key", key]));
        assert_eq!(ended.status, 2, "{key}: {}", ended.stdout);
        let line = ended.stdout.lines().find(|line| line.contains("client cert")).unwrap();
        let after = ended.stdout.split(line).nth(1).unwrap().lines().nth(1).unwrap();
        assert!(line.starts_with("fault ") && line.contains(&says), "{key}: {line}");
        assert!(after.starts_with("         next: ") && after.contains(next), "{key}: {after}");
    }
    assert_eq!(mutual.server.counts().token_requests, 0);
}
