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
#[command(after_long_help = examples!(
    "evergrant config show --provider myparcel-sandbox --client-id me",
    "evergrant config path";
    usage, transient
), disable_help_subcommand = true)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Write a first configuration file, with one profile
    ///
    /// The profile has the values of the flags and the variables. Its name is that of --profile, or default.
    /// Comments in the file explain what else can be written. The file is where --config says, or in the usual
    /// place. A file that exists is never changed.
    Init(ConfigInitArgs),
    /// Report every mistake in the configuration file
    ///
    /// Nothing is sent, and no command is run.
    Check(ConfigCheckArgs),
    /// Show each setting of the client, and where it comes from
    ///
    /// Nothing is sent, and no command is run. The client secret is not shown.
    Show(ConfigShowArgs),
    /// Print the names of the profiles, the default one first
    #[command(after_long_help = examples!(
        "printf '[profile.a]\\nprovider = \"myparcel\"\\n' > config.toml && \\",
        "  evergrant config list --config config.toml";
        usage, transient
    ))]
    List(ConfigFileArgs),
    /// Print the path of the configuration file, which may not exist
    #[command(after_long_help = examples!(
        "evergrant config path",
        "evergrant config path --json";
        usage, transient
    ))]
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
