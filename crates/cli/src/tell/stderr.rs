//! What is said beside the job, on stderr. What cannot be written there is not said, and the job goes on: the exit status
//! says the rest.

use crate::tell::escaped::{self, Line};
use crate::tell::manner::Manner;
use serde_json::json;
use std::fmt;
use std::io::Write;
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// How it is said, for whatever has something to say.
static MANNER: OnceLock<Manner> = OnceLock::new();

/// Where lines wait for a thread that writes them, if one does.
static BEHIND: OnceLock<SyncSender<Option<String>>> = OnceLock::new();

/// Lines that wait at most. Those beyond are lost.
const WAITING: usize = 1024;

/// How long a reader has for the last of them.
const PATIENCE: Duration = Duration::from_secs(1);

/// From now on it is said in this manner.
pub(crate) fn speak(manner: Manner) {
    // It is said once, before anything is.
    let _first = MANNER.set(manner);
}

/// Whether `-v` asks for what is worth knowing of every step.
pub(crate) fn is_verbose() -> bool {
    MANNER.get().is_some_and(|manner| manner.verbose)
}

/// From now on lines are written by a thread of their own: a reader that takes nothing, and a terminal that was stopped, hold up nobody who
/// has something to tell.
pub(crate) fn in_background() {
    if BEHIND.get().is_some() {
        return;
    }
    let (lines, waiting) = sync_channel::<Option<String>>(WAITING);
    let write = move || waiting.iter().map_while(|line| line).for_each(|line| written(&line));
    // Without a thread they are written where they are told.
    if thread::Builder::new().name("evergrant-stderr".into()).spawn(write).is_ok() {
        let _first = BEHIND.set(lines);
    }
}

/// Waits until the lines that were told are written, but not for a reader that takes nothing.
pub(crate) fn end() {
    let Some(lines) = BEHIND.get() else { return };
    let patience = Instant::now() + PATIENCE;
    // It is taken once all before it were written, and then there is nobody to take another.
    while Instant::now() < patience && !matches!(lines.try_send(None), Err(TrySendError::Disconnected(_))) {
        thread::sleep(Duration::from_millis(1));
    }
}

/// A line, with its colours if they are wanted there.
pub(crate) fn line(text: impl fmt::Display) {
    // Whole, so that it does not mix with what a program under this command writes at the same time.
    let line = format!("{text}\n");
    let Some(lines) = BEHIND.get() else { return written(&line) };
    // One that finds no room is lost.
    if let Err(TrySendError::Disconnected(Some(line))) = lines.try_send(Some(line)) {
        written(&line);
    }
}

fn written(line: &str) {
    let _unwritten = anstream::stderr().lock().write_all(line.as_bytes());
}

/// Something worth knowing, which is nobody's fault.
pub(crate) fn note(text: impl fmt::Display) {
    beside("note", &text.to_string());
}

/// Something to look after, though the job goes on.
pub(crate) fn warning(text: impl fmt::Display) {
    beside("warning", &text.to_string());
}

fn beside(kind: &str, text: &str) {
    if MANNER.get().is_some_and(|manner| manner.quiet) {
        return;
    }
    if MANNER.get().is_some_and(|manner| manner.json) {
        line(escaped::json(&json!({ kind: text })));
    } else {
        line(format_args!("{kind}: {}", Line(text)));
    }
}
