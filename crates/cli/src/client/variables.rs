//! The variables of the environment, where the command line says nothing.

use crate::client::nearest::nearest;
use clap::Command;
use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;

/// What all of ours begin with.
const OURS: &str = "EVERGRANT_";

/// Those that no flag stands for: what is read elsewhere, and what the command itself sets for the programs it starts.
const OTHERS: [&str; 7] = [
    "EVERGRANT_CLIENT_SECRET",
    "EVERGRANT_TOKEN",
    "EVERGRANT_TOKEN_FILE",
    "EVERGRANT_MOCK_API",
    "EVERGRANT_MOCK_ISSUER",
    "EVERGRANT_MOCK_PID",
    "EVERGRANT_GATEWAY",
];

/// The same command, to which an empty variable is one that is not set: compose files and CI systems write `NAME=` for
/// what they do not have.
pub(crate) fn without_empty(command: Command) -> Command {
    command
        .mut_args(|arg| {
            let is_empty = arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
            if is_empty { arg.env(Resettable::Reset) } else { arg }
        })
        .mut_subcommands(without_empty)
}

/// The same error, which names the variable where its value is what is wrong: nobody wrote the flag.
pub(crate) fn blamed(mut error: clap::Error, command: &Command) -> clap::Error {
    let words: Vec<OsString> = std::env::args_os().collect();
    if error.kind() == ErrorKind::InvalidUtf8 {
        let is_text = |word: &OsString| word.to_str().is_some();
        let mut names = BTreeSet::new();
        collect(command, &mut names);
        let broken =
            names.into_iter().find(|name| std::env::var_os(name).is_some_and(|value| !is_text(&value)));
        return match broken.filter(|_| words.iter().all(is_text)) {
            Some(name) => {
                let happened = format!("the variable {} is not UTF-8 text\n", name.display());
                clap::Error::raw(ErrorKind::InvalidUtf8, happened)
            }
            None => error,
        };
    }
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return error };
    let long = flag.split([' ', '=', '[']).next().unwrap_or_default();
    let is_written =
        words.iter().filter_map(|word| word.to_str()).any(|word| word.split('=').next() == Some(long));
    if let Some(name) = variable_of(long, command).filter(|_| !is_written) {
        let named = format!("{} (the variable of {flag})", name.display());
        error.insert(ContextKind::InvalidArg, ContextValue::String(named));
    }
    error
}

/// The variable of this flag, if it is set. A flag has the same one wherever it stands.
fn variable_of(long: &str, command: &Command) -> Option<OsString> {
    let own = command.get_arguments().find(|arg| arg.get_long() == long.strip_prefix("--"));
    let own = own.and_then(|arg| arg.get_env()).filter(|name| std::env::var_os(name).is_some());
    own.map(OsString::from)
        .or_else(|| command.get_subcommands().find_map(|command| variable_of(long, command)))
}

/// A variable of ours by its name that nobody reads, and the one that was probably meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) name: String,
    pub(crate) meant: Option<String>,
}

/// Those that are set and that this command knows nothing of.
pub(crate) fn unread(command: &Command) -> Vec<Unread> {
    let mut known: BTreeSet<OsString> = OTHERS.into_iter().map(OsString::from).collect();
    collect(command, &mut known);
    let known: Vec<String> = known.into_iter().filter_map(|name| name.into_string().ok()).collect();
    // What all have in common makes nobody near.
    let endings: Vec<&str> = known.iter().filter_map(|name| name.strip_prefix(OURS)).collect();
    // One that is empty is one that is not set.
    let set = std::env::vars_os().filter(|(_, value)| !value.is_empty());
    let names = set.filter_map(|(name, _)| name.into_string().ok());
    let mut unread: Vec<String> =
        names.filter(|name| name.starts_with(OURS) && !known.contains(name)).collect();
    unread.sort();
    let meant = |name: &str| Some(format!("{OURS}{}", nearest(name.strip_prefix(OURS)?, &endings)?));
    unread.into_iter().map(|name| Unread { meant: meant(&name), name }).collect()
}

fn collect(command: &Command, known: &mut BTreeSet<OsString>) {
    known.extend(command.get_arguments().filter_map(|arg| arg.get_env()).map(OsString::from));
    command.get_subcommands().for_each(|command| collect(command, known));
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "evergrant does not know the variable {}", self.name)?;
        match &self.meant {
            Some(meant) => write!(f, "; did you mean {meant}?"),
            None => Ok(()),
        }
    }
}
