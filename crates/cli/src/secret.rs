//! Where the client secret comes from: a file, a pipe, stdin or the environment. Never a flag: argv is public.

use crate::failure::Failure;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// No secret is longer; a larger file is another file.
const MAX_BYTES: u64 = 64 * 1024;

const VARIABLE: &str = "EVERGRANT_CLIENT_SECRET";

/// The variables that hold a secret, or lead to one: what no other program shall inherit.
pub(crate) fn variables() -> impl Iterator<Item = OsString> {
    [VARIABLE, "EVERGRANT_CLIENT_SECRET_FILE", "EVERGRANT_PARAM"].into_iter().map(Into::into)
}

/// The client secret, from the file if one is named, else from the environment.
pub(crate) fn read(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    match file {
        Some(path) if path == Path::new("-") => trimmed(bytes(io::stdin().lock(), "stdin")?, "stdin"),
        Some(path) => {
            let name = path.display().to_string();
            let opened = File::open(path).map_err(|error| {
                Failure::usage(
                    format!("the client secret file {name} cannot be opened: {error}"),
                    "name a file that this user can read, or - for stdin",
                )
            })?;
            guard(&opened, &name)?;
            trimmed(bytes(opened, &name)?, &name)
        }
        None => match std::env::var_os(VARIABLE).map(OsString::into_string) {
            Some(Ok(secret)) if !secret.is_empty() => Ok(Zeroizing::new(secret)),
            Some(Err(_)) => Err(not_text(VARIABLE)),
            Some(Ok(_)) | None => Err(Failure::usage(
                "there is no client secret",
                format!("set {VARIABLE}, or name a file with --client-secret-file (- reads stdin)"),
            )),
        },
    }
}

fn bytes(source: impl Read, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // All room at once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES as usize + 1));
    source.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| {
        Failure::usage(
            format!("the client secret cannot be read from {name}: {error}"),
            "name a file with the secret and nothing else",
        )
    })?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failure::usage(
            format!("{name} is longer than {MAX_BYTES} bytes"),
            "name a file with the secret and nothing else",
        ));
    }
    Ok(bytes)
}

fn trimmed(bytes: Zeroizing<Vec<u8>>, name: &str) -> Result<Zeroizing<String>, Failure> {
    let text = std::str::from_utf8(&bytes).map_err(|_| not_text(name))?;
    let secret = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if secret.len() < text.len() {
        eprintln!("note: the line break at the end of {name} is not taken as part of the client secret");
    }
    if secret.is_empty() {
        return Err(Failure::usage(format!("{name} is empty"), "write the client secret into it"));
    }
    Ok(Zeroizing::new(secret.to_owned()))
}

fn not_text(name: &str) -> Failure {
    Failure::usage(format!("{name} is not UTF-8 text"), "write the client secret as plain text")
}

/// A secret that others can read is none. The opened file is looked at, not its name, so that nobody can exchange
/// it in between.
#[cfg(unix)]
fn guard(file: &File, name: &str) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_READ: u32 = 0o044;
    let metadata = file.metadata().map_err(|error| {
        Failure::usage(
            format!("the client secret file {name} cannot be examined: {error}"),
            "name another file",
        )
    })?;
    if metadata.is_dir() {
        return Err(Failure::usage(format!("{name} is a folder"), "name the file in it"));
    }
    if !metadata.is_file() || metadata.mode() & OTHERS_READ == 0 {
        return Ok(());
    }
    if metadata.uid() == rustix::process::geteuid().as_raw() {
        return Err(Failure::usage(
            format!(
                "other users can read the client secret file {name} (mode {:o})",
                metadata.mode() & 0o777
            ),
            format!("chmod 600 '{name}'"),
        ));
    }
    eprintln!(
        "warning: {name} belongs to another user, and others can read it (mode {:o})",
        metadata.mode() & 0o777
    );
    Ok(())
}

/// Elsewhere permissions are no bits to look at; the folder's protection is the user's affair.
#[cfg(not(unix))]
fn guard(file: &File, name: &str) -> Result<(), Failure> {
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => {
            Err(Failure::usage(format!("{name} is a folder"), "name the file in it"))
        }
        _ => Ok(()),
    }
}
