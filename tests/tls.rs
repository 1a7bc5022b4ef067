//! Over TLS: each transport speaks it with the root it is given, and says nothing to a server that it cannot be sure of.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_tests::certified::{Authority, Certified, TlsServer, self_signed};
use evergrant_tests::install_tls;
use evergrant_tests::raw::{Raw, wait_until};
use evergrant_tests::transports::{Asking, Mount, SECRET, TRANSPORTS, broke, refusal};
use evergrant_tokio_reqwest::core::{Problem, TransportErrorKind};
use rcgen::{CertificateParams, date_time_ymd};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// Who asked with the platform's roots alone is told what is wrong.
#[test]
fn a_root_that_nobody_trusts_is_named_as_the_reason() {
    let authority = Authority::new("ours");
    let server = TlsServer::start(&authority.certify(HOST, as_it_should), answer(), true);
    for (name, mount) in TRANSPORTS {
        let refusal = refusal(name, mount(&Asking::at(&server.token_endpoint())).token());
        let Problem::Transport(error) = refusal.problem() else { panic!("{name}: {refusal}") };
        assert_eq!(error.kind(), TransportErrorKind::Tls, "{name}: {error}");
        assert!(error.to_string().contains("certificate"), "{name}: the reason is kept: {error}");
    }
    assert_eq!(server.request_bytes(4), 0);
}

/// Not one byte of a request, to anybody whose certificate does not prove who they are.
// Conforms: A-25, R-6750-5.3-a, A-46
#[test]
fn no_byte_of_a_request_goes_to_a_server_with_a_wrong_certificate() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let past = |params: &mut CertificateParams| {
        (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    };
    let future = |params: &mut CertificateParams| {
        (params.not_before, params.not_after) = (date_time_ymd(3019, 1, 1), date_time_ymd(3020, 1, 1));
    };
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
            let kind = broke(name, mount(&Asking::at(&endpoint)).token());
            assert_eq!(kind, TransportErrorKind::Tls, "{name}: version 3.{minor}");
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
            assert_eq!(broke(name, mount(&Asking::at(&endpoint)).token()), TransportErrorKind::Tls, "{name}");
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
