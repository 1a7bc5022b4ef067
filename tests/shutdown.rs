//! What is left behind: nothing that time does not bound.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

use evergrant_mock::{Endpoint, Fault, Times};
use evergrant_tests::{LONG, builder, client, ms, quick, server, tokens};
use std::path::Path;
use std::time::Instant;
use std::{fs, thread};

/// Waits, a minute at most, until it is so.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < LONG, "{what}");
        thread::sleep(ms(5));
    }
}

// Conforms: L-30
#[test]
fn no_task_is_left_after_attempt_timeout_when_the_last_tokens_is_dropped_in_mid_flight() {
    let server = server();
    let _hung = server.fault(Endpoint::Token, Fault::Hang, Times::UntilCleared);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let tokens = builder(&server).policy(quick().with_attempt_timeout(ms(100))).build().unwrap();
    let error = runtime.block_on(tokens.token_within(ms(1)));
    assert!(error.is_err());
    let keeping = runtime.spawn(tokens.keep_fresh());
    drop(tokens);
    until("a task is left", || runtime.metrics().num_alive_tasks() == 0);
    assert!(keeping.is_finished());
}

/// Linux names its threads where everyone can read them.
#[cfg(target_os = "linux")]
#[test]
fn no_thread_is_left_after_attempt_timeout_when_the_last_tokens_is_dropped_in_mid_flight() {
    fn flights() -> usize {
        // A name is cut after 15 bytes.
        let named = |task: &fs::DirEntry| {
            fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "evergrant-fligh")
        };
        fs::read_dir("/proc/self/task").unwrap().flatten().filter(named).count()
    }
    let server = server();
    let _hung = server.fault(Endpoint::Token, Fault::Hang, Times::UntilCleared);
    let policy = quick().with_attempt_timeout(ms(300));
    let tokens = evergrant_ureq::Tokens::builder(client(&server)).policy(policy).build().unwrap();
    assert!(tokens.token_within(ms(1)).is_err());
    until("the flight has no thread", || flights() == 1 || server.counts().token_requests == 1);
    let keeping = thread::spawn(tokens.keep_fresh());
    drop(tokens);
    until("a thread is left", || flights() == 0 && keeping.is_finished());
}

/// RFC 9111 section 5.2.2.5: a token response is not to be stored. Where `export` is kept is the program's own decision.
// Conforms: R-9111-a
#[test]
fn no_library_writes_to_the_file_system() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let (mut folders, mut read) = (Vec::new(), 0);
    folders.extend(
        ["core", "drive", "http", "tokio-reqwest", "async-std", "ureq"]
            .map(|name| crates.join(name).join("src")),
    );
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = entry.file_name().unwrap().to_str().unwrap();
            if entry.is_dir() {
                // The rest of a module's tests.
                if name != "tests" {
                    folders.push(entry);
                }
            } else if name.ends_with(".rs") && !matches!(name, "tests.rs" | "fixture.rs") {
                let text = fs::read_to_string(&entry).unwrap();
                let code = |line: &&str| !line.trim_start().starts_with("//");
                let text = text.lines().filter(code).collect::<Vec<_>>().join("\n");
                // One place reads what somebody else wrote, and opens it for nothing else.
                let reads: &[&str] = match name {
                    "source.rs" if entry.ends_with("drive/src/source.rs") => &["use std::fs::File;"],
                    "opened.rs" if entry.ends_with("drive/src/source/opened.rs") => &[
                        "use rustix::fs::OFlags;",
                        "use std::fs::{File, OpenOptions};",
                        "use std::os::unix::fs::OpenOptionsExt as _;",
                        "OpenOptions::new().read(true).custom_flags(flags).open(path)",
                    ],
                    "elsewhere.rs" if entry.ends_with("source/opened/elsewhere.rs") => {
                        &["use std::fs::File;", "File::open(path)"]
                    }
                    _ => &[],
                };
                let text = reads.iter().fold(text, |text, reads| text.replace(reads, ""));
                for word in ["fs::", "::fs", "File::", "OpenOptions", "temp_dir"] {
                    assert!(!text.contains(word), "{}: {word}", entry.display());
                }
                read += 1;
            }
        }
    }
    assert!(read > 40, "{read} files");
}

#[test]
fn one_source_serves_two_runtimes_at_once() {
    let server = server();
    let tokens = tokens(&server);
    let gate = server.hold(Endpoint::Token);
    let runtimes: Vec<_> = (0..2)
        .map(|_| {
            let tokens = tokens.clone();
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(tokens.token()).unwrap().generation().number()
            })
        })
        .collect();
    until("both wait", || tokens.status().waiting == 2);
    gate.release();
    for runtime in runtimes {
        assert_eq!(runtime.join().unwrap(), 1);
    }
    assert_eq!(server.counts().token_requests, 1);
}
