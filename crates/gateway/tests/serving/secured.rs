//! TLS on either side.

use crate::api::{Api, ok};
use crate::fixture::{Caller, PATIENCE, address, fixed, limited, route_to, serve, until};
use crate::many::{Manner, Many, ManyApi, run, say};
use evergrant_gateway::{
    Access, Address, Gateway, Identity, IdentityError, Key, Keys, Limits, Listener, Reload, Route, Running,
    Upstream,
};
use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A certificate of `localhost` that signs itself.
fn certificate() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

fn identity(of: &CertifiedKey<KeyPair>) -> Identity {
    let (certificate, key) = (of.cert.pem(), of.signing_key.serialize_pem());
    Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap()
}

fn roots(of: &CertifiedKey<KeyPair>) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(of.cert.der().clone()).unwrap();
    roots
}

fn secured(route: Route, identity: Identity) -> Running {
    let listener = Listener::new(Address::parse("127.0.0.1:0").unwrap()).tls(identity);
    Gateway::builder().route(route).workers(2).build().unwrap().serve(&[listener]).unwrap()
}

/// A caller's connection that trusts this certificate and speaks one of these.
async fn connect(
    running: &Running,
    of: &CertifiedKey<KeyPair>,
    speaks: &[&[u8]],
) -> Option<TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots(of)).with_no_client_auth();
    config.alpn_protocols = speaks.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(address(running)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()
}

#[test]
fn callers_choose_their_version_in_the_handshake() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let known = certificate();
    let running = secured(route_to(&api.origin(), fixed()), identity(&known));
    let host = format!("localhost:{}", address(&running).port());
    run(async {
        let stream = connect(&running, &known, &[b"h2", b"http/1.1"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        assert_eq!(Many::over(stream, host.clone()).await.get("/").await.status(), 200);
        for speaks in [&[&b"http/1.1"[..]][..], &[b"http/1.0"], &[]] {
            let mut stream = connect(&running, &known, speaks).await.unwrap();
            let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut answer = String::new();
            let _unclean = stream.read_to_string(&mut answer).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        }
    });
    // Who speaks in clear is told nothing, and leaves nothing behind.
    let mut caller = Caller::new(&running);
    caller.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert!(caller.answer().is_err());
    until("it is counted", || running.counts().own.get(&("denied", "tls")) == Some(&1));
    until("all have gone", || running.counts().connections == 0);
}

#[test]
fn a_certificate_is_renewed_for_connections_to_come() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let (known, next) = (certificate(), certificate());
    let shown = identity(&known);
    let running = secured(route_to(&api.origin(), fixed()), shown.clone());
    let host = format!("localhost:{}", address(&running).port());
    run(async {
        let before = Many::over(connect(&running, &known, &[b"h2"]).await.unwrap(), host.clone()).await;
        assert_eq!(before.get("/").await.status(), 200);
        let (certificate, key) = (next.cert.pem(), next.signing_key.serialize_pem());
        // One that does not go with its key changes nothing.
        let other = certificate.as_bytes();
        let fault = shown.renew(other, known.signing_key.serialize_pem().as_bytes()).unwrap_err();
        assert!(matches!(fault, IdentityError::Unusable(_)), "{fault}");
        assert!(connect(&running, &known, &[b"h2"]).await.is_some());
        shown.renew(other, key.as_bytes()).unwrap();
        assert!(connect(&running, &known, &[b"h2"]).await.is_none());
        let after = Many::over(connect(&running, &next, &[b"h2"]).await.unwrap(), host).await;
        assert_eq!(after.get("/").await.status(), 200);
        assert_eq!(before.get("/").await.status(), 200, "it keeps what it has agreed on");
    });
}

#[test]
fn a_key_may_be_sent_beyond_this_machine_over_tls_alone() {
    let everywhere =
        || Listener::new(Address::parse("0.0.0.0:0").unwrap()).access(Access::Keys(Keys::new([]).unwrap()));
    let gateway = || Gateway::builder().route(route_to("http://127.0.0.1:9", fixed())).build().unwrap();
    assert!(gateway().serve(&[everywhere()]).is_err());
    let running = gateway().serve(&[everywhere().tls(identity(&certificate()))]).unwrap();
    running.stop();
}

#[test]
fn an_address_that_gets_tls_takes_a_restart_and_who_may_use_it_does_not() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let route = || route_to(&api.origin(), fixed());
    let own = Address::parse("127.0.0.1:0").unwrap();
    let keys = [Key::generate().unwrap(), Key::generate().unwrap()];
    let listener = |keys: &[Key]| {
        let named = keys.iter().enumerate().map(|(number, key)| (format!("key-{number}"), key.digest()));
        Listener::new(own.clone()).access(Access::Keys(Keys::new(named).unwrap()))
    };
    let running = Gateway::builder().route(route()).build().unwrap().serve(&[listener(&keys)]).unwrap();
    let mut caller = Caller::new(&running);
    let mut opens = |key: &Key| {
        caller.send("GET", "/", &format!("X-Evergrant-Key: {}\r\n", key.expose()), b"");
        caller.answer().unwrap().status
    };
    assert_eq!((opens(&keys[0]), opens(&keys[1])), (200, 200));
    let secured = || listener(&keys[..1]).tls(identity(&certificate()));
    for _ in 0..2 {
        let reload = Reload::new(vec![route()]).listeners([secured()]);
        assert_eq!(running.reload(reload).unwrap(), std::slice::from_ref(&own));
        assert_eq!((opens(&keys[0]), opens(&keys[1])), (200, 403), "a key that is removed opens nothing");
    }
    assert_eq!(running.reload(Reload::new(vec![route()]).listeners([listener(&keys)])).unwrap(), []);
    assert_eq!((opens(&keys[0]), opens(&keys[1])), (200, 200));
}

#[test]
fn an_address_that_loses_tls_keeps_its_certificate_until_a_restart_and_no_key() {
    let api = Api::start(|_, stream| ok(stream, b"{}"));
    let (known, next) = (certificate(), certificate());
    let running = secured(route_to(&api.origin(), fixed()), identity(&known));
    let own = Address::parse("127.0.0.1:0").unwrap();
    let host = format!("localhost:{}", address(&running).port());
    let reload = |listener: Listener| {
        let reload = Reload::new(vec![route_to(&api.origin(), fixed())]).listeners([listener]);
        running.reload(reload).unwrap()
    };
    let status = |of: &CertifiedKey<KeyPair>| {
        run(async {
            let stream = connect(&running, of, &[b"h2"]).await.unwrap();
            Many::over(stream, host.clone()).await.get("/").await.status()
        })
    };
    assert_eq!(status(&known), 200);
    let keyed = Listener::new(own.clone()).access(Access::Keys(Keys::new([]).unwrap()));
    assert_eq!(reload(keyed.clone()), std::slice::from_ref(&own));
    assert_eq!(status(&known), 403, "over TLS as before, and for those who may now");
    assert_eq!(reload(Listener::new(own.clone()).tls(identity(&next))), []);
    assert_eq!(status(&next), 200);
    assert_eq!(reload(keyed), [own]);
    assert_eq!(status(&next), 403, "the certificate that it had last");
}

#[test]
fn a_handshake_that_does_not_go_on_is_ended() {
    let limits = Limits::new().head_time(Duration::from_millis(200));
    let listener = Listener::new(Address::parse("127.0.0.1:0").unwrap()).tls(identity(&certificate()));
    let builder = Gateway::builder().route(route_to("http://127.0.0.1:9", fixed())).limits(limits).workers(1);
    let running = builder.build().unwrap().serve(&[listener]).unwrap();
    let mut caller = Caller::new(&running);
    caller.write(b"\x16\x03\x01\x02\x00\x01").unwrap();
    assert!(caller.is_closed());
    until("it has gone", || running.counts().connections == 0);
}

#[test]
fn what_is_no_certificate_is_told() {
    let known = certificate();
    let (certificate, key) = (known.cert.pem(), known.signing_key.serialize_pem());
    assert_eq!(Identity::from_pem(b"", key.as_bytes()).unwrap_err(), IdentityError::Certificate);
    assert_eq!(Identity::from_pem(certificate.as_bytes(), b"x").unwrap_err(), IdentityError::Key);
    assert_eq!(
        Identity::from_pem(certificate.as_bytes(), certificate.as_bytes()).unwrap_err(),
        IdentityError::Key
    );
    let shown = format!("{:?}", identity(&known));
    assert!(!shown.contains("PRIVATE"), "{shown}");
}

/// An API with TLS that offers these.
fn api_that_speaks(of: &CertifiedKey<KeyPair>, speaks: &[&[u8]]) -> ManyApi {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(of.signing_key.serialize_der()).unwrap();
    let mut config = config.with_no_client_auth().with_single_cert(vec![of.cert.der().clone()], key).unwrap();
    config.alpn_protocols = speaks.iter().map(|name| name.to_vec()).collect();
    let tls = Some(TlsAcceptor::from(Arc::new(config)));
    ManyApi::with(Manner { tls, ..Manner::default() }, |_, (_, mut answer)| {
        Box::pin(async move { say(&mut answer, 200, &[], b"{}").await })
    })
}

#[test]
fn an_api_agrees_to_http2_or_is_not_asked() {
    let known = certificate();
    let roots = Arc::new(roots(&known));
    let route = |api: &ManyApi| {
        let upstream = Upstream::parse(&format!("https://localhost:{}", api.port())).unwrap();
        Route::new("/", upstream, fixed()).unwrap().roots(Arc::clone(&roots)).http2(true)
    };
    let api = api_that_speaks(&known, &[b"h2", b"http/1.1"]);
    let running = serve(route(&api));
    assert_eq!(Caller::new(&running).get("/").status, 200);
    for speaks in [&[&b"http/1.1"[..]][..], &[]] {
        let api = api_that_speaks(&known, speaks);
        let running = limited(route(&api), Limits::new().connect_time(PATIENCE));
        let answer = Caller::new(&running).get("/");
        assert_eq!((answer.status, answer.problem().as_deref()), (502, Some("upstream-unreachable")));
        assert!(answer.text().contains("does not speak HTTP/2"), "{}", answer.text());
        assert_eq!(answer.sent().as_deref(), Some("no"));
    }
}
