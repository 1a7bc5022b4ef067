//! `evergrant man`: the manual, made from what `--help` says.

use crate::tell::failure::Failure;
use crate::tell::stdout;
use clap::{Args, Command};
use clap_mangen::Man;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant man run > evergrant-run.1",
    "mkdir -p man1 && evergrant man --out man1",
))]
pub(crate) struct ManArgs {
    /// The subcommand whose page is printed, such as run or config check [default: evergrant itself]
    #[arg(value_name = "SUBCOMMAND", conflicts_with = "out")]
    page: Vec<String>,
    /// Write every page into this folder instead
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &ManArgs, command: Command) -> Result<(), Failure> {
    let mut command = command.disable_help_subcommand(true);
    if let Some(folder) = &args.out {
        return clap_mangen::generate_to(command, folder).map_err(|error| unwritten(folder, &error));
    }
    command.build();
    let mut page = &command;
    for name in &args.page {
        page = page
            .find_subcommand(name)
            .ok_or_else(|| Failure::usage("there is no such subcommand", "evergrant --help lists them"))?;
    }
    let mut text = Vec::new();
    let made = Man::new(page.clone()).render(&mut text);
    made.map_err(|error| Failure::system("the page cannot be made", &error))?;
    stdout::print(&text).map(drop)
}

fn unwritten(folder: &Path, error: &io::Error) -> Failure {
    Failure::usage(
        format!("the pages cannot be written into {}: {error}", folder.display()),
        "name a folder that is there and that this user can write",
    )
}
