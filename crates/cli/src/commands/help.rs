//! `evergrant help`: the same as `--help`.

use crate::tell::failure::Failure;
use crate::tell::stdout;
use clap::{Args, Command};

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant help",
    "evergrant help config check";
    usage, transient
))]
pub(crate) struct HelpArgs {
    /// Subcommand whose help is printed, such as: config check
    ///
    /// Default: evergrant itself.
    #[arg(value_name = "SUBCOMMAND")]
    words: Vec<String>,
}

pub(crate) fn run(args: &HelpArgs, mut command: Command) -> Result<(), Failure> {
    command.build();
    let help = find(&command, &args.words)?.clone().render_long_help();
    stdout::line(help.ansi().to_string().trim_end()).map(drop)
}

/// The subcommand with these words.
pub(crate) fn find<'a>(command: &'a Command, words: &[String]) -> Result<&'a Command, Failure> {
    words.iter().try_fold(command, |command, word| {
        command
            .find_subcommand(word)
            .ok_or_else(|| Failure::usage("unknown subcommand", "evergrant --help lists them"))
    })
}
