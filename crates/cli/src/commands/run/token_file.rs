//! A file that holds one whole token at every moment.

use crate::tell::failure::Failure;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file; it is removed when this is dropped.
pub(super) struct TokenFile {
    path: PathBuf,
    folder: PathBuf,
}

impl TokenFile {
    /// The file at this path, which need not be there yet.
    pub(super) fn at(path: &Path) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            let happened = format!("the token file {} {why}", path.display());
            Err(Failure::usage(happened, "name a file in a folder that this user can write"))
        };
        // Absolute, since the program may go elsewhere.
        let (Ok(path), Some(_)) = (std::path::absolute(path), path.file_name()) else {
            return wrong("has no name");
        };
        let Some(folder) = path.parent().filter(|folder| folder.is_dir()) else {
            return wrong("is in a folder that is not there");
        };
        // A link would be replaced, not followed; anything else that is no file is a mistake.
        match path.symlink_metadata() {
            Ok(found) if !found.is_file() && !found.is_symlink() => wrong("is there and is no file"),
            _ => Ok(Self { folder: folder.to_owned(), path }),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts this text in the place of what is there, in one step: whoever opens the file finds the one or the other,
    /// whole. Only this user can read it.
    pub(super) fn replace(&self, text: &str) -> io::Result<()> {
        let mut new = tempfile::Builder::new().prefix(".evergrant-").tempfile_in(&self.folder)?;
        new.write_all(text.as_bytes())?;
        new.as_file().sync_all()?;
        new.persist(&self.path).map(drop).map_err(|error| error.error)
    }

    pub(super) fn failure(&self, error: &io::Error) -> Failure {
        Failure::usage(
            format!("the token file {} cannot be written: {error}", self.path.display()),
            "name a file in a folder that this user can write",
        )
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        // It may be gone already.
        let _gone = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests;
