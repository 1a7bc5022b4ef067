//! Whose the token file is.

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How a claim begins: what does not is a file of the user's.
const MAGIC: &str = "evergrant token file\n";

/// Longer than any claim, in bytes.
const LONGEST: u64 = 1024;

/// What others may not do with a claim: whoever writes it says which files are replaced.
const OTHERS: u32 = 0o077;

/// Which file was written, in one line: its device and inode; and its length and when it was modified, since inodes are
/// used again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written(String);

impl Written {
    pub(super) fn of(file: &Metadata) -> Self {
        let (seconds, nanos) = (file.mtime(), file.mtime_nsec());
        Self(format!("{} {} {} {seconds}.{nanos:09}", file.dev(), file.ino(), file.len()))
    }

    #[cfg(test)]
    pub(super) fn as_line(&self) -> &str {
        &self.0
    }
}

pub(super) enum Claimed {
    Ours(Claim),
    /// Another run has it.
    Held,
    /// What stands in its place is no claim of this user's, and stays.
    Foreign,
}

/// The right to keep the token file, in a file beside it.
#[derive(Debug)]
pub(super) struct Claim {
    folder: OwnedFd,
    name: OsString,
    file: File,
    /// What a run that was killed has written, with the name it had if it was still on its way; then what this one has.
    written: Vec<Entry>,
    /// Whether a file of a run that was killed may still be there: it stays claimed then.
    leaves: bool,
}

/// A line of a claim: a file that was written, and the name under which it was made.
#[derive(Clone, Debug)]
struct Entry {
    file: Written,
    made_as: String,
}

impl Claim {
    /// The claim to the file of this name. Nothing of anybody else's is touched.
    pub(super) fn beside(folder: &Path, name: &OsStr) -> io::Result<Claimed> {
        let folder = rustix::fs::open(folder, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let name = OsString::from_iter([OsStr::new("."), name, OsStr::new(".evergrant")]);
        // A link is not followed, and nobody waits at a pipe.
        let there = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let new = there | OFlags::CREATE | OFlags::EXCL;
        loop {
            let (mut file, is_new) = match rustix::fs::openat(&folder, &name, new, Mode::RUSR | Mode::WUSR) {
                Ok(opened) => (File::from(opened), true),
                Err(Errno::EXIST) => match rustix::fs::openat(&folder, &name, there, Mode::empty()) {
                    Ok(opened) => (File::from(opened), false),
                    // The run that had it has just ended.
                    Err(Errno::NOENT) => continue,
                    Err(Errno::LOOP | Errno::ACCESS | Errno::ISDIR | Errno::NXIO) => {
                        return Ok(Claimed::Foreign);
                    }
                    Err(error) => return Err(error.into()),
                },
                Err(error) => return Err(error.into()),
            };
            if !is_ours(&file.metadata()?) {
                return Ok(Claimed::Foreign);
            }
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(Claimed::Held),
                Err(error) => return Err(error.into()),
            }
            // The run before may have removed it between our opening and our locking.
            let again = rustix::fs::openat(&folder, &name, there, Mode::empty()).map(File::from);
            let again = again.ok().and_then(|again| again.metadata().ok());
            let locked = file.metadata()?;
            if again.is_none_or(|again| (again.dev(), again.ino()) != (locked.dev(), locked.ino())) {
                continue;
            }
            let mut text = String::new();
            let read = (&mut file).take(LONGEST).read_to_string(&mut text);
            let Some(written) = read.ok().and_then(|_| entries(&text, is_new || locked.len() == 0)) else {
                return Ok(Claimed::Foreign);
            };
            let leaves = !written.is_empty();
            let mut claim = Self { folder, name, file, written, leaves };
            claim.write()?;
            return Ok(Claimed::Ours(claim));
        }
    }

    /// Whether a run that was killed has written this file.
    pub(super) fn has_written(&self, found: &Metadata) -> bool {
        let found = Written::of(found);
        self.written.iter().any(|entry| entry.file == found)
    }

    /// Says that this file, made under this name, is ours, beside the one that it will replace.
    pub(super) fn record(
        &mut self,
        file: &Written,
        made_as: &OsStr,
        replaced: Option<&Metadata>,
    ) -> io::Result<()> {
        self.sweep();
        let replaced = replaced.map(Written::of);
        self.written.retain(|entry| Some(&entry.file) == replaced.as_ref());
        self.written.push(Entry { file: file.clone(), made_as: made_as.to_string_lossy().into_owned() });
        self.write()
    }

    /// The token file is gone or will be replaced no more: the claim goes with this.
    pub(super) fn release(&mut self) {
        self.sweep();
        self.leaves = false;
    }

    /// Removes what a run that was killed had made and not yet put in its place.
    fn sweep(&self) {
        for entry in &self.written {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let left = rustix::fs::openat(&self.folder, &entry.made_as, flags, Mode::empty()).map(File::from);
            let left = left.ok().and_then(|left| left.metadata().ok());
            if left.is_some_and(|left| Written::of(&left) == entry.file) {
                let _gone = rustix::fs::unlinkat(&self.folder, &entry.made_as, AtFlags::empty());
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        let mut text = String::from(MAGIC);
        for Entry { file, made_as } in &self.written {
            text.push_str(&format!("{} {made_as}\n", file.0));
        }
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())?;
        self.file.set_len(text.len() as u64)
    }
}

/// A file of this user's alone, under one name.
fn is_ours(claim: &Metadata) -> bool {
    claim.is_file()
        && claim.uid() == rustix::process::geteuid().as_raw()
        && claim.mode() & OTHERS == 0
        && claim.nlink() == 1
}

/// What stands in a claim; `None` if it is none.
fn entries(text: &str, is_new: bool) -> Option<Vec<Entry>> {
    if is_new {
        return Some(Vec::new());
    }
    let entry = |line: &str| {
        // Device, inode, length, time; then the name.
        let (at, _) = line.match_indices(' ').nth(3)?;
        let (file, made_as) = line.split_at(at);
        Some(Entry { file: Written(file.to_owned()), made_as: made_as.get(1..)?.to_owned() })
    };
    text.strip_prefix(MAGIC)?.lines().map(entry).collect()
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.leaves {
            // While it is still locked: whoever locks the removed file sees that it is no more there, and makes the next.
            let _gone = rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty());
        }
    }
}
