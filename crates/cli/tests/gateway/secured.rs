//! A listener with a certificate of its own, and routes with protocols of theirs.

use super::{Gateway, LONG, ROUTE, get, with_config, with_file};
use crate::fixture::{evergrant, fails, run};
use evergrant_mock::Server;
use rcgen::{CertifiedKey, KeyPair};
use rustix::process::Signal;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

fn certificate() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

/// What a caller that trusts this certificate alone gets; `None` if it does not trust what is shown.
fn get_over_tls(url: &str, trusted: &CertifiedKey<KeyPair>) -> Option<String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(trusted.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let authority = url.strip_prefix("https://").unwrap();
    let stream = TcpStream::connect(authority).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    let request = format!("GET /shipments HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    let _unclean = stream.read_to_string(&mut answer);
    Some(answer)
}

/// `[gateway]` with TLS, at a port of the system's choice.
fn secured() -> String {
    format!(
        "[gateway]\nlisten = [{{ address = \"127.0.0.1:0\", tls = {{ certificate = \"tls.crt\", key = \"tls.key\" }} }}]\n{ROUTE}"
    )
}

#[test]
fn a_listener_shows_its_certificate_and_a_renewed_one_once_it_is_there() {
    let server = Server::start().unwrap();
    let (folder, path) = with_file(&server, &secured());
    let (first, second) = (certificate(), certificate());
    let write = |of: &CertifiedKey<KeyPair>| {
        fs::write(folder.at("tls.crt"), of.cert.pem()).unwrap();
        fs::write(folder.at("tls.key"), of.signing_key.serialize_pem()).unwrap();
    };
    write(&first);
    let mut gateway = Gateway::start(with_config(&path));
    gateway.until_ready();
    assert!(gateway.url.starts_with("https://127.0.0.1:"), "{}", gateway.url);
    assert!(get_over_tls(&gateway.url, &first).unwrap().starts_with("HTTP/1.1 200"));
    // One of the two files alone is no certificate with its key, and changes nothing.
    fs::write(folder.at("tls.crt"), second.cert.pem()).unwrap();
    gateway.signal(Signal::HUP);
    gateway.hear("is not used, the one before is");
    assert!(get_over_tls(&gateway.url, &first).unwrap().starts_with("HTTP/1.1 200"));
    write(&second);
    // Nobody tells it.
    gateway.hear("read again and is used");
    assert_eq!(get_over_tls(&gateway.url, &first), None);
    assert!(get_over_tls(&gateway.url, &second).unwrap().starts_with("HTTP/1.1 200"));
    assert_eq!(server.counts().token_requests, 1);
    gateway.interrupt();
    assert_eq!(gateway.end().0.code(), Some(0));
}

#[test]
fn a_key_that_is_removed_with_the_same_edit_that_takes_a_restart_opens_nothing() {
    let server = Server::start().unwrap();
    let key = |name: &str| {
        let made = run(&mut evergrant(&["gateway", "key", name, "--json"])).stdout;
        let made: Value = serde_json::from_str(&made).unwrap();
        (made["key"].as_str().unwrap().to_owned(), format!("{name} = {}", made["digest"]))
    };
    let ((stays, stays_line), (goes, goes_line)) = (key("stays"), key("goes"));
    let both = format!("{stays_line}, {goes_line}");
    let file = |address: &str, keys: &str, more: &str| {
        format!("[gateway]\nlisten = {{ address = \"{address}\", keys = {{ {keys} }}{more} }}\n{ROUTE}")
    };
    let (folder, path) = with_file(&server, &file("127.0.0.1:0", &both, ""));
    let known = certificate();
    fs::write(folder.at("tls.crt"), known.cert.pem()).unwrap();
    fs::write(folder.at("tls.key"), known.signing_key.serialize_pem()).unwrap();
    let mut gateway = Gateway::start(with_config(&path));
    gateway.until_ready();
    let opens = |gateway: &Gateway| {
        [&stays, &goes].map(|key| get(&gateway.url, "/shipments", &format!("X-Evergrant-Key: {key}\r\n")).0)
    };
    let begun = fs::read_to_string(&path).unwrap();
    let head = &begun[..begun.find("[gateway]").unwrap()];
    let tls = ", tls = { certificate = \"tls.crt\", key = \"tls.key\" }";
    let edits = [
        (file("127.0.0.1:0", &stays_line, tls), "listen (127.0.0.1:0) has changed"),
        (file("127.0.0.1:9", &stays_line, ""), "listen (127.0.0.1:0) is no longer in the configuration"),
    ];
    for (edit, said) in edits {
        assert_eq!(opens(&gateway), [200, 200]);
        fs::write(&path, format!("{head}{edit}")).unwrap();
        gateway.signal(Signal::HUP);
        gateway.hear(said);
        assert_eq!(opens(&gateway), [200, 403], "{said}");
        fs::write(&path, &begun).unwrap();
        gateway.signal(Signal::HUP);
        gateway.hear("read again and is used");
    }
}

#[test]
fn a_certificate_that_cannot_be_shown_is_told_with_its_line() {
    let server = Server::start().unwrap();
    let (folder, path) = with_file(&server, &secured());
    let known = certificate();
    let check = || evergrant(&["config", "check", "--config", &path]);
    let told = |words: &[&str]| fails(&mut check(), 2, words);
    told(&["config.toml:7: ", "the certificate of the listener ", "tls.crt cannot be read"]);
    fs::write(folder.at("tls.crt"), "nothing").unwrap();
    fs::write(folder.at("tls.key"), known.signing_key.serialize_pem()).unwrap();
    told(&["config.toml:7: the certificate of the listener is not in its file"]);
    fs::write(folder.at("tls.crt"), known.cert.pem()).unwrap();
    fs::write(folder.at("tls.key"), known.cert.pem()).unwrap();
    told(&["config.toml:7: the private key of the listener is not in its file"]);
    fs::write(folder.at("tls.key"), certificate().signing_key.serialize_pem()).unwrap();
    told(&["config.toml:7: the certificate and its key cannot be used"]);
    fs::write(folder.at("tls.key"), known.signing_key.serialize_pem()).unwrap();
    assert!(check().output().unwrap().status.success());
}

#[test]
fn what_a_listener_or_a_route_says_of_protocols_is_checked() {
    let server = Server::start().unwrap();
    let lines = "[gateway]\nlisten = [{ address = \"unix:api.sock\", tls = { certificate = \"a\", key = \"b\" } }]\n\
         [[gateway.route]]\npath = \"/\"\nprofile = \"own\"\nhttp2 = true\nupgrade = [\"websocket\"]\n\
         [[gateway.route]]\npath = \"/a\"\nprofile = \"own\"\nupgrade = [\"h2c\"]\n\
         [[gateway.route]]\npath = \"/b\"\nprofile = \"own\"\nupgrade = [\"web socket\"]\n";
    let (_folder, path) = with_file(&server, lines);
    let says = [
        "config.toml:7: listen: nobody can listen to what goes over a Unix socket",
        "it has http2 and upgrade, and a connection is upgraded over HTTP/1.1 alone",
        "upgrade: this would be HTTP past the gateway",
        "upgrade: this is not the name of a protocol",
    ];
    fails(&mut evergrant(&["config", "check", "--config", &path]), 2, &says);
}

#[test]
fn an_api_that_does_not_speak_what_its_route_says_is_told_of() {
    let server = Server::start().unwrap();
    let (_folder, path) =
        with_file(&server, &format!("[gateway]\nlisten = \"127.0.0.1:0\"\n{ROUTE}http2 = true\n"));
    let gateway = Gateway::start(with_config(&path));
    gateway.until_ready();
    // The mock speaks HTTP/1.1 alone, and says so in it.
    let (status, answer) = get(&gateway.url, "/shipments", "");
    assert!(status == 502 && answer.contains("the API's host does not speak HTTP/2"), "{answer}");
}
