//! How the command talks, whatever it does.

use clap::Args;

/// How the command talks, whatever it does.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = Manner::HEADING)]
pub(crate) struct Manner {
    /// Explain each token request on stderr
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Print JSON on stdout and on stderr
    ///
    /// One object, or one object per line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print only errors on stderr, no notes or warnings
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

impl Manner {
    /// The heading of the flags that every subcommand has.
    pub(crate) const HEADING: &str = "Global options";
}
