//! `evergrant watch`.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::{Endpoint, Fault, Server, Times};
#[cfg(target_os = "linux")]
use fixture::{
    EVERGRANT,
    terminal::{Terminal, screen},
};
use fixture::{Folder, configured, evergrant, run};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

fn watch(server: &Server, arguments: &[&str]) -> Command {
    let mut command = configured(server, evergrant(&["watch"]));
    command.args(arguments);
    command
}

/// Its lines until one is as wanted; then it is ended.
fn until(command: &mut Command, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
    let mut child = Ending(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = Vec::new();
    for line in BufReader::new(child.0.stdout.take().unwrap()).lines() {
        lines.push(line.unwrap());
        if wanted(&lines) {
            return lines;
        }
    }
    panic!("it ended after {lines:#?}");
}

struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn without_a_terminal_each_event_is_a_line() {
    let server = Server::builder().lifetime(Duration::from_secs(2)).start().unwrap();
    let lines = until(&mut watch(&server, &[]), |lines| lines.len() == 4);
    let told: Vec<&str> = lines.iter().map(|line| line.split_once("Z ").unwrap().1).collect();
    assert_eq!(told[0], "requesting a token: there was none yet");
    assert!(told[1].starts_with("token 1: used for 1."), "{told:#?}");
    assert!(
        told[2].starts_with("requesting a token: ") || told[2].starts_with("token 1 has ended"),
        "{told:#?}"
    );
    assert!(lines.iter().all(|line| !line.contains('\u{1b}')));
}

#[test]
fn events_are_streamed_as_json() {
    let server = Server::builder().lifetime(Duration::from_secs(2)).start().unwrap();
    let _down = server.fault(Endpoint::Token, Fault::status(503), Times::Once);
    let is =
        |line: &String, event| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"] == event;
    let lines = until(&mut watch(&server, &["--json"]), |lines| is(lines.last().unwrap(), "installed"));
    let events: Vec<serde_json::Value> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["requested", "failed", "requested", "installed"]);
    assert_eq!((&events[0]["reason"], &events[2]["reason"]), (&"first".into(), &"retry".into()));
    assert!(events[1]["error"].as_str().unwrap().contains("http 503"));
    assert_eq!((&events[3]["token"], &events[3]["requests"]), (&1.into(), &2.into()));
    assert!(!lines.concat().contains(&server.issued()[0]));
}

#[test]
fn it_ends_after_its_time_with_the_state_it_came_to() {
    let server = Server::start().unwrap();
    let held = run(&mut watch(&server, &["--for", "1s"]));
    assert_eq!((held.status, held.stderr.as_str()), (0, ""), "{}", held.stdout);
    assert_eq!(server.counts().token_requests, 1, "a token that lives is not asked for again");
    let refused = run(watch(&server, &["--for", "1s"]).env("EVERGRANT_CLIENT_SECRET", "not-the-one"));
    assert_eq!(refused.status, 3, "{}", refused.stdout);
    assert!(refused.stderr.contains("invalid_client"), "{}", refused.stderr);
}

#[cfg(unix)]
#[test]
fn it_begins_with_the_token_that_was_kept() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    for _ in 0..2 {
        let mut command = watch(&server, &["--cache", "--for", "300ms"]);
        assert_eq!(run(command.env("XDG_CACHE_HOME", folder.path())).status, 0);
    }
    assert_eq!(server.counts().token_requests, 1);
}

/// A watch of a server that answers 503, on 50 columns.
#[cfg(target_os = "linux")]
fn of_a_broken_server(arguments: &[&str]) -> Terminal {
    let watch = ["mock", "--fail", "503", "--", EVERGRANT, "watch"];
    Terminal::of(50, &[&watch[..], arguments].concat(), &[])
}

/// The last view, whose spans differ each time.
#[cfg(target_os = "linux")]
fn assert_last_view(screen: &str) {
    // No line of the view is drawn twice, and none is cut.
    let words = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    for (name, says) in [
        ("token ", " none"),
        ("request ", " s ago: "),
        ("counts ", ", 0 calls wait for a token, 0 at most so far"),
        ("trouble ", " ago: the authorization server answered with http 503"),
    ] {
        assert_eq!(screen.lines().filter(|line| line.starts_with(name)).count(), 1, "{name}: {screen}");
        assert!(words.contains(says), "{says}: {screen}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn its_last_state_stays_on_the_terminal_when_its_time_is_over() {
    let (status, shown) = of_a_broken_server(&["--for", "2s"]).end();
    let screen = screen(50, shown.as_bytes());
    assert_eq!(status, Some(4), "{screen}");
    assert_last_view(&screen);
    let (view, failure) = screen.split_once("\nerror: ").unwrap();
    assert!(failure.starts_with("the authorization server answered with http"), "{screen}");
    assert!(view.lines().all(|line| line.chars().count() <= 50), "{screen}");
}

#[cfg(target_os = "linux")]
#[test]
fn its_last_state_stays_on_the_terminal_when_it_is_interrupted() {
    let terminal = of_a_broken_server(&[]);
    terminal.until("2 requests");
    terminal.type_in(b"\x03");
    let (_, shown) = terminal.end();
    assert_last_view(&screen(50, shown.as_bytes()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_life_of_seconds_is_shown_in_tenths() {
    let watch = ["mock", "--lifetime", "9s", "--", EVERGRANT, "watch"];
    for (locale, [full, cut]) in [("C.UTF-8", ['━', '─']), ("C", ['#', '-'])] {
        let terminal = Terminal::of(80, &watch, &[("LC_ALL", locale)]);
        terminal.when(|shown| {
            let screen = screen(80, shown.as_bytes());
            let token = screen.lines().next().unwrap_or_default();
            let (_, words) = token.split_once("token 1: used for ").unwrap_or_default();
            let tenths = |word: &str| word.split_once('.').is_some_and(|(_, tenth)| tenth.len() == 1);
            words.split(' ').next().is_some_and(tenths)
                && token.contains(full)
                && token.contains(cut)
                && (locale != "C" || screen.is_ascii())
        });
    }
}
