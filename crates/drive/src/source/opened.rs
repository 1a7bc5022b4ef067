//! A file that is read for so long and no longer: a pipe in its place would hang whoever reads it.

use super::unread::unread;
use evergrant_core::SourceError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// An opened file, which is read until then.
pub(super) struct Opened {
    file: File,
    until: Option<Instant>,
}

impl Opened {
    pub(super) fn open(path: &Path, limit: Duration) -> Result<Self, SourceError> {
        let until = Instant::now().checked_add(limit);
        // To open a pipe that nobody writes would take as long as nobody does. Of other files it says nothing.
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
        Ok(Self { file: file.map_err(|error| unread(&error))?, until })
    }

    pub(super) const fn file(&self) -> &File {
        &self.file
    }

    /// Waits until there is something to read, or its end.
    fn wait(&self) -> io::Result<()> {
        loop {
            let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
            let time = left.and_then(|left| Timespec::try_from(left).ok());
            match poll(&mut [PollFd::new(&self.file, PollFlags::IN)], time.as_ref()) {
                Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Read for Opened {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            self.wait()?;
            match self.file.read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }
}
