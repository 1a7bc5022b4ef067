//! TLS with client certificates (RFC 8705), as a client sees it.
#![cfg(feature = "tls")]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evergrant_mock::{Answer, Builder, Endpoint, Fault, Issuer, Registration, Server, Times, TokenStyle};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use serde_json::{Value, json};
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

const ID: &str = "orders";

/// A certificate with its key.
struct Pair {
    pem: String,
    der: CertificateDer<'static>,
    key: KeyPair,
}

impl Pair {
    fn self_signed(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params(name).self_signed(&key).unwrap();
        Self { pem: certificate.pem(), der: certificate.der().clone(), key }
    }

    fn signed(params: &CertificateParams, by: &CertifiedIssuer<'_, KeyPair>) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, by).unwrap();
        Self { pem: certificate.pem(), der: certificate.der().clone(), key }
    }

    /// `x5t#S256`.
    fn print(&self) -> String {
        URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, &self.der))
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server that asks for certificates, and what its own is trusted by.
fn served(configured: impl FnOnce(Builder) -> Builder) -> (Server, Pair) {
    let own = Pair::self_signed("mock");
    let builder = Server::builder().tls(&own.pem, &own.key.serialize_pem()).asks_for_certificates();
    (configured(builder).start().unwrap(), own)
}

fn config(own: &Pair, shown: Option<&Pair>) -> Arc<ClientConfig> {
    config_of(own, shown, rustls::DEFAULT_VERSIONS)
}

fn config_of(
    own: &Pair,
    shown: Option<&Pair>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(own.der.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let config = config.with_root_certificates(roots);
    Arc::new(match shown {
        Some(pair) => {
            let key = PrivatePkcs8KeyDer::from(pair.key.serialize_der());
            config.with_client_auth_cert(vec![pair.der.clone()], key.into()).unwrap()
        }
        None => config.with_no_client_auth(),
    })
}

fn connected(server: &Server, config: &Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::IpAddress(server.address().ip().into());
    let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    StreamOwned::new(connection, TcpStream::connect(server.address()).unwrap())
}

/// What a request is answered, on a connection of its own: the head and the body.
fn answer(server: &Server, config: &Arc<ClientConfig>, request: &str) -> io::Result<(String, String)> {
    let mut stream = connected(server, config);
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Ok((head.to_owned(), body.to_owned()))
}

fn token_request(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: m\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The response of the token endpoint to this client and these parameters.
fn asked(server: &Server, config: &Arc<ClientConfig>, parameters: &str) -> Value {
    let body = format!("grant_type=client_credentials&{parameters}");
    let (_, body) = answer(server, config, &token_request("/access-token", &body)).unwrap();
    serde_json::from_str(&body).unwrap()
}

/// Why this client is refused, if it is.
fn refused(server: &Server, config: &Arc<ClientConfig>, id: &str) -> Option<String> {
    let response = asked(server, config, &format!("client_id={id}"));
    if response.get("access_token").is_some() {
        return None;
    }
    assert_eq!(response["error"], "invalid_client");
    Some(response["error_description"].as_str().unwrap().to_owned())
}

fn called(server: &Server, config: &Arc<ClientConfig>, token: &str) -> String {
    let request =
        format!("GET / HTTP/1.1\r\nHost: m\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n");
    answer(server, config, &request).unwrap().0
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[test]
fn a_registered_certificate_authenticates_its_client_and_nobody_else() {
    let (one, two, other) = (Pair::self_signed("1"), Pair::self_signed("2"), Pair::self_signed("other"));
    let registration =
        Registration::self_signed_tls_client_auth(ID, &[one.pem.as_str(), &two.pem].concat()).unwrap();
    let (server, own) = served(|builder| builder.registers(registration));
    for pair in [&one, &two] {
        assert_eq!(refused(&server, &config(&own, Some(pair)), ID), None);
    }
    let refusal = |pair| refused(&server, &config(&own, pair), ID);
    assert_eq!(refusal(None).unwrap(), "the client showed no certificate");
    let unknown = "the certificate of the client is not a registered one";
    assert_eq!(refusal(Some(&other)).unwrap(), unknown);
    // A certificate is not a client.
    let somebody = refused(&server, &config(&own, Some(&one)), Server::CLIENT_ID);
    assert_eq!(somebody.unwrap(), "the client is unknown or its secret is wrong");
    // It is the only proof.
    let beside = asked(&server, &config(&own, Some(&one)), "client_id=orders&client_secret=s3cr3t");
    let method = "the client authenticates by self_signed_tls_client_auth, not by a secret in the request";
    assert_eq!(beside["error_description"], method);
    let seen: Vec<Option<String>> =
        server.requests().iter().map(|request| request.certificate().map(str::to_owned)).collect();
    let (one, two, other) = (Some(one.print()), Some(two.print()), Some(other.print()));
    assert_eq!(seen, [one.clone(), two, None, other, one.clone(), one]);
    assert_eq!(server.counts().token_invalid_client, 4);
}

#[test]
fn a_certificate_of_the_authority_and_the_subject_authenticates_its_client() {
    let (ca, other_ca) = (authority("ca"), authority("ca"));
    let named = |name: &str| {
        let mut params = params(name);
        params.distinguished_name.push(DnType::OrganizationName, "Shop");
        params
    };
    let registration = Registration::tls_client_auth(ID, &ca.pem(), "O=Shop,CN=orders").unwrap();
    let (server, own) = served(|builder| builder.registers(registration));
    let refusal = |pair: &Pair| refused(&server, &config(&own, Some(pair)), ID);
    assert_eq!(refusal(&Pair::signed(&named("orders"), &ca)), None);
    let subject = "the subject of the certificate is not the registered one";
    assert_eq!(refusal(&Pair::signed(&named("bills"), &ca)).unwrap(), subject);
    let unsigned = "the certificate of the client is not valid, or not signed by the registered authority";
    assert_eq!(refusal(&Pair::signed(&named("orders"), &other_ca)).unwrap(), unsigned);
    assert_eq!(refusal(&Pair::self_signed("orders")).unwrap(), unsigned);
    let nothing = refused(&server, &config(&own, None), ID);
    assert_eq!(nothing.unwrap(), "the client showed no certificate");
    // On the server's clock.
    let mut short = named("orders");
    short.not_after = rcgen::date_time_ymd(2099, 1, 1);
    let short = Pair::signed(&short, &ca);
    assert_eq!(refusal(&short), None);
    server.set_clock_offset(100 * 365 * 86_400);
    assert_eq!(refusal(&short).unwrap(), unsigned);
}

#[test]
fn a_token_is_bound_to_the_certificate_and_the_api_takes_it_with_no_other() {
    let (client, other) = (Pair::self_signed("1"), Pair::self_signed("2"));
    let registration = Registration::self_signed_tls_client_auth(ID, &client.pem).unwrap();
    let (server, own) = served(|builder| builder.registers(registration));
    let shown = config(&own, Some(&client));
    for style in [TokenStyle::default(), TokenStyle::Opaque] {
        server.set_style(style);
        assert_eq!(refused(&server, &shown, ID), None);
        let token = server.issued().pop().unwrap();
        if style == TokenStyle::default() {
            assert_eq!(claims(&token)["cnf"], json!({ "x5t#S256": client.print() }));
        }
        assert!(called(&server, &shown, &token).starts_with("HTTP/1.1 200 "));
        for pair in [None, Some(&other)] {
            let refusal = called(&server, &config(&own, pair), &token);
            assert!(
                refusal.starts_with("HTTP/1.1 401 ") && refusal.contains("error=\"invalid_token\""),
                "{refusal}"
            );
        }
    }
}

#[test]
fn tokens_of_other_methods_are_bound_where_that_is_set() {
    let pair = Pair::self_signed("1");
    let key = Issuer::new("bills").unwrap();
    let secret = format!("client_id={}&client_secret={}", Server::CLIENT_ID, Server::CLIENT_SECRET);
    for bound in [true, false] {
        let (server, own) = served(|builder| {
            let builder = builder.registers(key.registration());
            if bound { builder.certificate_bound_tokens() } else { builder }
        });
        let assertion = key.client_assertion(&server.issuer()).signed().unwrap();
        let assertion = format!(
            "client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion={assertion}"
        );
        for parameters in [&secret, &assertion] {
            let response = asked(&server, &config(&own, Some(&pair)), parameters);
            let cnf = claims(response["access_token"].as_str().unwrap()).get("cnf").cloned();
            assert_eq!(cnf, bound.then(|| json!({ "x5t#S256": pair.print() })));
        }
        let response = asked(&server, &config(&own, None), &secret);
        assert!(claims(response["access_token"].as_str().unwrap()).get("cnf").is_none());
    }
}

#[test]
fn metadata_has_an_alias_for_clients_with_a_certificate() {
    let pair = Pair::self_signed("1");
    let registration = Registration::self_signed_tls_client_auth(ID, &pair.pem).unwrap();
    let (server, own) = served(|builder| builder.registers(registration));
    let shown = config(&own, Some(&pair));
    let get = "GET /.well-known/openid-configuration HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n";
    let metadata: Value = serde_json::from_str(&answer(&server, &shown, get).unwrap().1).unwrap();
    let alias = server.mtls_token_endpoint().unwrap();
    assert_eq!(metadata["mtls_endpoint_aliases"], json!({ "token_endpoint": alias }));
    assert_eq!(
        (&metadata["issuer"], &metadata["token_endpoint"]),
        (&json!(server.origin()), &json!(server.token_endpoint()))
    );
    assert!(server.origin().starts_with("https://127.0.0.1:"));
    let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(methods.contains(&json!("self_signed_tls_client_auth")), "{methods:?}");
    let path = alias.strip_prefix(&server.origin()).unwrap();
    let body = "grant_type=client_credentials&client_id=orders";
    let (head, _) = answer(&server, &shown, &token_request(path, body)).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let request = server.requests().pop().unwrap();
    assert_eq!((request.endpoint(), request.path()), (Endpoint::Token, path));
    // Without asking there is none.
    let own = Pair::self_signed("mock");
    let server = Server::builder().tls(&own.pem, &own.key.serialize_pem()).start().unwrap();
    let (_, metadata) = answer(&server, &config(&own, Some(&pair)), get).unwrap();
    assert!(!metadata.contains("mtls") && server.mtls_token_endpoint().is_none(), "{metadata}");
    assert_eq!(server.requests()[0].certificate(), None);
}

#[test]
fn the_log_tells_whether_a_session_was_resumed_with_the_certificate_of_the_first() {
    let pair = Pair::self_signed("1");
    let (server, own) = served(|builder| builder);
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let before = server.requests().len();
        let shown = config_of(&own, Some(&pair), &[version]);
        for _ in 0..2 {
            called(&server, &shown, "none");
        }
        // Another configuration knows no session.
        called(&server, &config_of(&own, Some(&pair), &[version]), "none");
        let resumed: Vec<_> =
            server.requests()[before..].iter().map(|request| request.tls_resumed().unwrap()).collect();
        assert_eq!(resumed, [false, true, false], "{version:?}");
    }
    assert!(server.requests().iter().all(|request| request.certificate() == Some(&*pair.print())));
    let plain = Server::start().unwrap();
    let mut stream = TcpStream::connect(plain.address()).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n").unwrap();
    stream.read_to_string(&mut String::new()).unwrap();
    assert_eq!(plain.requests()[0].tls_resumed(), None);
}

#[test]
fn requests_in_a_row_share_a_connection_and_large_ones_are_read_whole() {
    let (server, own) = served(|builder| builder);
    let mut stream = connected(&server, &config(&own, None));
    let body = "x".repeat(300_000);
    for _ in 0..2 {
        write!(stream, "POST / HTTP/1.1\r\nHost: m\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    }
    stream.write_all(b"GET / HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n").unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 401 ").count(), 3, "{answers}");
    let lengths: Vec<usize> = server.requests().iter().map(|request| request.body().len()).collect();
    assert_eq!(lengths, [300_000, 300_000, 0]);
}

#[test]
fn faults_strike_over_tls_as_they_do_without() {
    let (server, own) = served(|builder| builder);
    let config = config(&own, None);
    let get = "GET / HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n";
    let struck = |fault| {
        server.fault(Endpoint::Resource, fault, Times::Once);
        answer(&server, &config, get)
    };
    assert_eq!(struck(Fault::Reset).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    // The end of a connection without a word, which TLS tells from one that was meant.
    assert_eq!(struck(Fault::CloseBeforeAnswer).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(struck(Fault::TruncatedBody).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert!(
        struck(Fault::Redirect { status: 307, location: "/a".into() }).unwrap().0.contains("Location: /a")
    );
    let names = ["reset", "close-before-answer", "truncated-body", "redirect"];
    let answers: Vec<Answer> = server.requests().iter().map(evergrant_mock::Recorded::answer).collect();
    assert_eq!(answers, names.map(Answer::Fault));
}

#[test]
fn a_connection_that_hangs_ends_with_the_server() {
    let (server, own) = served(|builder| builder);
    let (config, address) = (config(&own, None), server.address());
    server.fault(Endpoint::Resource, Fault::Hang, Times::Once);
    let mut stream = connected(&server, &config);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: m\r\n\r\n").unwrap();
    assert!(server.wait_for(std::time::Duration::from_secs(60), |counts| counts.resource_requests == 1));
    drop(server);
    assert!(stream.read(&mut [0]).is_err());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn what_cannot_be_served_is_an_error_at_the_start() {
    let (own, other) = (Pair::self_signed("1"), Pair::self_signed("2"));
    let error = |builder: Builder| builder.start().unwrap_err().to_string();
    let key = own.key.serialize_pem();
    assert_eq!(error(Server::builder().tls("nonsense", &key)), "no certificate in PEM");
    assert_eq!(
        error(Server::builder().tls(&own.pem, "nonsense")),
        "the key of the server is no private key in PEM"
    );
    assert_eq!(
        error(Server::builder().tls(&own.pem, &other.key.serialize_pem())),
        "the key of the server is not that of its certificate"
    );
    assert_eq!(
        error(Server::builder().asks_for_certificates()),
        "clients are asked for certificates over TLS only"
    );
    assert!(Registration::self_signed_tls_client_auth(ID, &key).is_err());
    assert!(Registration::tls_client_auth(ID, &key, "CN=a").is_err());
}

#[test]
fn without_tls_a_client_with_a_certificate_is_refused() {
    let registration = Registration::self_signed_tls_client_auth(ID, &Pair::self_signed("1").pem).unwrap();
    let server = Server::builder().registers(registration).start().unwrap();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let request = token_request("/access-token", "grant_type=client_credentials&client_id=orders");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("the client showed no certificate"), "{answer}");
}

#[test]
fn a_certificate_is_refused_until_it_changes() {
    let (one, two) = (Pair::self_signed("1"), Pair::self_signed("2"));
    let registration =
        Registration::self_signed_tls_client_auth(ID, &[one.pem.as_str(), &two.pem].concat()).unwrap();
    let (server, own) = served(|builder| builder.registers(registration));
    server.refuse_credential_until_changed();
    let refusal = |pair| refused(&server, &config(&own, Some(pair)), ID);
    let until = "the certificate of the client is refused until it changes";
    assert_eq!([refusal(&one), refusal(&one)], [Some(until.to_owned()), Some(until.to_owned())]);
    assert_eq!(refusal(&two), None);
}
