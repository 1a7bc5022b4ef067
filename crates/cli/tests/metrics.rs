//! Metrics that a subcommand serves.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::{Endpoint, Fault, Server, Times};
use fixture::{configured, evergrant, fails};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A subcommand that serves metrics, until it is dropped.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    /// Its note says where.
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.strip_prefix("note: metrics at http://").and_then(|url| url.strip_suffix("/metrics\n"));
        let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
        Self { child, address }
    }

    fn fetch(&self) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        text.to_owned()
    }

    /// The metrics as soon as they have this.
    fn until(&self, line: &str) -> String {
        loop {
            let text = self.fetch();
            if text.lines().any(|found| found == line) {
                return text;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What Prometheus' own tool says about the text: nothing. CI installs it.
fn check(text: &str) {
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        assert!(std::env::var_os("CI").is_none(), "CI has no promtool");
        return;
    };
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let says = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && says.is_empty(), "{says}\n{text}");
}

const LOOPBACK: [&str; 2] = ["--metrics", "127.0.0.1:0"];

#[test]
fn watch_serves_what_happened_to_its_source_in_prometheus_format() {
    let server = Server::start().unwrap();
    let _down = server.fault(Endpoint::Token, Fault::status(503), Times::Once);
    let mut command = configured(&server, evergrant(&["watch"]));
    let serving = Serving::start(command.args(LOOPBACK));
    let text = serving
        .until(r#"evergrant_token_request_duration_seconds_count{source="127.0.0.1",outcome="installed"} 1"#);
    for line in [
        r#"evergrant_token_request_duration_seconds_count{source="127.0.0.1",outcome="transient",error_type="503"} 1"#,
        r#"evergrant_token_requests_total{source="127.0.0.1",reason="first"} 1"#,
        r#"evergrant_token_requests_total{source="127.0.0.1",reason="retry"} 1"#,
        r#"evergrant_token_resting{source="127.0.0.1",class="transient"} 0"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in: {text}");
    }
    check(&text);
    assert!(!text.contains(&server.issued()[0]) && !text.contains(Server::CLIENT_SECRET), "{text}");
}

#[cfg(unix)]
#[test]
fn run_serves_them_while_its_program_runs() {
    let server = Server::start().unwrap();
    let mut command = configured(&server, evergrant(&["run"]));
    // It ends with its stdin.
    let serving = Serving::start(command.args(LOOPBACK).args(["--", "cat"]).stdin(Stdio::piped()));
    let text = serving.until(r#"evergrant_token_requests_total{source="127.0.0.1",reason="first"} 1"#);
    check(&text);
}

#[test]
fn other_machines_are_let_in_by_a_flag_that_says_so() {
    let server = Server::start().unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:9464", "[::ffff:192.0.2.1]:9464"] {
        let mut command = configured(&server, evergrant(&["watch", "--metrics", address]));
        fails(&mut command, 2, &["can be reached from other machines", "--allow-remote-metrics"]);
    }
    let mut alone = configured(&server, evergrant(&["watch", "--allow-remote-metrics"]));
    fails(&mut alone, 2, &["--metrics"]);
}

#[test]
fn an_address_that_is_taken_ends_the_command() {
    let server = Server::start().unwrap();
    let taken = server.origin().to_string();
    let address = taken.strip_prefix("http://").unwrap();
    let mut command = configured(&server, evergrant(&["watch", "--metrics", address]));
    let happened = format!("cannot listen on {address}: another process uses this port\n");
    fails(&mut command, 2, &[&happened, "next: choose another one, or port 0 for a free one\n"]);
}

#[test]
fn what_is_not_an_ip_address_and_a_port_is_told_with_an_example() {
    let server = Server::start().unwrap();
    for address in ["localhost:9464", "9464", ":9464", "127.0.0.1", ""] {
        let happened = format!("error: --metrics {address} is not an IP address and a port\n");
        let says = [happened.as_str(), "next: write an IP address and a port, such as 127.0.0.1:9464\n"];
        fails(&mut configured(&server, evergrant(&["watch", "--metrics", address])), 2, &says);
        let mut run = configured(&server, evergrant(&["run", "--metrics", address, "--", "true"]));
        fails(&mut run, 2, &says);
    }
    assert_eq!(server.counts().token_requests, 0);
}
