//! The configuration file itself: whoever can write it says which program is run and where the secret is sent.

use crate::tell::failure::Failure;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// No configuration is longer; a larger file is another file.
const MAX_BYTES: u64 = 1024 * 1024;

pub(super) fn text(path: &Path) -> Result<String, Failure> {
    let name = path.display();
    let wrong = |error: io::Error| {
        Failure::usage(
            format!("the configuration file {name} cannot be read: {error}"),
            if error.kind() == io::ErrorKind::NotFound {
                "write one with evergrant config init, or name another with --config PATH"
            } else {
                "name a file that this user can read with --config PATH"
            },
        )
    };
    let file = File::open(path).map_err(wrong)?;
    guard(&file, path)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(wrong)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(wrong(io::Error::other(format!("it is longer than {MAX_BYTES} bytes"))));
    }
    String::from_utf8(bytes).map_err(|_| wrong(io::Error::other("it is not UTF-8 text")))
}

/// Whoever can write the file says which program is run and where the secret is sent.
#[cfg(unix)]
fn guard(file: &File, path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    let name = path.display();
    let file = file.metadata().map_err(|error| unknown(path, &error))?;
    // A pipe or a device is whoever's made it: its reader was told to read it.
    if !file.is_file() {
        return Ok(());
    }
    if !ours(file.uid()) {
        return Err(Failure::usage(
            format!("the configuration file {name} belongs to another user"),
            "copy it, look at what it says, and name the copy with --config PATH",
        ));
    }
    if file.mode() & OTHERS_WRITE != 0 {
        return Err(Failure::usage(
            format!("other users can write the configuration file {name} (mode {:o})", file.mode() & 0o777),
            format!("chmod go-w '{name}'"),
        ));
    }
    match path.canonicalize().ok().and_then(|path| Some(path.parent()?.to_owned())) {
        Some(folder) => guard_folder(&folder, path),
        None => Ok(()),
    }
}

/// Whoever can write the folder can put another file in this one's place.
#[cfg(unix)]
pub(super) fn guard_folder(folder: &Path, file: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    let metadata = folder.metadata().map_err(|error| unknown(file, &error))?;
    let (mode, name, folder) = (metadata.mode(), file.display(), folder.display());
    if !ours(metadata.uid()) || (mode & OTHERS_WRITE != 0 && mode & STICKY == 0) {
        return Err(Failure::usage(
            format!(
                "other users can replace the configuration file {name}: the folder {folder} is not yours alone to write (mode {:o})",
                mode & 0o7777
            ),
            format!("chmod go-w '{folder}', or keep the file in a folder of your own"),
        ));
    }
    Ok(())
}

#[cfg(unix)]
const OTHERS_WRITE: u32 = 0o022;
/// In a folder of this mode, /tmp for one, nobody can replace what is another's.
#[cfg(unix)]
const STICKY: u32 = 0o1000;

#[cfg(unix)]
fn ours(owner: u32) -> bool {
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

#[cfg(unix)]
fn unknown(file: &Path, error: &io::Error) -> Failure {
    Failure::usage(
        format!("the configuration file {} cannot be examined: {error}", file.display()),
        "name another with --config PATH",
    )
}

#[cfg(not(unix))]
fn guard(_: &File, _: &Path) -> Result<(), Failure> {
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn guard_folder(_: &Path, _: &Path) -> Result<(), Failure> {
    Ok(())
}
