//! `evergrant config`: looks after the configuration file.

mod check;
mod list;
mod show;

use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use check::ConfigCheckArgs;
use clap::{Args, Subcommand};
use list::ConfigFileArgs;
use show::ConfigShowArgs;

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read the whole file, every profile of it, and say all that is wrong; nothing is sent and no command is run
    Check(ConfigCheckArgs),
    /// Show the client as it will be used, and where each value comes from; nothing is sent and no command is run
    Show(ConfigShowArgs),
    /// Print the names of the profiles, the default one first
    List(ConfigFileArgs),
    /// Print where the configuration file is, or would be
    Path(ConfigFileArgs),
}

/// `evergrant config`.
pub(crate) fn run(args: &ConfigArgs, manner: Manner) -> Result<(), Failure> {
    match &args.command {
        ConfigCommand::Check(args) => check::run(args, manner),
        ConfigCommand::Show(args) => show::run(args, manner),
        ConfigCommand::List(args) => list::profiles(args, manner),
        ConfigCommand::Path(args) => list::path(args, manner),
    }
}
