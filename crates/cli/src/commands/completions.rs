//! `evergrant completions`: what a shell completes after `evergrant`.

mod more;

use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use clap::builder::PossibleValuesParser;
use clap::{Args, Command, ValueEnum};
use clap_complete::{Generator, Shell as Known};
use clap_complete_nushell::Nushell;
use serde_json::json;
use std::collections::BTreeSet;

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant completions bash > evergrant.bash",
    "evergrant completions zsh > _evergrant",
    "evergrant completions nushell > evergrant.nu",
    "evergrant completions fish --json";
    usage, transient
))]
pub(crate) struct CompletionsArgs {
    /// Shell to print the script for
    ///
    /// In bash, zsh, fish and nushell the names of profiles are completed, too: the script asks evergrant config
    /// list. With --json, stdout is an object with shell and script.
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Nushell,
    Powershell,
    Zsh,
}

pub(crate) fn run(args: &CompletionsArgs, command: Command, manner: Manner) -> Result<(), Failure> {
    let script = args.shell.script(&mut with_subcommands(command))?;
    if manner.json {
        let shell = args.shell.to_possible_value();
        let name = shell.as_ref().map_or("", |value| value.get_name());
        return stdout::json(&json!({ "shell": name, "script": script })).map(drop);
    }
    stdout::print(script.as_bytes()).map(drop)
}

impl Shell {
    fn script(self, command: &mut Command) -> Result<String, Failure> {
        Ok(match self {
            Self::Bash => more::bash(&generated(Known::Bash, command)?),
            Self::Elvish => generated(Known::Elvish, command)?,
            Self::Fish => more::fish(&generated(Known::Fish, command)?, command),
            Self::Nushell => more::nushell(&generated(Nushell, command)?),
            Self::Powershell => generated(Known::PowerShell, command)?,
            Self::Zsh => more::zsh(&generated(Known::Zsh, command)?),
        })
    }
}

/// The same command, whose `help` and `man` take the names of subcommands.
fn with_subcommands(command: Command) -> Command {
    fn names(command: &Command) -> impl Iterator<Item = String> {
        command.get_subcommands().map(|command| command.get_name().to_owned())
    }
    let below = command.get_subcommands().flat_map(names);
    let names: BTreeSet<String> = names(&command).chain(below).collect();
    ["help", "man"].into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |command| {
            command.mut_args(|arg| {
                if arg.is_positional() {
                    arg.value_parser(PossibleValuesParser::new(names.clone()))
                } else {
                    arg
                }
            })
        })
    })
}

fn generated(generator: impl Generator, command: &mut Command) -> Result<String, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(generator, command, "evergrant", &mut script);
    String::from_utf8(script).map_err(|error| Failure::system("the script cannot be made", &error))
}
