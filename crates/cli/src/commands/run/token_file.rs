//! A file that holds one whole token at every moment.
//!
//! It is ours from our first write on, and no sooner: what is there before, and was not written by a run of this command,
//! is never replaced. While the program runs, a claim stands beside it, `.NAME.evergrant`: it is locked by the run that keeps
//! the file, and says which file that run has written, so that what a killed run left behind can be taken over.

#[cfg(unix)]
mod claim;
#[cfg(not(unix))]
#[path = "token_file/elsewhere.rs"]
mod claim;

use crate::tell::cause;
use crate::tell::failure::Failure;
use claim::{Claim, Claimed, Written};
use std::fs::Metadata;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file; when this is dropped it is removed, if it is still the one that was written here.
pub(super) struct TokenFile {
    path: PathBuf,
    folder: PathBuf,
    claim: Claim,
    written: Option<Written>,
}

impl TokenFile {
    /// The file at this path, which need not be there yet. Nothing but the claim is written.
    ///
    /// Fails if what is there is neither empty nor left by a run that was killed.
    pub(super) fn at(path: &Path) -> Result<Self, Failure> {
        let elsewhere = "name a file in a folder that this user can write";
        let wrong = |why: &str, next: &str| {
            Err(Failure::usage(format!("the token file {} {why}", path.display()), next))
        };
        // Absolute, since the program may go elsewhere.
        let (Ok(path), Some(name)) = (std::path::absolute(path), path.file_name()) else {
            return wrong("has no name", elsewhere);
        };
        let Some(folder) = path.parent().filter(|folder| folder.is_dir()) else {
            return wrong("is in a folder that does not exist", elsewhere);
        };
        let mut claim = match Claim::beside(folder, name) {
            Ok(Claimed::Ours(claim)) => claim,
            Ok(Claimed::Held) => {
                return wrong("is in use by another run of evergrant", "name another file, or end that run");
            }
            Ok(Claimed::Foreign) => {
                let happened = format!(
                    "{} exists, and is not evergrant's own: evergrant needs that name beside the token file",
                    folder.join(format!(".{}.evergrant", name.to_string_lossy())).display()
                );
                return Err(Failure::usage(happened, "move it away, or name another token file"));
            }
            Err(error) => return Err(unwritten(&path, &error)),
        };
        let refused = match path.symlink_metadata() {
            Ok(found) if !found.is_file() => wrong("exists and is not a regular file", elsewhere),
            // `mktemp` makes an empty one: nothing is lost with it.
            Ok(found) if found.len() > 0 && !claim.has_written(&found) => wrong(
                "exists already, and was not written by evergrant",
                "name another file, or move this one away",
            ),
            _ => return Ok(Self { folder: folder.to_owned(), path, claim, written: None }),
        };
        // What it says of a run that was killed is no longer so.
        claim.release();
        refused
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts this text in the place of what is there, in one step: whoever opens the file finds the one or the other,
    /// whole. Only this user can read it.
    pub(super) fn replace(&mut self, text: &str) -> io::Result<()> {
        let mut new = tempfile::Builder::new().prefix(".evergrant-").tempfile_in(&self.folder)?;
        new.write_all(text.as_bytes())?;
        new.as_file().sync_all()?;
        let written = Written::of(&new.as_file().metadata()?);
        // The claim comes first, and names both: whichever is there after a kill is known for ours.
        let replaced = self.path.symlink_metadata().ok();
        self.claim.record(&written, new.path().file_name().unwrap_or_default(), replaced.as_ref())?;
        new.persist(&self.path).map_err(|error| error.error)?;
        self.written = Some(written);
        Ok(())
    }

    pub(super) fn failure(&self, error: &io::Error) -> Failure {
        unwritten(&self.path, error)
    }

    /// Whether this is the file that was written here last.
    fn is_ours(&self, found: &Metadata) -> bool {
        self.written.as_ref().is_some_and(|written| *written == Written::of(found))
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let Ok(found) = self.path.symlink_metadata() else { return self.claim.release() };
        if self.is_ours(&found) {
            // It may be gone in this moment.
            let _gone = std::fs::remove_file(&self.path);
        }
        // What a run that was killed has left stays claimed, for the next one that gets a token.
        if self.is_ours(&found) || !self.claim.has_written(&found) {
            self.claim.release();
        }
    }
}

/// What cannot be written, and whose fault that is.
fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let happened = format!("the token file {} cannot be written", path.display());
    cause::unwritten(&happened, error, "name a file in a folder that this user can write")
}

#[cfg(test)]
mod tests;
