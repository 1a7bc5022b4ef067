//! The folder itself: its user's alone, reached without following a link, each file replaced whole or not at all.
//!
//! Every file is opened relative to the folder that was looked at, and looked at after it was opened, so that nobody can exchange one in
//! between.

use crate::error::FolderError;
use evergrant_core::fleet::{Fence, Name};
use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::fmt;
use std::fs::{DirBuilder, File, Metadata};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use zeroize::Zeroizing;

/// What its owner may do with each file, whatever the umask takes of that.
const OWN: Mode = Mode::RUSR.union(Mode::WUSR);
/// No user but its owner may do anything with it.
const OTHERS: u32 = 0o077;
/// The endings of an entry's three files: the entry, the lock, and what is about to replace the first.
const ENTRY: &str = "entry";
const LOCK: &str = "lock";
const NEW: &str = "new";
/// The ending of what a process holds a lock on for as long as it asks: a claim whose holder has died ends at once.
const CLAIM: &str = "claim";
/// What earlier releases of the command kept, which nobody reads any more.
const EARLIER: &str = "token";
/// The file with the random key, and how often another one of it is tried to be made.
const FILE_KEY: &str = "file.key";
const TRIES: u32 = 8;
/// The file whose time says when somebody last looked for what is over.
const SWEPT: &str = "swept";
/// How old a file is that is not whole when whoever wrote it has been killed: writing takes less on every disk.
const WRITTEN: Duration = Duration::from_secs(60);
/// No entry is longer: a sealed token, in base64url, and the rest of it.
const MAX_LEN: u64 = 32 * 1024;
/// How soon somebody who waits for a lock looks again, at first and later: it is held for less than a millisecond, unless hundreds want it.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
const LOOK_LATER: Duration = Duration::from_millis(16);

/// An opened folder.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Opened anew where it was removed and made again.
    opened: Mutex<Arc<OwnedFd>>,
}

impl Folder {
    /// The folder at this path, made if it is not there; or why it cannot be used.
    pub(crate) fn open(path: &Path) -> Result<Self, FolderError> {
        // A slash at the end would have the system follow a link.
        let path: PathBuf = path.components().collect();
        let opened = make(&path)?;
        Ok(Self { path, opened: Mutex::new(Arc::new(opened)) })
    }

    /// The folder at this path, if there is one; or why it cannot be used.
    pub(crate) fn find(path: &Path) -> Result<Option<Self>, FolderError> {
        let path: PathBuf = path.components().collect();
        let opened = find(&path)?;
        Ok(opened.map(|opened| Self { path, opened: Mutex::new(Arc::new(opened)) }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn opened(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.opened.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// An error of this file.
    fn about(&self, file: &str, reason: &dyn fmt::Display) -> FolderError {
        FolderError::file(self.path.join(file), reason.to_string())
    }

    /// The text of the entry of this name, if there is one. What is no file of this user's alone is none: the next entry takes its place.
    pub(crate) fn read(&self, name: &Name) -> Option<String> {
        let opened = self.open_file(&file_name(name, ENTRY)).ok()??;
        let mut content = String::new();
        opened.take(MAX_LEN).read_to_string(&mut content).ok()?;
        Some(content)
    }

    /// The same, or why it is none.
    pub(crate) fn read_whole(&self, name: &Name) -> Result<Option<String>, FolderError> {
        let Some(opened) = self.open_file(&file_name(name, ENTRY))? else { return Ok(None) };
        let mut content = Vec::new();
        let read = opened.take(MAX_LEN).read_to_end(&mut content);
        read.map_err(|error| self.about(&file_name(name, ENTRY), &format_args!("cannot be read: {error}")))?;
        String::from_utf8(content).map(Some).map_err(|_| self.damaged(name))
    }

    /// That what is there is no entry.
    pub(crate) fn damaged(&self, name: &Name) -> FolderError {
        self.about(&file_name(name, ENTRY), &"was not written by evergrant, or is damaged")
    }

    /// Says that this process asks by this claim, for as long as what is returned lives.
    pub(crate) fn asks(&self, name: &Name, fence: Fence) -> Result<Asks, FolderError> {
        let (folder, file) = (self.opened(), claim_name(name, fence));
        let failed = |error: &dyn fmt::Display| self.about(&file, &format_args!("cannot be made: {error}"));
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(&*folder, &*file, flags, OWN);
        let opened = match open() {
            // Of a claim in the same millisecond, whose entry is lost: nobody looks for it any more.
            Err(Errno::EXIST) => {
                let _gone = rustix::fs::unlinkat(&*folder, &*file, AtFlags::empty());
                open()
            }
            opened => opened,
        };
        let opened = opened.map_err(|error| failed(&error))?;
        rustix::fs::fchmod(&opened, OWN).map_err(|error| failed(&error))?;
        rustix::fs::flock(&opened, FlockOperation::NonBlockingLockExclusive)
            .map_err(|error| failed(&error))?;
        Ok(Asks { folder, file, held: opened })
    }

    /// Whether whoever asked by this claim is no more.
    pub(crate) fn is_dead(&self, name: &Name, fence: Fence) -> bool {
        // What is not there tells nothing: then the claim lasts as long as it was made for.
        let Ok(Some(opened)) = self.open_file(&claim_name(name, fence)) else { return false };
        rustix::fs::flock(&opened, FlockOperation::NonBlockingLockExclusive).is_ok()
    }

    /// Removes what was left of a claim whose maker is no more, once no entry has it: before, it is what the next one knows it by.
    pub(crate) fn clear_claim(&self, name: &Name, fence: Fence) {
        let _gone = rustix::fs::unlinkat(&*self.opened(), claim_name(name, fence), AtFlags::empty());
    }

    /// The lock of this name; `None` if somebody holds it for that long. The system takes it back when its holder ends, however it ends.
    pub(crate) fn lock(&self, name: &Name, limit: Duration) -> Result<Option<Lock<'_>>, FolderError> {
        let (begun, file) = (Instant::now(), file_name(name, LOCK));
        let failed = |error: &dyn fmt::Display| self.about(&file, &format_args!("cannot be locked: {error}"));
        let (mut is_made_again, mut pause) = (false, LOOK_AGAIN);
        loop {
            let folder = self.opened();
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let opened = match rustix::fs::openat(&folder, &file, flags, OWN) {
                Ok(opened) => File::from(opened),
                // The folder is no more. Somebody emptied a cache, and may have made it again.
                Err(Errno::NOENT) if !is_made_again => {
                    is_made_again = true;
                    *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(make(&self.path)?);
                    continue;
                }
                Err(Errno::LOOP) => return Err(self.about(&file, &"is a symbolic link")),
                Err(error) => return Err(failed(&error)),
            };
            let ours = opened.metadata().map_err(|error| failed(&error))?;
            // A pipe, or a file of somebody else's, is no lock.
            usable(&ours).map_err(|reason| self.about(&file, &reason))?;
            if ours.mode() & OWN.bits() != OWN.bits() {
                rustix::fs::fchmod(&opened, OWN).map_err(|error| failed(&error))?;
            }
            match rustix::fs::flock(&opened, FlockOperation::NonBlockingLockExclusive) {
                // Its last holder removed it before letting it go. Then somebody may have locked the next one already.
                Ok(()) => {
                    let there = self.open_file(&file)?.map(|file| file.metadata()).transpose();
                    let there = there.map_err(|error| failed(&error))?;
                    if there.is_some_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
                        return Ok(Some(Lock { place: self, folder, name: *name, _held: opened }));
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) if begun.elapsed() < limit => {
                    thread::sleep(pause);
                    pause = pause.saturating_mul(2).min(LOOK_LATER);
                }
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(error) => return Err(failed(&error)),
            }
        }
    }

    /// The names of entries.
    pub(crate) fn names(&self) -> Result<Vec<Name>, FolderError> {
        let mut names: Vec<Name> = self.files()?.iter().filter_map(|file| name_of(file, ENTRY)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The claims by which somebody asks, or has asked until he died.
    pub(crate) fn claims(&self) -> Result<Vec<(Name, Fence)>, FolderError> {
        Ok(self.files()?.iter().filter_map(|file| claim_of(file)).collect())
    }

    /// The names of all that is in the folder.
    fn files(&self) -> Result<Vec<String>, FolderError> {
        let failed = |error: Errno| FolderError::folder(&self.path, format!("cannot be read: {error}"));
        let entries = rustix::fs::Dir::read_from(&*self.opened()).map_err(failed)?;
        entries.map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned())).collect()
    }

    /// Whether nobody has looked for what is over for so long. Whoever asks is the one who does it then.
    pub(crate) fn is_to_be_swept(&self, every: Duration) -> bool {
        if let Ok(Some(swept)) = self.open_file(SWEPT) {
            let when = swept.metadata().and_then(|metadata| metadata.modified()).ok();
            // One in the future is of a clock that was set back.
            if when.is_some_and(|when| when.elapsed().is_ok_and(|age| age < every)) {
                return false;
            }
        }
        let folder = self.opened();
        let _gone = rustix::fs::unlinkat(&*folder, SWEPT, AtFlags::empty());
        // Where it cannot be made, nothing can be removed either.
        create(&folder, SWEPT, &[], false).is_ok()
    }

    /// The next one looks for what is over: this one has not come to the end.
    pub(crate) fn is_not_swept(&self) {
        let _gone = rustix::fs::unlinkat(&*self.opened(), SWEPT, AtFlags::empty());
    }

    /// Removes what was not finished, whose writer was killed, and what nobody reads any more.
    pub(crate) fn sweep(&self, now: SystemTime) {
        for file in self.files().unwrap_or_default() {
            let is_ours = is_unfinished_key(&file) || name_of(&file, EARLIER).is_some();
            // Whoever writes holds the lock.
            if let Some(name) = name_of(&file, NEW)
                && let Ok(Some(_)) = self.open_file(&file)
                && let Ok(Some(_held)) = self.lock(&name, Duration::ZERO)
            {
                let _gone = rustix::fs::unlinkat(&*self.opened(), &*file, AtFlags::empty());
            }
            // What is no file of this user's alone stays.
            let Some(Ok(Some(opened))) = is_ours.then(|| self.open_file(&file)) else { continue };
            let written = opened.metadata().and_then(|metadata| metadata.modified()).ok();
            if written.is_some_and(|written| now.duration_since(written).is_ok_and(|age| age > WRITTEN)) {
                // Somebody else may have been faster.
                let _gone = rustix::fs::unlinkat(&*self.opened(), &*file, AtFlags::empty());
            }
        }
    }

    /// A file that is there, is one, and is its owner's alone; or why not.
    fn open_file(&self, file: &str) -> Result<Option<File>, FolderError> {
        // Not to wait at a pipe.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = match rustix::fs::openat(&*self.opened(), file, flags, Mode::empty()) {
            Ok(opened) => File::from(opened),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(self.about(file, &"is a symbolic link")),
            Err(error) => return Err(self.about(file, &format_args!("cannot be opened: {error}"))),
        };
        let metadata = opened.metadata();
        let metadata =
            metadata.map_err(|error| self.about(file, &format_args!("cannot be examined: {error}")))?;
        usable(&metadata).map_err(|reason| self.about(file, &reason))?;
        Ok(Some(opened))
    }
}

// The random key.
impl Folder {
    /// The one that is there, or a new one. One that is no key is replaced: what was sealed with it is lost, and asked for again.
    pub(crate) fn file_key(&self) -> Result<Zeroizing<[u8; 32]>, FolderError> {
        for _ in 0..TRIES {
            match self.read_file_key()? {
                FileKey::Is(key) => return Ok(key),
                FileKey::IsNone => self.unlink(FILE_KEY)?,
                FileKey::IsNotThere => {}
            }
            // Somebody else may be making one: whoever is first has made it for all.
            let made = self.make_file_key();
            made.map_err(|error| self.about(FILE_KEY, &format_args!("cannot be made: {error}")))?;
        }
        Err(self.about(FILE_KEY, &"is removed again and again"))
    }

    /// The one that is there, if it is a key; or why it is not to be used. One that is no key is none, and stays.
    pub(crate) fn known_file_key(&self) -> Result<Option<Zeroizing<[u8; 32]>>, FolderError> {
        match self.read_file_key()? {
            FileKey::Is(key) => Ok(Some(key)),
            FileKey::IsNone | FileKey::IsNotThere => Ok(None),
        }
    }

    fn read_file_key(&self) -> Result<FileKey, FolderError> {
        let Some(mut file) = self.open_file(FILE_KEY)? else { return Ok(FileKey::IsNotThere) };
        let unread = |error: io::Error| self.about(FILE_KEY, &format_args!("cannot be read: {error}"));
        // Nothing but a key has its length.
        let mut key = Zeroizing::new([0; 32]);
        match file.read_exact(&mut *key) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(FileKey::IsNone),
            Err(error) => return Err(unread(error)),
        }
        Ok(if file.read(&mut [0]).map_err(unread)? == 0 { FileKey::Is(key) } else { FileKey::IsNone })
    }

    /// Removes it, and the file that tells when somebody swept: what was sealed with the key is lost.
    pub(crate) fn forget_file_key(&self) -> Result<(), FolderError> {
        self.unlink(SWEPT)?;
        self.unlink(FILE_KEY)
    }

    /// Makes one, unless somebody was faster: written under another name, so that nobody finds half of it.
    fn make_file_key(&self) -> io::Result<()> {
        let random = |bytes: &mut [u8]| {
            getrandom::fill(bytes).map_err(|_| io::Error::other("the system gives no random bytes"))
        };
        let (mut key, mut number) = (Zeroizing::new([0; 32]), [0; 8]);
        random(&mut *key)?;
        random(&mut number)?;
        let (folder, new) = (self.opened(), format!("{FILE_KEY}.{:016x}", u64::from_le_bytes(number)));
        let written = create(&folder, &new, &*key, true).and_then(|()| {
            match rustix::fs::linkat(&*folder, &*new, &*folder, FILE_KEY, AtFlags::empty()) {
                Ok(()) | Err(Errno::EXIST) => Ok(()),
                // A file system without links. Where two are made at once, what was sealed with the first is a miss.
                Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => {
                    Ok(rustix::fs::renameat(&*folder, &*new, &*folder, FILE_KEY)?)
                }
                Err(error) => Err(error.into()),
            }
        });
        let _gone = rustix::fs::unlinkat(&*folder, &*new, AtFlags::empty());
        written
    }

    fn unlink(&self, file: &str) -> Result<(), FolderError> {
        match rustix::fs::unlinkat(&*self.opened(), file, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.about(file, &format_args!("cannot be removed: {error}"))),
        }
    }
}

/// What is in the place of the random key.
enum FileKey {
    Is(Zeroizing<[u8; 32]>),
    IsNone,
    IsNotThere,
}

/// The one right to change an entry.
pub(crate) struct Lock<'a> {
    place: &'a Folder,
    folder: Arc<OwnedFd>,
    name: Name,
    _held: File,
}

impl Lock<'_> {
    /// Keeps these bytes in place of what there is: all of them, or what there was stays. With `is_lasting` they are there after a loss of
    /// power, too.
    pub(crate) fn replace(&self, content: &[u8], is_lasting: bool) -> Result<(), FolderError> {
        let (new, entry) = (file_name(&self.name, NEW), file_name(&self.name, ENTRY));
        let written = self.write(&new, content, is_lasting);
        let written =
            written.and_then(|()| Ok(rustix::fs::renameat(&*self.folder, &*new, &*self.folder, &*entry)?));
        if let Err(error) = written {
            let _gone = rustix::fs::unlinkat(&*self.folder, &*new, AtFlags::empty());
            return Err(self.place.about(&entry, &format_args!("cannot be written: {error}")));
        }
        if is_lasting {
            // The new name as well; where the folder knows nothing of that, the old one.
            let _durable = rustix::fs::fsync(&*self.folder);
        }
        Ok(())
    }

    /// Removes what is kept.
    pub(crate) fn remove(&self) -> Result<(), FolderError> {
        self.place.unlink(&file_name(&self.name, ENTRY))
    }

    fn write(&self, new: &str, content: &[u8], is_lasting: bool) -> io::Result<()> {
        // One may be left from a holder that was killed; nobody else writes it while we hold the lock.
        match rustix::fs::unlinkat(&*self.folder, new, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        create(&self.folder, new, content, is_lasting)
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // While it is still held: whoever locks the removed file sees that it is no more there, and makes the next.
        let _gone = rustix::fs::unlinkat(&*self.folder, file_name(&self.name, LOCK), AtFlags::empty());
    }
}

/// That this process asks by a claim.
#[derive(Debug)]
pub(crate) struct Asks {
    folder: Arc<OwnedFd>,
    file: String,
    held: OwnedFd,
}

impl Asks {
    /// The claim has ended: nobody needs to know of it. Where this is only dropped, it ended without a word.
    pub(crate) fn end(self) {
        let there = rustix::fs::statat(&*self.folder, &*self.file, AtFlags::SYMLINK_NOFOLLOW);
        let ours = rustix::fs::fstat(&self.held);
        // The file of that name may be another claim's by now.
        if there.is_ok_and(|there| {
            ours.is_ok_and(|ours| (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino))
        }) {
            let _gone = rustix::fs::unlinkat(&*self.folder, &*self.file, AtFlags::empty());
        }
    }
}

/// The folder at this path, made if it is not there.
fn make(path: &Path) -> Result<OwnedFd, FolderError> {
    let parents = path.parent().map(|parent| DirBuilder::new().recursive(true).mode(0o700).create(parent));
    match (rustix::fs::mkdirat(CWD, path, Mode::RWXU), parents) {
        // A umask may have taken its user's own rights.
        (Ok(()), _) => drop(rustix::fs::chmodat(CWD, path, Mode::RWXU, AtFlags::empty())),
        (Err(Errno::EXIST), _) => {}
        // Why the one above could not be made says more than that it is not there.
        (Err(_), Some(Err(error))) => {
            return Err(FolderError::folder(path, format!("cannot be made: {error}")));
        }
        (Err(error), _) => return Err(FolderError::folder(path, format!("cannot be made: {error}"))),
    }
    find(path)?.ok_or_else(|| FolderError::folder(path, "was removed"))
}

fn find(path: &Path) -> Result<Option<OwnedFd>, FolderError> {
    let about = |reason: String| FolderError::folder(path, reason);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
        Ok(opened) => File::from(opened),
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP | Errno::NOTDIR) => {
            return Err(about("is not a folder, or is a symbolic link".into()));
        }
        Err(error) => return Err(about(format!("cannot be opened: {error}"))),
    };
    let metadata = opened.metadata().map_err(|error| about(format!("cannot be examined: {error}")))?;
    let is_ours = metadata.uid() == rustix::process::geteuid().as_raw();
    let next = if is_ours {
        "chmod 700 it, or remove it"
    } else {
        "have that user remove it, or name another folder"
    };
    private(&metadata).map_err(|reason| about(format!("{reason}; {next}")))?;
    Ok(Some(opened.into()))
}

/// A new file with this content, which nobody but its owner can read.
fn create(folder: &OwnedFd, name: &str, content: &[u8], is_lasting: bool) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(folder, name, flags, OWN)?);
    rustix::fs::fchmod(&file, OWN)?;
    file.write_all(content)?;
    if is_lasting { file.sync_all() } else { Ok(()) }
}

fn file_name(name: &Name, ending: &str) -> String {
    format!("{name}.{ending}")
}

fn claim_name(name: &Name, fence: Fence) -> String {
    format!("{name}.{}.{CLAIM}", fence.number())
}

/// The claim that this is the file of.
fn claim_of(file: &str) -> Option<(Name, Fence)> {
    let (name, fence) = file.strip_suffix(CLAIM)?.strip_suffix('.')?.split_once('.')?;
    Some((Name::parse(name)?, Fence::new(fence.parse().ok()?)))
}

/// The name of an entry, of which this is the file with that ending.
fn name_of(file: &str, ending: &str) -> Option<Name> {
    let (name, of) = file.rsplit_once('.')?;
    Name::parse(name).filter(|_| of == ending)
}

/// Whether a file of this name is to become the random key.
fn is_unfinished_key(file: &str) -> bool {
    let number = file.strip_prefix(FILE_KEY).and_then(|rest| rest.strip_prefix('.'));
    number.is_some_and(|number| number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn usable(metadata: &Metadata) -> Result<(), String> {
    if !metadata.is_file() {
        return Err("is not a regular file".into());
    }
    private(metadata)
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
