//! Lists the public API of every published library of the workspace, one item a line, in the library's `API.txt`.
//!
//! A library is listed with the features that its documentation on docs.rs has, `[package.metadata.docs.rs]`.

mod library;
mod listing;

use library::Library;
use std::error::Error;
use std::fs;
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: .ci/api/run             writes crates/NAME/API.txt
       .ci/api/run --check     prints what differs from the committed files, and fails if something does";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let check = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--check"] => true,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(check) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("api: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(check: bool) -> Result<ExitCode, Box<dyn Error>> {
    let libraries =
        library::published(&cargo(&["metadata", "--no-deps", "--format-version", "1", "--locked"])?)?;
    describe(&libraries)?;
    let mut changed = Vec::new();
    for Library { name, listing: file, .. } in &libraries {
        let now = listing::read(name)?;
        let committed = fs::read_to_string(file).unwrap_or_default();
        if now == committed {
            continue;
        }
        println!("{}", file.display());
        print!("{}", listing::difference(&committed, &now));
        if !check {
            fs::write(file, now)?;
        }
        changed.push(file.display().to_string());
    }
    if !check {
        println!("api: {} of {} listings written", changed.len(), libraries.len());
    } else if changed.is_empty() {
        println!("api: the listings of {} libraries are current", libraries.len());
    } else {
        eprintln!(
            "api: {}: the public API of the code differs from the listing. If this is intended, run `.ci/api/run`, \
             commit the listing, and add a line to CHANGELOG.md.",
            changed.join(", ")
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Has rustdoc write its JSON, for all libraries in one run of cargo, so that what they share is built once.
fn describe(libraries: &[Library]) -> Result<(), Box<dyn Error>> {
    let mut arguments = vec!["doc", "--quiet", "--locked", "--lib", "--no-deps", "--no-default-features"];
    arguments.extend(["--target-dir", listing::TARGET]);
    for library in libraries {
        arguments.extend(["--package", &library.package]);
        arguments.extend(library.features.iter().flat_map(|feature| ["--features", feature]));
    }
    cargo(&arguments).map(|_| ())
}

fn cargo(arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let output = Command::new("cargo")
        .args(arguments)
        .env("RUSTDOC", std::env::current_dir()?.join(".ci/api/rustdoc"))
        // Broken links are found by CI's own run of rustdoc.
        .env("RUSTDOCFLAGS", "--cap-lints allow -Z unstable-options --output-format json")
        .env_remove("CARGO_BUILD_TARGET")
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("`cargo {}` failed", arguments[0]).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
