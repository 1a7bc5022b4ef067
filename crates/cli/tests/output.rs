//! `evergrant request --output` and `--json`: where the answer goes, and that no file is lost.
#![cfg(unix)]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use evergrant_mock::{Endpoint, Fault, Server, Times};
use fixture::{EVERGRANT, Ended, Folder, configured, evergrant, isolate, run, set_mode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BEFORE: &str = "what was there before";

/// Nothing here takes long, except on a machine that is very slow.
const PATIENCE: Duration = Duration::from_secs(60);

fn request(server: &Server, arguments: &[&str]) -> Command {
    let mut command = configured(server, evergrant(&["request"]));
    command.arg(server.resource("/things")).args(arguments);
    command
}

/// A server whose API answers with this body.
fn answering(status: u16, body: &[u8]) -> Server {
    let server = Server::builder().lifetime(Duration::from_secs(1)).start().unwrap();
    let fault = Fault::status_with_body(status, "text/plain", body);
    // The fault stays after its handle.
    let _answering = server.fault(Endpoint::Resource, fault, Times::UntilCleared);
    server
}

fn names(folder: &Folder) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap()
}

fn mode(path: &str) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[track_caller]
fn quiet(ended: &Ended) {
    assert_eq!((ended.status, ended.stdout.as_str(), ended.stderr.as_str()), (0, "", ""));
}

#[test]
fn the_body_goes_into_the_file_and_with_include_the_head_as_well() {
    let body: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    let (server, folder) = (answering(200, &body), Folder::new());
    let file = folder.at("answer");
    quiet(&run(&mut request(&server, &["-o", &file])));
    assert!(fs::read(&file).unwrap() == body);
    quiet(&run(&mut request(&server, &["--include", "--output", &file])));
    let written = fs::read(&file).unwrap();
    assert!(written.starts_with(b"HTTP/1.1 200 OK\r\n") && written.ends_with(&body));
    assert_eq!(names(&folder), ["answer"]);
    // A name without a folder is in this one.
    quiet(&run(request(&server, &["-o", "here"]).current_dir(folder.path())));
    assert_eq!(names(&folder), ["answer", "here"]);
}

#[test]
fn a_dash_is_stdout() {
    let (server, folder) = (answering(200, b"to stdout"), Folder::new());
    let ended = run(request(&server, &["-o", "-"]).current_dir(folder.path()));
    assert_eq!((ended.status, ended.stdout.as_str()), (0, "to stdout"));
    assert!(names(&folder).is_empty());
}

#[test]
fn a_new_file_has_the_mode_of_the_umask_and_a_replaced_one_keeps_its_own() {
    let (server, folder) = (answering(200, b"new"), Folder::new());
    let old = folder.file("old", 0o600, BEFORE);
    for (umask, expected) in [("022", 0o644), ("077", 0o600), ("002", 0o664)] {
        let file = folder.at(umask);
        for output in [&file, &old] {
            let mut command = Command::new("sh");
            isolate(&mut command);
            let mut command = configured(&server, command);
            let script = format!("umask {umask}; exec \"$0\" \"$@\"");
            command.args(["-c", &script, EVERGRANT, "request", "-o", output, &server.resource("/things")]);
            quiet(&run(&mut command));
        }
        assert_eq!((mode(&file), mode(&old)), (expected, 0o600), "{umask}");
    }
    assert_eq!(text(&old), "new");
    // Only root can give a file away.
    if rustix::process::geteuid().is_root() {
        chown(&old, Some(1), Some(1)).unwrap();
        quiet(&run(&mut request(&server, &["-o", &old])));
        let replaced = fs::metadata(&old).unwrap();
        assert_eq!((replaced.uid(), replaced.gid(), mode(&old)), (1, 1, 0o600));
    }
}

#[test]
fn a_file_stays_as_it_was_if_the_call_fails() {
    let folder = Folder::new();
    let file = folder.file("kept", 0o644, BEFORE);
    let unchanged = |ended: &Ended, status: i32, stdout: &str| {
        assert_eq!((ended.status, ended.stdout.as_str()), (status, stdout), "{}", ended.stderr);
        assert_eq!((text(&file).as_str(), names(&folder)), (BEFORE, vec!["kept".to_owned()]));
    };
    // The body of an error says what is wrong: it is printed.
    for (status, ours) in [(404, 3), (500, 4)] {
        let server = answering(status, b"its words");
        unchanged(&run(&mut request(&server, &["-o", &file])), ours, "its words");
    }
    // A redirect that is not followed is not what the file is for.
    let server = answering(302, b"moved");
    unchanged(&run(&mut request(&server, &["-o", &file])), 3, "moved");
    unchanged(&run(&mut request(&answering(304, b""), &["-o", &file])), 0, "");
    let server = Server::start().unwrap();
    let cut = server.fault(Endpoint::Resource, Fault::TruncatedBody, Times::UntilCleared);
    unchanged(&run(&mut request(&server, &["-o", &file])), 4, "");
    cut.clear();
    let _slow = server.fault(
        Endpoint::Resource,
        Fault::SlowBody { per_byte: Duration::from_millis(100) },
        Times::UntilCleared,
    );
    unchanged(&run(&mut request(&server, &["-o", &file, "--max-time", "500ms"])), 4, "");
    let mut refused = request(&server, &["-o", &file]);
    unchanged(&run(refused.env("EVERGRANT_CLIENT_SECRET", "not-the-one")), 3, "");
}

#[test]
fn a_file_stays_as_it_was_if_there_is_no_room_for_the_answer() {
    let (server, folder) = (answering(200, &[b'x'; 100_000]), Folder::new());
    let file = folder.file("kept", 0o644, BEFORE);
    let mut command = Command::new("sh");
    isolate(&mut command);
    let mut command = configured(&server, command);
    // The shell's unit is 512 or 1024 bytes.
    let script = "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\"";
    command.args(["-c", script, EVERGRANT, "request", "-o", &file, &server.resource("/things")]);
    let ended = run(&mut command);
    assert_eq!(ended.status, 4, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("cannot be written") && ended.stderr.contains("this machine"),
        "{}",
        ended.stderr
    );
    assert_eq!((text(&file).as_str(), names(&folder)), (BEFORE, vec!["kept".to_owned()]));
}

#[test]
fn a_file_stays_as_it_was_after_a_signal_and_nothing_is_left_beside_it() {
    let server = Server::start().unwrap();
    let _slow = server.fault(
        Endpoint::Resource,
        Fault::SlowBody { per_byte: Duration::from_millis(100) },
        Times::UntilCleared,
    );
    for (signal, number) in [(Signal::INT, 2), (Signal::TERM, 15), (Signal::HUP, 1)] {
        let folder = Folder::new();
        let file = folder.file("kept", 0o644, BEFORE);
        // What began this test may ignore signals, as background jobs do.
        let mut command = Command::new("env");
        isolate(&mut command);
        let mut command = configured(&server, command);
        command.args(["--default-signal", EVERGRANT, "request", "-o", &file, &server.resource("/things")]);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let began = Instant::now();
        while names(&folder).len() < 2 {
            assert!(began.elapsed() < PATIENCE && child.try_wait().unwrap().is_none());
            std::thread::sleep(Duration::from_millis(5));
        }
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(number));
        assert_eq!((text(&file).as_str(), names(&folder)), (BEFORE, vec!["kept".to_owned()]));
    }
}

#[test]
fn a_signal_ends_the_command_also_while_nobody_reads_the_body_of_an_error() {
    // More than a pipe holds.
    let (server, folder) = (answering(404, &[b'x'; 1_000_000]), Folder::new());
    let file = folder.file("kept", 0o644, BEFORE);
    let mut command = Command::new("env");
    isolate(&mut command);
    let mut command = configured(&server, command);
    command.args(["--default-signal", EVERGRANT, "request", "-o", &file, &server.resource("/things")]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    // Once it has begun to print it is blocked.
    let mut held = child.stdout.take().unwrap();
    held.read_exact(&mut [0]).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(child.wait().unwrap().signal(), Some(15));
    assert_eq!((text(&file).as_str(), names(&folder)), (BEFORE, vec!["kept".to_owned()]));
}

#[test]
fn the_file_behind_a_symbolic_link_is_replaced_and_the_link_stays() {
    let (server, folder) = (answering(200, b"new"), Folder::new());
    fs::create_dir(folder.at("elsewhere")).unwrap();
    let file = folder.file("elsewhere/real", 0o640, BEFORE);
    let link = folder.at("link");
    symlink("elsewhere/real", &link).unwrap();
    quiet(&run(&mut request(&server, &["-o", &link])));
    assert_eq!((text(&file).as_str(), mode(&file)), ("new", 0o640));
    assert_eq!(fs::read_link(&link).unwrap().to_str(), Some("elsewhere/real"));
    fs::remove_file(&file).unwrap();
    let ended = run(&mut request(&server, &["-o", &link]));
    assert_eq!(ended.status, 2);
    assert!(ended.stderr.contains("a symbolic link to a file that does not exist"), "{}", ended.stderr);
    assert!(!fs::exists(&file).unwrap());
}

#[test]
fn what_is_no_regular_file_is_written_directly() {
    let (server, folder) = (answering(200, b"through a pipe"), Folder::new());
    quiet(&run(&mut request(&server, &["-o", "/dev/null"])));
    quiet(&run(&mut request(&answering(200, b""), &["-o", "/dev/null"])));
    let refused = run(&mut request(&answering(404, b"its words"), &["-o", "/dev/null"]));
    assert_eq!((refused.status, refused.stdout.as_str()), (3, ""));
    let fifo = folder.at("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let reader = Command::new("cat").arg(&fifo).stdout(Stdio::piped()).spawn().unwrap();
    quiet(&run(&mut request(&server, &["-o", &fifo])));
    assert_eq!(reader.wait_with_output().unwrap().stdout, b"through a pipe");
    let ended = run(&mut request(&server, &["-o", &fifo, "--max-time", "200ms"]));
    assert!(ended.status == 4 && ended.stderr.contains("--max-time 200ms"), "{}", ended.stderr);
    assert_eq!(names(&folder), ["fifo"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_and_what_another_program_has_open_are_not_replaced() {
    let (server, folder) = (answering(200, b"and more\n"), Folder::new());
    let full = run(&mut request(&server, &["-o", "/dev/full"]));
    assert!(full.status == 4 && full.stderr.contains("/dev/full cannot be written"), "{}", full.stderr);
    let log = folder.file("log", 0o644, "a line\n");
    for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let before = text(&log);
        let appended = fs::OpenOptions::new().append(true).open(&log).unwrap();
        let status = request(&server, &["-o", name]).stdout(appended).status().unwrap();
        assert!(status.success());
        assert_eq!(text(&log), format!("{before}and more\n"), "{name}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named_before_anything_is_sent() {
    let (server, folder) = (answering(200, b"new"), Folder::new());
    for (file, says) in [
        (folder.path().to_owned(), "is a folder"),
        (folder.at("no/such/folder"), "cannot be written"),
        (folder.at("no-such-folder/"), "is not a file name"),
        (format!("{}/below", folder.file("file", 0o644, "")), "cannot be written"),
    ] {
        let ended = run(&mut request(&server, &["-o", &file]));
        assert_eq!((ended.status, ended.stdout.as_str()), (2, ""), "{}", ended.stderr);
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
    if !rustix::process::geteuid().is_root() {
        let file = folder.file("protected", 0o444, BEFORE);
        assert_eq!(run(&mut request(&server, &["-o", &file])).status, 2);
        assert_eq!(text(&file), BEFORE);
        set_mode(&file, 0o644);
    }
    assert_eq!((server.counts().token_requests, server.counts().resource_requests), (0, 0));
}

/// The one object on stdout.
#[track_caller]
fn object(ended: &Ended) -> Value {
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn with_json_the_answer_is_one_object() {
    let server = answering(200, "gr\u{fc}n\u{1b}[31m".as_bytes());
    let ended = run(&mut request(&server, &["--json", "-i"]));
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    let answer = object(&ended);
    assert_eq!(answer["status"], 200);
    assert_eq!(answer["url"], server.resource("/things"));
    assert_eq!(answer["headers"]["content-type"], serde_json::json!(["text/plain"]));
    assert_eq!(answer["body"], "gr\u{fc}n\u{1b}[31m");
    assert!(!ended.stdout.contains('\u{1b}'));
    let answer = object(&run(&mut request(&answering(200, b"\xff\x00"), &["--json"])));
    assert_eq!((&answer["body_base64"], answer.get("body")), (&"/wA=".into(), None));
    let ended = run(&mut request(&answering(404, b"its words"), &["--json"]));
    let (answer, error) = (object(&ended), serde_json::from_str::<Value>(&ended.stderr).unwrap());
    assert_eq!((ended.status, &answer["status"], &answer["body"]), (3, &404.into(), &"its words".into()));
    assert_eq!(error["status"], 3);
}

#[test]
fn with_json_and_output_the_object_says_what_was_written() {
    let (server, folder) = (answering(200, b"into the file"), Folder::new());
    let file = folder.at("answer");
    let answer = object(&run(&mut request(&server, &["--json", "-o", &file])));
    assert_eq!((&answer["output"], &answer["bytes"]), (&file.as_str().into(), &13.into()));
    assert_eq!((answer.get("body"), text(&file).as_str()), (None, "into the file"));
    let ended = run(&mut request(&answering(500, b"its words"), &["--json", "-o", &file]));
    let answer = object(&ended);
    assert_eq!((ended.status, &answer["body"], answer.get("output")), (4, &"its words".into(), None));
    assert_eq!(text(&file), "into the file");
}

/// As a container does with a single file: it can be written, and nothing can take its place.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_a_mount_is_written_in_its_place() {
    let (server, folder) = (answering(200, b"new"), Folder::new());
    let file = folder.file("mounted", 0o600, BEFORE);
    let url = server.resource("/things");
    let script = "mount --bind \"$1\" \"$1\" && exec \"$0\" request -o \"$1\" \"$2\"";
    let mut command = Command::new("unshare");
    isolate(&mut command).args(["--mount", "--map-root-user", "sh", "-c", script, EVERGRANT, &file, &url]);
    let ended = configured(&server, command).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    // Not every machine lets a test mount.
    if ["unshare", "mount"].iter().any(|program| said.starts_with(&format!("{program}: "))) {
        return;
    }
    assert_eq!((ended.status.code(), said.as_str()), (Some(0), ""));
    assert_eq!(text(&file), "new");
    assert_eq!(names(&folder), ["mounted"]);
}

#[test]
fn stdout_by_its_name_is_stdout_also_where_it_is_a_file_that_others_write() {
    let (server, folder) = (answering(200, b"the body\n"), Folder::new());
    let out = folder.at("out");
    for name in ["/dev/stdout", "/dev/fd/1", "-"] {
        let script = format!("{{ echo before; \"$0\" request -o {name} \"$1\"; echo after; }} > \"$2\"");
        let mut command = Command::new("sh");
        isolate(&mut command).args(["-c", &script, EVERGRANT, &server.resource("/things"), &out]);
        quiet(&run(&mut configured(&server, command)));
        assert_eq!(text(&out), "before\nthe body\nafter\n", "{name}");
    }
}

#[test]
fn every_signal_that_ends_the_call_leaves_no_half_of_a_file() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::ALARM, Signal::USR1] {
        let (server, folder) = (Server::start().unwrap(), Folder::new());
        let held = server.hold(Endpoint::Resource);
        let file = folder.file("out", 0o600, BEFORE);
        let mut child = request(&server, &["-o", &file]).spawn().unwrap();
        assert!(held.wait_for_held(1, PATIENCE), "{signal:?}");
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(signal.as_raw()), "{signal:?}");
        assert_eq!((names(&folder), text(&file)), (vec!["out".to_owned()], BEFORE.to_owned()), "{signal:?}");
        held.release();
    }
}
