//! What is said beside the job, on stderr. What cannot be written there is not said, and the job goes on: the exit status
//! says the rest.

use crate::tell::escaped::Escaped;
use std::fmt;
use std::io::Write;

/// A line, with its colours if they are wanted there.
pub(crate) fn line(text: impl fmt::Display) {
    // Whole, so that it does not mix with what a program under this command writes at the same time.
    let line = format!("{text}\n");
    let _unwritten = anstream::stderr().lock().write_all(line.as_bytes());
}

/// Something worth knowing, which is nobody's fault.
pub(crate) fn note(text: impl fmt::Display) {
    line(format_args!("note: {}", Escaped(&text.to_string())));
}

/// Something to look after, though the job goes on.
pub(crate) fn warning(text: impl fmt::Display) {
    line(format_args!("warning: {}", Escaped(&text.to_string())));
}
