//! `evergrant inspect`: what an access token says about itself. Nothing is verified, and nothing of it is believed by the
//! library: RFC 9068 §6 asks clients not to look inside. People who look for a fault must.

mod claims;
mod report;

use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stderr;
use crate::tell::stdout;
use crate::tell::when;
use clap::{Args, ValueHint};
use report::Report;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zeroize::Zeroizing;

/// As long as a token response may be.
const MAX_BYTES: u64 = 256 * 1024;

#[derive(Debug, Args)]
#[command(after_long_help = examples!(
    "evergrant mock -- sh -c 'evergrant token | evergrant inspect'",
    "evergrant mock -- sh -c \\",
    "  'evergrant token --format json | evergrant inspect --json'";
    expired, usage, transient
))]
pub(crate) struct InspectArgs {
    /// File with the token; - is stdin
    ///
    /// It may contain the token alone, an Authorization header line, or a token response in JSON. Default: stdin.
    /// The token itself is never an argument, because every user of the machine can read command lines.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// End with status 1 if the token has expired or is not valid yet
    ///
    /// The times are those that the token itself states.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &InspectArgs, manner: Manner) -> Result<ExitCode, Failure> {
    let bytes = match args.file.as_deref() {
        Some(path) if path != Path::new("-") => bounded(open(path)?)?,
        _ => {
            if io::stdin().is_terminal() {
                stderr::line("Paste the token, and end it with Enter and Ctrl-D.");
            }
            bounded(io::stdin().lock())?
        }
    };
    let report = Report::of(&bytes)?;
    let now = when::now();
    if manner.json { stdout::json(&report.json(now)) } else { stdout::line(report.text(now)) }?;
    // What says nothing of its times may well be good.
    Ok(ExitCode::from(u8::from(args.check && report.is_over(now))))
}

/// The name is never shown: it may be a token that was taken for an argument.
fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| {
        let words = path.to_string_lossy();
        if words.starts_with("eyJ") && words.contains('.') {
            return Failure::usage(
                "the argument looks like a token, and every user of this machine can read command lines",
                "treat that token as leaked; pipe the next one: evergrant token | evergrant inspect",
            );
        }
        Failure::usage(
            format!("the file cannot be opened: {error}"),
            "name a file with a token in it, or pipe the token",
        )
    })
}

fn bounded(source: impl Read) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    source.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| {
        Failure::usage(format!("the token cannot be read: {error}"), "name a file with a token in it")
    })?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failure::usage(
            format!("the input is longer than {MAX_BYTES} bytes"),
            "name a file with a token and nothing else",
        ));
    }
    Ok(bytes)
}
