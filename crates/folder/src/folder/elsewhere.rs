//! Where permissions are no bits to look at there is no folder that is safe to use.

use crate::error::FolderError;
use evergrant_core::fleet::{Fence, Name};
use std::path::Path;
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// None of these can be had.
#[derive(Debug)]
pub(crate) enum Folder {}

pub(crate) enum Lock<'a> {
    Never(&'a Folder),
}

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self, FolderError> {
        Err(FolderError::folder(path, "cannot be used: tokens are kept on Unix only"))
    }

    pub(crate) fn find(path: &Path) -> Result<Option<Self>, FolderError> {
        Self::open(path).map(Some)
    }

    pub(crate) fn path(&self) -> &Path {
        match *self {}
    }

    pub(crate) fn read(&self, _: &Name) -> Option<String> {
        match *self {}
    }

    pub(crate) fn asks(&self, _: &Name, _: Fence) -> Result<Asks, FolderError> {
        match *self {}
    }

    pub(crate) fn is_dead(&self, _: &Name, _: Fence) -> bool {
        match *self {}
    }

    pub(crate) fn lock(&self, _: &Name, _: Duration) -> Result<Option<Lock<'_>>, FolderError> {
        match *self {}
    }

    pub(crate) fn names(&self) -> Result<Vec<Name>, FolderError> {
        match *self {}
    }

    pub(crate) fn sweep(&self, _: SystemTime) {
        match *self {}
    }

    pub(crate) fn file_key(&self) -> Result<Zeroizing<[u8; 32]>, FolderError> {
        match *self {}
    }

    pub(crate) fn known_file_key(&self) -> Result<Option<Zeroizing<[u8; 32]>>, FolderError> {
        match *self {}
    }

    pub(crate) fn forget_file_key(&self) -> Result<(), FolderError> {
        match *self {}
    }
}

#[derive(Debug)]
pub(crate) enum Asks {}

impl Asks {
    pub(crate) fn end(self) {
        match self {}
    }
}

impl Lock<'_> {
    pub(crate) fn replace(&self, _: &[u8], _: bool) -> Result<(), FolderError> {
        match self {
            Self::Never(folder) => match **folder {},
        }
    }

    pub(crate) fn remove(&self) -> Result<(), FolderError> {
        match self {
            Self::Never(folder) => match **folder {},
        }
    }
}
