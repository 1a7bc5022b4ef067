//! What is kept, whoever's token it is: what can be said of it without the client's secret, and how it is removed.

use super::entry::Entry;
use super::folder::Folder;
use crate::client::folders;
use crate::tell::failure::Failure;
use evergrant_tokio_reqwest::{Clock as _, SystemClock};
use std::path::{Path, PathBuf};

/// The folder of the cache, which may not be there.
pub(crate) struct Inventory {
    path: PathBuf,
    folder: Option<Folder>,
}

/// What is to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    /// Those that have ended.
    Ended,
}

/// What became of the kept tokens.
#[derive(Debug, Default)]
pub(crate) struct Cleared {
    pub(crate) removed: usize,
    /// Another invocation is asking for the next one of these, and will replace it.
    pub(crate) in_use: usize,
    /// Why others are still there.
    pub(crate) failures: Vec<Failure>,
}

/// Where tokens are kept.
pub(super) fn path() -> Result<PathBuf, String> {
    folders::cache().ok_or_else(|| folders::NO_HOME.into())
}

impl Inventory {
    /// The usual folder. None is made.
    pub(crate) fn open() -> Result<Self, Failure> {
        let path = path().map_err(unusable)?;
        let folder = Folder::find(&path).map_err(unusable)?;
        Ok(Self { path, folder })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// All kept tokens. What is another user's, a link, or no token of this command is none.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>, Failure> {
        match &self.folder {
            Some(folder) => folder.entries().map_err(unusable),
            None => Ok(Vec::new()),
        }
    }

    /// Removes them, each under its lock: a token that is being replaced stays.
    pub(crate) fn clear(&self, which: Which) -> Result<Cleared, Failure> {
        let mut cleared = Cleared::default();
        let Some(folder) = &self.folder else { return Ok(cleared) };
        let wanted = |entry: &Entry| which == Which::All || entry.has_ended();
        let entries = folder.entries().map_err(unusable)?;
        for name in entries.into_iter().filter(&wanted).map(|entry| entry.name) {
            let removed = match folder.try_lock(&name) {
                // It may have been replaced since.
                Ok(Some(lock)) if folder.entry(&name).is_some_and(|entry| wanted(&entry)) => lock.remove(),
                Ok(Some(_)) => continue,
                Ok(None) => {
                    cleared.in_use += 1;
                    continue;
                }
                Err(reason) => Err(reason),
            };
            match removed {
                Ok(()) => cleared.removed += 1,
                Err(reason) => cleared.failures.push(unusable(reason)),
            }
        }
        if which == Which::All && cleared.in_use == 0 && cleared.failures.is_empty() {
            // Nothing is sealed with it any more; the next token has another.
            cleared.failures.extend(folder.forget_file_key().err().map(unusable));
        }
        for name in folder.unfinished().map_err(unusable)? {
            // Who holds the lock is still writing.
            if let Ok(Some(lock)) = folder.try_lock(&name)
                && let Err(reason) = lock.tidy()
            {
                cleared.failures.push(unusable(reason));
            }
        }
        folder.sweep(SystemClock.now().wall);
        Ok(cleared)
    }
}

fn unusable(reason: String) -> Failure {
    Failure::usage(
        format!("the cache cannot be used: {reason}"),
        "correct that, or remove the folder by hand: tokens are requested again when they are needed",
    )
}
