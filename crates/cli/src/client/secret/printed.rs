//! A secret that a program prints.

use super::environment;
use super::text::{self, Purpose, not_text, too_long};
use crate::tell::failure::Failure;
use evergrant_drive::{CommandSource, SecretSource};
use evergrant_tokio_reqwest::SourceError;
use std::time::Duration;
use zeroize::Zeroizing;

/// What is run: no secret of ours is in its environment.
pub(super) fn source(program: &str, arguments: &[String]) -> CommandSource {
    let source = arguments.iter().fold(CommandSource::new(program), CommandSource::argument);
    environment::hidden().into_iter().fold(source, CommandSource::without_variable)
}

/// What the program prints on stdout. What it says on stderr is for the user. It has this long, and so has whatever it leaves behind.
pub(super) fn printed(
    program: &str,
    arguments: &[String],
    purpose: &Purpose,
    limit: Duration,
) -> Result<Zeroizing<String>, Failure> {
    let wrong = |happened: &str| {
        Failure::usage(
            format!("the {purpose} cannot be read from {program}: {happened}"),
            "run the command that the profile names by hand: it must print the secret, and end",
        )
    };
    let output = || format!("the output of {program}");
    match source(program, arguments).read(limit) {
        Ok(text) => Ok(Zeroizing::new(text.expose().to_owned())),
        Err(SourceError::TimedOut) => Err(wrong(&format!("it did not end within {limit:?}"))),
        Err(SourceError::ExitStatus(Some(status))) => {
            Err(wrong(&format!("it ended with exit status: {status}")))
        }
        Err(SourceError::ExitStatus(None)) => Err(wrong("it was ended by a signal")),
        Err(SourceError::TooLong) => Err(too_long(&output(), purpose)),
        Err(SourceError::NotText) => Err(not_text(&output(), purpose)),
        Err(SourceError::Empty) => Err(text::empty(&output(), purpose)),
        Err(other) => {
            let words = other.to_string();
            Err(wrong(words.split_once("; ").map_or(&*words, |(happened, _)| happened)))
        }
    }
}
