//! `evergrant completions`: what a shell completes after `evergrant`.

use crate::args::Evergrant;
use crate::failure::Failure;
use crate::stdout;
use clap::{Args, CommandFactory as _};
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

pub(crate) fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Evergrant::command(), "evergrant", &mut script);
    stdout::print(&script).map(drop)
}
