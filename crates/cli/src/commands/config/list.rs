//! `evergrant config list` and `path`: what is there, for people and for scripts.

use crate::client::profile::{self, Profiles};
use crate::tell::escaped::Line;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use clap::{Args, ValueHint};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ConfigFileArgs {
    /// Configuration file
    ///
    /// Default: evergrant/config.toml in the folder for configuration ($XDG_CONFIG_HOME, ~/.config).
    #[arg(help_heading = "Client")]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, env = "EVERGRANT_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
}

/// One name a line; what is wrong with a profile is for `config check` to say.
pub(super) fn profiles(args: &ConfigFileArgs, manner: Manner) -> Result<(), Failure> {
    let profiles = Profiles::read(args.config.as_deref())?;
    let names = profiles.names();
    if manner.json {
        let default = profiles.default.as_deref();
        return stdout::json(&json!({ "path": profiles.path, "default": default, "profiles": names }))
            .map(drop);
    }
    for name in names {
        stdout::plain(&Line(name).to_string())?;
    }
    Ok(())
}

pub(super) fn path(args: &ConfigFileArgs, manner: Manner) -> Result<(), Failure> {
    let path = profile::named(args.config.as_deref())?;
    if manner.json {
        return stdout::json(&json!({ "path": path, "exists": path.exists() })).map(drop);
    }
    stdout::plain(&path.display().to_string()).map(drop)
}
