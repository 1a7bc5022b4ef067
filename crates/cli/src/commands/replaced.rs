//! A regular file that is replaced once its new content is complete, and stays as it was until then.

use crate::tell::cause;
use crate::tell::failure::Failure;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file that is there already, or not yet. It is named without symbolic links.
pub(super) struct Place {
    path: PathBuf,
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no mode to keep"))]
    found: Option<Metadata>,
}

impl Place {
    /// Nothing is there.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), found: None }
    }

    /// This regular file is there.
    pub(super) const fn existing(path: PathBuf, found: Metadata) -> Self {
        Self { path, found: Some(found) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A file beside it, so that it can be renamed.
    pub(super) fn temporary(&self) -> io::Result<NamedTempFile> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        builder.prefix(".evergrant-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // A new file gets what the umask leaves; while a file is replaced, its content is nobody else's.
            let mode = if self.found.is_some() { 0o600 } else { 0o666 };
            builder.permissions(std::fs::Permissions::from_mode(mode));
        }
        builder.tempfile_in(folder.unwrap_or(Path::new(".")))
    }

    /// Renames the whole file into this place. What was here hands on its owner, if that can be, and its mode.
    pub(super) fn take(&self, file: NamedTempFile) -> io::Result<()> {
        #[cfg(unix)]
        if let Some(found) = &self.found {
            hand_on(found, file.as_file())?;
        }
        file.as_file().sync_all()?;
        match file.persist(&self.path) {
            Ok(_) => Ok(()),
            // Something is mounted there, as a container does with a file: it can be written, and not replaced.
            Err(lost) if lost.error.kind() == ErrorKind::ResourceBusy => {
                let mut whole = lost.file.reopen()?;
                let mut place = File::create(&self.path)?;
                io::copy(&mut whole, &mut place)?;
                place.sync_all()
            }
            Err(lost) => Err(lost.error),
        }
    }
}

/// Owner and mode of the one for the other.
#[cfg(unix)]
fn hand_on(found: &Metadata, file: &File) -> io::Result<()> {
    use rustix::fs::{Gid, Uid, fchown};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let (owner, group) = (Uid::from_raw(found.uid()), Gid::from_raw(found.gid()));
    // Only root can give a file away, and others only within their groups.
    if fchown(file, Some(owner), Some(group)).is_err() {
        let _not_a_member = fchown(file, None, Some(group));
    }
    file.set_permissions(std::fs::Permissions::from_mode(found.mode() & 0o777))
}

/// What this flag names cannot be written, and whose fault that is.
pub(super) fn unwritten(flag: &str, path: &Path, error: &io::Error) -> Failure {
    let happened = format!("{flag} {} cannot be written", path.display());
    cause::unwritten(&happened, error, "name a file in a folder that this user can write")
}
