//! What is printed. A reader that has gone away has seen what it wanted: that is no failure.

use crate::tell::escaped::{self, Escaped};
use crate::tell::failure::Failure;
use serde_json::Value;
use std::io::{self, ErrorKind, Write};

/// Prints these bytes. Returns whether anybody still reads.
pub(crate) fn print(bytes: &[u8]) -> Result<bool, Failure> {
    written(io::stdout().lock().write_all(bytes))
}

/// Prints what is still kept back. Returns whether anybody still reads.
pub(crate) fn flush() -> Result<bool, Failure> {
    written(io::stdout().lock().flush())
}

/// Prints a line that may repeat what others wrote. Returns whether anybody still reads.
pub(crate) fn plain(text: &str) -> Result<bool, Failure> {
    line(Escaped(text))
}

/// Prints a JSON value in a line. Returns whether anybody still reads.
pub(crate) fn json(value: &Value) -> Result<bool, Failure> {
    line(escaped::json(value))
}

/// Prints a line, with its colours if they are wanted there. Returns whether anybody still reads.
pub(crate) fn line(text: impl std::fmt::Display) -> Result<bool, Failure> {
    written(writeln!(anstream::stdout().lock(), "{text}"))
}

fn written(done: io::Result<()>) -> Result<bool, Failure> {
    match done {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::system("stdout cannot be written", &error)),
    }
}
