//! `evergrant serve`: what a reader of the socket gets, and when nothing.
#![cfg(unix)]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::{Endpoint, Fault, Server, Times};
use fixture::{Folder, configured, evergrant, fails, set_mode, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a slow machine.
const LONG: Duration = Duration::from_secs(60);

/// A command that serves at a socket in its folder.
struct Serving {
    child: Child,
    folder: Folder,
    said: Receiver<String>,
}

impl Serving {
    fn start(server: &Server, arguments: &[&str]) -> Self {
        let folder = Folder::new();
        let mut command = configured(server, evergrant(&["serve", "--socket", &folder.at("token.sock")]));
        let mut child = command.args(arguments).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, said) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || {
            stderr.lines().map_while(Result::ok).for_each(|line| {
                let _unheard = sender.send(line);
            });
        });
        let serving = Self { child, folder, said };
        serving.hears("serving the token of");
        serving
    }

    fn socket(&self) -> String {
        self.folder.at("token.sock")
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream
    }

    fn read(&self) -> String {
        let mut read = String::new();
        self.connect().read_to_string(&mut read).unwrap();
        read
    }

    #[track_caller]
    fn hears(&self, words: &str) -> String {
        let end = Instant::now() + LONG;
        loop {
            let line = self.said.recv_timeout(end.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|_| panic!("{words:?} is not said"));
            if line.contains(words) {
                return line;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn end(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.child.wait().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

#[test]
fn each_connection_gets_the_token_in_the_form_that_was_asked_for_and_all_cost_one_request() {
    let server = Server::start().unwrap();
    let mut serving = Serving::start(&server, &["--format", "header"]);
    let mode = Path::new(&serving.socket()).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for _ in 0..20 {
        let read = serving.read();
        assert_eq!(read, format!("Authorization: Bearer {}\n", server.issued()[0]));
    }
    // As systemd reads a credential: it says first that it will write nothing.
    let mut stream = serving.connect();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut read = String::new();
    stream.read_to_string(&mut read).unwrap();
    assert_eq!(read, serving.read());
    assert_eq!(server.counts().token_requests, 1);
    let socket = serving.socket();
    assert_eq!(serving.end().code(), Some(0));
    assert!(!Path::new(&socket).exists(), "the socket goes with it");
}

#[test]
fn what_is_left_of_a_life_shrinks_while_it_is_served_and_the_next_token_comes_by_itself() {
    let server = Server::builder().lifetime(Duration::from_secs(5)).start().unwrap();
    let serving = Serving::start(&server, &["--format", "json"]);
    let read = || serde_json::from_str::<Value>(&serving.read()).unwrap();
    let first = read();
    assert_eq!(first["token_type"], "Bearer");
    assert!((1..=5).contains(&first["expires_in"].as_u64().unwrap()), "{first}");
    until(|| {
        let now = read();
        now["access_token"] != first["access_token"] || now["expires_in"].as_u64().unwrap() < 4
    });
    until(|| read()["access_token"] != first["access_token"]);
}

#[test]
fn a_reader_who_takes_his_time_holds_up_nobody() {
    let server = Server::start().unwrap();
    let serving = Serving::start(&server, &[]);
    let slow: Vec<_> = (0..300).map(|_| serving.connect()).collect();
    assert_eq!(serving.read(), format!("{}\n", server.issued()[0]));
    let mut read = String::new();
    let mut last = slow.into_iter().last().unwrap();
    last.read_to_string(&mut read).unwrap();
    assert_eq!(read, format!("{}\n", server.issued()[0]));
}

#[test]
fn without_a_token_nothing_is_written_and_the_reason_is_told() {
    let server = Server::start().unwrap();
    server.rotate_client(Server::CLIENT_ID, "another");
    let serving = Serving::start(&server, &[]);
    assert_eq!(serving.read(), "");
    assert!(serving.hears("a reader got nothing").contains("invalid_client"));
    let server = Server::start().unwrap();
    let outage = server.fault(Endpoint::Token, Fault::status(503), Times::UntilCleared);
    let serving = Serving::start(&server, &["--wait", "200ms"]);
    assert_eq!(serving.read(), "");
    serving.hears("a reader got nothing");
    outage.clear();
    until(|| !serving.read().is_empty());
}

#[test]
fn a_secret_that_changes_in_its_file_is_used_after_a_hangup() {
    let server = Server::start().unwrap();
    let secrets = Folder::new();
    let file = secrets.file("secret", 0o600, "wrong");
    let serving = Serving::start(&server, &["--client-secret-file", &file]);
    assert_eq!(serving.read(), "");
    secrets.file("secret", 0o600, Server::CLIENT_SECRET);
    serving.signal(Signal::HUP);
    serving.hears("has changed, and the new one is sent");
    until(|| !serving.read().is_empty());
}

#[test]
fn a_socket_that_others_could_replace_or_that_is_served_already_is_refused() {
    let server = Server::start().unwrap();
    let serving = Serving::start(&server, &[]);
    let second = |socket: &str| configured(&server, evergrant(&["serve", "--socket", socket]));
    fails(&mut second(&serving.socket()), 2, &["another process listens at", "choose another address"]);
    let open = Folder::new();
    set_mode(open.path(), 0o777);
    fails(&mut second(&open.at("token.sock")), 2, &["others may write to the folder"]);
    let file = serving.folder.file("file", 0o600, "");
    fails(&mut second(&file), 2, &["exists and is no socket"]);
    let mut both = second(&serving.folder.at("other.sock"));
    fails(both.args(["--json", "--format", "token"]), 2, &["--json and --format"]);
}
