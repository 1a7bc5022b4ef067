//! The command on a terminal: what is drawn there, and whom its Ctrl-C reaches.
#![cfg(target_os = "linux")]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::{Endpoint, Fault, Server, Times};
use fixture::terminal::{Terminal, styled};
use fixture::{EVERGRANT, Folder};
use std::fs;
use std::thread;
use std::time::Duration;

/// Counts its interrupts until a line with a word is typed.
const COUNTING: &str = "trap 'n=$((n+1)); echo trapped' INT; echo ready; until read word && [ \"$word\" ]; do :; done; \
                        echo \"n=$n\"; exit 3";

/// What a program that counts makes of ten Ctrl-C. Two signals that come at the same time count as one: of ten pairs
/// some are told apart.
fn interrupted(program: &[&str]) -> (Option<i32>, String) {
    let mut arguments = vec!["mock", "--", EVERGRANT, "run", "--"];
    arguments.extend(program);
    arguments.extend(["sh", "-c", COUNTING]);
    let terminal = Terminal::new(&arguments, &[]);
    terminal.until("ready");
    for round in 1..=10 {
        terminal.type_in(b"\x03");
        terminal.when(|shown| shown.matches("trapped").count() >= round);
        // A second one would come at once.
        thread::sleep(Duration::from_millis(100));
    }
    terminal.type_in(b"enough\n");
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

/// The kernel tells the leader of the session alone, which the command is where a terminal was opened for it: ssh -t.
#[test]
fn a_program_ends_with_the_terminal_that_goes_away() {
    let (server, folder) = (Server::start().unwrap(), Folder::new());
    let (endpoint, file) = (server.token_endpoint(), folder.at("token"));
    let known = [
        ("EVERGRANT_TOKEN_ENDPOINT", endpoint.as_str()),
        ("EVERGRANT_CLIENT_ID", Server::CLIENT_ID),
        ("EVERGRANT_CLIENT_SECRET", Server::CLIENT_SECRET),
    ];
    for command in [&["run", "--token-file", &file, "--"][..], &["mock", "--"]] {
        for (script, status) in [
            ("echo ready; exec sleep 100", 128 + 1),
            ("trap 'exit 7' HUP; echo ready; while :; do sleep 0.05; done", 7),
            // Who is stopped hears no hangup.
            ("echo ready; kill -STOP $$", 128 + 1),
        ] {
            let arguments: Vec<&str> = command.iter().copied().chain(["sh", "-c", script]).collect();
            let terminal = Terminal::new(&arguments, &known);
            terminal.until("ready\r\n");
            assert_eq!(terminal.hang_up(), Some(status), "{arguments:?}");
            assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing is left");
        }
    }
}

#[test]
fn a_shell_of_the_mock_is_greeted_with_what_runs_and_what_is_set() {
    let terminal = Terminal::new(&["mock", "--", "sh"], &[("PS1", "$ ")]);
    terminal.until("run on loopback until sh ends (in a shell: exit)");
    for name in ["EVERGRANT_TOKEN_ENDPOINT, ", "EVERGRANT_CLIENT_SECRET, ", "EVERGRANT_MOCK_API are set"] {
        terminal.until(name);
    }
    terminal.type_in(b"exit 6\n");
    assert_eq!(terminal.end().0, Some(6));
    // Neither a program with arguments, a job, nor one who wants to read errors alone.
    for arguments in [&["mock", "--", "sh", "-c", "echo ran"][..], &["-q", "mock", "--", "true"]] {
        let (status, shown) = Terminal::new(arguments, &[]).end();
        assert!(status == Some(0) && !shown.contains("loopback"), "{arguments:?}: {shown}");
    }
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
    let terminal = Terminal::new(&["demo", "--seconds", "10", "--workers", "2"], &[]);
    terminal.until(": everyone needs a token");
    terminal.until("at most so far");
    terminal.until(": used for ");
    let plain = Terminal::new(&["demo", "--seconds", "10", "--workers", "2", "--json"], &[]);
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
            (&["demo", "--seconds", "10", "--workers", "2"], 0),
        ] {
            let (ended, shown) = Terminal::of(columns, arguments, &[]).end();
            assert_eq!(ended, Some(status), "{arguments:?}, {columns} columns: {shown}");
            assert!(!shown.contains("panicked") && !shown.is_empty(), "{arguments:?}: {shown}");
        }
    }
    let terminal = Terminal::of(20, &["mock", "--", EVERGRANT, "watch"], &[]);
    terminal.until("none so far");
    terminal.type_in(b"\x03");
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
