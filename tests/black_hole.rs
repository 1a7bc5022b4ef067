//! A name whose first address swallows packets: the next one is tried within the attempt, on every transport. The test starts
//! itself once more, with a resolver before the C library's that has two addresses for every name.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

use evergrant_tests::certified::{Authority, TlsServer};
use evergrant_tests::ms;
use evergrant_tests::transports::{Asking, TRANSPORTS, once};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::{env, fs};

/// Where the one that is started finds the token endpoint.
const ENDPOINT: &str = "EVERGRANT_TESTS_ENDPOINT";
const GRANT: &str = r#"{"access_token":"through","token_type":"Bearer","expires_in":3600}"#;

#[test]
fn an_address_that_swallows_packets_does_not_cost_the_attempt() {
    match env::var(ENDPOINT) {
        Ok(endpoint) => ask(&endpoint),
        Err(_) => supervise(),
    }
}

fn supervise() {
    let folder = env::temp_dir().join(format!("evergrant-black-hole-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let (library, roots) = (folder.join("two_addresses.so"), folder.join("roots.pem"));
    let mut compiler = Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library);
    compiler.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/black_hole/two_addresses.c"));
    assert!(compiler.status().expect("a C compiler").success());

    let authority = Authority::new("ours");
    fs::write(&roots, authority.root_pem()).unwrap();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{GRANT}", GRANT.len());
    let server = TlsServer::start(&authority.certify("auth.invalid", |_| {}), answer, true);
    let endpoint = server.token_endpoint().replace("127.0.0.1", "auth.invalid");
    let port = endpoint.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap();
    let _black_hole = BlackHole::at(SocketAddr::from(([127, 0, 0, 2], port)));

    let mut command = Command::new(env::current_exe().unwrap());
    command.env(ENDPOINT, endpoint).env("LD_PRELOAD", &library).env("SSL_CERT_FILE", &roots);
    let output = command.env_remove("SSL_CERT_DIR").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    fs::remove_dir_all(folder).unwrap();
}

fn ask(endpoint: &str) {
    for (name, mount) in TRANSPORTS {
        let policy = once().with_attempt_timeout(ms(900));
        let source = mount(&Asking::at(endpoint).with_policy(policy));
        // A machine that is very slow may not be done in what is left of an attempt for the second address.
        let outcome = (0..20).find_map(|_| {
            let outcome = source.token();
            source.forget();
            outcome.ok()
        });
        assert_eq!(outcome.expect(name).value().expose(), "through", "{name}");
    }
}

/// A port whose queue is full: what comes for it is dropped.
struct BlackHole {
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl BlackHole {
    fn at(place: SocketAddr) -> Self {
        let listener = TcpListener::bind(place).unwrap();
        rustix::net::listen(&listener, 1).unwrap();
        let mut queue = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&place, ms(100)) {
            queue.push(stream);
        }
        Self { _listener: listener, _queue: queue }
    }
}
