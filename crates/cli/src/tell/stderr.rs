//! What is said beside the job, on stderr. What cannot be written there is not said, and the job goes on: the exit status
//! says the rest.

use crate::tell::escaped::{self, Line};
use crate::tell::manner::Manner;
use serde_json::json;
use std::fmt;
use std::io::Write;
use std::sync::OnceLock;

/// How it is said, for whatever has something to say.
static MANNER: OnceLock<Manner> = OnceLock::new();

/// From now on it is said in this manner.
pub(crate) fn speak(manner: Manner) {
    // It is said once, before anything is.
    let _first = MANNER.set(manner);
}

/// Whether `-v` asks for what is worth knowing of every step.
pub(crate) fn is_verbose() -> bool {
    MANNER.get().is_some_and(|manner| manner.verbose)
}

/// A line, with its colours if they are wanted there.
pub(crate) fn line(text: impl fmt::Display) {
    // Whole, so that it does not mix with what a program under this command writes at the same time.
    let line = format!("{text}\n");
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
