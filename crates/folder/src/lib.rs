#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
#[cfg(unix)]
mod folder;
#[cfg(not(unix))]
#[path = "folder/elsewhere.rs"]
mod folder;
mod held;

pub use error::FolderError;
pub use held::Held;

use evergrant_core::fleet::{Claimant, Entry, Name, Operation, Reply, StoreError, StoreTime};
use evergrant_drive::BlockingStore;
use folder::{Asks, Folder};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// How often one process looks for entries that are over.
const SWEEP: Duration = Duration::from_secs(3600);
/// How long a lock is waited for by whoever clears.
const CLEARING: Duration = Duration::from_millis(250);

/// A folder in which the processes of one user on one host share tokens: the [`BlockingStore`] of a host. Clones are one store.
///
/// Each entry is a file of mode 0600, replaced whole or not at all, by whoever holds its lock (`flock`), which the system takes back when its
/// holder ends, however it ends. So is known whether whoever asks is still there: the claim of a process that was killed ends at once, and not with its
/// lease. No link is followed, and a folder or a file that is another user's, or that other users may open, is not
/// used. The clock is the host's wall clock.
///
/// It is for a local disk: `flock` over a network file system may hold on one host alone.
#[derive(Clone, Debug)]
pub struct FolderStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: Folder,
    /// When this process last looked for entries that are over, in milliseconds since 1970; 0 for never.
    swept: AtomicU64,
    /// The claims by which this process asks: the others know by these that it lives.
    asking: Mutex<BTreeMap<(Name, Claimant), Asks>>,
}

impl FolderStore {
    /// The folder at this path, made with mode 0700 if it is not there.
    ///
    /// # Errors
    /// It cannot be made or opened, is a link, or is not its user's alone.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FolderError> {
        Folder::open(path.as_ref()).map(Self::of)
    }

    /// The same where it is there; `None` where it is not, and none is made.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn find(path: impl AsRef<Path>) -> Result<Option<Self>, FolderError> {
        Ok(Folder::find(path.as_ref())?.map(Self::of))
    }

    fn of(folder: Folder) -> Self {
        Self(Arc::new(Inner { folder, swept: AtomicU64::new(0), asking: Mutex::default() }))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.0.folder.path()
    }

    /// The random key of this folder, the same for all that ask: made when the first does, and kept in the file `file.key` beside the
    /// entries. For a `StoreKey` of clients without a secret of their own: whoever can read the folder can then open what is in it, so it
    /// is as good as the modes of its files.
    ///
    /// # Errors
    /// It can be neither read nor made.
    pub fn key(&self) -> Result<Zeroizing<[u8; 32]>, FolderError> {
        self.0.folder.file_key()
    }

    /// The same if it was made; none is.
    ///
    /// # Errors
    /// It is there, and cannot be read.
    pub fn known_key(&self) -> Result<Option<Zeroizing<[u8; 32]>>, FolderError> {
        self.0.folder.known_file_key()
    }

    /// What is in it, in the order of names: as far as that can be told without a key. What is another user's, a link, or no entry is left
    /// out.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn entries(&self) -> Result<Vec<Held>, FolderError> {
        let names = self.0.folder.names()?;
        Ok(names.iter().filter_map(|name| self.held(name)).collect())
    }

    /// What is in it under this name.
    pub fn entry(&self, name: &Name) -> Option<Held> {
        self.held(name)
    }

    fn held(&self, name: &Name) -> Option<Held> {
        let text = self.0.folder.read(name)?;
        let entry = Entry::parse(&text)?;
        Some(Held {
            name: *name,
            bytes: text.len() as u64,
            token_ends_at: entry.token_ends_at(),
            expires_at: entry.expires_at(),
        })
    }

    /// Removes the entry of this name, if `may_go` says so of what is there. Returns whether one was removed; `None` where somebody holds its
    /// lock.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(
        &self,
        name: &Name,
        may_go: impl FnOnce(&Held) -> bool,
    ) -> Result<Option<bool>, FolderError> {
        let Some(lock) = self.0.folder.lock(name, CLEARING)? else { return Ok(None) };
        match self.held(name) {
            Some(held) if may_go(&held) => lock.remove().map(|()| Some(true)),
            _ => Ok(Some(false)),
        }
    }

    /// Removes the folder's random key: what was sealed with it is lost, and asked for again.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn forget_key(&self) -> Result<(), FolderError> {
        self.0.folder.forget_file_key()
    }

    /// Removes what is over, and what a process that was killed has left half written. It is done once an hour by each process that puts a
    /// token; what cannot be removed stays.
    pub fn sweep(&self) {
        let now = now();
        self.0.swept.store(now.as_millis(), Ordering::Relaxed);
        self.0.folder.sweep(SystemTime::now());
        for name in self.0.folder.names().unwrap_or_default() {
            // Whoever is faster has done it.
            let _gone = self.remove(&name, |held| held.expires_at <= now);
        }
    }

    fn sweep_now_and_then(&self, now: StoreTime) {
        let swept = StoreTime::from_millis(self.0.swept.load(Ordering::Relaxed));
        if now.since(swept) >= SWEEP {
            self.sweep();
        }
    }
}

impl FolderStore {
    /// What [`run`](BlockingStore::run) does, at the time that this says once the lock is held.
    fn run_at(
        &self,
        clock: impl FnOnce() -> StoreTime,
        name: &Name,
        operation: &Operation,
        limit: Duration,
    ) -> Result<Option<Reply>, FolderError> {
        let folder = &self.0.folder;
        // One that was damaged, or written by another version, is as good as lost.
        let read = || folder.read(name).and_then(|text| Entry::parse(&text));
        let lock = match folder.lock(name, limit) {
            Ok(Some(lock)) => lock,
            Ok(None) => return Ok(None),
            // Where nothing can be written, what is there can still be had.
            Err(error) => {
                let reply = read().map(|mut entry| entry.run(clock(), operation));
                return reply.filter(|reply| matches!(reply, Reply::Have(_))).map(Some).ok_or(error);
            }
        };
        let (before, now) = (read(), clock());
        let mut entry = before.clone().filter(|entry| now < entry.expires_at()).unwrap_or_default();
        let claimant = operation.claimant();
        if let (Operation::Claim(_), Some((holder, fence))) = (operation, entry.claimed_by(now))
            && holder != claimant
            && folder.is_dead(name, fence)
        {
            entry.end_claim();
        }
        let reply = entry.run(now, operation);
        let asks = match &reply {
            Reply::Claimed { stamp, .. } => Some(folder.asks(name, stamp.fence())?),
            _ => None,
        };
        if before.as_ref() != Some(&entry) {
            // A claim need not outlast a loss of power: whoever made it does not either.
            lock.replace(entry.to_string().as_bytes(), matches!(reply, Reply::Kept))?;
        }
        let mut asking = self.0.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match (operation, asks) {
            (_, Some(asks)) => asking.insert((*name, claimant), asks),
            (Operation::Put(_) | Operation::Fail(_), None) => asking.remove(&(*name, claimant)),
            (Operation::Claim(_), None) => None,
        };
        drop(asking);
        if let Some(before) = before {
            before.end();
        }
        Ok(Some(reply))
    }
}

impl BlockingStore for FolderStore {
    fn run(&self, name: &Name, operation: &Operation, limit: Duration) -> Result<Reply, StoreError> {
        let reply = self.run_at(now, name, operation, limit);
        let reply = reply.map_err(|error| StoreError::refused(&error.to_string()))?;
        if let Some(Reply::Kept) = reply {
            self.sweep_now_and_then(now());
        }
        reply.ok_or(StoreError::TimedOut)
    }
}

/// The host's wall clock.
fn now() -> StoreTime {
    StoreTime::default().after(SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default())
}

#[cfg(all(test, unix))]
mod tests;
