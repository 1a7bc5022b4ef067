//! Proxies of the environment, and what they get to see. The test starts itself once more, with the variables set.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_tests::ms;
use evergrant_tests::raw::{Raw, is_whole};
use evergrant_tests::transports::{Asking, SECRET, TRANSPORTS, once};
use std::env;
use std::process::Command;

/// Where the one that is started finds the token endpoint, and what tells it that it was started.
const ENDPOINT: &str = "EVERGRANT_TESTS_ENDPOINT";
const GRANT: &str = r#"{"access_token":"one","token_type":"Bearer","expires_in":3600}"#;

// Conforms: A-31
#[test]
fn a_proxy_of_the_environment_sees_no_request_to_loopback_and_nothing_in_the_clear() {
    match env::var(ENDPOINT) {
        Ok(endpoint) => ask(&endpoint),
        Err(_) => supervise(),
    }
}

fn supervise() {
    let server = Raw::answer(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{GRANT}", GRANT.len()));
    // A proxy that opens every tunnel, and reads what goes through.
    let proxy = Raw::serve(|connection| {
        if connection.request().is_some() {
            connection.send("HTTP/1.1 200 Connection established\r\n\r\n");
            connection.wait();
        }
    });
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(ENDPOINT, server.token_endpoint());
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(name, proxy.origin()).env(name.to_ascii_lowercase(), proxy.origin());
    }
    // What a CGI program is protected from.
    command.env_remove("NO_PROXY").env_remove("no_proxy").env_remove("REQUEST_METHOD");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));

    assert_eq!(server.connections(), 4, "each transport asked the loopback itself");
    let seen = proxy.heard();
    let mut tunnels = Vec::new();
    for bytes in &seen {
        let text = String::from_utf8_lossy(bytes);
        let (head, rest) = text.split_once("\r\n\r\n").expect("a request to the proxy");
        tunnels.push(head.lines().next().unwrap_or_default().to_owned());
        assert!(is_whole(bytes) && rest.as_bytes().first() == Some(&0x16), "TLS begins in it: {head}");
    }
    tunnels.sort_unstable();
    let expected = ["tokio-reqwest", "ureq"].map(|name| format!("CONNECT {name}.invalid:443 HTTP/1.1"));
    assert_eq!(tunnels, expected, "a tunnel for each that knows proxies, and nothing else");
    assert!(!proxy.heard_of(SECRET) && !proxy.heard_of("grant_type"));
}

/// Through each transport: the loopback, and an https endpoint that only a proxy would know.
fn ask(endpoint: &str) {
    for (name, mount) in TRANSPORTS {
        let token = mount(&Asking::at(endpoint)).token();
        assert_eq!(token.expect(name).value().expose(), "one", "{name}");
        let away = Asking::at(&format!("https://{name}.invalid/token"));
        let outcome = mount(&away.with_policy(once().with_attempt_timeout(ms(1000)))).token();
        assert!(outcome.is_err(), "{name}");
    }
}
