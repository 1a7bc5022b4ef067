//! What is kept, whoever's token it is: what can be said of it without the client's secret, and how it is removed.

use crate::client::folders;
use crate::tell::failure::Failure;
use evergrant_core::fleet::{Name, StoreTime};
use evergrant_folder::{FolderError, FolderStore, Held};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The folder of the cache, which may not be there.
pub(crate) struct Inventory {
    path: PathBuf,
    folder: Option<FolderStore>,
}

/// What is to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    /// Tokens that have ended.
    Ended,
    /// The entry of this name.
    Named(Name),
}

impl Which {
    fn has(self, held: &Held) -> bool {
        match self {
            Self::All => true,
            Self::Ended => has_ended(held),
            Self::Named(name) => held.name == name,
        }
    }
}

/// What became of what was kept.
#[derive(Debug, Default)]
pub(crate) struct Cleared {
    /// Tokens.
    pub(crate) removed: usize,
    /// Entries without a token: somebody was refused, or asked and is no more.
    pub(crate) without_token: usize,
    /// Another invocation is asking for the next token of these.
    pub(crate) in_use: usize,
    /// Why others are still there.
    pub(crate) failures: Vec<Failure>,
}

/// Where tokens are kept.
pub(super) fn path() -> Result<PathBuf, String> {
    folders::cache().ok_or_else(|| folders::NO_HOME.into())
}

/// Whether this is a time in the past.
pub(crate) fn is_over(time: StoreTime) -> bool {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    time <= StoreTime::default().after(now)
}

/// Whether it has a token, which has ended.
pub(crate) fn has_ended(held: &Held) -> bool {
    held.token_ends_at.is_some_and(is_over)
}

impl Inventory {
    /// The usual folder. None is made.
    pub(crate) fn open() -> Result<Self, Failure> {
        let path = path().map_err(unusable)?;
        let folder = FolderStore::find(&path).map_err(|error| of_folder(&error))?;
        Ok(Self { path, folder })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// All that is kept. What is another user's, a link, or no entry of this command is none.
    pub(crate) fn entries(&self) -> Result<Vec<Held>, Failure> {
        match &self.folder {
            Some(folder) => folder.entries().map_err(|error| of_folder(&error)),
            None => Ok(Vec::new()),
        }
    }

    /// Removes them, each under its lock: one that somebody is asking for stays.
    pub(crate) fn clear(&self, which: Which) -> Result<Cleared, Failure> {
        let mut cleared = Cleared::default();
        let Some(folder) = &self.folder else { return Ok(cleared) };
        let is_wanted = |held: &Held| which.has(held);
        for held in folder.entries().map_err(|error| of_folder(&error))?.iter().filter(|held| is_wanted(held))
        {
            let (mut has_token, mut is_asked_for) = (false, false);
            let removed = folder.remove(&held.name, |held| {
                // It may have been replaced since.
                (has_token, is_asked_for) = (held.token_ends_at.is_some(), held.is_asked_for);
                is_wanted(held) && !is_asked_for
            });
            match removed {
                Ok(Some(true)) if has_token => cleared.removed += 1,
                Ok(Some(true)) => cleared.without_token += 1,
                Ok(Some(false)) if !is_asked_for => {}
                Ok(Some(false) | None) => cleared.in_use += 1,
                Err(error) => cleared.failures.push(of_folder(&error)),
            }
        }
        if which == Which::All && cleared.in_use == 0 && cleared.failures.is_empty() {
            // Nothing is sealed with it any more; the next token has another.
            cleared.failures.extend(folder.forget_key().err().as_ref().map(of_folder));
        }
        folder.sweep();
        Ok(cleared)
    }
}

fn of_folder(error: &FolderError) -> Failure {
    unusable(error.to_string())
}

fn unusable(reason: String) -> Failure {
    Failure::usage(
        format!("the cache cannot be used: {reason}"),
        "correct that, or remove the folder by hand: tokens are requested again when they are needed",
    )
}
