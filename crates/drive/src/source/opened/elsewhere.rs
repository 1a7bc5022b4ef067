//! A file where no file is waited for.

use super::unread::unread;
use evergrant_core::SourceError;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

/// An opened file.
pub(super) struct Opened(File);

impl Opened {
    pub(super) fn open(path: &Path, _: Duration) -> Result<Self, SourceError> {
        Ok(Self(File::open(path).map_err(|error| unread(&error))?))
    }

    pub(super) const fn file(&self) -> &File {
        &self.0
    }
}

impl Read for Opened {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}
