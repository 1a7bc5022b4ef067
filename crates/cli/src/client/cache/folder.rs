//! The folder of the cache: its user's alone, reached without following a link, each file replaced whole or not at all.
//!
//! Every file is opened relative to the folder that was looked at, and looked at after it was opened, so that nobody
//! can exchange one in between.

use super::entry::Entry;
use super::file_key::FileKey;
use evergrant_crypto::Seal;
use evergrant_tokio_reqwest::core::Wall;
use ring::rand::{SecureRandom, SystemRandom};
use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::fmt;
use std::fs::{DirBuilder, File, Metadata};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// No user but its owner may do anything with it.
const OTHERS: u32 = 0o077;
/// The endings of a client's three files: the token, the lock, and the token that is about to replace the first.
const TOKEN: &str = "token";
const LOCK: &str = "lock";
const NEW: &str = "new";
/// The file with the random key for clients without a secret, which has no client's name, and how often another one of it is tried to be made.
const FILE_KEY: &str = "file.key";
const TRIES: u32 = 8;
/// How old a file is that is no key yet when whoever wrote it has been killed: writing 32 bytes takes less on every disk.
const WRITTEN: Duration = Duration::from_secs(60);

/// An opened folder.
pub(super) struct Folder {
    path: PathBuf,
    opened: OwnedFd,
}

impl Folder {
    /// The folder at this path, made if it is not there; or why it cannot be used.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let about = |reason: &dyn fmt::Display| format!("the folder {} {reason}", path.display());
        if let Some(parent) = path.parent() {
            // What is wrong with it shows in the next step.
            let _exists = DirBuilder::new().recursive(true).mode(0o700).create(parent);
        }
        match rustix::fs::mkdirat(CWD, path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(about(&format_args!("cannot be made: {error}"))),
        }
        Self::find(path)?.ok_or_else(|| about(&"was removed"))
    }

    /// The folder at this path, if there is one; or why it cannot be used.
    pub(super) fn find(path: &Path) -> Result<Option<Self>, String> {
        let about = |reason: &dyn fmt::Display| format!("the folder {} {reason}", path.display());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
            Ok(opened) => File::from(opened),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => return Err(about(&"is not a folder, or is a symbolic link")),
            Err(error) => return Err(about(&format_args!("cannot be opened: {error}"))),
        };
        let metadata =
            opened.metadata().map_err(|error| about(&format_args!("cannot be examined: {error}")))?;
        private(&metadata).map_err(|reason| about(&format_args!("{reason}; chmod 700 it, or remove it")))?;
        Ok(Some(Self { path: path.to_owned(), opened: opened.into() }))
    }

    /// The sealed token of this name, of at most so many bytes; `None` if there is none, or why it is not to be used.
    pub(super) fn read(&self, name: &str, max: usize) -> Result<Option<Vec<u8>>, String> {
        let reason = match self.open_file(name, TOKEN) {
            Ok(None) => return Ok(None),
            Ok(Some(file)) => {
                let mut content = Vec::new();
                match file.take(max as u64 + 1).read_to_end(&mut content) {
                    Ok(_) => return Ok(Some(content)),
                    Err(error) => format!("cannot be read: {error}"),
                }
            }
            Err(reason) => reason,
        };
        Err(self.about(name, &reason))
    }

    /// A sentence about the token of this name.
    pub(super) fn about(&self, name: &str, reason: &str) -> String {
        format!("{} {reason}", self.path.join(file_name(name, TOKEN)).display())
    }

    /// The random key for clients without a secret: the one that is there, or a new one. One that is no key is replaced: what was sealed with
    /// it is lost, and asked for again.
    pub(super) fn file_key(&self) -> Result<FileKey, String> {
        let failed = |reason: &dyn fmt::Display| format!("{} {reason}", self.path.join(FILE_KEY).display());
        for _ in 0..TRIES {
            match self.known_file_key()? {
                Some(key) => return Ok(key),
                // Somebody else may be making one: whoever is first has made it for all.
                None => {
                    self.make_file_key().map_err(|error| failed(&format_args!("cannot be made: {error}")))?;
                }
            }
        }
        Err(failed(&"is removed again and again"))
    }

    /// The one that is there, if it is a key; or why it is not to be used.
    pub(super) fn known_file_key(&self) -> Result<Option<FileKey>, String> {
        let failed = |reason: String| format!("{} {reason}", self.path.join(FILE_KEY).display());
        let Some(mut file) = self.open_named(FILE_KEY).map_err(failed)? else { return Ok(None) };
        let mut key = FileKey::default();
        // Nothing but a key has its length.
        let is_key = file.read_exact(&mut *key).is_ok() && matches!(file.read(&mut [0]), Ok(0));
        if is_key {
            return Ok(Some(key));
        }
        let _gone = rustix::fs::unlinkat(&self.opened, FILE_KEY, AtFlags::empty());
        Ok(None)
    }

    /// Removes it: what was sealed with it is lost.
    pub(super) fn forget_file_key(&self) -> Result<(), String> {
        match rustix::fs::unlinkat(&self.opened, FILE_KEY, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(format!("{} cannot be removed: {error}", self.path.join(FILE_KEY).display())),
        }
    }

    /// Makes one, unless somebody was faster: written under another name, so that nobody finds half of it.
    fn make_file_key(&self) -> io::Result<()> {
        let no_randomness = |_| io::Error::other("the system gives no random bytes");
        let random = |bytes: &mut [u8]| SystemRandom::new().fill(bytes).map_err(no_randomness);
        let (mut key, mut number) = (FileKey::default(), [0; 8]);
        random(&mut *key)?;
        random(&mut number)?;
        let new = format!("{FILE_KEY}.{:016x}", u64::from_le_bytes(number));
        let written = self.create(&new, &*key).and_then(|()| {
            match rustix::fs::linkat(&self.opened, &new, &self.opened, FILE_KEY, AtFlags::empty()) {
                Ok(()) | Err(Errno::EXIST) => Ok(()),
                // A file system without links. Where two are made at once, what was sealed with the first is a miss.
                Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => {
                    Ok(rustix::fs::renameat(&self.opened, &new, &self.opened, FILE_KEY)?)
                }
                Err(error) => Err(error.into()),
            }
        });
        let _gone = rustix::fs::unlinkat(&self.opened, &new, AtFlags::empty());
        written
    }

    /// A new file with this content, which nobody but its owner can read.
    fn create(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.opened, name, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(opened);
        file.write_all(content)?;
        file.sync_all()
    }

    /// The lock of this name, unless somebody holds it. The system takes it back when its holder ends, however it ends.
    pub(super) fn try_lock(&self, name: &str) -> Result<Option<Lock<'_>>, String> {
        let file = file_name(name, LOCK);
        let failed = |error: &dyn fmt::Display| {
            format!("{} cannot be locked: {error}", self.path.join(&file).display())
        };
        loop {
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let opened = rustix::fs::openat(&self.opened, &file, flags, Mode::RUSR | Mode::WUSR)
                .map_err(|error| failed(&error))?;
            match rustix::fs::flock(&opened, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(failed(&error)),
            }
            // Its last holder removed it before letting it go. Then somebody may have locked the next one already.
            let opened = File::from(opened);
            let ours = opened.metadata().map_err(|error| failed(&error))?;
            let there = self.open_file(name, LOCK).map_err(|reason| failed(&reason))?;
            let there = there.map(|file| file.metadata()).transpose().map_err(|error| failed(&error))?;
            if there.is_some_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
                return Ok(Some(Lock { folder: self, name: name.to_owned(), _held: opened }));
            }
        }
    }

    /// A file that is there, is one, and is its owner's alone; or why not.
    fn open_file(&self, name: &str, ending: &str) -> Result<Option<File>, String> {
        self.open_named(&file_name(name, ending))
    }

    fn open_named(&self, name: &str) -> Result<Option<File>, String> {
        // Not to wait at a pipe.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.opened, name, flags, Mode::empty()) {
            Ok(opened) => File::from(opened),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err("is a symbolic link".into()),
            Err(error) => return Err(format!("cannot be opened: {error}")),
        };
        let metadata = file.metadata().map_err(|error| format!("cannot be examined: {error}"))?;
        if !metadata.is_file() {
            return Err("is not a regular file".into());
        }
        private(&metadata)?;
        Ok(Some(file))
    }

    /// The token of this name, if there is one that this command has kept: nothing of anybody else's.
    pub(super) fn entry(&self, name: &str) -> Option<Entry> {
        let opened = self.open_file(name, TOKEN).ok()??;
        let bytes = opened.metadata().ok()?.len();
        let mut header = Vec::new();
        opened.take(Seal::END_LEN as u64).read_to_end(&mut header).ok()?;
        Some(Entry { name: name.to_owned(), end: Seal::end(&header)?, bytes })
    }

    /// All of them, in the order of their names.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, String> {
        let names = self.names(TOKEN)?;
        Ok(names.iter().filter_map(|name| self.entry(name)).collect())
    }

    /// The names that a writer which was killed may have left.
    pub(super) fn unfinished(&self) -> Result<Vec<String>, String> {
        self.names(NEW)
    }

    /// The names of the files with this ending, as far as they are names of clients.
    fn names(&self, ending: &str) -> Result<Vec<String>, String> {
        let mut names = Vec::new();
        for file in self.files()? {
            let name = file.rsplit_once('.').filter(|(name, of)| *of == ending && Seal::is_name(name));
            names.extend(name.map(|(name, _)| name.to_owned()));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The names of all that is in the folder.
    fn files(&self) -> Result<Vec<String>, String> {
        let failed = |error: Errno| format!("the folder {} cannot be read: {error}", self.path.display());
        let entries = rustix::fs::Dir::read_from(&self.opened).map_err(failed)?;
        entries.map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned())).collect()
    }

    /// Removes the file keys that were not finished: whoever wrote one of them was killed.
    pub(super) fn sweep(&self, now: Wall) {
        for file in self.files().unwrap_or_default().iter().filter(|file| is_unfinished_key(file)) {
            // What is no file of this user's alone stays.
            let Ok(Some(opened)) = self.open_named(file) else { continue };
            let written = opened.metadata().and_then(|metadata| metadata.modified()).ok();
            let written = written.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            if written.is_some_and(|written| now.since(Wall::from_epoch(written)) > WRITTEN) {
                // Somebody else may have been faster.
                let _gone = rustix::fs::unlinkat(&self.opened, file, AtFlags::empty());
            }
        }
    }

    /// Removes the tokens that are over: of clients that are no more, and of secrets that were changed.
    fn clear(&self, now: Wall) {
        self.sweep(now);
        let Ok(entries) = self.entries() else { return };
        for entry in entries.iter().filter(|entry| entry.end < now) {
            // Somebody else may have been faster. One that is replaced in this moment is asked for once more.
            let _gone = rustix::fs::unlinkat(&self.opened, file_name(&entry.name, TOKEN), AtFlags::empty());
        }
    }
}

/// The one right to ask for a client's token and to keep it.
pub(super) struct Lock<'a> {
    folder: &'a Folder,
    name: String,
    _held: File,
}

impl Lock<'_> {
    /// Keeps these bytes in place of what there is: all of them, or what there was stays.
    pub(super) fn replace(&self, content: &[u8], now: Wall) -> Result<(), String> {
        let folder = &self.folder.opened;
        let (new, token) = (file_name(&self.name, NEW), file_name(&self.name, TOKEN));
        let written =
            self.write(&new, content).and_then(|()| Ok(rustix::fs::renameat(folder, &new, folder, &token)?));
        if let Err(error) = written {
            let _gone = rustix::fs::unlinkat(folder, &new, AtFlags::empty());
            return Err(self.folder.about(&self.name, &format!("cannot be written: {error}")));
        }
        // So that the new name is there after a loss of power, too; where the folder knows nothing of that, the old one.
        let _durable = rustix::fs::fsync(folder);
        self.folder.clear(now);
        Ok(())
    }

    /// Removes what is kept.
    pub(super) fn remove(&self) -> Result<(), String> {
        self.unlink(TOKEN)
    }

    fn unlink(&self, ending: &str) -> Result<(), String> {
        match rustix::fs::unlinkat(&self.folder.opened, file_name(&self.name, ending), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.folder.about(&self.name, &format!("cannot be removed: {error}"))),
        }
    }

    /// Removes what a writer that was killed has left: nobody writes while we hold the lock.
    pub(super) fn tidy(&self) -> Result<(), String> {
        // What is no file of this user's alone stays.
        let Ok(Some(_)) = self.folder.open_file(&self.name, NEW) else { return Ok(()) };
        self.unlink(NEW)
    }

    fn write(&self, new: &str, content: &[u8]) -> io::Result<()> {
        // One may be left from a holder that was killed; nobody else writes it while we hold the lock.
        match rustix::fs::unlinkat(&self.folder.opened, new, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        self.folder.create(new, content)
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // While it is still held: whoever locks the removed file sees that it is no more there, and makes the next.
        let _gone = rustix::fs::unlinkat(&self.folder.opened, file_name(&self.name, LOCK), AtFlags::empty());
    }
}

fn file_name(name: &str, ending: &str) -> String {
    format!("{name}.{ending}")
}

/// Whether a file of this name is to become the random key.
fn is_unfinished_key(file: &str) -> bool {
    let number = file.strip_prefix(FILE_KEY).and_then(|rest| rest.strip_prefix('.'));
    number.is_some_and(|number| number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn private(metadata: &Metadata) -> Result<(), String> {
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err("belongs to another user".into());
    }
    if metadata.mode() & OTHERS != 0 {
        return Err(format!("is open to other users (mode {:o})", metadata.mode() & 0o777));
    }
    Ok(())
}
