//! A secret out of a file, a pipe, or stdin.

use super::text::{MAX_BYTES, Purpose, too_long, trimmed};
use crate::client::within;
use crate::tell::failure::Failure;
use crate::tell::stderr;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// The content of a file, or of stdin, if it takes no longer: a pipe that nobody writes, or a terminal that nobody sits at,
/// would never end.
pub(super) fn within(limit: Duration, path: &Path, purpose: &Purpose) -> Result<Zeroizing<String>, Failure> {
    let (of, what) = (path.to_owned(), purpose.clone());
    within::within(
        limit,
        move || contents(&of, &what),
        || {
            let name = if path == Path::new("-") { "stdin".into() } else { path.display().to_string() };
            Failure::usage(
                format!("the {purpose} did not arrive from {name} within {limit:?}"),
                "check that something writes it there, or allow more time with --timeout",
            )
        },
    )
}

fn contents(path: &Path, purpose: &Purpose) -> Result<Zeroizing<String>, Failure> {
    if path == Path::new("-") {
        return trimmed(&bytes(io::stdin().lock(), "stdin", purpose)?, "stdin", purpose, true);
    }
    file(path, purpose)
}

/// Whether somebody else hands the content in, some time or never.
pub(super) fn is_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir())
}

pub(super) fn file(path: &Path, purpose: &Purpose) -> Result<Zeroizing<String>, Failure> {
    let name = path.display().to_string();
    let opened = File::open(path).map_err(|error| {
        Failure::usage(
            format!("the file {name} with the {purpose} cannot be opened: {error}"),
            match purpose {
                Purpose::Client => "name a file that this user can read, or - for stdin",
                _ => "name a file that this user can read",
            },
        )
    })?;
    let open = match guard(&opened, path, purpose) {
        Ok(Guarded::Kept) => None,
        Ok(Guarded::Others(warning)) => {
            stderr::warning(warning);
            None
        }
        // What is wrong with a file that has a certificate or a public key in place of the signing key is not who can read it.
        Err(failure) if *purpose == Purpose::Key && opened.metadata().is_ok_and(|found| found.is_file()) => {
            Some(failure)
        }
        Err(failure) => return Err(failure),
    };
    let content = bytes(opened, &name, purpose)?;
    match open {
        Some(failure) if !is_public(&content) => Err(failure),
        _ => trimmed(&content, &name, purpose, true),
    }
}

/// Whether it is a text in PEM in which there is no private key.
fn is_public(content: &[u8]) -> bool {
    std::str::from_utf8(content)
        .is_ok_and(|text| text.contains("-----BEGIN ") && !text.contains("PRIVATE KEY"))
}

fn bytes(source: impl Read, name: &str, purpose: &Purpose) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // All room at once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES as usize + 1));
    source.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| {
        Failure::usage(
            format!("the {purpose} cannot be read from {name}: {error}"),
            format!("name a file with the {purpose} and nothing else"),
        )
    })?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_long(name, purpose));
    }
    Ok(bytes)
}

/// Who can read it beside this user.
pub(super) enum Guarded {
    /// Whoever may.
    Kept,
    /// It belongs to another user, and others can read it: a word for people.
    Others(String),
}

/// A secret that others can read is none. The opened file is looked at, not its name, so that nobody can exchange
/// it in between.
#[cfg(unix)]
pub(super) fn guard(file: &File, path: &Path, purpose: &Purpose) -> Result<Guarded, Failure> {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_READ: u32 = 0o044;
    let metadata = file.metadata().map_err(|error| {
        Failure::usage(
            format!("the file {} with the {purpose} cannot be examined: {error}", path.display()),
            "name another file",
        )
    })?;
    if metadata.is_dir() {
        return Err(Failure::usage(format!("{} is a folder", path.display()), "name the file in it"));
    }
    if !metadata.is_file() || metadata.mode() & OTHERS_READ == 0 || is_handed_in(file, path) {
        return Ok(Guarded::Kept);
    }
    let name = path.display();
    if metadata.uid() == rustix::process::geteuid().as_raw() {
        return Err(Failure::usage(
            format!(
                "other users can read the file {name} with the {purpose} (mode {:o})",
                metadata.mode() & 0o777
            ),
            match purpose {
                Purpose::Client => {
                    format!("chmod 600 '{name}', or hand it in by stdin with --client-secret-file -")
                }
                _ => format!("chmod 600 '{name}'"),
            },
        ));
    }
    Ok(Guarded::Others(format!(
        "{name} belongs to another user, and others can read it (mode {:o})",
        metadata.mode() & 0o777
    )))
}

/// Whether a container or a service manager has put it there: on a mount that cannot be written, in `/run/secrets`, in
/// systemd's `$CREDENTIALS_DIRECTORY`. Who may read it is decided there, and `chmod` does not work.
#[cfg(unix)]
fn is_handed_in(file: &File, path: &Path) -> bool {
    use rustix::fs::StatVfsMountFlags;
    let read_only =
        rustix::fs::fstatvfs(file).is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::RDONLY));
    let folders = [Some("/run/secrets".into()), std::env::var_os("CREDENTIALS_DIRECTORY")];
    // As it is, whatever links and dots led there.
    let within = |folder: OsString| {
        let (folder, path) = (Path::new(&folder).canonicalize(), path.canonicalize());
        folder.is_ok_and(|folder| folder.is_absolute() && path.is_ok_and(|path| path.starts_with(folder)))
    };
    read_only || folders.into_iter().flatten().any(within)
}

/// Elsewhere permissions are no bits to look at; the folder's protection is the user's affair.
#[cfg(not(unix))]
pub(super) fn guard(file: &File, path: &Path, _: &Purpose) -> Result<Guarded, Failure> {
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => {
            Err(Failure::usage(format!("{} is a folder", path.display()), "name the file in it"))
        }
        _ => Ok(Guarded::Kept),
    }
}
