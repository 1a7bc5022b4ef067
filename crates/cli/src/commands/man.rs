//! `evergrant man`: the manual, made from what `--help` says.

mod page;

use crate::commands::help;
use crate::tell::cause;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use clap::{Args, Command, ValueHint};
use page::Page;
use serde_json::json;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant man run > evergrant-run.1",
    "mkdir -p man1 && evergrant man --out man1",
    "evergrant man run --json";
    usage, transient
))]
pub(crate) struct ManArgs {
    /// Subcommand whose page is printed, such as: config check
    ///
    /// Default: evergrant itself. With --json, stdout is an object with file and page.
    #[arg(value_name = "SUBCOMMAND", conflicts_with = "out")]
    page: Vec<String>,
    /// Write all pages into this folder instead
    ///
    /// With --json, stdout is an object with out and files.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &ManArgs, mut command: Command, manner: Manner) -> Result<(), Failure> {
    command.build();
    if let Some(folder) = &args.out {
        let pages = pages(&command, &command);
        for page in &pages {
            page.write(folder).map_err(|error| unwritten(folder, &error))?;
        }
        if manner.json {
            let files: Vec<&str> = pages.iter().map(|page| page.file.as_str()).collect();
            stdout::json(&json!({ "out": folder, "files": files }))?;
        }
        return Ok(());
    }
    let page = help::find(&command, &args.page)?;
    let Page { file, text } = Page::of(page, &command);
    if manner.json {
        return stdout::json(&json!({ "file": file, "page": text })).map(drop);
    }
    stdout::print(text.as_bytes()).map(drop)
}

impl Page {
    /// Into the folder, whole: where that fails, what was there before stays.
    fn write(&self, folder: &Path) -> io::Result<()> {
        let mut builder = tempfile::Builder::new();
        // As the umask says: a page is for everybody.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(self.text.as_bytes())?;
        file.persist(folder.join(&self.file))?;
        Ok(())
    }
}

/// The pages of a command and of all below it, its own first.
fn pages(command: &Command, root: &Command) -> Vec<Page> {
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    let below = shown.flat_map(|command| pages(command, root));
    [Page::of(command, root)].into_iter().chain(below).collect()
}

fn unwritten(folder: &Path, error: &io::Error) -> Failure {
    let happened = format!("the pages cannot be written into {}", folder.display());
    cause::unwritten(&happened, error, "name an existing folder that this user can write")
}
