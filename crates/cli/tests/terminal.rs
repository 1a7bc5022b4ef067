//! The command on a terminal: what is drawn there, and whom its Ctrl-C reaches.
#![cfg(target_os = "linux")]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::{Endpoint, Fault, Server, Times};
use fixture::{EVERGRANT, Folder, isolate};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Nothing here takes long, except on a machine that is very slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal with a program in its foreground.
struct Terminal {
    keys: File,
    /// Keeps the terminal open until the program has ended.
    peer: Option<OwnedFd>,
    program: Child,
    shown: Arc<Mutex<Vec<u8>>>,
    reading: Option<JoinHandle<()>>,
}

impl Terminal {
    /// `evergrant` with these arguments and variables, on 100 columns.
    fn new(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::of(100, arguments, variables)
    }

    /// The same on so many columns.
    fn of(columns: u16, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let peer = ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        tcsetwinsize(&peer, Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        // The first terminal that the leader of a new session opens is the session's.
        let script = format!("exec \"$0\" \"$@\" <> {path} >&0 2>&0");
        // A terminal's programs ignore no signal; what began this test may, as background jobs do.
        let mut command = Command::new("setsid");
        isolate(&mut command)
            .args(["env", "--default-signal", "sh", "-c", &script, EVERGRANT])
            .args(arguments);
        command.env("TERM", "xterm").env_remove("NO_COLOR").envs(variables.iter().copied());
        let program = command.stdin(Stdio::null()).spawn().unwrap();
        let (mut screen, shown) = (File::from(master.try_clone().unwrap()), Arc::default());
        let filling: Arc<Mutex<Vec<u8>>> = Arc::clone(&shown);
        let reading = thread::spawn(move || {
            let mut piece = [0; 4096];
            // It ends with an error, when nobody has the terminal open any more.
            while let Ok(read) = screen.read(&mut piece) {
                filling.lock().unwrap().extend_from_slice(&piece[..read]);
            }
        });
        Self { keys: File::from(master), peer: Some(peer), program, shown, reading: Some(reading) }
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    #[track_caller]
    fn until(&self, words: &str) {
        self.when(|shown| shown.contains(words));
    }

    #[track_caller]
    fn when(&self, wanted: impl Fn(&str) -> bool) {
        let start = Instant::now();
        while !wanted(&self.shown()) {
            assert!(start.elapsed() < PATIENCE, "it is not in: {:?}", self.shown());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The program's status, and everything that was ever shown.
    fn end(mut self) -> (Option<i32>, String) {
        let status = self.program.wait().unwrap().code();
        drop(self.peer.take());
        self.reading.take().unwrap().join().unwrap();
        (status, self.shown())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.program.kill();
        let _status = self.program.wait();
    }
}

/// Whether there is a colour or another style in it: `ESC [ ... m`.
fn styled(shown: &str) -> bool {
    let style =
        |rest: &str| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m');
    shown.split("\u{1b}[").skip(1).any(style)
}

/// Counts its interrupts until a line with a word is typed.
const COUNTING: &str = "trap 'n=$((n+1)); echo trapped' INT; echo ready; until read word && [ \"$word\" ]; do :; done; \
                        echo \"n=$n\"; exit 3";

/// What a program that counts makes of ten Ctrl-C. Two signals that come at the same time count as one: of ten pairs
/// some are told apart.
fn interrupted(program: &[&str]) -> (Option<i32>, String) {
    let mut arguments = vec!["mock", "--", EVERGRANT, "run", "--"];
    arguments.extend(program);
    arguments.extend(["sh", "-c", COUNTING]);
    let mut terminal = Terminal::new(&arguments, &[]);
    terminal.until("ready");
    for round in 1..=10 {
        terminal.keys.write_all(b"\x03").unwrap();
        terminal.when(|shown| shown.matches("trapped").count() >= round);
        // A second one would come at once.
        thread::sleep(Duration::from_millis(100));
    }
    terminal.keys.write_all(b"enough\n").unwrap();
    terminal.end()
}

#[test]
fn ctrl_c_reaches_the_program_once() {
    let (status, shown) = interrupted(&[]);
    assert!(shown.contains("n=10\r\n"), "{shown}");
    assert_eq!(status, Some(3), "the program's own status, through both");
}

#[test]
fn ctrl_c_reaches_a_program_that_left_the_terminals_group() {
    let (status, shown) = interrupted(&["setsid", "-w"]);
    assert!(shown.contains("n=10\r\n"), "{shown}");
    assert_eq!(status, Some(3));
}

#[test]
fn watch_draws_its_view_and_its_colours_can_be_unwanted() {
    let watch = |variables: &[(&str, &str)]| {
        let terminal = Terminal::new(&["mock", "--", EVERGRANT, "watch"], variables);
        // `counts` stands below: it was drawn whole.
        terminal.until("token 1: used for 59 min");
        terminal.until("1 request, 0 calls wait");
        terminal.shown()
    };
    let drawn = watch(&[]);
    assert!(drawn.contains('━') && styled(&drawn), "{drawn:?}");
    let plain = watch(&[("NO_COLOR", "1")]);
    assert!(plain.contains('━') && !styled(&plain), "{plain:?}");
}

#[test]
fn a_terminal_that_cannot_be_drawn_on_gets_lines() {
    let terminal = Terminal::new(&["mock", "--", EVERGRANT, "watch"], &[("TERM", "dumb"), ("NO_COLOR", "1")]);
    terminal.until("Z token 1: used for ");
    assert!(!terminal.shown().contains('\u{1b}'), "{:?}", terminal.shown());
}

#[test]
fn the_demonstration_has_the_view_below_its_story() {
    let terminal = Terminal::new(&["demo", "--seconds", "5", "--workers", "2"], &[]);
    terminal.until("  cold start: everyone needs a token");
    terminal.until("at most so far");
    terminal.until(": used for ");
    let plain = Terminal::new(&["demo", "--seconds", "5", "--workers", "2", "--json"], &[]);
    plain.until("\"failed\":0");
    assert!(plain.shown().starts_with('{'), "JSON is for programs: {:?}", plain.shown());
}

#[test]
fn errors_are_red_on_a_terminal() {
    let (status, shown) = Terminal::new(&["token"], &[]).end();
    assert_eq!(status, Some(2));
    assert!(styled(&shown) && shown.contains("error:"), "{shown:?}");
}

/// What `evergrant request` shows on a terminal, as the mock server's client.
fn called(server: &Server, arguments: &[&str]) -> (Option<i32>, String) {
    let arguments: Vec<&str> = ["request"].iter().chain(arguments).copied().collect();
    let (endpoint, api) = (server.token_endpoint(), server.origin());
    let known = [
        ("EVERGRANT_TOKEN_ENDPOINT", endpoint.as_str()),
        ("EVERGRANT_CLIENT_ID", Server::CLIENT_ID),
        ("EVERGRANT_CLIENT_SECRET", Server::CLIENT_SECRET),
        ("EVERGRANT_ALLOW_ORIGIN", api.as_str()),
        ("NO_COLOR", "1"),
    ];
    Terminal::new(&arguments, &known).end()
}

#[test]
fn what_others_wrote_moves_no_cursor() {
    // ESC ] sets the title, 0x9B is CSI in one character, and U+202E shows what follows from right to left.
    let foreign = "a\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}b\tc\r\nd";
    let server = Server::start().unwrap();
    let body = Fault::status_with_body(200, "text/plain", foreign);
    let _odd = server.fault(Endpoint::Resource, body, Times::UntilCleared);
    let url = server.resource("/things");
    for output in ["-", "/dev/tty"] {
        let (status, shown) = called(&server, &["-i", "-o", output, &url]);
        assert_eq!(status, Some(0), "{shown}");
        let body = "a\\u{1b}]0;owned\\u{7}\\u{9b}31m\\u{202e}b\tc\r\nd\r\n";
        assert!(shown.starts_with("HTTP/1.1 200 OK\r\n") && shown.ends_with(body), "{shown:?}");
    }

    let endpoint = server.token_endpoint();
    let folder = Folder::new();
    let config =
        folder.file("\u{1b}]0;owned\u{7}", 0o600, "[profile.\"\\u001b[31m\"]\nx = 1\n\"\\u009b\" = 2\n");
    for arguments in [
        &["config", "check", "--config", &config][..],
        &["token", "--profile", "\u{9b}31m", "--config", &config],
        &[
            "token",
            "--client-secret-file",
            "\u{202e}\u{1b}c",
            "--client-id",
            "me",
            "--token-endpoint",
            &endpoint,
        ],
        &["--json", "config", "check", "--config", &config],
    ] {
        let (status, shown) = Terminal::new(arguments, &[("NO_COLOR", "1")]).end();
        assert_eq!(status, Some(2), "{shown}");
        let obeyed = |c: char| (c.is_control() && c != '\r' && c != '\n') || c == '\u{202e}';
        assert!(!shown.contains(obeyed), "{arguments:?}: {shown:?}");
    }
}

#[test]
fn a_terminal_of_20_columns_or_of_one_costs_no_job() {
    for columns in [20, 1] {
        for (arguments, status) in [
            (&["--help"][..], 0),
            (&["token"], 2),
            (&["mock", "--", EVERGRANT, "doctor"], 0),
            (&["mock", "--", EVERGRANT, "config", "show"], 0),
            (&["mock", "--", EVERGRANT, "-v", "token"], 0),
            (&["demo", "--seconds", "5", "--workers", "2"], 0),
        ] {
            let (ended, shown) = Terminal::of(columns, arguments, &[]).end();
            assert_eq!(ended, Some(status), "{arguments:?}, {columns} columns: {shown}");
            assert!(!shown.contains("panicked") && !shown.is_empty(), "{arguments:?}: {shown}");
        }
    }
    let terminal = Terminal::of(20, &["mock", "--", EVERGRANT, "watch"], &[]);
    terminal.until("trouble");
    (&terminal.keys).write_all(b"\x03").unwrap();
    let (_, shown) = terminal.end();
    assert!(!shown.contains("panicked"), "{shown}");
}

#[test]
fn a_body_without_a_last_line_break_does_not_swallow_the_error() {
    let server = Server::start().unwrap();
    let body = Fault::status_with_body(404, "text/plain", "no such thing");
    let _missing = server.fault(Endpoint::Resource, body, Times::UntilCleared);
    let url = server.resource("/things");
    let (status, shown) = called(&server, &[&url]);
    assert_eq!(status, Some(3));
    assert!(shown.starts_with("no such thing\r\nerror: the API answered http 404"), "{shown:?}");
}
