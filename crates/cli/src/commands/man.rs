//! `evergrant man`: the manual, made from what `--help` says.

use crate::tell::cause::Cause;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use clap::{Args, Command, ValueHint};
use clap_mangen::Man;
use serde_json::json;
use std::io::{self, Write as _};
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
        let pages = pages(&command)?;
        for page in &pages {
            page.write(folder).map_err(|error| unwritten(folder, &error))?;
        }
        if manner.json {
            let files: Vec<&str> = pages.iter().map(|page| page.file.as_str()).collect();
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
    let Page { file, text } = Page::of(page)?;
    if manner.json {
        return stdout::json(&json!({ "file": file, "page": String::from_utf8_lossy(&text) })).map(drop);
    }
    stdout::print(&text).map(drop)
}

/// A page of the manual, and the name of its file.
struct Page {
    file: String,
    text: Vec<u8>,
}

impl Page {
    fn of(command: &Command) -> Result<Self, Failure> {
        let page = Man::new(command.clone());
        let mut text = Vec::new();
        page.render(&mut text).map_err(|error| Failure::system("the page cannot be made", &error))?;
        Ok(Self { file: page.get_filename(), text })
    }

    /// Into the folder, whole: where that fails, what was there before stays.
    fn write(&self, folder: &Path) -> io::Result<()> {
        let mut builder = tempfile::Builder::new();
        // As the umask says: a page is for everybody.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(&self.text)?;
        file.persist(folder.join(&self.file))?;
        Ok(())
    }
}

/// The pages of a command and of all below it, its own first.
fn pages(command: &Command) -> Result<Vec<Page>, Failure> {
    let mut pages = vec![Page::of(command)?];
    for shown in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        pages.extend(self::pages(shown)?);
    }
    Ok(pages)
}

fn unwritten(folder: &Path, error: &io::Error) -> Failure {
    Failure::usage(
        format!("the pages cannot be written into {}: {}", folder.display(), Cause(error)),
        "name a folder that is there and that this user can write",
    )
}
