//! The transcripts in `docs/`, the guide's among them, replayed: what they show is what happens.
//!
//! Each document is one session of a shell, against mock servers of its own. With `SNAPSHOTS=overwrite` the documents
//! are written anew from what happened.
#![cfg(unix)]
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::{EVERGRANT, Folder, isolate};
use regex::Regex;
use snapbox::assert::DEFAULT_ACTION_ENV;
use snapbox::{Assert, Data, Redactions};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// No output has it: it stands between those of two commands.
const MARK: char = '\u{1e}';

/// A piece of a document.
enum Piece {
    /// Everything outside of transcripts, fences included.
    Prose(String),
    /// A command as it is typed, with its prompts, and without them. Its output follows.
    Command { typed: String, script: String },
}

/// In a fence of `console`, a line with `$ ` begins a command and one with `> ` goes on with it; the rest is output.
fn pieces(document: &str) -> Vec<Piece> {
    let (mut pieces, mut inside) = (Vec::new(), false);
    for line in document.lines() {
        let prose = !inside || line == "```";
        inside = if line.starts_with("```") { line == "```console" } else { inside };
        match (prose, line.split_at_checked(2), pieces.last_mut()) {
            (true, _, Some(Piece::Prose(text))) => writeln!(text, "{line}").unwrap(),
            (true, ..) => pieces.push(Piece::Prose(format!("{line}\n"))),
            (false, Some(("$ ", command)), _) => {
                pieces.push(Piece::Command { typed: format!("{line}\n"), script: format!("{command}\n") });
            }
            (false, Some(("> ", more)), Some(Piece::Command { typed, script })) => {
                writeln!(typed, "{line}").unwrap();
                writeln!(script, "{more}").unwrap();
            }
            (false, ..) => {}
        }
    }
    pieces
}

/// One shell for all of them, so that a variable that one sets is there for the next. Each leaves its output, and its
/// status unless that is 0.
fn outputs(pieces: &[Piece]) -> Vec<String> {
    let mut script = "exec 2>&1\n".to_owned();
    for piece in pieces {
        if let Piece::Command { script: command, .. } = piece {
            let end = format!("status=$?; test $status = 0 || echo \"? $status\"; printf '{MARK}'\n");
            script.push_str(&format!("{command}{end}"));
        }
    }
    let folder = Folder::new();
    let (own, home) = (Path::new(EVERGRANT).parent().unwrap(), folder.at("home"));
    std::fs::create_dir(&home).unwrap();
    let path = format!("{}:{}", own.to_str().unwrap(), std::env::var("PATH").unwrap());
    let mut command = Command::new(EVERGRANT);
    isolate(&mut command).args(["mock", "--lifetime", "24h", "--", "sh", "-c", &script]);
    command
        .env("PATH", path)
        .env("HOME", &home)
        .env("XDG_CACHE_HOME", folder.at("home/.cache"))
        .current_dir(folder.path())
        .stdin(Stdio::null());
    let output = command.output().unwrap();
    assert_eq!(output.stderr, b"", "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut outputs: Vec<String> = text.split(MARK).map(str::to_owned).collect();
    assert_eq!(outputs.pop().as_deref(), Some(""), "the shell ended early: {text}");
    outputs
}

/// What is different each time.
fn redactions() -> Redactions {
    let mut redactions = Redactions::new();
    for (placeholder, pattern) in [
        ("[PORT]", r"127\.0\.0\.1:(?<redacted>\d+)"),
        ("[DATE]", r"(?m)^date: (?<redacted>.* GMT)$"),
        ("[TIME]", r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ| \d\d:\d\d:\d\d UTC)"),
        ("[CLOCK]", r"(?m)^(?<redacted>\d\d:\d\d:\d\dZ) "),
        ("[TOKEN]", r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]+"),
        (
            "[SPAN]",
            r"(used for|renewed in|(UTC|\[TIME\]),( in)?) (?<redacted>now|\d+(\.\d)? (d|h|min|s)( \d+ (h|min|s))?)",
        ),
        ("[N]", r"(\(|arrived in )(?<redacted>\d+) ms"),
        ("[OFF]", r"(?<redacted>\d+) s apart"),
        ("[CACHE]", r"(?<redacted>/[\w/.-]+/\.cache/evergrant)"),
        ("[NAME]", r"(?m)^  (?<redacted>[0-9a-f]{32})  "),
        ("[PID]", r"MOCK_PID='(?<redacted>\d+)'"),
        ("[CALLS]", r"(?m)^(?<redacted>\d+) calls in "),
        ("[SECONDS]", r"calls in (?<redacted>[\d.]+) s:"),
        ("[ID]", r#""jti":"(?<redacted>[^"]+)""#),
        (
            "[SECONDS]",
            r#""(refresh_in|used_for|expires_in|response_expires_in|exp|iat|nbf)":(?<redacted>\d+(\.\d+)?)"#,
        ),
    ] {
        redactions.insert(placeholder, Regex::new(pattern).unwrap()).unwrap();
    }
    redactions
}

/// The documents with a transcript: those in `docs/` itself, and the pages of the guide.
fn documents() -> Vec<PathBuf> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let folders = [docs.clone(), docs.join("guide/src")];
    let paths = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut documents: Vec<PathBuf> = paths.map(|entry| entry.unwrap().path()).collect();
    documents.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    documents.retain(|path| std::fs::read_to_string(path).unwrap().contains("```console"));
    documents
}

#[test]
fn what_the_documents_show_is_what_happens() {
    let documents = documents();
    assert!(documents.len() > 1, "{documents:?}");
    for document in documents {
        let pieces = pieces(&std::fs::read_to_string(&document).unwrap());
        let mut outputs = outputs(&pieces).into_iter();
        let mut replayed = String::new();
        for piece in &pieces {
            match piece {
                Piece::Prose(text) => replayed.push_str(text),
                Piece::Command { typed, .. } => {
                    let output = outputs.next().unwrap();
                    let end = if output.is_empty() || output.ends_with('\n') { "" } else { "\n" };
                    write!(replayed, "{typed}{output}{end}").unwrap();
                }
            }
        }
        // What ends a line in HTTP would end it twice here.
        let replayed = replayed.replace('\r', "");
        let replayed = redactions().redact(&replayed);
        Assert::new().action_env(DEFAULT_ACTION_ENV).eq(replayed, Data::read_from(&document, None).raw());
    }
}
