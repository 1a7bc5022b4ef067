//! `evergrant completions`: what a shell completes after `evergrant`.

use crate::tell::failure::Failure;
use crate::tell::stdout;
use clap::{Args, Command};
use clap_complete::Shell;

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant completions bash > evergrant.bash",
    "evergrant completions zsh > _evergrant",
))]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs, mut command: Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "evergrant", &mut script);
    stdout::print(&script).map(drop)
}
