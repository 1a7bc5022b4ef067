//! What is in files, to see that it has changed: by content, since what is mounted into a container is swapped above the file.

use ring::digest::{SHA256, digest};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// No file that is watched is longer; of one that is, no more is looked at.
const MAX_BYTES: u64 = 1024 * 1024 + 1;

/// The SHA-256 of what is in a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut own = [0; 32];
        own.iter_mut().zip(digest(&SHA256, bytes).as_ref()).for_each(|(own, byte)| *own = *byte);
        Self(own)
    }

    /// Of what is in this file now. A pipe is read once, by whoever needs what comes.
    pub(crate) fn of_file(path: &Path) -> Option<Self> {
        if !path.metadata().ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        File::open(path).ok()?.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
        Some(Self::of(&bytes))
    }
}

/// It tells nothing of what is in the file: that may be a secret which somebody put there.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest")
    }
}

/// What is in some files; of one that cannot be read nothing is known.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Content(BTreeMap<PathBuf, Option<Digest>>);

impl Content {
    /// What is in these files now.
    pub(crate) fn of(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self(paths.into_iter().map(|path| (path.clone(), Digest::of_file(&path))).collect())
    }

    /// The same, of which this file has been read.
    pub(crate) fn with(mut self, path: PathBuf, digest: Digest) -> Self {
        self.0.insert(path, Some(digest));
        self
    }

    /// The same, and what is in these files now.
    pub(crate) fn and(self, paths: impl IntoIterator<Item = PathBuf>) -> Self {
        self.with_all(Self::of(paths))
    }

    /// What is in these files and in those.
    pub(crate) fn with_all(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// What is in the same files now.
    pub(crate) fn now(&self) -> Self {
        Self::of(self.0.keys().cloned())
    }
}

#[cfg(test)]
mod tests;
