//! What is wrong with the command line, as clap says it, with what helps.

use crate::client::nearest::nearest;
use crate::tell::escaped::Line;
use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The flag for what people look for under the name of a secret.
const SECRET: &str = "--client-secret-file";

/// The same error, with the usage of its subcommand as the help has it, and with a suggestion only where it can be meant.
pub(crate) fn plain(mut error: clap::Error, command: &Command) -> clap::Error {
    if let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) {
        let value = Line(value).to_string();
        error.insert(ContextKind::InvalidValue, ContextValue::String(value));
    }
    let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) else { return error };
    let usage = usage.to_string();
    let command = named(command, &usage);
    if let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) {
        let has_secret = command.get_arguments().any(|arg| arg.get_long() == SECRET.strip_prefix("--"));
        if error.kind() == ErrorKind::UnknownArgument && flag.contains("secret") && has_secret {
            error.insert(ContextKind::SuggestedArg, ContextValue::String(SECRET.into()));
        } else if let Some(ContextValue::String(suggested)) = error.get(ContextKind::SuggestedArg)
            && nearest(flag.trim_start_matches('-'), &[suggested.trim_start_matches('-')]).is_none()
        {
            error.remove(ContextKind::SuggestedArg);
        }
    }
    error.insert(ContextKind::Usage, ContextValue::StyledStr(command.clone().render_usage()));
    error
}

/// The subcommand that this usage begins with.
fn named<'a>(command: &'a Command, usage: &str) -> &'a Command {
    let words = usage.split_whitespace().skip_while(|word| *word != command.get_name()).skip(1);
    let mut found = command;
    for word in words {
        match found.find_subcommand(word) {
            Some(deeper) => found = deeper,
            None => break,
        }
    }
    found
}
