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

use evergrant_core::fleet::{Claimant, Entry, Fence, Name, Operation, Reply, StoreError, StoreTime};
use evergrant_drive::BlockingStore;
use folder::{Asks, Folder};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use zeroize::Zeroizing;

/// How often one process looks for entries that are over.
const SWEEP: Duration = Duration::from_secs(3600);
/// What the text of each entry begins with, of whatever version.
const FIRST_WORD: &str = "evergrant-entry ";
/// For how long whoever puts a token does that: somebody waits for its reply.
const SWEEPING: Duration = Duration::from_millis(50);
/// How long a lock is waited for by whoever clears.
const CLEARING: Duration = Duration::from_millis(250);

/// A folder in which the processes of one user on one host share tokens: the [`BlockingStore`] of a host. Clones are one store.
///
/// Each entry is a file of mode 0600, replaced whole or not at all, by whoever holds its lock (`flock`), which the system takes back when its
/// holder ends, however it ends. So is known whether whoever asks is still there: the claim of a process that was killed ends at once, and not with its
/// lease. Neither the folder nor a file in it may be a link, and a folder or a file that is another user's, or that other users may open, is not
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
    /// The claims by which this process asks, and until when: the others know by these that it lives. Whoever never says what became of
    /// one (a job that was dropped, a disk that is full) leaves it here until another claim is made after its time.
    asking: Mutex<BTreeMap<(Name, Claimant), (Asks, StoreTime)>>,
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
        Ok(names.iter().filter_map(|name| self.entry(name)).collect())
    }

    /// What is in it under this name.
    pub fn entry(&self, name: &Name) -> Option<Held> {
        let text = self.0.folder.read(name)?;
        Some(Self::held(name, &text, &Entry::parse(&text)?))
    }

    /// The same, or why what is there is as good as lost: the next entry takes its place. What another version has written is none, and
    /// nothing is wrong with it.
    ///
    /// # Errors
    /// It is another user's, a link, no file, open to other users, or no entry.
    pub fn examine(&self, name: &Name) -> Result<Option<Held>, FolderError> {
        let Some(text) = self.0.folder.read_whole(name)? else { return Ok(None) };
        match Entry::parse(&text) {
            Some(entry) => Ok(Some(Self::held(name, &text, &entry))),
            None if is_of_another_version(&text) => Ok(None),
            None => Err(self.0.folder.damaged(name)),
        }
    }

    fn held(name: &Name, text: &str, entry: &Entry) -> Held {
        let now = now();
        let entry = entry.clone().as_of(now);
        Held {
            name: *name,
            bytes: text.len() as u64,
            token_ends_at: entry.token_ends_at(),
            token_is_due_at: entry.token_is_due_at(),
            rests_until: entry.rests_until(),
            is_asked_for: entry.claimed_by(now).is_some(),
            expires_at: entry.expires_at(),
        }
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
        let folder = &self.0.folder;
        let Some(text) = folder.read(name) else { return Ok(Some(false)) };
        // What was damaged, or is of another version, holds nothing that anybody could use here; what was never an entry is not ours.
        let mut entry = match Entry::parse(&text) {
            Some(entry) => entry,
            None if text.starts_with(FIRST_WORD) => Entry::default(),
            None => return Ok(Some(false)),
        };
        if let Some((_, fence)) = entry.claimed_by(now())
            && folder.is_dead(name, fence)
        {
            entry.end_claim();
        }
        match may_go(&Self::held(name, &text, &entry)) {
            true => lock.remove().map(|()| Some(true)),
            false => Ok(Some(false)),
        }
    }

    /// Removes the folder's random key, and what else is in it beside entries: what was sealed with the key is lost, and asked for again.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn forget_key(&self) -> Result<(), FolderError> {
        self.0.folder.forget_file_key()
    }

    /// Removes what is over, and what a process that was killed has left half written. It is done once an hour by a process that puts a
    /// token; what cannot be removed stays.
    pub fn sweep(&self) {
        self.sweep_for(None);
    }

    /// The same for so long at most, beginning anywhere; whether it has come to an end.
    fn sweep_for(&self, limit: Option<Duration>) -> bool {
        let (begun, now) = (Instant::now(), now());
        let is_over = || limit.is_some_and(|limit| begun.elapsed() >= limit);
        self.0.folder.sweep(SystemTime::now());
        for (name, fence) in self.0.folder.claims().unwrap_or_default() {
            if is_over() {
                return false;
            }
            self.sweep_claim(&name, fence);
        }
        let mut names = self.0.folder.names().unwrap_or_default();
        // Who has little time and many entries must not look at the same ones each time.
        let first =
            usize::try_from(now.as_millis()).unwrap_or_default().checked_rem(names.len()).unwrap_or_default();
        names.rotate_left(first);
        for name in names {
            if is_over() {
                return false;
            }
            // Whoever is faster has done it.
            let _gone = self.remove(&name, |held| held.expires_at <= now);
        }
        true
    }

    /// Removes what was left of a claim whose maker is no more, and the claim with it.
    fn sweep_claim(&self, name: &Name, fence: Fence) {
        let folder = &self.0.folder;
        let Ok(Some(lock)) = folder.lock(name, CLEARING) else { return };
        if !folder.is_dead(name, fence) {
            return;
        }
        let entry = folder.read(name).and_then(|text| Entry::parse(&text));
        if let Some(mut entry) =
            entry.filter(|entry| entry.claimed_by(now()).is_some_and(|(_, by)| by == fence))
        {
            entry.end_claim();
            if lock.replace(entry.to_string().as_bytes(), false).is_err() {
                return;
            }
        }
        folder.clear_claim(name, fence);
    }

    fn sweep_now_and_then(&self, now: StoreTime) {
        let swept = StoreTime::from_millis(self.0.swept.load(Ordering::Relaxed));
        // One of them does it for all: a process may live for a moment only.
        if now.since(swept) >= SWEEP && self.0.folder.is_to_be_swept(SWEEP) {
            if self.sweep_for(Some(SWEEPING)) {
                self.0.swept.store(now.as_millis(), Ordering::Relaxed);
            } else {
                self.0.folder.is_not_swept();
            }
        }
    }
}

impl FolderStore {
    /// What [`run`](BlockingStore::run) does, at the time that this says once the lock is held.
    fn run_at(
        &self,
        clock: impl Fn() -> StoreTime,
        name: &Name,
        operation: &Operation,
        limit: Duration,
    ) -> Result<Option<Reply>, FolderError> {
        let folder = &self.0.folder;
        // One that was damaged, or written by another version, is as good as lost.
        let read = || folder.read(name).and_then(|text| Entry::parse(&text));
        // Whoever is given a token changes nothing, and what is read is whole: so nobody waits for a lock, and where nothing can be locked or
        // written, what is there can still be had.
        if let Some(mut entry) = read() {
            let before = entry.clone();
            let reply = entry.run(clock(), operation);
            if matches!(reply, Reply::Have(_)) && entry == before {
                return Ok(Some(reply));
            }
        }
        let Some(lock) = folder.lock(name, limit)? else { return Ok(None) };
        let (before, now) = (read(), clock());
        let mut entry = before.clone().filter(|entry| now < entry.expires_at()).unwrap_or_default();
        let claimant = operation.claimant();
        let dead = match (operation, entry.claimed_by(now)) {
            (Operation::Claim(_), Some((holder, fence))) if holder != claimant => {
                Some(fence).filter(|fence| folder.is_dead(name, *fence))
            }
            _ => None,
        };
        if dead.is_some() {
            entry.end_claim();
        }
        let reply = entry.run(now, operation);
        let asks = match &reply {
            Reply::Claimed { stamp, .. } => Some(folder.asks(name, stamp.fence())?),
            _ => None,
        };
        if before.as_ref() != Some(&entry) {
            // A claim need not outlast a loss of power: whoever made it does not either.
            let written = lock.replace(entry.to_string().as_bytes(), matches!(reply, Reply::Kept));
            if let Err(error) = written {
                // A claim that nobody can read is none, and one that has ended is not held up by what cannot be written.
                asks.into_iter().for_each(Asks::end);
                if matches!(operation, Operation::Fail(_)) {
                    self.let_go(name, claimant);
                }
                // What was thrown away is handed to nobody: a full disk has room for that.
                let had_token = |entry: &Entry| entry.token_ends_at().is_some();
                if before.as_ref().is_some_and(had_token) && !had_token(&entry) {
                    let _gone = lock.remove();
                }
                return Err(error);
            }
        }
        if let Some(fence) = dead {
            folder.clear_claim(name, fence);
        }
        self.keep_asking(now, *name, operation, asks, &reply);
        Ok(Some(reply))
    }

    /// What this operation does to the claims by which this process asks; `asks` if it has made one.
    fn keep_asking(
        &self,
        now: StoreTime,
        name: Name,
        operation: &Operation,
        asks: Option<Asks>,
        reply: &Reply,
    ) {
        let key = (name, operation.claimant());
        let mut asking = self.0.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let ended: Vec<_> = match (operation, asks) {
            (Operation::Claim(claim), Some(asks)) => {
                let over: Vec<_> =
                    asking.iter().filter(|(_, (_, until))| *until <= now).map(|(key, _)| *key).collect();
                let over = over.iter().filter_map(|key| asking.remove(key)).collect::<Vec<_>>();
                let until = now.after(claim.lease.unwrap_or_default());
                asking.insert(key, (asks, until)).into_iter().chain(over).collect()
            }
            // One that came too late may leave its claim: it is told that it failed, too.
            (Operation::Put(_), _) if *reply == Reply::Late => Vec::new(),
            (Operation::Put(_) | Operation::Fail(_), _) => asking.remove(&key).into_iter().collect(),
            (Operation::Claim(_), None) => Vec::new(),
        };
        drop(asking);
        ended.into_iter().for_each(|(asks, _)| asks.end());
    }

    /// Its process does not ask by it any more: whoever finds it in the entry takes it for that of one that has died.
    fn let_go(&self, name: &Name, claimant: Claimant) {
        let held = self.0.asking.lock().unwrap_or_else(PoisonError::into_inner).remove(&(*name, claimant));
        drop(held);
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

/// Whether another version has written this, as far as its first line tells.
fn is_of_another_version(text: &str) -> bool {
    let first_of = |text: &str| text.lines().next().map(str::to_owned);
    let (first, ours) = (first_of(text), first_of(&Entry::default().to_string()));
    first != ours && first.is_some_and(|first| first.starts_with(FIRST_WORD))
}

/// The host's wall clock.
fn now() -> StoreTime {
    StoreTime::default().after(SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default())
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
