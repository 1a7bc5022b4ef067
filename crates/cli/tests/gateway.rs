//! The gateway as its users meet it: what passes, how it begins and ends, and what is said about a file that is wrong.
#![cfg(unix)]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;
#[path = "gateway/reload.rs"]
mod reload;
#[path = "gateway/secured.rs"]
mod secured;
#[path = "gateway/tenants.rs"]
mod tenants;

use evergrant_mock::{Endpoint, Server};
use fixture::tls::{over_tls, pem};
use fixture::{Folder, configured, evergrant, fails, run, until};
use reload::reloads;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};
use tenants::unread;

/// Longer than anything here takes on a slow machine.
const LONG: Duration = Duration::from_secs(60);

/// A gateway that runs. It ends with this.
struct Gateway {
    child: Child,
    /// What it says on stderr, line by line.
    said: Receiver<String>,
    heard: Vec<String>,
    url: String,
    admin: String,
}

impl Gateway {
    fn begun_with(mut command: Command, input: &[u8]) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input).unwrap();
        }
        let said = lines(child.stderr.take().unwrap());
        Self { child, said, heard: Vec::new(), url: String::new(), admin: String::new() }
    }

    /// What this command runs, once it listens.
    fn start(command: Command) -> Self {
        Self::start_with(command, b"")
    }

    /// The same, to whose stdin this is written, if there is one.
    fn start_with(command: Command, input: &[u8]) -> Self {
        let mut gateway = Self::begun_with(command, input);
        let listening: Value = serde_json::from_str(&gateway.hear("\"listen\"")).unwrap();
        gateway.url = listening["listen"][0].as_str().unwrap().to_owned();
        gateway.admin = listening["admin"].as_str().unwrap_or_default().to_owned();
        gateway
    }

    /// The same of one that gives out tokens, the second of whose listeners is at a port.
    fn start_issuing(command: Command) -> Self {
        let mut gateway = Self::begun_with(command, b"");
        let listening: Value = serde_json::from_str(&gateway.hear("\"listen\"")).unwrap();
        assert_eq!(listening["issue"]["profiles"], serde_json::json!(["own"]));
        gateway.url = listening["issue"]["listen"][1].as_str().unwrap().to_owned();
        gateway.admin = listening["admin"].as_str().unwrap().to_owned();
        gateway
    }

    /// Waits for a line with these words.
    #[track_caller]
    fn hear(&mut self, words: &str) -> String {
        loop {
            let Ok(line) = self.said.recv_timeout(LONG) else {
                panic!("{words:?} is not in: {:?}", self.heard)
            };
            self.heard.push(line.clone());
            if line.contains(words) {
                return line;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn interrupt(&self) {
        interrupt(&self.child);
    }

    fn is_ready(&self) -> bool {
        get(&self.admin, "/readyz", "").0 == 200
    }

    fn until_ready(&self) {
        until(|| self.is_ready());
    }

    /// Its status, and all that it said on stdout and on stderr.
    fn end(mut self) -> (ExitStatus, String, String) {
        let mut log = String::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut log).unwrap();
        }
        let status = self.child.wait().unwrap();
        self.heard.extend(self.said.iter());
        (status, log, std::mem::take(&mut self.heard).join("\n"))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Has it end.
fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}

fn lines(stderr: ChildStderr) -> Receiver<String> {
    let (sender, said) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let _unheard = sender.send(line);
        }
    });
    said
}

/// The status and the body of an answer; `fields` are lines of the request's head.
fn get(url: &str, path: &str, fields: &str) -> (u16, String) {
    let authority = url.strip_prefix("http://").unwrap();
    let Ok(mut stream) = TcpStream::connect(authority) else { return (0, String::new()) };
    let head = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\n{fields}Connection: close\r\n\r\n");
    let mut answer = String::new();
    // A gateway that has just ended resets the connection.
    if stream.write_all(head.as_bytes()).and_then(|()| stream.read_to_string(&mut answer)).is_err() {
        return (0, answer);
    }
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer)
}

/// `evergrant gateway` at ports of the system's choice, which says as JSON where it listens.
fn gateway(arguments: &[&str]) -> Command {
    let mut command = evergrant(&["--json", "gateway", "--admin", "127.0.0.1:0"]);
    command.args(arguments);
    command
}

/// The same for the mock server's client.
fn known(server: &Server, arguments: &[&str]) -> Command {
    let mut command = configured(server, gateway(&["--listen", "127.0.0.1:0"]));
    command.args(arguments);
    command
}

/// A folder with a configuration file: a profile `own` for this server, its secret in a file, then these lines.
fn with_file(server: &Server, lines: &str) -> (Folder, String) {
    let folder = Folder::new();
    let path = folder.file(
        "config.toml",
        0o600,
        format!(
            "[profile.own]\ntoken_endpoint = \"{}\"\nclient_id = \"{}\"\nclient_secret = {{ file = \"secret\" }}\n\
             origins = \"{}\"\n{lines}",
            server.token_endpoint(),
            Server::CLIENT_ID,
            server.origin(),
        ),
    );
    folder.file("secret", 0o600, Server::CLIENT_SECRET);
    (folder, path)
}

const ROUTE: &str = "[[gateway.route]]\npath = \"/\"\nprofile = \"own\"\n";

/// `[gateway]` of a file, at a port of the system's choice, with these lines.
fn table(lines: &str) -> String {
    format!("[gateway]\nlisten = \"127.0.0.1:0\"\ngrace = \"50ms\"\n{lines}\n{ROUTE}")
}

fn with_config(path: &str) -> Command {
    gateway(&["--config", path])
}

#[test]
fn requests_pass_with_a_token_and_a_refused_one_is_replaced() {
    let server = Server::start().unwrap();
    let gateway = Gateway::start(known(&server, &["--log", "all"]));
    gateway.until_ready();
    assert_eq!(get(&gateway.url, "/shipments?q=sentinel", "").0, 200);
    server.revoke_all();
    assert_eq!(get(&gateway.url, "/shipments", "").0, 200);
    assert_eq!(server.counts().token_granted, 2);
    let (status, metrics) = get(&gateway.admin, "/metrics", "");
    assert_eq!(status, 200);
    for metric in ["evergrant_token_used_for_seconds{source=", "evergrant_gateway_requests_total{"] {
        assert!(metrics.contains(metric), "{metric} is not in: {metrics}");
    }
    gateway.interrupt();
    let (status, log, said) = gateway.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert_eq!(log.lines().filter(|line| line.contains("\"path\":\"/shipments\"")).count(), 2, "{log}");
    assert!(said.contains("every user of this machine"), "{said}");
    for secret in server.issued().into_iter().chain([Server::CLIENT_SECRET.to_owned(), "sentinel".to_owned()])
    {
        assert!(!log.contains(&secret) && !said.contains(&secret) && !metrics.contains(&secret), "{secret}");
    }
}

#[test]
fn a_second_gateway_on_the_port_does_not_start() {
    let server = Server::start().unwrap();
    let gateway = Gateway::start(known(&server, &[]));
    let address = gateway.url.strip_prefix("http://").unwrap();
    let mut second = configured(&server, evergrant(&["gateway", "--admin", "none", "--listen", address]));
    fails(&mut second, 2, &["another process listens at", "choose another address"]);
    let taken = gateway.admin.strip_prefix("http://").unwrap();
    // Nor where another one's health is: whoever asks there would hear of that.
    let mut third = configured(&server, evergrant(&["gateway", "--admin", taken]));
    third.args(["--listen", "127.0.0.1:0"]);
    fails(&mut third, 2, &["there can be no health and metrics at", "choose another address"]);
}

#[test]
fn what_is_in_flight_is_answered_before_it_ends() {
    let server = Server::start().unwrap();
    let (_folder, path) = with_file(&server, &table(""));
    let gateway = Gateway::start(with_config(&path));
    gateway.until_ready();
    server.set_delay(Endpoint::Resource, Duration::from_millis(300));
    let url = gateway.url.clone();
    let call = thread::spawn(move || get(&url, "/shipments", ""));
    until(|| {
        get(&gateway.admin, "/metrics", "")
            .1
            .lines()
            .any(|line| line.starts_with("evergrant_gateway_in_flight") && line.ends_with(" 1"))
    });
    gateway.signal(Signal::TERM);
    assert_eq!(call.join().unwrap().0, 200);
    let (status, _, said) = gateway.end();
    assert_eq!(status.code(), Some(0), "{said}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let server = Server::start().unwrap();
    // Its grace is 5 s.
    let gateway = Gateway::start(known(&server, &[]));
    gateway.until_ready();
    gateway.signal(Signal::TERM);
    until(|| !gateway.is_ready());
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(20));
        assert_eq!(get(&gateway.admin, "/readyz", "").0, 503);
        assert_eq!(get(&gateway.url, "/shipments", "").0, 200, "it is drained, and still accepts");
    }
    gateway.signal(Signal::TERM);
    let (status, ..) = gateway.end();
    assert_eq!((status.code(), status.signal()), (None, Some(Signal::TERM.as_raw())));
}

#[test]
fn a_second_signal_loses_no_line_that_somebody_reads_and_waits_for_no_reader() {
    let server = Server::start().unwrap();
    let ended = |is_read: bool| {
        // At a Unix socket: of a port more would be told, by a gateway that waits for its reader until it has begun.
        let lines = table("").replace("50ms", "1m").replace("127.0.0.1:0", "unix:own.sock");
        let (_folder, path) = with_file(&server, &lines);
        let (gateway, mut reader) = unread(with_config(&path));
        gateway.until_ready();
        fs::write(&path, "[gateway]\nnonsense = 1\n").unwrap();
        gateway.signal(Signal::HUP);
        // It is counted after it was told, and waits for a reader then.
        until(|| reloads(&gateway, "failed") == 1);
        gateway.signal(Signal::TERM);
        until(|| !gateway.is_ready());
        gateway.signal(Signal::TERM);
        let mut said = String::new();
        if is_read {
            until(|| get(&gateway.admin, "/livez", "").0 == 0);
            // Its threads have ended soon after that, and it would be gone.
            thread::sleep(Duration::from_millis(100));
            reader.read_to_string(&mut said).unwrap();
        }
        let (status, ..) = gateway.end();
        assert_eq!((status.code(), status.signal()), (None, Some(Signal::TERM.as_raw())));
        said
    };
    ended(false);
    // A reader has a second, in which a slow machine may not come to it.
    assert!((0..5).any(|_| ended(true).contains("nonsense")), "what was told last is lost");
}

#[test]
fn a_job_can_wait_until_it_is_ready() {
    let server = Server::start().unwrap();
    server.set_delay(Endpoint::Token, Duration::from_millis(200));
    let gateway = Gateway::start(known(&server, &[]));
    let wait =
        |admin: &str, limit: &str| evergrant(&["gateway", "--wait", "--admin", admin, "--timeout", limit]);
    let admin = gateway.admin.strip_prefix("http://").unwrap();
    assert_eq!(run(&mut wait(admin, "60s")).status, 0);
    assert!(gateway.is_ready());
    let other = gateway.url.strip_prefix("http://").unwrap();
    fails(&mut wait(other, "60s"), 2, &["is not a gateway's address for health"]);
    fails(&mut wait("127.0.0.1:1", "200ms"), 4, &["no gateway answers at 127.0.0.1:1", "--timeout"]);
    fails(&mut wait("none", "1s"), 2, &["cannot be waited for"]);
    let folder = Folder::new();
    let file = folder.file("config.toml", 0o600, format!("[gateway]\nadmin = \"{admin}\"\n"));
    assert_eq!(run(&mut evergrant(&["gateway", "--wait", "--config", &file])).status, 0);
}

#[test]
fn a_program_finds_the_gateway_and_no_secret_and_ends_both() {
    let server = Server::start().unwrap();
    let mut command = configured(&server, evergrant(&["-q", "gateway", "--", "sh", "-c"]));
    command.arg("echo \"$EVERGRANT_GATEWAY\"; echo \"${EVERGRANT_CLIENT_SECRET-none}\"; read line; exit 7");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = said.next().unwrap().unwrap();
    assert_eq!(said.next().unwrap().unwrap(), "none");
    assert_eq!(get(&url, "/shipments", "").0, 200);
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(7), ""));
    assert_eq!(get(&url, "/shipments", "").0, 0);
    let mut missing = configured(&server, evergrant(&["-q", "gateway", "--", "/no/such/program"]));
    fails(&mut missing, 127, &["cannot be started"]);
}

#[test]
fn a_signal_goes_to_the_program() {
    let server = Server::start().unwrap();
    let mut command = configured(&server, evergrant(&["-q", "gateway", "--", "sh", "-c"]));
    command.arg("trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done");
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "ready");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

#[test]
fn a_key_is_made_once_and_opens_the_listener_whose_file_has_its_digest() {
    let made: Value =
        serde_json::from_str(&run(&mut evergrant(&["gateway", "key", "erp", "--json"])).stdout).unwrap();
    let (key, digest) = (made["key"].as_str().unwrap(), made["digest"].as_str().unwrap());
    assert_eq!(key.len(), 43);
    let text = run(&mut evergrant(&["gateway", "key", "a.b"])).stdout;
    assert!(text.contains("keys = { \"a.b\" = \"sha256:"), "{text}");
    fails(&mut evergrant(&["gateway", "key", "ERP"]), 2, &["the name of a key"]);
    let server = Server::start().unwrap();
    let (_folder, path) = with_file(
        &server,
        &format!(
            "[gateway]\nlisten = {{ address = \"127.0.0.1:0\", keys = {{ erp = \"{digest}\" }} }}\n{ROUTE}callers = \"erp\"\n"
        ),
    );
    let gateway = Gateway::start(with_config(&path));
    gateway.until_ready();
    assert_eq!(get(&gateway.url, "/shipments", "").0, 403);
    assert_eq!(get(&gateway.url, "/shipments", &format!("X-Evergrant-Key: {key}\r\n")).0, 200);
    assert_eq!(get(&gateway.url, "/shipments", &format!("Authorization: Bearer {key}\r\n")).0, 200);
    gateway.interrupt();
    let (status, log, said) = gateway.end();
    assert_eq!(status.code(), Some(0));
    assert!(!said.contains("every user"), "{said}");
    assert!(log.contains("\"denied\":\"key\"") && !log.contains(key) && !said.contains(key), "{log}");
}

#[test]
fn a_secret_that_changes_in_its_file_is_used_for_the_next_request() {
    let server = Server::start().unwrap();
    let (folder, path) = with_file(&server, &table(""));
    let mut gateway = Gateway::start(with_config(&path));
    gateway.until_ready();
    server.rotate_client(Server::CLIENT_ID, "another-secret");
    fs::write(folder.at("secret"), "another-secret\n").unwrap();
    server.revoke_all();
    assert_eq!(get(&gateway.url, "/shipments", "").0, 200);
    let said = gateway.hear("has changed");
    assert!(said.contains("own: the client secret in ") && !said.contains("another-secret"), "{said}");
    assert_eq!(server.counts().token_refused, 0);
}

#[test]
fn a_secret_that_is_wrong_is_not_sent_again_and_the_right_one_is_once_it_is_there() {
    let server = Server::start().unwrap();
    let (folder, path) = with_file(&server, &table("ready = \"listening\"\n"));
    fs::write(folder.at("secret"), "wrong-secret\n").unwrap();
    let mut gateway = Gateway::start(with_config(&path));
    let said = gateway.hear("there is no new token");
    assert!(said.contains("is read again for each request") && !said.contains("wrong-secret"), "{said}");
    assert_eq!(get(&gateway.url, "/shipments", "").0, 503);
    assert_eq!(server.counts().token_refused, 1);
    fs::write(folder.at("secret"), format!("{}\n", Server::CLIENT_SECRET)).unwrap();
    // Without it, within 10 s.
    gateway.signal(Signal::HUP);
    until(|| get(&gateway.url, "/shipments", "").0 == 200);
    assert_eq!(server.counts().token_refused, 1);
}

#[test]
fn systemd_is_told_when_it_is_ready_and_when_it_ends() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let socket = UnixDatagram::bind(folder.at("notify")).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    let mut command = known(&server, &[]);
    command.env("NOTIFY_SOCKET", folder.at("notify"));
    let gateway = Gateway::start(command);
    let mut text = [0; 64];
    let length = socket.recv(&mut text).unwrap();
    assert_eq!(&text[..length], b"READY=1\n");
    gateway.interrupt();
    let length = socket.recv(&mut text).unwrap();
    assert_eq!(&text[..length], b"STOPPING=1\n");
}

#[test]
fn a_reader_of_the_log_that_goes_away_does_not_end_it() {
    let server = Server::start().unwrap();
    let mut gateway = Gateway::start(known(&server, &["--log", "all"]));
    drop(gateway.child.stdout.take());
    for _ in 0..3 {
        assert_eq!(get(&gateway.url, "/shipments", "").0, 200);
    }
    gateway.interrupt();
    assert_eq!(gateway.end().0.code(), Some(0));
}

#[test]
fn everything_that_is_wrong_with_a_file_is_told_with_its_line() {
    let server = Server::start().unwrap();
    let (folder, path) = with_file(
        &server,
        "[profile.bare]\ntoken_endpoint = \"https://auth.example/token\"\nclient_id = \"me\"\n\
         [gateway]\nlisten = [\"0.0.0.0:8484\", \"localhost:1\"]\nlinks = true\nlog = \"some\"\n\
         [[gateway.route]]\npath = \"/\"\nprofile = \"own\"\nca = \"missing.pem\"\n\
         [[gateway.route]]\npath = \"/\"\nprofile = \"none\"\ncertificate = \"x\"\n\
         [[gateway.route]]\npath = \"/bare/\"\nprofile = \"bare\"\n",
    );
    let (check, serve) = (["config", "check", "--config", &path], ["gateway", "--config", &path]);
    for words in [&check[..], &serve[..]] {
        let ended = run(&mut evergrant(words));
        assert_eq!((ended.status, ended.stdout.as_str()), (2, ""), "{words:?}");
        for says in [
            "config.toml:10: listen: this address can be reached from other machines",
            "config.toml:11: unknown key links",
            "config.toml:12: log: this is not one of its values",
            "config.toml:16: the file with trusted certificates",
            "config.toml:18: path: it is that of line 14",
            "config.toml:19: profile: there is no profile none",
            "config.toml:20: this version does not have certificate yet",
            "config.toml:22: the route's profile names no API",
        ] {
            assert!(ended.stderr.contains(says), "{words:?}: {says:?} is not in: {}", ended.stderr);
        }
    }
    // Nobody else needs the gateway.
    let token = run(&mut evergrant(&["token", "--config", &path, "--profile", "own"]));
    assert_eq!(token.status, 0, "{}", token.stderr);
    drop(folder);
}

#[test]
fn a_good_file_is_checked_with_its_gateway() {
    let server = Server::start().unwrap();
    let (_folder, path) = with_file(&server, &table(""));
    let checked = run(&mut evergrant(&["config", "check", "--config", &path]));
    assert!(checked.stdout.ends_with("\n  gateway: 1 route at 127.0.0.1:0\n"), "{}", checked.stdout);
    let object: Value =
        serde_json::from_str(&run(&mut evergrant(&["--json", "config", "check", "--config", &path])).stdout)
            .unwrap();
    assert_eq!(
        (&object["gateway"]["routes"], &object["gateway"]["listen"][0]),
        (&1.into(), &"127.0.0.1:0".into())
    );
}

#[test]
fn a_file_that_a_flag_names_is_meant_whatever_variables_there_are() {
    let server = Server::start().unwrap();
    let (_folder, path) = with_file(&server, &table(""));
    let mut command = with_config(&path);
    command
        .env("EVERGRANT_CLIENT_ID", "another")
        .env("EVERGRANT_TOKEN_ENDPOINT", "https://auth.example/token");
    let gateway = Gateway::start(command);
    gateway.until_ready();
    assert_eq!(get(&gateway.url, "/shipments", "").0, 200);
    let mut one = with_config(&path);
    one.args(["--listen", "127.0.0.1:0", "--profile", "own"]);
    assert_eq!(get(&Gateway::start(one).url, "/shipments", "").0, 200, "one client of the file");
    let words = ["gateway", "--config", &path, "--scope", "read"];
    fails(
        &mut evergrant(&words),
        2,
        &["--scope is about one client", "the [gateway] of the file names its own"],
    );
}

#[test]
fn words_that_cannot_be_are_told_before_a_secret_is_asked_for() {
    let server = Server::start().unwrap();
    for (words, says) in [
        (&["--listen", "0.0.0.0:8484"][..], "can be reached from other machines"),
        (&["--listen", "8484"], "--listen: an address to listen at is"),
        (&["--admin", "localhost"], "--admin is neither an IP address and a port nor none"),
        (&["--upstream", "http://api.example.com"], "--upstream: "),
        (
            &["--allow-origin", "https://api.example.com", "--allow-origin", "https://b.example"],
            "names 2 APIs",
        ),
    ] {
        let mut command = configured(&server, evergrant(&["gateway"]));
        fails(command.args(words).env_remove("EVERGRANT_CLIENT_SECRET"), 2, &[says]);
    }
    let mut nowhere = configured(&server, evergrant(&["gateway"]));
    fails(nowhere.env_remove("EVERGRANT_ALLOW_ORIGIN"), 2, &["the client names no API", "--upstream URL"]);
}

/// A proxy that opens no tunnel, and the first lines of what it is asked.
fn closed_proxy() -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, asked) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let head = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let head: Vec<String> = head.take_while(|line| !line.is_empty()).collect();
            let _unheard = sender.send(head.join("\n"));
            let _gone = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        }
    });
    (address, asked)
}

#[test]
fn requests_go_through_the_proxy_that_token_requests_go_through() {
    let server = Server::start().unwrap();
    let (proxy, asked) = closed_proxy();
    let url = format!("http://me:hunter22@{proxy}");
    let api = "https://api.invalid/";
    let answered = |flags: &[&str], variables: &[(&str, &str)]| {
        let mut command = known(&server, &["--upstream", api]);
        command.args(flags).envs(variables.iter().copied());
        let gateway = Gateway::start(command);
        let (status, answer) = get(&gateway.url, "/a", "");
        assert_eq!(status, 502, "{answer}");
        gateway.interrupt();
        let (_, log, said) = gateway.end();
        for text in [&answer, &log, &said] {
            assert!(!text.contains("hunter22") && !text.contains("bWU6aHVudGVyMjI="), "{text}");
        }
        answer
    };
    let heard = || asked.try_iter().collect::<Vec<String>>();
    let connect = "CONNECT api.invalid:443 HTTP/1.1";
    let says = "answered CONNECT with http 403: it does not let this host through";

    let answer = answered(&[], &[("HTTPS_PROXY", &url)]);
    assert!(answer.contains(&format!("the proxy {proxy}, set by HTTPS_PROXY, {says}")), "{answer}");
    let [head] = &heard()[..] else { panic!("it was asked twice, or not at all") };
    assert!(head.starts_with(connect) && head.contains("Basic bWU6aHVudGVyMjI="), "{head}");
    let answer = answered(&["--proxy", &format!("http://{proxy}")], &[]);
    assert!(answer.contains(&format!("the proxy {proxy} {says}")), "{answer}");
    assert!(heard()[0].starts_with(connect));
    let both = [("HTTPS_PROXY", &*url), ("NO_PROXY", "api.invalid")];
    assert!(answered(&[], &both).contains("the name of the API's host could not be resolved"));
    assert!(answered(&["--proxy", "none"], &both[..1]).contains("could not be resolved"));
    assert_eq!(heard(), [""; 0]);
    // Of a route in a file, too.
    let route = format!("{}upstream = \"{api}\"\n", table(""));
    let (_folder, path) = with_file(&server, &route);
    let mut command = with_config(&path);
    command.env("HTTPS_PROXY", &url);
    let answer = get(&Gateway::start(command).url, "/a", "").1;
    assert!(answer.contains(says), "{answer}");
    let mut command = with_config(&path);
    fails(
        command.env("HTTPS_PROXY", "ftp://proxy.example"),
        2,
        &["HTTPS_PROXY has an unsupported scheme", "use http, https, socks4"],
    );
}

/// An API each of whose answers has a link to itself by its own name, and one by another.
fn with_links() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let body = format!(r#"{{"links":{{"next":"{origin}/b","old":"https://old.example.com/c"}}}}"#);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = BufReader::new(stream.try_clone().unwrap()).lines();
            while head.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/vnd.api+json\r\nContent-Length";
            let _gone = write!(stream, "{head}: {}\r\n\r\n{body}", body.len());
        }
    });
    origin
}

#[test]
fn links_are_changed_for_the_provider_whose_sdk_follows_them_and_for_routes_that_say_so() {
    let server = Server::start().unwrap();
    let api = with_links();
    let links = |command: Command| {
        let gateway = Gateway::start(command);
        let (status, answer) = get(&gateway.url, "/a", "");
        assert_eq!(status, 200, "{answer}");
        (answer.contains(&format!("{}/b", gateway.url)), answer.contains(&format!("{}/c", gateway.url)))
    };
    let of_provider = |provider: &str| {
        let endpoint = server.token_endpoint();
        links(known(&server, &["--provider", provider, "--token-endpoint", &endpoint, "--upstream", &api]))
    };
    assert_eq!(of_provider("rfc6749"), (false, false));
    assert_eq!(of_provider("myparcel"), (true, false));
    assert_eq!(of_provider("myparcel-sandbox"), (true, false));
    let of_route = |provider: &str, line: &str| {
        let (_folder, path) = with_file(&server, &format!("{}upstream = \"{api}\"\n{line}\n", table("")));
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("client_id =", &format!("provider = \"{provider}\"\nclient_id ="), 1))
            .unwrap();
        links(with_config(&path))
    };
    assert_eq!(of_route("rfc6749", ""), (false, false));
    assert_eq!(of_route("rfc6749", "links = true"), (true, false));
    assert_eq!(of_route("rfc6749", "links = \"https://old.example.com\""), (true, true));
    assert_eq!(of_route("myparcel", ""), (true, false));
    assert_eq!(of_route("myparcel", "links = [\"https://old.example.com/\"]"), (true, true));
    assert_eq!(of_route("myparcel", "links = false"), (false, false));
}

#[test]
fn a_socket_is_for_its_own_user() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let socket = folder.at("api.sock");
    let mut command = configured(&server, gateway(&["--listen", &format!("unix:{socket}")]));
    command.args(["--log", "off"]);
    let gateway = Gateway::start(command);
    assert_eq!(gateway.url, format!("unix:{socket}"));
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream.write_all(b"GET /shipments HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    gateway.interrupt();
    let (status, _, said) = gateway.end();
    assert_eq!(status.code(), Some(0));
    assert!(!said.contains("every user"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn it_may_open_as_many_files_as_the_system_lets_it_and_says_if_these_are_few() {
    let server = Server::start().unwrap();
    let under = |limits: &str| {
        let mut command = Command::new("sh");
        let script = format!("ulimit {limits}; exec \"$0\" --json gateway --listen 127.0.0.1:0 --admin none");
        fixture::isolate(&mut command).args(["-c", &script, fixture::EVERGRANT]).stdin(Stdio::null());
        Gateway::start(configured(&server, command))
    };
    let gateway = under("-S -n 100");
    let limits = fs::read_to_string(format!("/proc/{}/limits", gateway.child.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let figures: Vec<&str> = line.split_whitespace().skip(3).take(2).collect();
    assert_eq!(figures[0], figures[1], "{line}");
    let few = under("-n 300").heard.join("\n");
    assert!(few.contains("this process can open 300 files: at most 86 connections"), "{few}");
}

#[test]
fn an_api_is_verified_by_the_authorities_that_are_named() {
    let server = Server::start().unwrap();
    let (address, certificate) = over_tls(server.address(), (2099, 1, 1));
    let api = format!("https://{address}/");
    let route = |ca: &str| {
        format!("[gateway]\nlisten = \"127.0.0.1:0\"\n{ROUTE}upstream = \"{api}\"\nca = \"{ca}\"\n")
    };
    let (folder, path) = with_file(&server, &route("ca.pem"));
    let ca = folder.file("ca.pem", 0o644, pem(&certificate));
    let status = |command: Command| get(&Gateway::start(command).url, "/shipments", "").0;
    assert_eq!(status(known(&server, &["--upstream", &api])), 502);
    assert_eq!(status(known(&server, &["--upstream", &api, "--ca-file", &ca])), 200);
    assert_eq!(status(with_config(&path)), 200);
}

#[test]
fn a_program_has_a_port_of_its_own_unless_the_file_says_where_it_listens() {
    let server = Server::start().unwrap();
    let said = |lines: &str| {
        let (folder, path) = with_file(&server, lines);
        let mut command = evergrant(&["-q", "gateway", "--config", &path, "--", "sh", "-c"]);
        command.arg("echo \"$EVERGRANT_GATEWAY\"");
        let ended = run(&mut command);
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
        (folder, ended.stdout)
    };
    let (_folder, free) = said(&format!("[gateway]\n{ROUTE}"));
    assert!(free.starts_with("http://127.0.0.1:") && free != "http://127.0.0.1:8484\n", "{free}");
    let (folder, socket) = said(&format!("[gateway]\nlisten = \"unix:api.sock\"\n{ROUTE}"));
    assert_eq!(socket, format!("unix:{}\n", folder.at("api.sock")));
}

#[test]
fn a_stderr_that_nobody_reads_holds_up_neither_requests_nor_the_end() {
    let server = Server::start().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = known(&server, &["-v"]);
    command.stdout(Stdio::null()).stderr(writer.try_clone().unwrap());
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(reader);
    let mut url = String::new();
    while url.is_empty() {
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let listening: Option<Value> = serde_json::from_str(&line).ok();
        let at = listening.and_then(|line| line["listen"][0].as_str().map(str::to_owned));
        url = at.unwrap_or_default();
    }
    until(|| get(&url, "/", "").0 == 200);
    // From now on nobody reads, and the pipe is full.
    let mut filling = writer;
    thread::spawn(move || while filling.write_all(&[b'.'; 4096]).is_ok() {});
    thread::sleep(Duration::from_millis(100));
    for _ in 0..3 {
        server.revoke_all();
        let began = Instant::now();
        let status = get(&url, "/", "").0;
        // A second refusal within a while may be told to wait; none hangs.
        assert!([200, 503].contains(&status) && began.elapsed() < LONG / 2, "{status}");
    }
    interrupt(&child);
    until(|| child.try_wait().unwrap().is_some());
    drop(said);
}

#[test]
fn an_api_over_plain_http_is_for_those_who_say_so() {
    let server = Server::start().unwrap();
    let upstream = table("") + "upstream = \"http://api.mesh.test:8080/v1\"\n";
    let (_folder, path) = with_file(&server, &upstream);
    let checked = run(&mut evergrant(&["config", "check", "--config", &path]));
    assert_eq!(checked.status, 2);
    assert!(checked.stderr.contains("upstream is plain http to api.mesh.test"), "{}", checked.stderr);
    let text = fs::read_to_string(&path).unwrap().replacen(
        "client_id =",
        "dangerous_plain_http = true\nclient_id =",
        1,
    );
    let own = format!("origins = \"{}\"", server.origin());
    let both = format!("origins = [\"{}\", \"http://api.mesh.test:8080\"]", server.origin());
    fs::write(&path, text.replacen(&own, &both, 1)).unwrap();
    let checked = run(&mut evergrant(&["config", "check", "--config", &path]));
    assert_eq!(checked.status, 0, "{}", checked.stderr);
    let words = ["gateway", "--upstream", "http://api.mesh.test:8080"];
    let refused = run(&mut configured(&server, evergrant(&words)));
    assert!(refused.status == 2 && refused.stderr.contains("--upstream: "), "{}", refused.stderr);
}

#[test]
fn token_requests_that_fail_are_told_on_stderr_and_that_they_work_again() {
    let server = Server::start().unwrap();
    let down = server.fault(
        Endpoint::Token,
        evergrant_mock::Fault::status(503),
        evergrant_mock::Times::UntilCleared,
    );
    let mut gateway = Gateway::start(known(&server, &[]));
    let told = gateway.hear("there is no new token: ");
    assert!(told.contains("503") && told.contains("warning"), "{told}");
    down.clear();
    gateway.hear("there is a new token");
    gateway.interrupt();
    let (status, _, said) = gateway.end();
    assert!(status.success(), "{status}");
    assert!(!said.contains(Server::CLIENT_SECRET));
}

#[test]
fn a_file_that_is_named_is_not_left_out_for_an_api_that_is() {
    let server = Server::start().unwrap();
    let (_folder, path) = with_file(&server, &table(""));
    let words = ["gateway", "--config", &path, "--upstream", "http://127.0.0.1:1/"];
    fails(&mut configured(&server, evergrant(&words)), 2, &["--upstream is about one client"]);
}

/// A folder with a configuration file like [`with_file`]'s, whose gateway listens as this says.
fn listening(server: &Server, listen: &str) -> (Folder, String) {
    with_file(server, &format!("[gateway]\nlisten = {listen}\n{ROUTE}"))
}

#[test]
fn the_demo_page_is_served_beside_the_gateway_and_may_call_it() {
    const MODULE: &str = include_str!("../../../clients/js/evergrant-queue.js");
    assert!(MODULE.len() < 3 * 1024, "{} bytes", MODULE.len());
    let server = Server::start().unwrap();
    let (_folder, path) = with_file(&server, &(table("") + "origins = \"https://app.example.com\"\n"));
    let page = ["--demo-page", "127.0.0.1:0"];
    let mut with_page = with_config(&path);
    with_page.args(page);
    for command in [known(&server, &page), with_page] {
        let gateway = Gateway::start(command);
        let told: Value = serde_json::from_str(gateway.heard.last().unwrap()).unwrap();
        let demo = told["demo_page"].as_str().unwrap();
        let (status, shown) = get(demo, "/", "");
        assert_eq!(status, 200);
        let (head, html) = shown.split_once("\r\n\r\n").unwrap();
        for field in [
            "content-type: text/html; charset=utf-8",
            "cache-control: no-store",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            &format!("connect-src {};", gateway.url),
        ] {
            assert!(head.contains(field), "{field} is not in: {head}");
        }
        assert!(html.contains(&format!("<meta name=\"gateway\" content=\"{}\">", gateway.url)), "{html}");
        assert!(html.contains("id=\"path\" value=\"/\""), "the path of the first route: {html}");
        let (_, module) = get(demo, "/evergrant-queue.js", "");
        assert_eq!(module.split_once("\r\n\r\n").unwrap().1, MODULE);
        // All that it names is there.
        for path in html.split(['"']).filter(|word| word.starts_with('/')) {
            assert_eq!(get(demo, path, "").0, 200, "{path}");
        }
        gateway.until_ready();
        for origin in [demo.to_owned(), demo.replace("127.0.0.1", "localhost")] {
            let (status, answer) = get(&gateway.url, "/shipments", &format!("Origin: {origin}\r\n"));
            assert_eq!(status, 200, "{answer}");
            assert!(answer.contains(&format!("access-control-allow-origin: {origin}\r\n")), "{answer}");
        }
        assert_eq!(get(&gateway.url, "/shipments", "Origin: http://127.0.0.1:1\r\n").0, 403);
        // The API's listener has no page.
        assert!(!get(&gateway.url, "/", "").1.contains("<html"));
    }
    // What the file lists stays listed.
    let gateway = Gateway::start({
        let mut command = with_config(&path);
        command.args(page);
        command
    });
    gateway.until_ready();
    assert_eq!(get(&gateway.url, "/shipments", "Origin: https://app.example.com\r\n").0, 200);
}

#[test]
fn the_demo_page_is_told_to_people_too_and_does_not_keep_the_end_waiting() {
    let server = Server::start().unwrap();
    let mut command = evergrant(&["gateway", "--demo-page", "[::1]:0", "--admin", "none"]);
    command.args(["--listen", "127.0.0.1:0", "--", "sh", "-c", "true"]);
    if TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let ended = run(&mut configured(&server, command));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("note: demo page at http://[::1]:"), "{}", ended.stderr);
}

#[test]
fn a_demo_page_that_nobody_could_use_is_refused() {
    let server = Server::start().unwrap();
    let gateway = Gateway::start(known(&server, &["--demo-page", "127.0.0.1:0"]));
    let told: Value = serde_json::from_str(gateway.heard.last().unwrap()).unwrap();
    let taken = told["demo_page"].as_str().unwrap().strip_prefix("http://").unwrap();
    let refused = |address: &str, says: &[&str]| {
        fails(&mut known(&server, &["--demo-page", address]), 2, says);
    };
    refused(taken, &["another process listens at", "--demo-page ADDR"]);
    refused("0.0.0.0:8486", &["--demo-page 0.0.0.0:8486 is no loopback address"]);
    refused("localhost:8486", &["--demo-page is not an IP address and a port"]);
    let mut waits = evergrant(&["gateway", "--wait", "--demo-page"]);
    fails(&mut waits, 2, &["--demo-page", "cannot be used with"]);
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    for listen in [
        "\"unix:api.sock\"".to_owned(),
        format!("{{ address = \"127.0.0.1:0\", keys = {{ erp = \"{digest}\" }} }}"),
        "{ address = \"127.0.0.1:0\", require_header = \"X-Evergrant\" }".to_owned(),
    ] {
        let (_folder, path) = listening(&server, &listen);
        let mut command = with_config(&path);
        command.args(["--demo-page", "127.0.0.1:0"]);
        fails(&mut command, 2, &["the demo page could not call this gateway", "leave --demo-page out"]);
    }
}

#[test]
fn programs_of_this_machine_get_tokens_without_a_route() {
    let server = Server::start().unwrap();
    let made: Value =
        serde_json::from_str(&run(&mut evergrant(&["gateway", "key", "erp", "--json"])).stdout).unwrap();
    let (key, digest) = (made["key"].as_str().unwrap(), made["digest"].as_str().unwrap());
    let (_folder, path) = with_file(
        &server,
        &format!(
            "[gateway.issue]\nlisten = [\"unix:issue.sock\", {{ address = \"127.0.0.1:0\", keys = {{ erp = \"{digest}\" }} }}]\n\
             profiles = \"own\"\n"
        ),
    );
    let checked = run(&mut evergrant(&["config", "check", "--config", &path]));
    assert!(checked.stdout.contains("issue: tokens of own at unix:"), "{}", checked.stdout);
    let mut gateway = Gateway::start_issuing(with_config(&path));
    gateway.until_ready();
    let lines = format!("X-Evergrant-Key: {key}\r\n");
    let (status, answer) = get(&gateway.url, "/authorize/own/shipments", &lines);
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains(&format!("authorization: Bearer {}\r\n", server.issued()[0])), "{answer}");
    assert_eq!(get(&gateway.url, "/authorize/own/shipments", "").0, 403);
    let (_, metrics) = get(&gateway.admin, "/metrics", "");
    for outcome in ["issued", "denied"] {
        let line =
            format!("evergrant_gateway_issued_total{{endpoint=\"authorize\",outcome=\"{outcome}\"}} 1\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
    // Another key in the file is the one that counts, as soon as that is read.
    let second: Value =
        serde_json::from_str(&run(&mut evergrant(&["gateway", "key", "erp", "--json"])).stdout).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(digest, second["digest"].as_str().unwrap())).unwrap();
    gateway.signal(Signal::HUP);
    gateway.hear("read again and is used");
    assert_eq!(get(&gateway.url, "/authorize/own/shipments", &lines).0, 403);
    let lines = format!("X-Evergrant-Key: {}\r\n", second["key"].as_str().unwrap());
    assert_eq!(get(&gateway.url, "/authorize/own/shipments", &lines).0, 200);
    assert_eq!(server.counts().token_requests, 1);
    // A file that gives out nothing any more takes a restart to be obeyed, which is said.
    let both = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{}{}", &both[..both.find("[gateway.issue]").unwrap()], table(""))).unwrap();
    gateway.signal(Signal::HUP);
    gateway.hear("issue has changed in the configuration, which needs a restart of the gateway");
    gateway.hear("issue.sock) is no longer in the configuration");
    assert_eq!(get(&gateway.url, "/authorize/own/shipments", &lines).0, 403, "its key is gone at once");
    fs::write(&path, &both).unwrap();
    gateway.interrupt();
    let (status, log, said) = gateway.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(!log.contains(key) && !said.contains(&server.issued()[0]) && !log.contains(&server.issued()[0]));
    for flags in [&["--listen", "localhost:0"][..], &["--", "true"]] {
        let mut command = evergrant(&["gateway", "--admin", "none", "--config", &path]);
        fails(command.args(flags), 2, &["needs a route, and the [gateway] of the file has only issue"]);
    }
}
