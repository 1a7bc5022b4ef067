//! Time limits: they bound whatever hangs, and not the network alone.
#![cfg(unix)]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::{Endpoint, Fault, Server, Times};
use fixture::{Ended, Folder, configured, end, evergrant, run};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing here takes long, except on a machine that is very slow; without its limit it would take for ever.
const PATIENCE: Duration = Duration::from_secs(60);

fn fifo(folder: &Folder) -> String {
    let path = folder.at("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// What it comes to with a stdin that stays open, and that nobody writes; and a stdout that nobody reads.
fn hung(command: &mut Command) -> Ended {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let held = (child.stdin.take(), child.stdout.take());
    wait(&mut child);
    drop(held);
    end(child.wait_with_output().unwrap())
}

fn wait(child: &mut Child) {
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn max_time_bounds_what_the_request_reads_and_writes() {
    let (server, folder) = (Server::start().unwrap(), Folder::new());
    let (fifo, url) = (fifo(&folder), server.resource("/things"));
    let at = format!("@{fifo}");
    for arguments in [
        &["-d", "@-"][..],
        &["-d", &at],
        &["--client-secret-file", "-"],
        &["--client-secret-file", &fifo],
        &["--config", &fifo, "--profile", "any"],
        &["-o", &fifo],
    ] {
        let mut command = configured(&server, evergrant(&["request", "--max-time", "200ms", &url]));
        let ended = hung(command.args(arguments));
        assert_eq!(ended.status, 4, "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("took longer than --max-time 200ms"),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
    assert_eq!(server.counts().resource_requests, 0);
    // More than a pipe holds.
    let body = vec![b'x'; 1_000_000];
    let large = Fault::status_with_body(200, "text/plain", body);
    let _large = server.fault(Endpoint::Resource, large, Times::UntilCleared);
    let ended = hung(&mut configured(&server, evergrant(&["request", "--max-time", "1s", &url])));
    assert!(ended.status == 4 && ended.stderr.contains("--max-time 1s"), "{}", ended.stderr);
}

#[test]
fn a_secret_that_does_not_arrive_is_not_waited_for_without_end() {
    let (server, folder) = (Server::start().unwrap(), Folder::new());
    let fifo = fifo(&folder);
    for (name, place) in [("-", "stdin"), (fifo.as_str(), fifo.as_str())] {
        for words in [&["token"][..], &["run", "true"], &["watch"]] {
            let mut command = configured(&server, evergrant(&[]));
            command
                .arg(words[0])
                .args(["--timeout", "200ms", "--client-secret-file", name])
                .args(&words[1..]);
            let ended = hung(&mut command);
            assert_eq!(ended.status, 2, "{words:?}: {}", ended.stderr);
            let says = format!("did not arrive from {place} within 200ms");
            assert!(ended.stderr.contains(&says), "{words:?}: {}", ended.stderr);
        }
    }
    let mut doctor = configured(&server, evergrant(&["doctor", "--timeout", "2s"]));
    let ended = run(doctor.args(["--client-secret-file", &fifo]));
    assert!(ended.status == 2 && ended.stdout.contains("did not arrive"), "{}", ended.stdout);
    assert_eq!(server.counts().token_requests, 0);
}

#[test]
fn a_check_of_the_configuration_waits_at_no_pipe() {
    let folder = Folder::new();
    let fifo = fifo(&folder);
    let profile = format!(
        "[profile.a]\nprovider = \"myparcel\"\nclient_id = \"a\"\nclient_secret = {{ file = \"{fifo}\" }}\n"
    );
    let file = folder.file("config.toml", 0o600, profile);
    let mut child = evergrant(&["config", "check", "--config", &file]).stdout(Stdio::null()).spawn().unwrap();
    wait(&mut child);
    assert!(child.wait().unwrap().success());
}
