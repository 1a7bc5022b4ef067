//! Over TLS: each transport speaks it with the root it is given, and says nothing to a server that it cannot be sure of.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_tests::certified::{Authority, Certified, TlsServer, self_signed, signed_by_itself};
use evergrant_tests::install_tls;
use evergrant_tests::raw::{Raw, wait_until};
use evergrant_tests::transports::{
    Asking, BUILDS, Mount, SECRET, Shared, TRANSPORTS, broke, refusal, tls_config,
};
use evergrant_tokio_reqwest::core::{Problem, TransportErrorKind};
use evergrant_tokio_reqwest::{ConfigError, Error, Origins, Token};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, date_time_ymd};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs};

const GRANT: &str = r#"{"access_token":"over-tls","token_type":"Bearer","expires_in":3600}"#;
const HOST: &str = "127.0.0.1";

fn answer() -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{GRANT}", GRANT.len())
}

/// What the authority certifies when nothing is wrong.
fn as_it_should(_: &mut CertificateParams) {}

#[test]
fn a_server_whose_root_is_trusted_is_spoken_to() {
    let authority = Authority::new("ours");
    let server = TlsServer::start(&authority.certify(HOST, as_it_should), answer(), true);
    for (at, (name, mount)) in TRANSPORTS.into_iter().enumerate() {
        let asking = Asking::at(&server.token_endpoint()).trusting(&authority.root());
        let token = mount(&asking).token();
        assert_eq!(token.expect(name).value().expose(), "over-tls", "{name}");
        // What is counted below is counted here: each request, and the secret in it.
        assert!(server.request_bytes(at as u64 + 1) > 100 * (at as u64 + 1), "{name}");
        assert!(server.last_request().contains(SECRET), "{name}");
    }
}

#[test]
fn a_transport_of_many_sources_trusts_what_its_http_client_trusts_and_nobody_else() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let start =
        |authority: &Authority| TlsServer::start(&authority.certify(HOST, as_it_should), answer(), true);
    let (one, other, foreign) = (start(&ours), start(&ours), start(&theirs));
    let shared = Shared::trusting(&ours.root());
    for (name, mount) in TRANSPORTS {
        let ask = |server: &TlsServer| mount(&Asking::at(&server.token_endpoint()).through(&shared)).token();
        for server in [&one, &other] {
            assert_eq!(ask(server).expect(name).value().expose(), "over-tls", "{name}");
        }
        assert_eq!(broke(name, ask(&foreign)), TransportErrorKind::Tls, "{name}");
    }
    assert_eq!(foreign.request_bytes(4), 0);
}

/// Who asked with the platform's roots alone is told what is wrong.
#[test]
fn a_root_that_nobody_trusts_is_named_as_the_reason() {
    let authority = Authority::new("ours");
    let server = TlsServer::start(&authority.certify(HOST, as_it_should), answer(), true);
    for (name, mount) in TRANSPORTS {
        let said = said(name, mount(&Asking::at(&server.token_endpoint())).token());
        assert!(said.starts_with(UNTRUSTED) && said.contains("SSL_CERT_FILE"), "{name}: {said}");
    }
    assert_eq!(server.request_bytes(4), 0);
}

/// What is told of a handshake that failed.
#[track_caller]
fn said(name: &str, outcome: Result<Token, Error>) -> String {
    let refusal = refusal(name, outcome);
    let Problem::Transport(error) = refusal.problem() else { panic!("{name}: {refusal}") };
    assert_eq!(error.kind(), TransportErrorKind::Tls, "{name}: {error}");
    error.detail().map(ToString::to_string).unwrap_or_default()
}

const UNTRUSTED: &str = "the server's certificate is from an authority that is not trusted here: add the authority's root certificate";

/// Whatever is wrong with a certificate: what, and what to do, in the same words on each transport, and none of rustls's.
#[test]
fn what_is_wrong_with_a_certificate_is_one_sentence_on_every_transport() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let cases: [(Certified, &str); 9] = [
        (
            signed_by_itself(HOST, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            "the server's certificate is a CA certificate, most often self-signed: issue a server certificate from it",
        ),
        (self_signed(HOST), UNTRUSTED),
        (theirs.certify(HOST, as_it_should), UNTRUSTED),
        (
            Authority::new("ours").certify(HOST, as_it_should),
            "the server's certificate is not signed by the key of its authority",
        ),
        (ours.certify(HOST, past), "the server's certificate expired # d ago: its operator must renew it"),
        (ours.certify(HOST, future), "the server's certificate becomes valid in # d: this machine's clock"),
        (
            ours.certify("127.0.0.2", as_it_should),
            "the server's certificate is not for #.#.#.# but for #.#.#.#: check the host in the URL",
        ),
        (
            ours.certify("auth.example", as_it_should),
            "the server's certificate is not for #.#.#.# but for auth.example: check the host in the URL",
        ),
        (
            ours.certify(HOST, |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            "the server's certificate is not for servers (extended key usage serverAuth)",
        ),
    ];
    for (certified, sentence) in &cases {
        let server = TlsServer::start(certified, answer(), true);
        let said = TRANSPORTS.map(|(name, mount)| {
            let asking = Asking::at(&server.token_endpoint()).trusting(&ours.root());
            without_numbers(&said(name, mount(&asking).token()))
        });
        assert!(said[0].starts_with(sentence), "{}", said[0]);
        assert!(said.iter().all(|other| *other == said[0]), "{said:#?}");
    }
}

/// The time goes on from one transport to the next, and around midnight there are no hours.
fn without_numbers(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' if shown.ends_with('#') => {}
            '0'..='9' => shown.push('#'),
            c => shown.push(c),
        }
    }
    shown.replace("# d # h", "# d")
}

#[test]
fn why_a_server_ends_the_handshake_is_one_sentence_on_every_transport() {
    // RFC 8446 §6.2.
    for (alert, sentence) in [
        (70, "no TLS version in common: this client speaks 1.2 and 1.3, and the server neither"),
        (71, "no cipher or key exchange in common with the server"),
        (40, "the server refused the handshake: most often it has no cipher or TLS version in common"),
        (42, "the server refused this client's certificate, or requires one"),
        (112, "the server has no certificate for this host (SNI)"),
        (80, "the server ended TLS with alert 80 (RFC 8446, section 6): its log says why"),
    ] {
        for (name, mount) in TRANSPORTS {
            let server = Raw::serve(move |connection| {
                connection.read();
                connection.send([21, 3, 3, 0, 2, 2, alert]);
                connection.wait();
            });
            let endpoint = server.token_endpoint().replace("http://", "https://");
            let said = said(name, mount(&Asking::at(&endpoint)).token());
            assert!(said.starts_with(sentence), "{name}: {said}");
        }
    }
}

#[test]
fn a_server_that_wants_a_client_certificate_is_told_as_such() {
    let (ours, clients) = (Authority::new("ours"), Authority::new("of clients"));
    let certified = ours.certify(HOST, as_it_should);
    // The newer version says so once the client takes the handshake for done.
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let server = TlsServer::mutual(&certified, &clients, version);
        for (name, mount) in TRANSPORTS {
            let asking = Asking::at(&server.token_endpoint()).trusting(&ours.root());
            let said = said(name, mount(&asking).token());
            let sentence = "the server wants a client certificate: give the source an identity (mutual TLS)";
            assert_eq!(said, sentence, "{name}: {version:?}");
        }
    }
}

/// What the one that is started is asked to show, and where.
const SHOW: &str = "EVERGRANT_TESTS_SHOW";

/// Starts the test of this name once more, with these roots for the platform's; false in the one that was started.
fn starts_itself(test: &str, endpoint: &str, roots: &str) -> bool {
    if env::var_os(SHOW).is_some() {
        return false;
    }
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([test, "--exact"]).env(SHOW, endpoint);
    command.env("SSL_CERT_FILE", roots).env_remove("SSL_CERT_DIR");
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
    true
}

#[test]
fn the_platforms_roots_are_those_of_ssl_cert_file_on_every_transport() {
    let authority = Authority::new("ours");
    let server = TlsServer::start(&authority.certify(HOST, as_it_should), answer(), true);
    let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/roots");
    fs::create_dir_all(folder).unwrap();
    let roots = format!("{folder}/{}.pem", std::process::id());
    fs::write(&roots, authority.root_pem()).unwrap();
    let test = "the_platforms_roots_are_those_of_ssl_cert_file_on_every_transport";
    let started = starts_itself(test, &server.token_endpoint(), &roots);
    fs::remove_file(&roots).unwrap();
    if !started {
        let endpoint = env::var(SHOW).unwrap();
        for (name, mount) in TRANSPORTS {
            let token = mount(&Asking::at(&endpoint)).token();
            assert_eq!(token.expect(name).value().expose(), "over-tls", "{name}");
        }
    }
}

#[test]
fn a_machine_without_roots_is_a_configuration_error_that_says_what_to_install_on_every_adapter() {
    let test = "a_machine_without_roots_is_a_configuration_error_that_says_what_to_install_on_every_adapter";
    let nowhere = concat!(env!("CARGO_TARGET_TMPDIR"), "/no-such-file.pem");
    if starts_itself(test, "https://auth.example/token", nowhere) {
        return;
    }
    install_tls();
    let client = Asking::at(&env::var(SHOW).unwrap()).client;
    let errors: [Option<ConfigError>; 4] = [
        evergrant_tokio_reqwest::Tokens::new(client.clone()).err(),
        evergrant_async_std::Tokens::<evergrant_async_std::AsyncStd>::new(client.clone()).err(),
        evergrant_async_std::Tokens::<evergrant_async_std::Smol>::new(client.clone()).err(),
        evergrant_ureq::Tokens::new(client.clone()).err(),
    ];
    // With those that it was built with, such a machine is served.
    assert!(evergrant_ureq::Tokens::builder(client).bundled_roots().build().is_ok());
    // A transport says so to each source that needs them, whatever others it serves.
    let shared = Shared::new();
    for (name, build) in BUILDS.into_iter().chain(BUILDS) {
        assert!(build(&Asking::at("http://127.0.0.1:1/token").through(&shared)).is_ok(), "{name}");
        let asking = Asking::at(&env::var(SHOW).unwrap()).through(&shared);
        assert_eq!(build(&asking).err(), errors[0], "{name}");
    }
    for error in &errors {
        let said = error.as_ref().expect("a source without roots").to_string();
        assert!(said.contains("there are no trusted root certificates on this machine: install"), "{said}");
        assert_eq!(error, &errors[0]);
    }
}

/// A server may send a client from TLS to plain http, or to another port: the token stays.
// Conforms: A-27
#[tokio::test]
async fn a_token_goes_along_with_no_redirect_from_https_to_http() {
    install_tls();
    let listener = Raw::answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let authority = Authority::new("ours");
    let redirect =
        format!("HTTP/1.1 302 Found\r\nLocation: {}/\r\nContent-Length: 0\r\n\r\n", listener.origin());
    let server = TlsServer::start(&authority.certify(HOST, as_it_should), redirect, true);
    let (url, origins) = (format!("{}/things", server.origin()), Origins::parse([server.origin()]).unwrap());
    let value = "a-token-of-the-test";

    let root = reqwest::Certificate::from_der(&authority.root()).unwrap();
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().unwrap();
    let tokens = evergrant_tokio_reqwest::Tokens::fixed(value).unwrap();
    let api = evergrant_tokio_reqwest::Api::new(http.clone(), tokens.clone(), origins.clone());
    assert_eq!(api.get(&url).send().await.unwrap().status(), 200);
    let authorize = evergrant_tokio_reqwest::AuthorizeMiddleware::new(tokens, origins.clone());
    let stack = reqwest_middleware::ClientBuilder::new(http).with(authorize).build();
    assert_eq!(stack.get(&url).send().await.unwrap().status(), 200);

    // It follows none.
    let http = evergrant_async_std::HttpClient::new().with_tls(tls_config(&authority.root()));
    let tokens = evergrant_async_std::Tokens::<evergrant_async_std::Smol>::fixed(value).unwrap();
    let api = evergrant_async_std::Api::new(http, tokens, origins.clone());
    assert_eq!(api.get(&url).send().await.unwrap().status(), 302);

    let asked = url.clone();
    tokio::task::spawn_blocking(move || {
        let root = ureq::tls::Certificate::from_der(&authority.root()).to_owned();
        let roots = ureq::tls::RootCerts::new_with_certs(&[root]);
        let tls = ureq::tls::TlsConfig::builder().root_certs(roots).build();
        // An agent that would take another port for the same host.
        let config = || {
            let generous = ureq::config::RedirectAuthHeaders::SameHost;
            ureq::Agent::config_builder().proxy(None).tls_config(tls.clone()).redirect_auth_headers(generous)
        };
        let tokens = evergrant_ureq::Tokens::fixed(value).unwrap();
        let api = evergrant_ureq::Api::new(config().build().new_agent(), tokens.clone(), origins.clone());
        assert_eq!(api.get(&asked).send().unwrap().status(), 200);
        let authorize = evergrant_ureq::AuthorizeMiddleware::new(tokens, origins);
        let agent = config().middleware(authorize).build().new_agent();
        assert_eq!(agent.get(&asked).call().unwrap().status(), 200);
    })
    .await
    .unwrap();

    assert!(server.last_request().contains(value), "it went where it may");
    assert_eq!(listener.connections(), 4, "each that follows redirects did");
    assert!(!listener.heard_of(value) && !listener.heard_of("uthorization"));
}

fn past(params: &mut CertificateParams) {
    (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
}

fn future(params: &mut CertificateParams) {
    (params.not_before, params.not_after) = (date_time_ymd(3019, 1, 1), date_time_ymd(3020, 1, 1));
}

/// Not one byte of a request, to anybody whose certificate does not prove who they are.
// Conforms: A-25, R-6750-5.3-a, A-46
#[test]
fn no_byte_of_a_request_goes_to_a_server_with_a_wrong_certificate() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let cases: [(&str, Certified); 8] = [
        ("another address", ours.certify("127.0.0.2", as_it_should)),
        ("a name instead of the address", ours.certify("localhost", as_it_should)),
        ("the address as a name", ours.certify("127.0.0.1.example", as_it_should)),
        ("expired", ours.certify(HOST, past)),
        ("not valid yet", ours.certify(HOST, future)),
        ("self-signed", self_signed(HOST)),
        ("another authority", theirs.certify(HOST, as_it_should)),
        ("another authority of the same name", Authority::new("ours").certify(HOST, as_it_should)),
    ];
    for (what, certified) in &cases {
        let server = TlsServer::start(certified, answer(), true);
        for (name, mount) in TRANSPORTS {
            let asking = Asking::at(&server.token_endpoint()).trusting(&ours.root());
            assert_eq!(broke(name, mount(&asking).token()), TransportErrorKind::Tls, "{name}: {what}");
        }
        assert_eq!(server.request_bytes(4), 0, "{what}");
    }
}

/// A name may have several addresses: whichever of them takes the connection proves the name before it hears anything, and
/// one that cannot is not made up for by another. (The other adapters resolve names by the system alone.)
// Conforms: A-46
#[tokio::test]
async fn whichever_address_takes_the_connection_proves_the_name_first() {
    install_tls();
    let (ours, closed) = (Authority::new("ours"), SocketAddr::from(([127, 0, 0, 1], 1)));
    let right = TlsServer::start(&ours.certify("as.example", as_it_should), answer(), true);
    let address = |server: &TlsServer| server.origin()["https://".len()..].parse::<SocketAddr>().unwrap();
    let ask = async |addresses: [SocketAddr; 2]| {
        let root = reqwest::Certificate::from_der(&ours.root()).unwrap();
        let http = reqwest::Client::builder().tls_certs_only([root]);
        let Asking { client, policy, .. } = Asking::at("https://as.example/token");
        let tokens = evergrant_tokio_reqwest::Tokens::builder(client).policy(policy).fail_fast(true);
        let http = http.resolve_to_addrs("as.example", &addresses);
        tokens.http(http).build().unwrap().token().await
    };
    assert_eq!(ask([closed, address(&right)]).await.unwrap().value().expose(), "over-tls");
    for first in [true, false] {
        let wrong = TlsServer::start(&ours.certify("other.example", as_it_should), answer(), true);
        let addresses = if first { [address(&wrong), address(&right)] } else { [closed, address(&wrong)] };
        assert_eq!(broke("tokio-reqwest", ask(addresses).await), TransportErrorKind::Tls);
        assert_eq!(wrong.request_bytes(1), 0);
    }
}

/// A program that trusts everybody, for its own calls or by mistake, does not send its credentials to everybody.
// Conforms: A-25, A-48
#[tokio::test]
async fn verification_that_was_switched_off_is_on_for_token_requests() {
    install_tls();
    let authority = Authority::new("ours");
    for certified in [self_signed(HOST), authority.certify("127.0.0.2", as_it_should)] {
        let server = TlsServer::start(&certified, answer(), true);
        let Asking { client, policy, .. } = Asking::at(&server.token_endpoint());
        let http = reqwest::Client::builder()
            .tls_danger_accept_invalid_certs(true)
            .tls_danger_accept_invalid_hostnames(true);
        let tokens =
            evergrant_tokio_reqwest::Tokens::builder(client.clone()).policy(policy.clone()).http(http);
        let outcome = tokens.fail_fast(true).build().unwrap().token().await;
        assert_eq!(broke("tokio-reqwest", outcome), TransportErrorKind::Tls);
        let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
        let http = ureq::Agent::config_builder().tls_config(tls);
        let tokens = evergrant_ureq::Tokens::builder(client)
            .policy(policy)
            .http(http)
            .fail_fast(true)
            .build()
            .unwrap();
        let outcome = tokio::task::spawn_blocking(move || tokens.token()).await.unwrap();
        assert_eq!(broke("ureq", outcome), TransportErrorKind::Tls);
        assert_eq!(server.request_bytes(2), 0);
    }
}

/// A ServerHello (RFC 5246 §7.4.1.3) that chooses this version, and a cipher that every version to 1.2 knows.
fn server_hello(minor: u8) -> Vec<u8> {
    let mut body = vec![3, minor];
    body.extend([7; 32]); // The server's random.
    body.extend([0, 0xc0, 0x13, 0]); // No session; ECDHE with AES-128-CBC and SHA-1; no compression.
    let mut message = vec![2, 0, 0, u8::try_from(body.len()).unwrap()];
    message.extend(body);
    let mut record = vec![22, 3, minor, 0, u8::try_from(message.len()).unwrap()];
    record.extend(message);
    record
}

/// The first byte of every TLS record (RFC 8446 §5.1) in what a client said.
fn records(mut bytes: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let [kind, _, _, high, low, rest @ ..] = bytes {
        kinds.push(*kind);
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        bytes = rest.get(length..).unwrap_or_default();
    }
    kinds
}

// Conforms: A-25, R-OA21-b
#[test]
fn a_server_of_an_old_version_hears_a_hello_and_a_goodbye() {
    const HANDSHAKE: u8 = 22;
    const ALERT: u8 = 21;
    // SSL 3, TLS 1.0, TLS 1.1, and a TLS that there is not.
    for minor in [0, 1, 2, 9] {
        for (name, mount) in TRANSPORTS {
            let ended = Arc::new(AtomicU64::new(0));
            let over = Arc::clone(&ended);
            let server = Raw::serve(move |connection| {
                connection.read();
                connection.send(server_hello(minor));
                connection.wait();
                over.fetch_add(1, Ordering::SeqCst);
            });
            let endpoint = server.token_endpoint().replace("http://", "https://");
            let said = said(name, mount(&Asking::at(&endpoint)).token());
            assert!(said.starts_with("no TLS version in common"), "{name}: version 3.{minor}: {said}");
            wait_until(&format!("{name} leaves"), || ended.load(Ordering::SeqCst) == 1);
            let records = records(&server.heard()[0]);
            assert_eq!(records.first(), Some(&HANDSHAKE), "{name}");
            assert!(records[1..].iter().all(|kind| *kind == ALERT), "{name}: {records:?}");
            assert_eq!(server.connections(), 1, "{name}: nobody tries an older version by itself");
        }
    }
}

// Conforms: A-25, A-26
#[test]
fn a_server_that_speaks_no_tls_sees_no_request() {
    for reply in [answer(), "HTTP/1.1 400 The plain HTTP request was sent to HTTPS port\r\n\r\n".into()] {
        for (name, mount) in TRANSPORTS {
            let reply = reply.clone();
            let server = Raw::serve(move |connection| {
                connection.read();
                connection.send(&reply);
                connection.finish();
                connection.wait();
            });
            let endpoint = server.token_endpoint().replace("http://", "https://");
            let said = said(name, mount(&Asking::at(&endpoint)).token());
            assert!(
                said.starts_with(
                    "the server, or something on the network path, speaks plain http on this port"
                ),
                "{name}: {said}"
            );
            assert!(!server.heard_of("POST") && !server.heard_of(SECRET), "{name}");
        }
    }
}

/// Somebody on the way who cuts a connection cannot pass the beginning of an answer off as the whole (RFC 9112 §9.8).
///
/// ureq takes the end of the connection for the end of a body without length, goodbye or not. JSON that is cut is no JSON,
/// and of an answer with a length it notices what is missing.
// Conforms: A-40
#[test]
fn an_answer_that_is_cut_without_a_goodbye_is_no_token() {
    let authority = Authority::new("ours");
    let certified = authority.certify(HOST, as_it_should);
    let unbounded = format!("HTTP/1.1 200 OK\r\n\r\n{GRANT}");
    let half = unbounded[..unbounded.len() - 10].to_owned();
    let more = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{GRANT}", GRANT.len() + 1);
    let chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{GRANT}\r\n", GRANT.len());
    let asked = |answer: &str, close_notify, name, mount: Mount| {
        let server = TlsServer::start(&certified, answer, close_notify);
        let outcome = mount(&Asking::at(&server.token_endpoint()).trusting(&authority.root())).token();
        assert!(server.request_bytes(1) > 0, "{name}");
        outcome
    };
    for (name, mount) in TRANSPORTS {
        let said_goodbye = asked(&unbounded, true, name, mount);
        assert_eq!(said_goodbye.expect(name).value().expose(), "over-tls", "{name}");
        match (name, asked(&unbounded, false, name, mount)) {
            ("ureq", outcome) => assert!(outcome.is_ok(), "{outcome:?}"),
            (_, outcome) => assert_eq!(broke(name, outcome), TransportErrorKind::Closed, "{name}"),
        }
        refusal(name, asked(&half, false, name, mount));
        for answer in [&more, &chunked] {
            let outcome = asked(answer, false, name, mount);
            assert_eq!(broke(name, outcome), TransportErrorKind::Closed, "{name}: {answer}");
        }
    }
}
