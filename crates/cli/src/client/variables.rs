//! The variables of the environment, where the command line says nothing.

use crate::client::nearest::nearest;
use clap::Command;
use clap::builder::Resettable;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;

/// What all of ours begin with.
const OURS: &str = "EVERGRANT_";

/// Those that no flag stands for: what is read elsewhere, and what the command itself sets for the programs it starts.
const OTHERS: [&str; 5] = [
    "EVERGRANT_CLIENT_SECRET",
    "EVERGRANT_TOKEN",
    "EVERGRANT_TOKEN_FILE",
    "EVERGRANT_MOCK_API",
    "EVERGRANT_MOCK_PID",
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
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
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
        write!(f, "nothing reads the variable {}", self.name)?;
        match &self.meant {
            Some(meant) => write!(f, "; did you mean {meant}?"),
            None => Ok(()),
        }
    }
}
