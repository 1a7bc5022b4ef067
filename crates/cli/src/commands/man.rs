//! `evergrant man`: the manual, made from what `--help` says.

use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use clap::{Args, Command, ValueHint};
use clap_mangen::Man;
use serde_json::json;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant man run > evergrant-run.1",
    "mkdir -p man1 && evergrant man --out man1",
    "evergrant man run --json",
))]
pub(crate) struct ManArgs {
    /// The subcommand whose page is printed, such as run or config check [default: evergrant itself]
    ///
    /// With --json, stdout is an object with file and page.
    #[arg(value_name = "SUBCOMMAND", conflicts_with = "out")]
    page: Vec<String>,
    /// Write every page into this folder instead
    ///
    /// With --json, stdout is an object with out and files.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &ManArgs, command: Command, manner: Manner) -> Result<(), Failure> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    if let Some(folder) = &args.out {
        let files = files(&command);
        clap_mangen::generate_to(command, folder).map_err(|error| unwritten(folder, &error))?;
        if manner.json {
            stdout::json(&json!({ "out": folder, "files": files }))?;
        }
        return Ok(());
    }
    let mut page = &command;
    for name in &args.page {
        page = page
            .find_subcommand(name)
            .ok_or_else(|| Failure::usage("there is no such subcommand", "evergrant --help lists them"))?;
    }
    let page = Man::new(page.clone());
    let mut text = Vec::new();
    page.render(&mut text).map_err(|error| Failure::system("the page cannot be made", &error))?;
    if manner.json {
        let page = json!({ "file": page.get_filename(), "page": String::from_utf8_lossy(&text) });
        return stdout::json(&page).map(drop);
    }
    stdout::print(&text).map(drop)
}

/// The names of the files of all pages, this one's first.
fn files(command: &Command) -> Vec<String> {
    let own = Man::new(command.clone()).get_filename();
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    [own].into_iter().chain(shown.flat_map(files)).collect()
}

fn unwritten(folder: &Path, error: &io::Error) -> Failure {
    Failure::usage(
        format!("the pages cannot be written into {}: {error}", folder.display()),
        "name a folder that is there and that this user can write",
    )
}
