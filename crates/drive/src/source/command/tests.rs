//! Programs that print a secret, and those that do not.

use super::*;
use crate::fixture::{Folder, ms, secs};
use std::fs;
use std::path::Path;

/// Longer than anything here takes on a busy machine.
const LONG: Duration = secs(120);

fn shell(script: &str) -> CommandSource {
    CommandSource::new("/bin/sh").argument("-c").argument(script)
}

fn text(text: &str) -> Result<SecretText, SourceError> {
    Ok(SecretText::new(text))
}

/// The number that a script wrote there with a line break behind it.
fn number(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.strip_suffix('\n')?.parse().ok()
}

/// It has ended; whoever should have asked for its status may not have yet.
#[cfg(target_os = "linux")]
fn is_gone(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/stat"));
    status.is_err() || status.is_ok_and(|status| status.contains(") Z "))
}

#[cfg(target_os = "linux")]
fn ends(process: u32) {
    let end = Instant::now() + LONG;
    while !is_gone(process) {
        assert!(Instant::now() < end, "{process} still runs");
        std::thread::sleep(ms(5));
    }
}

#[test]
fn what_is_printed_is_one_text() {
    assert_eq!(shell("echo a secret").read(LONG), text("a secret"));
    assert_eq!(shell("printf 'a secret\\r\\n'").read(LONG), text("a secret"));
    assert_eq!(shell("printf 'a '; sleep 0.1; printf secret").read(LONG), text("a secret"), "in pieces");
    assert_eq!(CommandSource::new("echo").argument("a  $HOME").read(LONG), text("a  $HOME"), "by no shell");
    let long = "head -c 65536 /dev/zero | tr '\\0' x";
    assert_eq!(shell(long).read(LONG), text(&"x".repeat(SecretText::MAX_BYTES)));
    assert_eq!(shell(&format!("{long}; echo")).read(LONG), Err(SourceError::TooLong));
    assert_eq!(shell("printf '\\377'").read(LONG), Err(SourceError::NotText));
    assert_eq!(shell("exit 0").read(LONG), Err(SourceError::Empty));
}

#[test]
fn a_program_that_fails_is_told_by_its_status_whatever_it_printed() {
    assert_eq!(shell("echo a secret; exit 3").read(LONG), Err(SourceError::ExitStatus(Some(3))));
    assert_eq!(shell("echo a secret; kill -KILL $$").read(LONG), Err(SourceError::ExitStatus(None)));
    // What it printed is over, and it is not.
    assert_eq!(
        shell("echo a secret; exec >&-; sleep 0.1; exit 4").read(LONG),
        Err(SourceError::ExitStatus(Some(4)))
    );
    assert_eq!(shell("echo a secret; exec >&-; sleep 0.1").read(LONG), text("a secret"));
}

#[test]
fn a_program_that_cannot_be_run_says_why() {
    let folder = Folder::new();
    fs::write(folder.at("program"), "no program").unwrap();
    let said =
        |program: &Path| CommandSource::new(program).argument("sentinel").read(LONG).unwrap_err().to_string();
    assert!(said(&folder.at("none")).contains("no such program"));
    assert!(said(Path::new("evergrant-no-such-program")).contains("PATH"));
    assert!(said(&folder.at("program")).contains("this user may not read it"));
    assert!(!said(Path::new("no\0program")).contains("sentinel"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_prints_without_end_is_ended_at_once() {
    let folder = Folder::new();
    let script = format!("echo $$ > {}; exec cat /dev/zero", folder.at("number").display());
    assert_eq!(shell(&script).read(LONG), Err(SourceError::TooLong));
    assert!(is_gone(number(&folder.at("number")).unwrap()), "it was waited for");
    // One that would end some day.
    assert_eq!(shell("head -c 1073741824 /dev/zero").read(LONG), Err(SourceError::TooLong));
}

/// The limit grows until the script got as far as it should: how fast that is, nobody knows.
#[cfg(target_os = "linux")]
#[test]
fn i35_a_program_that_does_not_end_is_killed_at_its_limit_with_all_that_it_began() {
    let folder = Folder::new();
    let [own, child] = ["own", "child"].map(|name| folder.at(name));
    let script = format!(
        "echo $$ > {}; sleep 100000 & echo $! > {}; echo a secret; wait",
        own.display(),
        child.display()
    );
    for limit in [ms(100), secs(1), secs(10), LONG] {
        let begun = Instant::now();
        assert_eq!(shell(&script).read(limit), Err(SourceError::TimedOut));
        assert!(begun.elapsed() >= limit);
        if let (Some(own), Some(child)) = (number(&own), number(&child)) {
            assert!(is_gone(own), "it was waited for");
            ends(child);
            return;
        }
    }
    panic!("no shell in two minutes");
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_program_leaves_behind_holds_nobody_up() {
    let folder = Folder::new();
    let script = format!("sleep 100000 & echo $! > {}; echo a secret", folder.at("number").display());
    assert_eq!(shell(&script).read(LONG), text("a secret"));
    let left = number(&folder.at("number")).unwrap();
    assert!(!is_gone(left), "it may be what the program is for");
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(left.cast_signed()).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    // One that goes on printing is no text, and ends by itself once nobody listens.
    let script = "(while echo a secret; do :; done) 2>/dev/null &";
    assert_eq!(shell(script).read(LONG), Err(SourceError::TooLong));
}

#[test]
fn a_program_sees_no_variable_that_is_hidden_from_it() {
    let listed =
        |command: CommandSource| command.read(LONG).map(|all| all.expose().to_owned()).unwrap_or_default();
    let (name, _) = std::env::vars().find(|(name, value)| name != "PATH" && !value.contains('\n')).unwrap();
    let line = format!("{name}=");
    let has = |all: &str| all.lines().any(|other| other.starts_with(&line));
    let env = CommandSource::new("/usr/bin/env");
    assert!(has(&listed(env.clone())));
    let hidden = listed(env.without_variable(&name));
    assert!(!has(&hidden) && hidden.contains("PATH="), "{hidden}");
}

#[test]
fn its_stdin_is_empty_and_its_stderr_is_in_no_error() {
    assert_eq!(shell("cat").read(LONG), Err(SourceError::Empty));
    assert_eq!(shell("read line; echo \"<$line>\"").read(LONG), text("<>"));
    let error = shell("echo a secret >&2; echo a secret; exit 1").read(LONG).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("a secret"));
    assert_eq!(shell("echo noise >&2; echo a secret").read(LONG), text("a secret"));
}

#[test]
fn debug_and_name_are_the_program_alone() {
    let source = shell("echo a secret").without_variable("A_SECRET").argument("a secret");
    let shown = format!("{source:?} {source:#?}");
    assert!(
        shown.contains("/bin/sh") && !shown.contains("a secret") && !shown.contains("A_SECRET"),
        "{shown}"
    );
    assert_eq!(source.name().as_deref(), Some("/bin/sh"));
    assert!(source.is_costly() && !source.at_no_cost().is_costly());
}

/// Without any time it is begun and ended, and nothing is left of it.
#[test]
fn no_time_at_all_is_no_panic() {
    assert_eq!(shell("sleep 100000").read(Duration::ZERO), Err(SourceError::TimedOut));
    assert_eq!(shell("echo a secret").read(Duration::MAX), text("a secret"));
}
