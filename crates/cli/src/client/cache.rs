//! The disk cache: a token survives from one invocation to the next, so that a job that runs every minute asks for
//! one once per life; and of many invocations at once one asks, for all of them.
//!
//! It is a store (`evergrant-drive`) in a folder that is the user's alone (`evergrant-folder`), through which the sources of an
//! invocation go. One file per client is in it. A token is sealed with a key derived from the client's secret and bound to all that tells the
//! client from others (`evergrant-crypto`). What a client without a secret has is public: a random key in a file beside the
//! entries stands for one.
//!
//! What another invocation was refused with is kept as well, for as long as nobody is to ask: the others are told so.
//!
//! Nothing that is wrong with the cache keeps anybody from a token: it is asked for as if there were no cache, and
//! a note says why. What another version of the command has kept is nothing wrong: it is replaced, and nothing is said.

pub(crate) mod inventory;

use crate::tell::stderr;
use evergrant_core::fleet::{Claim, Claimant, Have, Name, Operation, Print, Reply, StoreError};
use evergrant_crypto::StoreKey;
use evergrant_drive::{BlockingStore, SealedStore, Sealing, TokenSeal};
use evergrant_folder::{FolderStore, Held};
use evergrant_tokio_reqwest::core::{Span, Thumbprint};
use evergrant_tokio_reqwest::{Client, Event, EventKind, Observer, Policy, Token, TokensBuilder};
use inventory::{has_ended, is_over};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long a command to the folder may take, and no longer than a token request may. Nobody holds the lock of an entry for longer than it
/// takes to write a file; but hundreds of invocations may begin in the same second, on a machine that has few processors.
const LIMIT: Duration = Duration::from_secs(10);

/// What is wrong with a token that does not open.
const UNOPENED: &str = "an entry belongs to another client, or is damaged";

/// What one client's tokens are kept in.
pub(crate) struct Cache {
    place: Result<Place, String>,
    refresh: Refresh,
    limit: Duration,
}

/// Whether what is kept is thrown away first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refresh {
    No,
    /// The token of this print, which was there when the invocation began, if one was. What has come since is as new as can be wanted: of
    /// many invocations that are to refresh it at once, one asks for all.
    Of(Option<Print>),
}

/// The folder, and the client's entry in it.
struct Place {
    folder: FolderStore,
    key: StoreKey,
    seal: Box<dyn TokenSeal>,
    trouble: Arc<Trouble>,
}

/// What tokens of a client are sealed with. The certificate that it shows is a part of the name of its entry.
pub(crate) enum Material {
    /// Its secret.
    Secret(Zeroizing<String>),
    /// Nothing but what is public: the thumbprint of its key, if it has one.
    Public(Option<Thumbprint>),
}

impl Material {
    /// The key. `file_key` has the random key of the folder, if that is needed.
    fn key(
        &self,
        file_key: impl FnOnce() -> Result<Zeroizing<[u8; 32]>, String>,
    ) -> Result<StoreKey, String> {
        let of = |material: &[u8]| StoreKey::of_material(material).map_err(|error| error.to_string());
        match self {
            Self::Secret(secret) => of(secret.as_bytes()),
            Self::Public(thumbprint) => {
                let key = file_key()?;
                // All room at once: a vector that grows leaves copies behind.
                let mut material = Zeroizing::new(Vec::with_capacity(64));
                material.extend_from_slice(&*key);
                material.extend(thumbprint.iter().flat_map(Thumbprint::as_bytes));
                of(&material)
            }
        }
    }
}

/// What a doctor says of it.
pub(crate) enum Examined {
    Good(&'static str),
    /// Nobody asks for a while, and what to do about that.
    Rests(String, &'static str),
    Unusable(String),
}

/// The folder, unless it cannot be opened for so long: a mount that hangs holds up nothing else.
fn opened(path: PathBuf, limit: Duration) -> Result<FolderStore, String> {
    let (tell, told) = mpsc::sync_channel(1);
    let open = {
        let path = path.clone();
        move || drop(tell.send(FolderStore::open(path).map_err(|error| error.to_string())))
    };
    let started = thread::Builder::new().name("evergrant-cache".into()).spawn(open);
    started.map_err(|error| format!("the system could not start a thread ({error})"))?;
    let hangs = |_| {
        Err(format!("the folder {} does not open: the disk or the mount that it is on hangs", path.display()))
    };
    told.recv_timeout(limit).unwrap_or_else(hangs)
}

impl Cache {
    /// The cache of this client, which shows this certificate, in the usual folder. One that cannot be used says so when it is needed.
    /// `timeout`: of a token request.
    pub(crate) fn new(
        client: &Client,
        material: &Material,
        shown: Option<Thumbprint>,
        is_refreshed: bool,
        timeout: Duration,
    ) -> Self {
        let limit = LIMIT.min(timeout);
        let folder = inventory::path().and_then(|path| opened(path, limit));
        let place = folder.and_then(|folder| Place::of(folder, client, material, shown));
        let refresh = match &place {
            Ok(place) if is_refreshed => Refresh::Of(place.held().map(|have| have.print)),
            Err(_) if is_refreshed => Refresh::Of(None),
            _ => Refresh::No,
        };
        Self { place, refresh, limit }
    }

    /// Whether what was kept is thrown away first.
    pub(crate) fn is_refreshed(&self) -> bool {
        self.refresh != Refresh::No
    }

    /// Whether this token is to be thrown away: it was kept before this invocation began, which is to have a newer one.
    pub(crate) fn is_thrown_away(&self, token: &Token) -> bool {
        let Ok(place) = &self.place else { return false };
        self.refresh == Refresh::Of(Some(place.seal.print(token.value())))
    }

    /// What a refresh throws away, for whoever wants to know.
    pub(crate) const fn tell_refresh(&self) -> Option<&'static str> {
        match self.refresh {
            Refresh::No => None,
            Refresh::Of(Some(_)) => Some("the token that the cache has now is thrown away"),
            Refresh::Of(None) => {
                Some("the cache has no token now: the next one is used, whoever requests it")
            }
        }
    }

    /// For how long this token stays in the cache, although an API has refused it: until it is no longer `young`.
    pub(crate) fn keeps(&self, token: &Token, young: Duration) -> Option<Duration> {
        let place = self.place.as_ref().ok()?;
        let have = place.held().filter(|have| have.print == place.seal.print(token.value()))?;
        young.checked_sub(have.life.saturating_sub(have.left)).filter(|left| !left.is_zero())
    }

    /// A source that goes through it.
    pub(crate) fn of_source(&self, builder: TokensBuilder) -> TokensBuilder {
        self.through(builder, |place| SealedStore::blocking(place.folder.clone(), place.key.clone()))
    }

    /// A source that goes through it, and asks where there is a token whose replacement is due.
    pub(crate) fn of_replacing(&self, builder: TokensBuilder) -> TokensBuilder {
        self.through(builder, |place| SealedStore::blocking(Due(place.folder.clone()), place.key.clone()))
    }

    fn through(&self, builder: TokensBuilder, store: impl FnOnce(&Place) -> SealedStore) -> TokensBuilder {
        let Ok(place) = &self.place else { return builder };
        builder.store(store(place).limit(self.limit)).observer(Arc::<Trouble>::clone(&place.trouble))
    }

    /// Says why it is as if there were no cache, where that is known before anything is asked for.
    pub(crate) fn tell_trouble(&self) {
        match &self.place {
            Ok(place) => {
                if let Err(error) = place.folder.examine(&place.seal.name()) {
                    place.trouble.tell(&error.to_string());
                }
            }
            Err(reason) => note(reason),
        }
    }

    /// Whether there is a token whose replacement is due, for which nobody asks, and may be asked.
    pub(crate) fn is_due(&self) -> bool {
        let Ok(place) = &self.place else { return false };
        let is_due = |held: Held| {
            held.token_is_due_at.is_some_and(is_over)
                && held.rests_until.is_none_or(is_over)
                && !has_ended(&held)
                && !held.is_asked_for
        };
        place.folder.entry(&place.seal.name()).is_some_and(is_due)
    }

    /// What a doctor says of it, without using it: what there is, or why it cannot be used.
    pub(crate) fn examine(&self) -> Examined {
        match &self.place {
            Ok(place) => place.examine().unwrap_or_else(Examined::Unusable),
            Err(reason) => Examined::Unusable(reason.clone()),
        }
    }
}

impl Place {
    fn of(
        folder: FolderStore,
        client: &Client,
        material: &Material,
        shown: Option<Thumbprint>,
    ) -> Result<Self, String> {
        let key = material.key(|| folder.key().map_err(|error| error.to_string()))?;
        let seal = key.seal_of(client, shown).map_err(|error| error.to_string())?;
        Ok(Self { folder, key, seal, trouble: Arc::default() })
    }

    /// What there is now. Nothing is asked for.
    fn look(&self) -> Result<Reply, StoreError> {
        let look = Operation::Claim(Claim {
            claimant: Claimant::new([0; 16]),
            dropped: None,
            held: None,
            lease: None,
            young: Duration::ZERO,
        });
        self.folder.run(&self.seal.name(), &look, LIMIT)
    }

    /// The token that is there now.
    fn held(&self) -> Option<Have> {
        match self.look() {
            Ok(Reply::Have(have)) => Some(have),
            _ => None,
        }
    }

    fn examine(&self) -> Result<Examined, String> {
        self.folder.examine(&self.seal.name()).map_err(|error| error.to_string())?;
        let reply = self.look().map_err(|error| refused(&error))?;
        Ok(match reply {
            Reply::Have(have) if self.seal.open(&have).is_none() => Examined::Unusable(UNOPENED.into()),
            // As good as over.
            Reply::Have(have) if have.left <= Policy::new().leeway(have.life) => Examined::Good(NONE),
            Reply::Have(have) if have.due_in.is_zero() => Examined::Good("a kept token is due for renewal"),
            Reply::Have(_) => Examined::Good("a kept token is valid"),
            Reply::Busy { .. } => Examined::Good("another invocation is requesting a token"),
            Reply::Rest { left, said, .. } => {
                let said =
                    said.map_or_else(String::new, |said| format!(": {}", said.refusal(None).summary()));
                let says = format!(
                    "no token request with --cache for {}, since another invocation was refused{said}; doctor makes one all the same",
                    Span(left.max(Duration::from_secs(1)))
                );
                Examined::Rests(
                    says,
                    "once that is corrected, evergrant cache clear ends the wait of the others",
                )
            }
            _ => Examined::Good(NONE),
        })
    }
}

/// The folder, to whoever comes to replace a token whose time has come as if it held that already.
struct Due(FolderStore);

impl BlockingStore for Due {
    fn run(&self, name: &Name, operation: &Operation, limit: Duration) -> Result<Reply, StoreError> {
        let reply = self.0.run(name, operation, limit)?;
        match (operation, &reply) {
            (Operation::Claim(claim), Reply::Have(have)) if have.due_in.is_zero() => {
                let claim = Operation::Claim(Claim { held: Some(have.print), ..claim.clone() });
                match self.0.run(name, &claim, limit)? {
                    claimed @ Reply::Claimed { .. } => Ok(claimed),
                    // Somebody asks already, or was refused: nobody waits while there is a token.
                    _ => Ok(reply),
                }
            }
            _ => Ok(reply),
        }
    }
}

const NONE: &str = "no token is kept yet";

/// Says why it is as if there were no cache, once.
#[derive(Default)]
struct Trouble {
    is_told: AtomicBool,
}

impl Trouble {
    fn tell(&self, reason: &str) {
        if !self.is_told.swap(true, Ordering::Relaxed) {
            note(reason);
        }
    }
}

impl Observer for Trouble {
    fn event(&self, event: &Event<'_>) {
        match event.kind {
            EventKind::StoreFailing { error, .. } => self.tell(&refused(error)),
            EventKind::StoreUnopened {} => self.tell(UNOPENED),
            _ => {}
        }
    }
}

/// The name of this client's entry, which shows this certificate.
pub(crate) fn name(client: &Client, material: &Material, shown: Option<Thumbprint>) -> Option<Name> {
    // None is made to find out.
    let known = || FolderStore::find(inventory::path().ok()?).ok()??.known_key().ok()?;
    let key = material.key(|| known().ok_or_else(String::new)).ok()?;
    Some(key.seal_of(client, shown).ok()?.name())
}

/// What the folder said, without what is told of stores on other hosts.
fn refused(error: &StoreError) -> String {
    match error {
        StoreError::Refused(words) | StoreError::Unreachable(words) => words.to_string(),
        StoreError::TimedOut => "the lock of an entry is held for too long".into(),
        other => other.to_string(),
    }
}

/// There is nothing that an entry could be sealed with.
pub(crate) fn note_nothing_to_seal_with() {
    note("this client has no secret and no key to encrypt the token with");
}

/// Why it is as if there were no cache.
fn note(reason: &str) {
    stderr::note(format_args!("the cache cannot be used: {reason}"));
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
