//! `evergrant run`.
#![cfg(unix)]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::Server;
use fixture::{EVERGRANT, Ended, Folder, configured, evergrant, fed, run as ended, until};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

fn run(server: &Server, arguments: &[&str]) -> Command {
    let mut command = configured(server, evergrant(&["run"]));
    command.args(arguments);
    command
}

/// With a shell as its program.
fn shell(server: &Server, arguments: &[&str], script: &str) -> Command {
    let mut command = run(server, arguments);
    command.args(["--", "sh", "-c", script]);
    command
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
}

#[test]
fn the_token_is_in_a_variable_and_the_programs_status_is_ours() {
    let server = Server::start().unwrap();
    let Ended { status, stdout, stderr } =
        ended(&mut shell(&server, &[], "printf %s \"$EVERGRANT_TOKEN\"; exit 7"));
    assert_eq!((status, stderr.as_str()), (7, ""));
    assert_eq!(stdout, server.issued()[0]);
    let named = ["--env", "API_TOKEN", "--format", "header"];
    let script = "printf '%s ' \"$API_TOKEN\"; echo ${EVERGRANT_TOKEN-none}";
    let found = ended(&mut shell(&server, &named, script)).stdout;
    assert_eq!(found, format!("Authorization: Bearer {} none\n", server.issued()[1]));
    assert_eq!(ended(&mut shell(&server, &[], "kill -KILL $$")).status, 128 + 9);
}

#[test]
fn the_program_gets_its_arguments_and_stdin_untouched() {
    let server = Server::start().unwrap();
    let mut command = run(&server, &["printf", "%s|", "-v", "--json", "--", "a b", "*"]);
    assert_eq!(ended(&mut command).stdout, "-v|--json|--|a b|*|");
    let fed = fed(&mut run(&server, &["--", "cat"]), b"through and through");
    assert_eq!(fed.stdout, "through and through");
}

#[test]
fn the_program_gets_no_secret_but_the_token() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let file = PathBuf::from(folder.at("token"));
    let mut command = shell(
        &server,
        &["--token-file", file.to_str().unwrap(), "--param", "x=y"],
        "env; ps -o args= -p $$ -p $PPID || cat /proc/$$/cmdline /proc/$PPID/cmdline",
    );
    command
        .env("EVERGRANT_PARAM", "client_assertion=sentinel")
        .env("KEPT", "yes")
        .env("EVERGRANT_SCOPE", "kept");
    let found = ended(&mut command);
    assert_eq!(found.status, 0, "{}", found.stderr);
    for kept in [
        "KEPT=yes",
        "--token-file",
        "EVERGRANT_SCOPE=kept",
        &format!("EVERGRANT_TOKEN_FILE={}", file.display()),
    ] {
        assert!(found.stdout.contains(kept), "{kept}");
    }
    for secret in [Server::CLIENT_SECRET, "sentinel", &server.issued()[0]] {
        assert!(!found.stdout.contains(secret) && !found.stderr.contains(secret), "{secret}");
    }
}

#[test]
fn the_file_is_replaced_by_each_new_token_and_always_whole() {
    let server = Server::builder().lifetime(Duration::from_secs(2)).start().unwrap();
    let folder = Folder::new();
    let file = PathBuf::from(folder.at("token"));
    let mut command = shell(&server, &["--token-file", file.to_str().unwrap()], "echo started; read wait");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    assert_eq!(first_line(&mut child), "started\n", "the file is there before the program");
    let mut seen: Vec<String> = Vec::new();
    until(|| {
        let found = fs::read_to_string(&file).unwrap();
        assert!(server.issued().contains(&found), "{} bytes that are no whole token", found.len());
        assert!(seen.iter().rev().skip(1).all(|old| *old != found), "an older token came back");
        if seen.last() != Some(&found) {
            seen.push(found);
        }
        seen.len() == 3
    });
    assert_eq!(mode(&file), 0o600);
    drop(child.stdin.take());
    assert!(!child.wait().unwrap().success(), "read meets its end");
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing is left");
}

fn mode(file: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn signals_are_passed_on_and_the_program_decides_what_becomes_of_them() {
    let server = Server::start().unwrap();
    for (name, signal) in [
        ("HUP", Signal::HUP),
        ("INT", Signal::INT),
        ("QUIT", Signal::QUIT),
        ("TERM", Signal::TERM),
        ("USR1", Signal::USR1),
        ("USR2", Signal::USR2),
    ] {
        let script =
            format!("trap 'echo got {name}; exit 5' {name}; echo ready; while :; do sleep 0.05; done");
        let mut child = shell(&server, &[], &script).stdout(Stdio::piped()).spawn().unwrap();
        assert_eq!(first_line(&mut child), "ready\n");
        send(&child, signal);
        assert_eq!(first_line(&mut child), format!("got {name}\n"));
        assert_eq!(child.wait().unwrap().code(), Some(5));
    }
}

#[test]
fn a_program_that_a_signal_ends_gives_its_status_and_leaves_no_file() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let file = PathBuf::from(folder.at("token"));
    let mut command = shell(&server, &["--token-file", file.to_str().unwrap()], "echo ready; exec sleep 100");
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    assert_eq!(first_line(&mut child), "ready\n");
    assert!(file.exists());
    send(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15));
    assert!(!file.exists());
}

#[test]
fn what_is_ignored_stays_ignored() {
    let server = Server::start().unwrap();
    // As nohup does: the shell ignores the signal, and what it starts inherits that.
    let mut nohup = configured(&server, Command::new("sh"));
    nohup.args(["-c", "trap '' HUP; exec \"$0\" run -- sh -c 'echo ready; read wait'", EVERGRANT]);
    let mut child = nohup.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    assert_eq!(first_line(&mut child), "ready\n");
    send(&child, Signal::HUP);
    let status = fs::read_to_string(format!("/proc/{}/task/{0}/children", child.id()));
    if let Ok(program) = status {
        let program = Pid::from_raw(program.trim().parse().unwrap()).unwrap();
        kill_process(program, Signal::HUP).unwrap();
    }
    child.stdin.take().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "read met the end of its input, and no signal");
}

#[test]
fn a_program_that_cannot_be_started_is_named_as_shells_do() {
    let server = Server::start().unwrap();
    let found = ended(&mut run(&server, &["--", "no-such-program"]));
    assert_eq!((found.status, found.stdout.as_str()), (127, ""));
    assert!(found.stderr.contains("no-such-program cannot be started"), "{}", found.stderr);
    assert_eq!(ended(&mut run(&server, &["--", "/"])).status, 126);
}

#[test]
fn without_a_token_nothing_is_started() {
    let server = Server::start().unwrap();
    let mut command = shell(&server, &[], "echo started");
    let found = ended(command.env("EVERGRANT_CLIENT_SECRET", "not-the-one"));
    assert_eq!((found.status, found.stdout.as_str()), (3, ""));
    let refused = |arguments: &[&str], says: &str| {
        let found = ended(&mut shell(&server, arguments, "echo started"));
        assert_eq!((found.status, found.stdout.as_str()), (2, ""));
        assert!(found.stderr.contains(says), "{}", found.stderr);
    };
    refused(&["--token-file", "no/such/folder/token"], "a folder that does not exist");
    refused(&["--token-file", "/"], "the token file /");
    refused(&["--env", "A=B"], "a variable's name");
    assert_eq!(server.counts().token_requests, 1, "and nothing is asked for in vain");
}

#[test]
fn the_end_of_the_files_token_is_told_with_why_there_is_no_other() {
    let server = Server::builder().lifetime(Duration::from_secs(2)).start().unwrap();
    let folder = Folder::new();
    let mut command = shell(&server, &["--token-file", &folder.at("token")], "read wait");
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until(|| server.counts().token_granted == 1);
    server.rotate_client(Server::CLIENT_ID, "another");
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("no new one yet: the authorization server refused with invalid_client"), "{line}");
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn a_token_that_cannot_be_renewed_is_told_when_it_ends() {
    let server = Server::builder().lifetime(Duration::from_secs(1)).start().unwrap();
    let mut command = shell(&server, &[], "read wait");
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("has expired; with --token-file"), "{line}");
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn the_variable_of_a_profiles_secret_is_not_handed_on() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    let profile = format!(
        "[profile.own]\ntoken_endpoint = \"{}\"\nclient_id = \"{}\"\nclient_secret = {{ env = \"OWN_SECRET\" }}\n",
        server.token_endpoint(),
        Server::CLIENT_ID,
    );
    let path = folder.file("config.toml", 0o600, profile);
    let mut command = evergrant(&[
        "run",
        "--profile",
        "own",
        "--config",
        &path,
        "--",
        "sh",
        "-c",
        "echo ${OWN_SECRET-none}",
    ]);
    let found = ended(command.env("OWN_SECRET", Server::CLIENT_SECRET));
    assert_eq!((found.status, found.stdout.as_str()), (0, "none\n"), "{}", found.stderr);
    // Nor is one that is not used this time, nor what an outer run has set.
    let file = folder.file("secret", 0o600, Server::CLIENT_SECRET);
    let mut command =
        evergrant(&["run", "--profile", "own", "--config", &path, "--client-secret-file", &file]);
    command.args(["--", "sh", "-c", "echo ${OWN_SECRET-none} ${EVERGRANT_TOKEN_FILE-none}"]);
    let found = ended(command.env("OWN_SECRET", "another").env("EVERGRANT_TOKEN_FILE", "outer"));
    assert_eq!((found.status, found.stdout.as_str()), (0, "none none\n"), "{}", found.stderr);
}

#[test]
fn tokens_are_kept_for_the_next_invocation() {
    let server = Server::start().unwrap();
    let folder = Folder::new();
    for _ in 0..2 {
        let mut command = shell(&server, &["--cache"], "printf %s \"$EVERGRANT_TOKEN\"");
        let found = ended(command.env("XDG_CACHE_HOME", folder.path()));
        assert_eq!(found.stdout, server.issued()[0], "{}", found.stderr);
    }
    assert_eq!(server.counts().token_requests, 1);
}

#[test]
fn with_json_stdout_is_the_programs_and_what_the_command_says_is_an_object() {
    let server = Server::start().unwrap();
    let said = ended(&mut run(&server, &["--json", "--", "sh", "-c", "echo plain text; exit 7"]));
    assert_eq!((said.status, said.stdout.as_str(), said.stderr.as_str()), (7, "plain text\n", ""));
    let said = ended(&mut run(&server, &["--json", "--", "no-such-program"]));
    let error: serde_json::Value = serde_json::from_str(&said.stderr).unwrap();
    assert_eq!((said.status, said.stdout.as_str(), &error["status"]), (127, "", &127.into()));
}
