//! Whose the token file is.

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Longer than any claim, in bytes.
const LONGEST: u64 = 128;

/// Which file was written, in one line: its device and inode; and its length and when it was modified, since inodes are
/// used again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written(String);

impl Written {
    pub(super) fn of(file: &Metadata) -> Self {
        let (seconds, nanos) = (file.mtime(), file.mtime_nsec());
        Self(format!("{} {} {} {seconds}.{nanos:09}\n", file.dev(), file.ino(), file.len()))
    }
}

pub(super) enum Claimed {
    Ours(Claim),
    /// Another run has it.
    Held,
}

/// The right to keep the token file, in a file beside it. When this is dropped, it goes.
#[derive(Debug)]
pub(super) struct Claim {
    folder: OwnedFd,
    name: OsString,
    file: File,
    /// What the run before has written, if it was killed.
    left: Option<Written>,
}

impl Claim {
    pub(super) fn beside(folder: &Path, name: &OsStr) -> io::Result<Claimed> {
        let folder = rustix::fs::open(folder, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let name = OsString::from_iter([OsStr::new("."), name, OsStr::new(".evergrant")]);
        // A link is not followed, and nobody waits at a pipe.
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        loop {
            let opened = rustix::fs::openat(&folder, &name, flags, Mode::RUSR | Mode::WUSR)?;
            let mut file = File::from(opened);
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(Claimed::Held),
                Err(error) => return Err(error.into()),
            }
            // The run before may have removed it between our opening and our locking.
            let there = rustix::fs::openat(&folder, &name, flags - OFlags::CREATE, Mode::empty());
            let there = there.map(File::from).and_then(|there| there.metadata().map_err(|_| Errno::IO));
            let locked = file.metadata()?;
            if there.is_ok_and(|there| (there.dev(), there.ino()) == (locked.dev(), locked.ino())) {
                let mut text = String::new();
                // What is no claim of ours claims nothing.
                let read = (&mut file).take(LONGEST).read_to_string(&mut text);
                let left = read.ok().map(|_| Written(text));
                return Ok(Claimed::Ours(Self { folder, name, file, left }));
            }
        }
    }

    /// Whether the run before has written this file.
    pub(super) fn has_written(&self, found: &Metadata) -> bool {
        self.left.as_ref().is_some_and(|left| *left == Written::of(found))
    }

    /// Says that this file is ours.
    pub(super) fn record(&mut self, Written(line): &Written) -> io::Result<()> {
        self.file.rewind()?;
        self.file.write_all(line.as_bytes())?;
        self.file.set_len(line.len() as u64)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // While it is still locked: whoever locks the removed file sees that it is no more there, and makes the next.
        let _gone = rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty());
    }
}
