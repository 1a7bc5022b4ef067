//! Why a folder cannot be used.

use std::path::{Path, PathBuf};
use thiserror::Error;

/// A folder, or a file in it, cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{what}{} {reason}", path.display())]
pub struct FolderError {
    what: &'static str,
    path: PathBuf,
    reason: String,
}

impl FolderError {
    /// Of the folder.
    pub(crate) fn folder(path: &Path, reason: impl Into<String>) -> Self {
        Self { what: "the folder ", path: path.to_owned(), reason: reason.into() }
    }

    /// Of a file.
    pub(crate) fn file(path: PathBuf, reason: impl Into<String>) -> Self {
        Self { what: "", path, reason: reason.into() }
    }

    /// What is at fault.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
