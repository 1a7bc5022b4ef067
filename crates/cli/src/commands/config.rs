//! `evergrant config`: looks after the configuration file.

mod check;
mod init;
mod list;
mod show;

use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use check::ConfigCheckArgs;
use clap::{Args, Subcommand};
use init::ConfigInitArgs;
use list::ConfigFileArgs;
use show::ConfigShowArgs;

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Write a first configuration file with one profile; a file that is there is never changed
    ///
    /// The profile says what the flags and the variables say; --profile names it, else it is called default. Comments in the
    /// file say what else can be written. The file is where --config says, or in the usual place.
    Init(ConfigInitArgs),
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
        ConfigCommand::Init(args) => init::run(args, manner),
        ConfigCommand::Check(args) => check::run(args, manner),
        ConfigCommand::Show(args) => show::run(args, manner),
        ConfigCommand::List(args) => list::profiles(args, manner),
        ConfigCommand::Path(args) => list::path(args, manner),
    }
}
