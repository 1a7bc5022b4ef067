//! How the command talks, whatever it does.

use clap::Args;

/// How the command talks, whatever it does.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Manner {
    /// Say on stderr why each token request is made, and what became of it
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// JSON instead of text, on stdout and on stderr: an object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No notes and no warnings on stderr: errors alone
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}
