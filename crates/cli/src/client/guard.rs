//! Who may write a file: whoever can says which program is run, where a secret is sent, and whom it is trusted to.

use crate::tell::failure::Failure;
use std::fs::File;
use std::path::Path;

/// What the file is, as it is called in errors.
pub(super) const CONFIGURATION: &str = "the configuration file";
pub(super) const CERTIFICATES: &str = "the file with trusted certificates";

#[cfg(unix)]
mod unix {
    use super::{CERTIFICATES, Failure, File, Path};
    use crate::tell::stderr;
    use std::fs::Metadata;
    use std::io;
    use std::os::unix::fs::MetadataExt;

    const OTHERS_WRITE: u32 = 0o022;
    const EVERYBODY_WRITES: u32 = 0o002;
    /// In a folder of this mode, /tmp for one, nobody can replace what is another's.
    const STICKY: u32 = 0o1000;

    /// This opened file must be this user's, or root's, and must have been found on a way that nobody else can change.
    pub(in crate::client) fn file(file: &File, path: &Path, what: &str) -> Result<(), Failure> {
        let name = path.display();
        let file = file.metadata().map_err(|error| unknown(path, what, &error))?;
        // A pipe or a device is whoever's made it: its reader was told to read it.
        if !file.is_file() {
            return Ok(());
        }
        if file.mode() & OTHERS_WRITE != 0 {
            return Err(Failure::usage(
                format!("other users can write {what} {name} (mode {:o})", file.mode() & 0o777),
                format!("chmod go-w '{name}'"),
            ));
        }
        match (ours(&file), what) {
            (true, _) => way(path, what),
            // A container gets it from its host, where its users have other numbers.
            (false, CERTIFICATES) => {
                stderr::warning(format_args!("{what} {name} belongs to another user"));
                Ok(())
            }
            (false, _) => Err(Failure::usage(
                format!("{what} {name} belongs to another user"),
                "copy it, look at what it says, and name the copy",
            )),
        }
    }

    /// Whoever can write the folder can put another file in this one's place.
    pub(in crate::client) fn folder(folder: &Path, path: &Path, what: &str) -> Result<(), Failure> {
        let found = folder.metadata().map_err(|error| unknown(path, what, &error))?;
        safe(&found, OTHERS_WRITE, folder, path, what)
    }

    /// Every folder and every link on the way to it, as it is named and as it is.
    fn way(path: &Path, what: &str) -> Result<(), Failure> {
        let named = std::path::absolute(path).map_err(|error| unknown(path, what, &error))?;
        let real = path.canonicalize().map_err(|error| unknown(path, what, &error))?;
        for whole in [&named, &real] {
            for part in whole.ancestors().skip(1).filter(|part| *part != Path::new("")) {
                let found = part.symlink_metadata().map_err(|error| unknown(path, what, &error))?;
                let nearest = real.parent() == Some(part);
                let mask = if nearest { OTHERS_WRITE } else { EVERYBODY_WRITES };
                // Of a link the mode says nothing, and its folder is on the way, too.
                safe(&found, if found.is_symlink() { 0 } else { mask }, part, path, what)?;
            }
        }
        let found = named.symlink_metadata().map_err(|error| unknown(path, what, &error))?;
        safe(&found, 0, &named, path, what)
    }

    fn safe(found: &Metadata, mask: u32, part: &Path, path: &Path, what: &str) -> Result<(), Failure> {
        let mode = found.mode();
        if ours(found) && (mode & mask == 0 || mode & STICKY != 0) {
            return Ok(());
        }
        let (kind, part) = (if found.is_symlink() { "link" } else { "folder" }, part.display());
        Err(Failure::usage(
            format!(
                "other users can replace {what} {}: the {kind} {part} is not yours alone to write (mode {:o})",
                path.display(),
                mode & 0o7777
            ),
            format!("chmod go-w '{part}', or keep the file in a folder of your own"),
        ))
    }

    fn ours(found: &Metadata) -> bool {
        found.uid() == 0 || found.uid() == rustix::process::geteuid().as_raw()
    }

    fn unknown(path: &Path, what: &str, error: &io::Error) -> Failure {
        Failure::usage(format!("{what} {} cannot be examined: {error}", path.display()), "name another one")
    }
}

#[cfg(unix)]
pub(super) use unix::{file, folder};

/// Elsewhere permissions are no bits to look at; the folder's protection is the user's affair.
#[cfg(not(unix))]
pub(super) fn file(_: &File, _: &Path, _: &str) -> Result<(), Failure> {
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn folder(_: &Path, _: &Path, _: &str) -> Result<(), Failure> {
    Ok(())
}
