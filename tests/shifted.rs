//! A program whose time is shifted while it runs, as under libfaketime: the test starts itself once more, with a library before
//! the C library.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

use evergrant_mock::{ExpiresIn, TokenStyle};
use evergrant_tests::{secs, server, tokens};
use evergrant_tokio_reqwest::{Clock as _, SystemClock};
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

/// The file that shifts the clocks once it exists, and what tells the one that is started that it was started.
const SHIFT: &str = "EVERGRANT_TESTS_SHIFT";
/// That the wall clock alone is shifted.
const WALL: &str = "EVERGRANT_TESTS_SHIFT_WALL";

#[test]
fn a_time_that_is_shifted_in_the_c_library_ends_a_token_and_moves_every_clock_alike() {
    match env::var(SHIFT) {
        Ok(file) => be_shifted(Path::new(&file)),
        Err(_) => supervise(),
    }
}

fn supervise() {
    let folder = env::temp_dir().join(format!("evergrant-shifted-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let library = folder.join("shift.so");
    let mut compiler = Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library);
    compiler.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/shifted/shift.c"));
    assert!(compiler.status().expect("a C compiler").success());
    for wall_alone in [false, true] {
        let mut command = Command::new(env::current_exe().unwrap());
        command.env("LD_PRELOAD", &library).env(SHIFT, folder.join(format!("shift-{wall_alone}")));
        if wall_alone {
            command.env(WALL, "1");
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "the wall clock alone: {wall_alone}: {said}");
    }
    fs::remove_dir_all(folder).unwrap();
}

fn be_shifted(file: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = server();
    server.set_style(TokenStyle::Opaque);
    server.set_expires_in(ExpiresIn::Raw("600".into()));
    let tokens = tokens(&server);
    runtime.block_on(tokens.ready()).unwrap();
    runtime.block_on(tokens.ready()).unwrap();
    assert_eq!(server.counts().token_requests, 1);

    let (exact, coarse) = (SystemClock.now(), SystemClock.coarse());
    File::create(file).unwrap();
    let (shifted, coarsely) = (SystemClock.now(), SystemClock.coarse());
    let went = [shifted.wall.since(exact.wall), coarsely.wall.since(coarse.wall)];
    let went_mono = [shifted.mono.since(exact.mono), coarsely.mono.since(coarse.mono)];
    let is_hour = |went: &Duration| (secs(3600)..secs(7200)).contains(went);
    assert!(went.iter().all(is_hour), "{went:?}");
    if env::var_os(WALL).is_none() {
        assert!(went_mono.iter().all(is_hour), "{went_mono:?}");
    } else {
        assert!(went_mono.iter().all(|went| *went < secs(3600)), "{went_mono:?}");
    }

    runtime.block_on(tokens.ready()).unwrap();
    assert_eq!(server.counts().token_requests, 2, "what had ended was not served");
    runtime.block_on(tokens.ready()).unwrap();
    assert_eq!(server.counts().token_requests, 2, "what is new is served");
}
