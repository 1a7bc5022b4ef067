//! Over TLS: each adapter speaks it with the roots it is given, and refuses a server it does not know.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_async_std::rustls::pki_types::pem::PemObject as _;
use evergrant_async_std::{AsyncStd, HttpClient};
use evergrant_tests::install_tls;
use evergrant_tokio_reqwest::{Client, ClientAuth, Error, Problem, Provider, Refusal, TransportErrorKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

/// An authorization server on loopback that speaks TLS, for so many requests. Its certificate is its own root.
fn serve(requests: usize) -> (SocketAddr, CertificateDer<'static>) {
    install_tls();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(vec![certificate.clone()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().take(requests) {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            answer(&mut stream);
        }
    });
    (address, certificate)
}

/// Reads a request with its body, and grants a token; a client that does not know the certificate goes before.
fn answer(stream: &mut StreamOwned<ServerConnection, std::net::TcpStream>) {
    let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
    let whole = |seen: &[u8]| {
        let text = String::from_utf8_lossy(seen);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        (body.len() >= length.unwrap_or(0)).then_some(())
    };
    while whole(&seen).is_none() {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(read) => seen.extend_from_slice(&piece[..read]),
        }
    }
    let body = r#"{"access_token":"over-tls","token_type":"Bearer","expires_in":3600}"#;
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    // The client may be gone: then it says why.
    let _sent = stream.write_all(format!("{head}{body}").as_bytes());
    stream.conn.send_close_notify();
    let _flushed = stream.flush();
}

fn client(address: SocketAddr) -> Client {
    let provider = Provider::rfc6749(&format!("https://{address}/token")).unwrap();
    Client::builder(provider, ClientAuth::post("id", "secret").unwrap()).build().unwrap()
}

#[track_caller]
fn is_refused(error: &Error) {
    let Some(Problem::Transport(error)) = error.refusal().map(Refusal::problem) else { panic!("{error}") };
    assert_eq!(error.kind(), TransportErrorKind::Tls, "{error}");
    assert!(error.to_string().contains("certificate"), "the reason is kept: {error}");
}

// Conforms: R-6750-5.3-a
#[tokio::test]
async fn tokio_and_reqwest() {
    let (address, root) = serve(2);
    let unknown = evergrant_tokio_reqwest::Tokens::builder(client(address)).fail_fast(true).build().unwrap();
    is_refused(&unknown.token().await.unwrap_err());
    let root = reqwest::Certificate::from_der(&root).unwrap();
    let http = reqwest::Client::builder().tls_certs_only([root]);
    let tokens =
        evergrant_tokio_reqwest::Tokens::builder(client(address)).http(http).fail_fast(true).build().unwrap();
    assert_eq!(tokens.token().await.unwrap().value().expose(), "over-tls");
}

// Conforms: R-6750-5.3-a
#[test]
fn async_std_and_hyper() {
    async_std::task::block_on(async {
        let (address, root) = serve(2);
        let builder = || evergrant_async_std::Tokens::<AsyncStd>::builder(client(address)).fail_fast(true);
        is_refused(&builder().build().token().await.unwrap_err());
        let mut roots = RootCertStore::empty();
        roots.add(root).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let tokens = builder().http(HttpClient::new().with_tls(Arc::new(config))).build();
        assert_eq!(tokens.token().await.unwrap().value().expose(), "over-tls");
    });
}

// Conforms: R-6750-5.3-a
#[test]
fn threads_and_ureq() {
    let (address, root) = serve(2);
    let builder = || evergrant_ureq::Tokens::builder(client(address)).fail_fast(true);
    is_refused(&builder().build().token().unwrap_err());
    let root = ureq::tls::Certificate::from_der(&root).to_owned();
    let tls =
        ureq::tls::TlsConfig::builder().root_certs(ureq::tls::RootCerts::new_with_certs(&[root])).build();
    let tokens = builder().http(ureq::Agent::config_builder().tls_config(tls)).build();
    assert_eq!(tokens.token().unwrap().value().expose(), "over-tls");
}
