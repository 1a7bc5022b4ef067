//! Proxies of the environment: which is chosen, what it gets to see, and what is its fault. Each test starts itself once
//! more, alone, with the variables set.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_async_std::{AsyncStd, Body, HttpClient, HttpError};
use evergrant_tests::certified::{Authority, TlsServer};
use evergrant_tests::raw::{Connection, Raw, is_whole};
use evergrant_tests::transports::{
    Asking, BUILDS, SECRET, Shared, TRANSPORTS, broke, once, refusal, tls_config,
};
use evergrant_tests::{LONG, install_tls, ms};
use evergrant_tokio_reqwest::core::{Problem, TransportErrorKind};
use evergrant_tokio_reqwest::{Client, Provider, proxied};
use rustls::pki_types::CertificateDer;
use std::env;
use std::error::Error as _;
use std::ffi::{OsStr, OsString};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

/// Where the one that is started finds the token endpoint, and what tells it that it was started.
const ENDPOINT: &str = "EVERGRANT_TESTS_ENDPOINT";
/// What it has to find in an error.
const NAMED: &str = "EVERGRANT_TESTS_NAMED";
/// The root that it trusts, in hexadecimal.
const ROOT: &str = "EVERGRANT_TESTS_ROOT";
const GRANT: &str = r#"{"access_token":"one","token_type":"Bearer","expires_in":3600}"#;

/// Whatever the environment of the tests says.
const VARIABLES: [&str; 9] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "REQUEST_METHOD",
];

/// An endpoint that only a proxy would know.
const AWAY: &str = "https://auth.example/token";
/// The password of the proxy, which is in no error.
const PASSWORD: &str = "hunter22";

/// Starts this test once more, with these variables.
#[track_caller]
fn again(test: &str, set: &[(&str, &OsStr)]) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([test, "--exact"]);
    for name in VARIABLES {
        command.env_remove(name);
    }
    let output = command.envs(set.iter().copied()).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{set:?}: {said}");
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

fn answer() -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{GRANT}", GRANT.len())
}

/// The beginning of every request that a proxy heard.
fn first_lines(proxy: &Raw) -> Vec<String> {
    let heard = proxy.heard().into_iter().filter(|bytes| !bytes.is_empty());
    let line = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_owned();
    let mut lines: Vec<_> = heard.map(line).collect();
    lines.sort_unstable();
    lines
}

// Conforms: A-31
#[test]
fn a_proxy_of_the_environment_sees_no_request_to_loopback_and_nothing_in_the_clear() {
    const NAME: &str = "a_proxy_of_the_environment_sees_no_request_to_loopback_and_nothing_in_the_clear";
    if let Some(endpoint) = variable(ENDPOINT) {
        // The loopback, and an https endpoint that only a proxy would know.
        for (name, mount) in TRANSPORTS {
            let token = mount(&Asking::at(&endpoint)).token();
            assert_eq!(token.expect(name).value().expose(), "one", "{name}");
            let away = mount(&Asking::at(&format!("https://{name}.invalid/token"))).token();
            assert!(away.is_err(), "{name}");
        }
        return ask_with_clients_of_its_own();
    }
    let server = Raw::answer(answer());
    // A proxy that opens every tunnel, and reads what goes through.
    let proxy = Raw::serve(|connection| {
        if connection.request().is_some() {
            connection.send("HTTP/1.1 200 Connection established\r\n\r\n");
            connection.read();
        }
    });
    let (endpoint, origin) = (server.token_endpoint(), proxy.origin());
    let mut set = vec![(ENDPOINT, endpoint.as_ref())];
    let named = VARIABLES.into_iter().filter(|name| name.to_ascii_lowercase().ends_with("_proxy"));
    set.extend(
        named.filter(|name| !name.eq_ignore_ascii_case("no_proxy")).map(|name| (name, origin.as_ref())),
    );
    again(NAME, &set);

    assert_eq!(server.connections(), 4, "each transport asked the loopback itself");
    for bytes in &proxy.heard() {
        let text = String::from_utf8_lossy(bytes);
        let (head, rest) = text.split_once("\r\n\r\n").expect("a request to the proxy");
        assert!(is_whole(bytes) && rest.as_bytes().first() == Some(&0x16), "TLS begins in it: {head}");
    }
    let names = ["async-std", "obeying", "proxied", "smol", "tokio-reqwest", "ureq"];
    let expected = names.map(|name| format!("CONNECT {name}.invalid:443 HTTP/1.1"));
    assert_eq!(first_lines(&proxy), expected, "a tunnel for each that wants one, and nothing else");
    assert!(!proxy.heard_of(SECRET) && !proxy.heard_of("grant_type"));
}

/// HTTP clients of the program's own: what they say of proxies holds.
fn ask_with_clients_of_its_own() {
    let client_of = |host: &str| Asking::at(&format!("https://{host}.invalid/token")).client;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let own = reqwest::Client::builder;
    let proxied_one = |client: &Client| proxied(own(), client.provider().server().origin()).unwrap();
    let (direct, obeying, through) = (client_of("direct"), client_of("obeying"), client_of("proxied"));
    let through_http = proxied_one(&through);
    for (client, http) in [(direct.clone(), own().no_proxy()), (obeying, own()), (through, through_http)] {
        let tokens =
            evergrant_tokio_reqwest::Tokens::builder(client).policy(once()).fail_fast(true).http(http);
        let tokens = tokens.build().unwrap();
        assert!(runtime.block_on(tokens.token()).is_err());
    }
    let http = ureq::Agent::config_builder().proxy(None);
    let tokens = evergrant_ureq::Tokens::builder(direct).policy(once()).fail_fast(true).http(http);
    assert_eq!(broke("ureq", tokens.build().unwrap().token()), TransportErrorKind::Resolve);
}

#[test]
fn one_transport_asks_the_loopback_directly_and_everybody_else_through_the_proxy() {
    const NAME: &str = "one_transport_asks_the_loopback_directly_and_everybody_else_through_the_proxy";
    if let Some(endpoint) = variable(ENDPOINT) {
        let shared = Shared::new();
        for (name, mount) in TRANSPORTS {
            let ask = |endpoint: &str| mount(&Asking::at(endpoint).through(&shared)).token();
            assert_eq!(ask(&endpoint).expect(name).value().expose(), "one", "{name}");
            for host in ["one", "other"] {
                let kind = broke(name, ask(&format!("https://{name}-{host}.invalid/token")));
                assert_eq!(kind, TransportErrorKind::Proxy, "{name}");
            }
            assert_eq!(ask(&endpoint).expect(name).value().expose(), "one", "{name}");
        }
        return;
    }
    let server = Raw::answer(answer());
    let proxy = Raw::answer("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    let (endpoint, origin) = (server.token_endpoint(), proxy.origin());
    again(NAME, &[(ENDPOINT, endpoint.as_ref()), ("HTTPS_PROXY", origin.as_ref())]);
    assert_eq!(server.connections(), 8, "nothing is kept from one request to the next");
    let names = ["async-std", "smol", "tokio-reqwest", "ureq"];
    let hosts =
        names.iter().flat_map(|name| ["one", "other"].map(|host| format!("{name}-{host}.invalid:443")));
    let expected: Vec<_> = hosts.map(|host| format!("CONNECT {host} HTTP/1.1")).collect();
    assert_eq!(first_lines(&proxy), expected);
}

#[test]
fn a_variable_that_cannot_be_read_is_named_by_the_error_of_build() {
    const NAME: &str = "a_variable_that_cannot_be_read_is_named_by_the_error_of_build";
    install_tls();
    if let Some(named) = variable(NAMED) {
        for (name, build) in BUILDS {
            let error = build(&Asking::at(AWAY)).err().expect(name).to_string();
            assert!(error.starts_with(&format!("{named} ")) && !error.contains(PASSWORD), "{name}: {error}");
            assert!(
                build(&Asking::at("http://127.0.0.1:1/token")).is_ok(),
                "{name}: no proxy is asked for there"
            );
            let unread = Asking { proxy_variables: false, ..Asking::at(AWAY) };
            assert!(build(&unread).is_ok(), "{name}: it was told not to read them");
            let shared = Shared::new();
            let error = build(&Asking::at(AWAY).through(&shared)).err().expect(name).to_string();
            assert!(error.starts_with(&format!("{named} ")) && !error.contains(PASSWORD), "{name}: {error}");
            assert!(build(&Asking::at("http://127.0.0.1:1/token").through(&shared)).is_ok(), "{name}");
            assert!(!format!("{shared:?}").contains(PASSWORD), "{shared:?}");
        }
        let Asking { client, .. } = Asking::at(AWAY);
        // reqwest would read them itself.
        let own = evergrant_tokio_reqwest::Tokens::builder(client.clone()).http(reqwest::Client::builder());
        assert!(own.build().unwrap_err().to_string().starts_with(&named));
        let own = ureq::Agent::config_builder().proxy(Some(ureq::Proxy::new("http://own:1").unwrap()));
        let own = evergrant_ureq::Tokens::builder(client.clone()).http(own).build();
        assert!(own.is_ok(), "a proxy of the program's own comes first");
        return build_over_transports_that_read_none(&client);
    }
    let broken = |value: &str| OsString::from(value);
    let mut cases = vec![
        ("HTTPS_PROXY", broken("\"http://root:hunter22@127.0.0.1:1\"")),
        ("https_proxy", broken("http://root:hunter22@127.0.0.1:1 ")),
        ("ALL_PROXY", broken("http://root:hunter22@127.0.0.1:1\r")),
        ("all_proxy", broken("http://root:hunter22@")),
        ("HTTPS_PROXY", broken("ftp://root:hunter22@127.0.0.1:1")),
        ("https_proxy", broken("http://root:hunter22@127.0.0.1:0")),
        ("ALL_PROXY", broken("http://root:hunter22@127.0.0.1:65536")),
    ];
    #[cfg(unix)]
    cases.push(("HTTPS_PROXY", std::os::unix::ffi::OsStringExt::from_vec(b"http://hunter22\xff".to_vec())));
    for (name, value) in &cases {
        again(NAME, &[(NAMED, name.as_ref()), (name, value)]);
    }
    let proxy = ("HTTPS_PROXY", OsStr::new("http://127.0.0.1:1"));
    again(NAME, &[(NAMED, "NO_PROXY".as_ref()), proxy, ("NO_PROXY", "'localhost'".as_ref())]);
}

/// Transports that were told not to read the variables, or which proxy there is.
fn build_over_transports_that_read_none(client: &Client) {
    use evergrant_tokio_reqwest::{Tokens, Transport};
    for unread in [Transport::builder().proxy_variables(false), Transport::builder().proxy(None)] {
        assert!(Tokens::builder(client.clone()).transport(&unread.build()).build().is_ok());
    }
    let unread = evergrant_async_std::Transport::<AsyncStd>::builder().proxy_variables(false).build();
    assert!(evergrant_async_std::Tokens::builder(client.clone()).transport(&unread).build().is_ok());
    let unread = evergrant_ureq::Transport::builder().proxy_variables(false).build();
    assert!(evergrant_ureq::Tokens::builder(client.clone()).transport(&unread).build().is_ok());
}

/// Asks through each transport what cannot be had, and finds the proxy blamed for it, by name and variable.
fn blame_the_proxy(named: &str, status: &str) {
    for (name, mount) in TRANSPORTS {
        let refusal = refusal(name, mount(&Asking::at(AWAY)).token());
        let Problem::Transport(error) = refusal.problem() else { panic!("{name}: {refusal}") };
        assert_eq!(error.kind(), TransportErrorKind::Proxy, "{name}: {error}");
        let said = refusal.to_string();
        assert!(said.contains(named) && said.contains(", set by HTTPS_PROXY,"), "{name}: {said}");
        // reqwest tells no other status than 407.
        let known = name != "tokio-reqwest" || status.contains("407") || !status.contains("http");
        assert!(said.contains(status) || !known, "{name}: {said}");
        assert!(!said.contains(PASSWORD), "{name}: {said}");
    }
}

#[test]
fn a_proxy_that_refuses_a_tunnel_is_named_with_its_variable_and_its_status() {
    const NAME: &str = "a_proxy_that_refuses_a_tunnel_is_named_with_its_variable_and_its_status";
    if let (Some(named), Some(status)) = (variable(NAMED), variable(ENDPOINT)) {
        return blame_the_proxy(&named, &status);
    }
    for (status, expected) in [
        ("407 Proxy Authentication Required", "with http 407: its user and password are missing or wrong"),
        ("503 Service Unavailable", "with http 503"),
    ] {
        let proxy = Raw::answer(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"));
        let (named, url) =
            (proxy.address().to_string(), format!("http://root:{PASSWORD}@{}", proxy.address()));
        again(NAME, &[(NAMED, named.as_ref()), (ENDPOINT, expected.as_ref()), ("HTTPS_PROXY", url.as_ref())]);
        assert_eq!(first_lines(&proxy), ["CONNECT auth.example:443 HTTP/1.1"; 4]);
        for heard in proxy.heard() {
            let heard = String::from_utf8(heard).unwrap();
            // reqwest writes the names of its headers as hyper has them.
            let (_, credentials) = heard.split_once("uthorization: ").expect("Proxy-Authorization");
            assert!(credentials.starts_with("Basic cm9vdDpodW50ZXIyMg==\r\n"), "{heard}");
        }
    }
}

#[test]
fn a_proxy_that_cannot_be_reached_or_resolved_is_blamed_itself() {
    const NAME: &str = "a_proxy_that_cannot_be_reached_or_resolved_is_blamed_itself";
    if let (Some(named), Some(status)) = (variable(NAMED), variable(ENDPOINT)) {
        return blame_the_proxy(&named, &status);
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for (proxy, expected) in
        [(closed.as_str(), "cannot be reached"), ("proxy.invalid:3128", "cannot be resolved")]
    {
        let url = format!("http://root:{PASSWORD}@{proxy}");
        again(NAME, &[(NAMED, proxy.as_ref()), (ENDPOINT, expected.as_ref()), ("HTTPS_PROXY", url.as_ref())]);
    }
}

#[test]
fn a_proxy_that_says_nothing_is_named_when_the_time_is_over() {
    const NAME: &str = "a_proxy_that_says_nothing_is_named_when_the_time_is_over";
    if let Some(named) = variable(NAMED) {
        for (name, mount) in TRANSPORTS {
            let policy = once().with_attempt_timeout(ms(100));
            let refusal = refusal(name, mount(&Asking::at(AWAY).with_policy(policy)).token());
            let said = refusal.to_string();
            let expected = format!("through the proxy {named}, set by HTTPS_PROXY");
            assert!(said.contains("timed out") && said.contains(&expected), "{name}: {said}");
        }
        return;
    }
    let proxy = Raw::serve(Connection::wait);
    let (named, url) = (proxy.address().to_string(), format!("http://{}", proxy.address()));
    again(NAME, &[(NAMED, named.as_ref()), ("HTTPS_PROXY", url.as_ref())]);
}

/// Opens the tunnel that is asked for, to another place.
fn forward(connection: &mut Connection, to: SocketAddr) {
    if connection.request().is_none() {
        return;
    }
    connection.send("HTTP/1.1 200 Connection established\r\nX-Proxy: ours\r\n\r\n");
    pump(connection, TcpStream::connect(to).unwrap());
}

/// Carries bytes both ways until both are done.
fn pump(connection: &mut Connection, mut server: TcpStream) {
    let (mut back, mut client) = (server.try_clone().unwrap(), connection.stream().try_clone().unwrap());
    let answers = thread::spawn(move || {
        let _gone_already = std::io::copy(&mut back, &mut client);
        let _gone_already = client.shutdown(Shutdown::Write);
    });
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = connection.stream().read(&mut piece) {
        if server.write_all(&piece[..read]).is_err() {
            break;
        }
    }
    let _gone_already = server.shutdown(Shutdown::Write);
    answers.join().unwrap();
}

#[test]
fn a_token_comes_through_a_tunnel_and_the_proxys_password_does_not_go_along() {
    const NAME: &str = "a_token_comes_through_a_tunnel_and_the_proxys_password_does_not_go_along";
    if let Some(root) = variable(ROOT) {
        let byte = |at| u8::from_str_radix(&root[at..at + 2], 16).unwrap();
        let root = CertificateDer::from((0..root.len()).step_by(2).map(byte).collect::<Vec<_>>());
        for (name, mount) in TRANSPORTS {
            let token = mount(&Asking::at(AWAY).trusting(&root)).token();
            assert_eq!(token.expect(name).value().expose(), "one", "{name}");
        }
        return;
    }
    let authority = Authority::new("ours");
    let server = TlsServer::start(&authority.certify("auth.example", |_| {}), answer(), true);
    let address: SocketAddr = server.origin().trim_start_matches("https://").parse().unwrap();
    let proxy = Raw::serve(move |connection| forward(connection, address));
    let root: String = authority.root().iter().map(|byte| format!("{byte:02x}")).collect();
    let url = format!("http://root:{PASSWORD}@{}", proxy.address());
    again(NAME, &[(ROOT, root.as_ref()), ("ALL_PROXY", url.as_ref())]);
    assert_eq!(first_lines(&proxy), ["CONNECT auth.example:443 HTTP/1.1"; 4]);
    assert!(!proxy.heard_of(SECRET));
    assert!(server.request_bytes(4) > 400);
    let request = server.last_request().to_ascii_lowercase();
    assert!(request.contains("grant_type") && !request.contains("proxy-authorization"), "{request}");
}

/// A SOCKS 5 proxy (RFC 1928, RFC 1929) that wants a user, and leads everywhere to one place.
fn socks(connection: &mut Connection, to: SocketAddr) {
    let stream = connection.stream();
    let mut read = |length: usize| {
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).map(|()| bytes)
    };
    let mut handshake = || {
        let methods = read(2)?[1];
        read(methods.into())?;
        Ok::<_, std::io::Error>(())
    };
    if handshake().is_err() {
        return;
    }
    // User and password.
    connection.send([5, 2]);
    connection.read();
    connection.send([1, 0]);
    // Where to: a name is told to the proxy.
    connection.read();
    connection.send([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    pump(connection, TcpStream::connect(to).unwrap());
}

#[test]
fn a_socks_proxy_leads_to_a_token_where_it_is_spoken_and_is_an_error_where_it_is_not() {
    const NAME: &str = "a_socks_proxy_leads_to_a_token_where_it_is_spoken_and_is_an_error_where_it_is_not";
    if let Some(status) = variable(NAMED) {
        for (name, build) in BUILDS {
            let source = build(&in_the_clear("http://auth.example/token"));
            match (name, source) {
                ("async-std" | "smol", Err(error)) => {
                    assert!(
                        error.to_string().starts_with("ALL_PROXY names a SOCKS proxy"),
                        "{name}: {error}"
                    );
                }
                ("async-std" | "smol", Ok(_)) => panic!("{name} is built"),
                (_, source) if status == "up" => {
                    assert_eq!(source.unwrap().token().expect(name).value().expose(), "one", "{name}");
                }
                (_, source) => {
                    let said = refusal(name, source.unwrap().token()).to_string();
                    assert!(
                        said.contains(", set by ALL_PROXY,") && !said.contains(PASSWORD),
                        "{name}: {said}"
                    );
                }
            }
        }
        return;
    }
    let server = Raw::answer(answer());
    let address = server.address();
    let proxy = Raw::serve(move |connection| socks(connection, address));
    let url = format!("socks5h://root:{PASSWORD}@{}", proxy.address());
    again(NAME, &[(NAMED, "up".as_ref()), ("ALL_PROXY", url.as_ref())]);
    assert_eq!((proxy.connections(), server.connections()), (2, 2));
    assert!(proxy.heard_of("auth.example") && proxy.heard_of(PASSWORD) && !server.heard_of(PASSWORD));
    // It takes no user, or is not there at all.
    let refusing = Raw::serve(|connection| {
        connection.read();
        connection.send([5, 0xff]);
        connection.wait();
    });
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for place in [refusing.address(), closed] {
        let url = format!("socks5h://root:{PASSWORD}@{place}");
        again(NAME, &[(NAMED, "down".as_ref()), ("ALL_PROXY", url.as_ref())]);
    }
}

/// An endpoint in the clear at a name, which is no loopback literal.
fn in_the_clear(endpoint: &str) -> Asking {
    let provider = Provider::rfc6749_dangerous_plain_http(endpoint).unwrap();
    let Asking { client, .. } = Asking::at(AWAY);
    let client = Client::builder(provider, client.auth().clone()).build().unwrap();
    Asking { client, ..Asking::at(AWAY) }
}

#[test]
fn what_no_proxy_lists_is_asked_directly_on_every_transport_alike() {
    const NAME: &str = "what_no_proxy_lists_is_asked_directly_on_every_transport_alike";
    if let Some(endpoint) = variable(ENDPOINT) {
        for (name, mount) in TRANSPORTS {
            let outcome = mount(&in_the_clear(&endpoint)).token();
            assert_eq!(outcome.is_ok(), variable(NAMED).is_none(), "{name}: {outcome:?}");
        }
        return;
    }
    let server = Raw::answer(answer());
    let port = server.address().port();
    let endpoint = format!("http://localhost:{port}/token");
    let proxy = Raw::answer("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    let origin = proxy.origin();
    let lists =
        ["*", "localhost", ".localhost", "LOCALHOST.", &format!("localhost:{port}"), "a, localhost ,b"];
    let set = [(ENDPOINT, endpoint.as_ref()), ("HTTP_PROXY", origin.as_ref())];
    for list in lists {
        let before = server.connections();
        again(NAME, &[set[0], set[1], ("NO_PROXY", list.as_ref())]);
        assert_eq!(server.connections() - before, 4, "{list}");
    }
    // Where a CGI request could have set it, it is no proxy.
    again(NAME, &[set[0], set[1], ("REQUEST_METHOD", "GET".as_ref())]);
    assert_eq!(proxy.connections(), 0);
    let asked = server.connections();
    for list in ["*.localhost", "localhost:1", "ocalhost", "a.localhost", "127.0.0.1"] {
        let before = proxy.connections();
        again(NAME, &[set[0], set[1], ("NO_PROXY", list.as_ref()), (NAMED, "the proxy".as_ref())]);
        assert_eq!(proxy.connections() - before, 4, "{list}");
    }
    assert_eq!(server.connections(), asked);
}

/// Metadata of the issuer whom the request names, with this token endpoint.
fn metadata(issuer: &str, token_endpoint: &str) -> String {
    let body = format!(r#"{{"issuer":"{issuer}","token_endpoint":"{token_endpoint}"}}"#);
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A client of the server of this issuer.
fn discovering(issuer: &str) -> Asking {
    let Asking { client, .. } = Asking::at(AWAY);
    let provider = Provider::discovered(issuer).unwrap();
    Asking::at(AWAY).by(Client::builder(provider, client.auth().clone()).build().unwrap())
}

/// The root of this authority as a file, which goes with it.
struct RootFile(String);

impl RootFile {
    fn new(authority: &Authority, name: &str) -> Self {
        let path = format!("{}/{name}-{}.pem", env!("CARGO_TARGET_TMPDIR"), std::process::id());
        std::fs::write(&path, authority.root_pem()).unwrap();
        Self(path)
    }
}

impl Drop for RootFile {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.0);
    }
}

/// The metadata is on the loopback in the clear, and names an https endpoint that only the proxy knows: for that alone there are TLS and a tunnel.
#[test]
fn a_token_endpoint_that_is_found_out_is_asked_on_its_own_way_and_not_on_that_of_the_metadata() {
    const NAME: &str =
        "a_token_endpoint_that_is_found_out_is_asked_on_its_own_way_and_not_on_that_of_the_metadata";
    if let Some(issuer) = variable(ENDPOINT) {
        let shared = Shared::new();
        for (name, mount) in TRANSPORTS {
            for asking in [discovering(&issuer), discovering(&issuer).through(&shared)] {
                let token = mount(&asking).token();
                assert_eq!(token.expect(name).value().expose(), "one", "{name}");
            }
        }
        // The variables do not count: then nobody knows the host.
        for (name, mount) in TRANSPORTS {
            let outcome = mount(&Asking { proxy_variables: false, ..discovering(&issuer) }).token();
            assert_eq!(broke(name, outcome), TransportErrorKind::Resolve, "{name}");
        }
        return;
    }
    let authority = Authority::new("ours");
    let server = TlsServer::start(&authority.certify("auth.example", |_| {}), answer(), true);
    let address = server.address();
    let proxy = Raw::serve(move |connection| forward(connection, address));
    let issuer = Raw::serve(|connection| {
        let Some(request) = connection.request() else { return };
        assert!(request.starts_with("GET "), "{request}");
        let host = request
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("host: ").map(str::to_owned));
        connection.send(metadata(&format!("http://{}", host.unwrap()), AWAY));
    });
    let (root, issuer_url, url) = (RootFile::new(&authority, "own-way"), issuer.origin(), proxy.origin());
    let set = [
        (ENDPOINT, issuer_url.as_ref()),
        ("HTTPS_PROXY", url.as_ref()),
        ("HTTP_PROXY", url.as_ref()),
        ("SSL_CERT_FILE", root.0.as_ref()),
    ];
    again(NAME, &set);
    assert_eq!((issuer.connections(), proxy.connections()), (12, 8));
    assert!(first_lines(&proxy).iter().all(|line| line == "CONNECT auth.example:443 HTTP/1.1"));
    assert!(!proxy.heard_of(SECRET) && !issuer.heard_of(SECRET));
}

/// The other way round: the metadata comes through a tunnel, and `NO_PROXY` has the host of the token endpoint that it names.
#[test]
fn a_token_endpoint_that_is_found_out_and_that_no_proxy_lists_is_asked_directly() {
    const NAME: &str = "a_token_endpoint_that_is_found_out_and_that_no_proxy_lists_is_asked_directly";
    if let Some(issuer) = variable(ENDPOINT) {
        for (name, mount) in TRANSPORTS {
            // A name that no name server knows.
            let outcome = mount(&discovering(&issuer)).token();
            assert_eq!(broke(name, outcome), TransportErrorKind::Resolve, "{name}");
        }
        return;
    }
    let (authority, clients) = (Authority::new("ours"), Authority::new("nobody's"));
    let certified = authority.certify("issuer.invalid", |_| {});
    let versions = [&rustls::version::TLS13];
    let server = TlsServer::asking(&certified, &clients, &versions, |_| {
        metadata("https://issuer.invalid", "https://direct.invalid/token")
    });
    let address = server.address();
    let proxy = Raw::serve(move |connection| forward(connection, address));
    let (root, url) = (RootFile::new(&authority, "no-proxy"), proxy.origin());
    let set = [
        (ENDPOINT, "https://issuer.invalid".as_ref()),
        ("HTTPS_PROXY", url.as_ref()),
        ("NO_PROXY", "direct.invalid".as_ref()),
        ("SSL_CERT_FILE", root.0.as_ref()),
    ];
    again(NAME, &set);
    assert_eq!(first_lines(&proxy), ["CONNECT issuer.invalid:443 HTTP/1.1"; 4]);
    assert_eq!(server.shown().len(), 4);
}

fn get(http: &HttpClient<AsyncStd>, url: &str) -> Result<u16, HttpError> {
    let request = http::Request::get(url).body(Body::empty()).unwrap();
    async_std::task::block_on(http.send(request)).map(|answer| answer.status().as_u16())
}

/// The client of async-std and smol, which knows no other library's proxies.
#[test]
fn the_http_client_of_async_std_obeys_the_environment_and_the_program_before_it() {
    const NAME: &str = "the_http_client_of_async_std_obeys_the_environment_and_the_program_before_it";
    if let Some(own) = variable(NAMED) {
        let http = HttpClient::<AsyncStd>::new().with_timeout(LONG);
        let error = get(&http, "https://api.invalid/").unwrap_err();
        let HttpError::Config(cause) = &error else { panic!("{error:?}") };
        assert!(cause.to_string().starts_with("https_proxy "), "{cause}");
        assert_eq!(error.to_string(), "the proxy cannot be used");
        // Plain http has a variable of its own.
        let error = get(&http, "http://api.invalid/").unwrap_err();
        let HttpError::Proxy(cause) = &error else { panic!("{error:?}") };
        assert!(cause.to_string().contains(", set by http_proxy, answered CONNECT with http 403"), "{cause}");
        let error = get(&http.clone().without_proxy(), "https://api.invalid/").unwrap_err();
        assert!(matches!(error, HttpError::Resolve(_)), "{error:?}");
        let error = get(&http.with_proxy(&own).unwrap(), "https://api.invalid/").unwrap_err();
        assert!(matches!(error, HttpError::Proxy(_)) && error.source().is_some(), "{error:?}");
        return;
    }
    let refusing = || Raw::answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    let (proxy, own) = (refusing(), refusing());
    let (url, own_url) = (proxy.origin(), own.origin());
    let set = [("http_proxy", url.as_ref()), ("https_proxy", OsStr::new("'x'")), (NAMED, own_url.as_ref())];
    again(NAME, &set);
    assert_eq!(first_lines(&proxy), ["CONNECT api.invalid:80 HTTP/1.1"]);
    assert_eq!(first_lines(&own), ["CONNECT api.invalid:443 HTTP/1.1"]);
}

#[test]
fn a_connection_of_one_way_is_not_used_for_another() {
    let server = Raw::serve(|connection| {
        while connection.request().is_some() {
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let address = server.address();
    let proxy = Raw::serve(move |connection| forward(connection, address));
    let url = format!("http://localhost:{}/", address.port());
    let direct = HttpClient::<AsyncStd>::new().without_proxy();
    assert_eq!(get(&direct, &url).unwrap(), 200);
    let proxied = direct.clone().with_proxy(&proxy.origin()).unwrap();
    assert_eq!(get(&proxied, &url).unwrap(), 200);
    assert_eq!(get(&proxied, &url).unwrap(), 200);
    assert_eq!(proxy.connections(), 1, "its tunnel is kept, and the direct connection is not taken for one");
    assert_eq!(get(&proxied.without_proxy(), &url).unwrap(), 200);
    assert_eq!(server.connections(), 3);
}

#[test]
fn a_proxy_may_itself_be_spoken_to_over_tls() {
    let authority = Authority::new("ours");
    let certified = authority.certify("127.0.0.1", |_| {});
    let proxy = TlsServer::start(&certified, "HTTP/1.1 407 Who are you\r\n\r\n", true);
    let http = HttpClient::<AsyncStd>::new().with_tls(tls_config(&authority.root()));
    let url = proxy.origin().replace("https://", "https://root:hunter22@");
    let http = http.with_proxy(&url).unwrap();
    let error = get(&http, "https://api.invalid/").unwrap_err();
    let HttpError::Proxy(cause) = &error else { panic!("{error:?}") };
    assert!(cause.to_string().contains("answered CONNECT with http 407: its user and password"), "{cause}");
    assert!(proxy.request_bytes(1) > 0);
    let request = proxy.last_request();
    assert!(request.starts_with("CONNECT api.invalid:443 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("Proxy-Authorization: Basic "), "{request}");
    // With roots that do not know it.
    let stranger = HttpClient::<AsyncStd>::new().with_tls(tls_config(&Authority::new("theirs").root()));
    let error = get(&stranger.with_proxy(&url).unwrap(), "https://api.invalid/").unwrap_err();
    let HttpError::Proxy(cause) = &error else { panic!("{error:?}") };
    assert!(cause.to_string().contains("failed the TLS handshake"), "{cause}");
}
