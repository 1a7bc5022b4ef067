//! The disk cache: a token survives from one invocation to the next, so that a job that runs every minute asks for
//! one once per life.
//!
//! One file per client, in a folder that is the user's alone. What is in it is sealed with a key derived from the
//! client's secret and bound to all that tells the client from others (`evergrant-crypto`); it is replaced atomically, and no link
//! is followed on the way to it (`folder.rs`). What a client without a secret has is public: a random key in a file beside the
//! entries stands for one.
//!
//! ```text
//! read ── usable? ──► use it
//!  │ no, or due
//!  ▼
//! lock ── taken ──► due? use what is held ── else look again in a moment
//!  │ got it
//!  ▼
//! read again ── usable? ──► use it
//!  │ no
//!  ▼
//! ask, store, unlock
//! ```
//! Nothing that is wrong with the cache keeps anybody from a token: it is asked for as if there were no cache, and
//! a note says why. What another version of the command has kept is nothing wrong: it is replaced, and nothing is said.

pub(crate) mod entry;
mod file_key;
#[cfg(unix)]
mod folder;
#[cfg(not(unix))]
#[path = "cache/elsewhere.rs"]
mod folder;
pub(crate) mod inventory;

use crate::tell::failure::Failure;
use crate::tell::stderr;
use evergrant_crypto::{OpenError, Seal};
use evergrant_tokio_reqwest::core::{Thumbprint, Wall};
use evergrant_tokio_reqwest::{Client, Clock, Policy, Stored, SystemClock, Token, Tokens};
use file_key::FileKey;
use folder::{Folder, Lock};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How often those who wait for another invocation's request look again. A request takes ten times as long.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What one client's tokens are kept in.
pub(crate) struct Cache {
    place: Result<Place, String>,
    /// Whether what is kept may be used, or is only replaced.
    reads: bool,
}

/// The folder, and what the client's entry in it is sealed with.
struct Place {
    seal: Seal,
    folder: Folder,
}

/// What tokens of a client are sealed with.
pub(crate) enum Material {
    /// Its secret, and the thumbprint of the certificate that it shows, if it does: a token may be bound to that.
    Secret(Zeroizing<String>, Option<Thumbprint>),
    /// The thumbprints of its key and of its certificate, which are no secrets.
    Public(Vec<Thumbprint>),
}

impl Material {
    /// As a seal takes it. `file_key` has the random key of the folder, if that is needed.
    fn bytes<E>(
        &self,
        file_key: impl FnOnce() -> Result<Option<FileKey>, E>,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, E> {
        let (secret, thumbprints) = match self {
            Self::Secret(secret, shown) => (Zeroizing::new(secret.as_bytes().to_vec()), shown.as_slice()),
            Self::Public(thumbprints) => match file_key()? {
                Some(key) => (Zeroizing::new(key.to_vec()), thumbprints.as_slice()),
                None => return Ok(None),
            },
        };
        // All room at once: a vector that grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(secret.len() + 64));
        bytes.extend_from_slice(&secret);
        thumbprints.iter().for_each(|thumbprint| bytes.extend_from_slice(thumbprint.as_bytes()));
        Ok(Some(bytes))
    }
}

/// Why nothing was found, where it is not simply absent.
#[derive(Debug, PartialEq, Eq)]
struct Miss(String);

/// A kept token.
#[derive(Debug, PartialEq, Eq)]
enum Kept {
    /// It may be used.
    Good(Stored),
    /// It may be used, and it is time to ask for the next one.
    Due(Stored),
}

impl Cache {
    /// The cache of this client in the usual folder. One that cannot be used says so when it is needed.
    pub(crate) fn new(client: &Client, material: &Material, reads: bool) -> Self {
        let place = inventory::path().and_then(|path| Folder::open(&path));
        let place = place.and_then(|folder| Place::of(folder, client, material));
        Self { place, reads }
    }

    /// A token: the kept one while it is good; else one that is asked for once, however many invocations want it now.
    /// `asking` makes the source that asks for the next one while `tokens` serves the kept one.
    pub(crate) async fn token(
        &self,
        tokens: &Tokens,
        asking: impl Fn() -> Result<Tokens, Failure>,
        wait: Duration,
    ) -> Result<Token, Failure> {
        let place = match &self.place {
            Ok(place) => place,
            Err(reason) => {
                note(reason);
                return Ok(tokens.token().await?);
            }
        };
        let deadline = Instant::now() + wait;
        let (mut noted, mut due) = (false, None);
        if let Some(token) = self.kept(place, tokens, &mut due, &mut noted) {
            return Ok(token);
        }
        let lock = loop {
            // We look after we tried: who held the lock has stored a token before letting go of it.
            let lock = place.try_lock();
            if let Some(token) = self.kept(place, tokens, &mut due, &mut noted) {
                return Ok(token);
            }
            match lock {
                Ok(Some(lock)) => break Some(lock),
                // Somebody asks already, and nobody waits while there is a token.
                Ok(None) if due.is_some() => break None,
                Ok(None) if Instant::now() < deadline => tokio::time::sleep(LOOK_AGAIN).await,
                Ok(None) => {
                    note("another invocation has been requesting a token for too long");
                    break None;
                }
                Err(reason) => {
                    note(&reason);
                    break None;
                }
            }
        };
        match (due, lock) {
            (Some(due), lock) => place.replaced(tokens, asking, due, lock).await,
            (None, lock) => {
                let token = tokens.token().await?;
                if let (Some(lock), Some(stored)) = (lock, tokens.export()) {
                    place.store(&lock, &stored);
                }
                Ok(token)
            }
        }
    }

    /// What a doctor says of it, without using it: what there is, or why it cannot be used.
    pub(crate) fn examine(&self) -> Result<&'static str, String> {
        match self.place.as_ref().map_err(Clone::clone)?.read() {
            Ok(Some(Kept::Good(_))) => Ok("a kept token is valid"),
            Ok(Some(Kept::Due(_))) => Ok("a kept token is due for renewal"),
            Ok(None) => Ok("no token is kept yet"),
            Err(Miss(reason)) => Err(reason),
        }
    }

    /// Keeps what the source holds now in place of what was kept: it was asked for since.
    pub(crate) fn keep(&self, tokens: &Tokens) {
        let (Ok(place), Some(stored)) = (&self.place, tokens.export()) else { return };
        match place.try_lock() {
            Ok(Some(lock)) => place.store(&lock, &stored),
            // Another invocation asks, and will keep what is newer.
            Ok(None) => {}
            Err(reason) => note(&reason),
        }
    }

    /// Nobody is served this token any more: an API refused it. One that is newer stays.
    pub(crate) fn forget(&self, refused: &Token) {
        let Ok(place) = &self.place else { return };
        match place.try_lock() {
            Ok(Some(lock)) => {
                let same = |stored: &Stored| stored.token() == refused.value();
                if let Ok(Some(Kept::Good(stored) | Kept::Due(stored))) = place.read()
                    && same(&stored)
                    && let Err(reason) = lock.remove()
                {
                    note(&reason);
                }
            }
            // Another invocation asks, and will replace it.
            Ok(None) => {}
            Err(reason) => note(&reason),
        }
    }

    /// The kept token, handed to the source, if it is good. One that is due is remembered.
    fn kept(
        &self,
        place: &Place,
        tokens: &Tokens,
        due: &mut Option<Stored>,
        noted: &mut bool,
    ) -> Option<Token> {
        if !self.reads {
            return None;
        }
        match place.read() {
            // A source refuses one that was issued in the future: the clock was set back.
            Ok(Some(Kept::Good(stored))) => tokens.restore(stored).then(|| tokens.try_token()).flatten(),
            Ok(Some(Kept::Due(stored))) => {
                *due = Some(stored);
                None
            }
            Ok(None) => None,
            Err(Miss(reason)) => {
                if !std::mem::replace(noted, true) {
                    note(&reason);
                }
                None
            }
        }
    }
}

impl Place {
    fn of(folder: Folder, client: &Client, material: &Material) -> Result<Self, String> {
        let bytes = material.bytes(|| folder.file_key().map(Some))?.unwrap_or_default();
        let seal = Seal::new(&client.key(), &bytes).map_err(|error| error.to_string())?;
        Ok(Self { seal, folder })
    }

    fn try_lock(&self) -> Result<Option<Lock<'_>>, String> {
        self.folder.try_lock(self.seal.name())
    }

    /// A new token in place of one that is due. While the old one is good no failure is anybody's concern.
    async fn replaced(
        &self,
        tokens: &Tokens,
        asking: impl Fn() -> Result<Tokens, Failure>,
        due: Stored,
        lock: Option<Lock<'_>>,
    ) -> Result<Token, Failure> {
        if let Some(lock) = lock {
            let asking = asking()?;
            if asking.token().await.is_ok()
                && let Some(stored) = asking.export()
            {
                self.store(&lock, &stored);
                tokens.restore(stored);
            }
        }
        // It takes nothing while it holds something.
        tokens.restore(due);
        Ok(tokens.token().await?)
    }

    fn read(&self) -> Result<Option<Kept>, Miss> {
        let folder = &self.folder;
        let miss = |reason| Miss(folder.about(self.seal.name(), reason));
        let Some(sealed) = folder.read(self.seal.name(), Seal::MAX_LEN).map_err(Miss)? else {
            return Ok(None);
        };
        let opened = match self.seal.open(&sealed) {
            Ok(opened) => opened,
            // After an update or its end: nothing is wrong, and the next token takes its place.
            Err(OpenError::Version) => return Ok(None),
            Err(OpenError::Foreign) => return Err(miss("belongs to another client, or is damaged")),
            Err(_) => return Err(miss("was not written by evergrant, or is damaged")),
        };
        Ok(Kept::judge(opened, &Policy::new(), SystemClock.now().wall))
    }

    fn store(&self, lock: &Lock<'_>, stored: &Stored) {
        let done = self
            .seal
            .seal(stored)
            .map_err(|error| error.to_string())
            .and_then(|sealed| lock.replace(&sealed, SystemClock.now().wall));
        if let Err(reason) = done {
            note(&reason);
        }
    }
}

impl Kept {
    /// `None` for one that is over.
    fn judge(stored: Stored, policy: &Policy, now: Wall) -> Option<Self> {
        let (life, left) = (stored.life(), stored.issued().after(stored.life()).since(now));
        let leeway = policy.leeway(life);
        if left <= leeway {
            None
        } else if left <= leeway + policy.ahead(life) {
            Some(Self::Due(stored))
        } else {
            Some(Self::Good(stored))
        }
    }
}

/// The name of this client's file, without its ending.
pub(crate) fn name(client: &Client, material: &Material) -> Option<String> {
    let file_key = || Folder::find(&inventory::path()?)?.map_or(Ok(None), |folder| folder.known_file_key());
    let bytes = material.bytes(file_key).ok()??;
    Some(Seal::new(&client.key(), &bytes).ok()?.name().to_owned())
}

/// Why it is as if there were no cache.
pub(crate) fn note(reason: &str) {
    stderr::note(format_args!("the cache cannot be used: {reason}"));
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
