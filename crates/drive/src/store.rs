//! A store that many processes reach: one token request for all of them, per life of a token.
//!
//! What decides is in core ([`evergrant_core::fleet`]): here is the trait of an engine, what seals, when the store is left alone, and
//! what the loops of `wait` and `block` need to take one flight through it.

mod circuit;
mod command;
mod crossing;
mod sealing;
mod untold;

pub(crate) use command::Command;
pub(crate) use crossing::{Crossing, Leg};
pub use sealing::{Sealing, TokenSeal};
pub(crate) use untold::{UnderWay, Untold, Waiting};

use crate::seed::random_seed;
use crate::sync::{Mutex, MutexGuard};
use circuit::Circuit;
use evergrant_core::fleet::{Claimant, Name, Operation, Reply, StoreError};
use evergrant_core::{Client, ConfigError, Mono, Outcome, Thumbprint};
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// How long a command to a store may take unless somebody says otherwise. Nobody who has a usable token waits for it, and a cold process no
/// longer.
const COMMAND: Duration = Duration::from_millis(250);

/// How long a flight tells the store at most what became of it: four commands that get no reply, and the pauses between them.
pub(crate) const REPORT: Duration = Duration::from_secs(2);

/// What [`Store::run`] gives.
pub type StoreFuture = Pin<Box<dyn Future<Output = Result<Reply, StoreError>> + Send>>;

/// An engine that many processes reach: it does to the entry of a name what a [`Table`](evergrant_core::fleet::Table) does, each operation as
/// a whole, by a clock of its own.
///
/// It is an optimisation and never an authority: with a store that fails or vanishes a process is what it would be without one, and one that
/// lies can delay it, by claims that nobody has for twice the time of one, and by rests for as long as it tells them.
/// What it is given is sealed, and names and prints are keyed ([`Sealing`]).
///
/// ```
/// use evergrant_core::fleet::{Name, Operation, StoreTime, Table};
/// use evergrant_drive::{Store, StoreFuture};
/// use std::sync::{Arc, Mutex, PoisonError};
/// use std::time::SystemTime;
///
/// /// For tests: the sources of one process share it.
/// #[derive(Clone, Default)]
/// struct InMemory(Arc<Mutex<Table>>);
///
/// impl Store for InMemory {
///     fn run(&self, name: Name, operation: Operation) -> StoreFuture {
///         let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
///         let now = StoreTime::default().after(since_epoch);
///         let reply = self.0.lock().unwrap_or_else(PoisonError::into_inner).run(now, &name, &operation);
///         Box::pin(async { Ok(reply) })
///     }
/// }
/// # drop(InMemory::default());
/// ```
pub trait Store: Send + Sync + 'static {
    /// Executes this operation on the entry of this name. Nobody waits longer than [`SealedStore::limit`]; it is then taken to be lost, which it need not be:
    /// the future is dropped. It must not repeat what failed: whoever sent it knows what to do.
    ///
    /// Threads poll the future where they are, so what a runtime must be there for fails on them: there a [`BlockingStore`] is the engine.
    fn run(&self, name: Name, operation: Operation) -> StoreFuture;
}

/// The same where it blocks: a folder, a client library for threads. Each operation runs on a short-lived thread of its own.
pub trait BlockingStore: Send + Sync + 'static {
    /// Executes this operation on the entry of this name. Nobody waits longer than `limit`.
    ///
    /// # Errors
    /// There is no reply. The operation may have been executed.
    ///
    /// # Blocking
    /// As long as it takes; what can be ended, ends at `limit`.
    fn run(&self, name: &Name, operation: &Operation, limit: Duration) -> Result<Reply, StoreError>;
}

impl<S: BlockingStore + ?Sized> BlockingStore for Arc<S> {
    fn run(&self, name: &Name, operation: &Operation, limit: Duration) -> Result<Reply, StoreError> {
        (**self).run(name, operation, limit)
    }
}

/// What a source does while the store is down.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum WhenDown {
    /// It asks the authorization server by itself, as without a store.
    #[default]
    Ask,
    /// It does not ask, and tries the store again as after any transient failure: for those who pay for each token. A token that is held
    /// is used on.
    Rest,
}

/// What a source has of its store.
pub(crate) struct Shares {
    pub(crate) store: SealedStore,
    /// Who it is there.
    pub(crate) claimant: Claimant,
    pub(crate) untold: Arc<Untold>,
    /// Whether its last flight landed as elsewhere.
    pub(crate) elsewhere: Arc<AtomicBool>,
}

impl Shares {
    pub(crate) fn new(store: SealedStore) -> Self {
        Self { store, claimant: claimant(), untold: Arc::default(), elsewhere: Arc::default() }
    }
}

/// 16 bytes that nobody else has.
fn claimant() -> Claimant {
    let mut me = [0; 16];
    if getrandom::fill(&mut me).is_err() {
        let [first, second] = [random_seed(), random_seed()].map(u128::from);
        me = (first << 64 | second).to_le_bytes();
    }
    Claimant::new(me)
}

/// An engine with what seals the tokens in it: what the builder of an adapter, or of a pool, takes. Clones are one store, which is left
/// alone by all of them for a while after it failed: 5 s, twice as long after each failure in a row, up to 60 s.
#[derive(Clone)]
pub struct SealedStore {
    inner: Arc<Inner>,
    when_down: WhenDown,
    limit: Duration,
}

struct Inner {
    engine: Engine,
    sealing: Box<dyn Sealing>,
    circuit: Mutex<Circuit>,
}

#[derive(Clone)]
enum Engine {
    Tasks(Arc<dyn Store>),
    /// With how many threads stand in its commands.
    Threads(Arc<dyn BlockingStore>, Arc<AtomicUsize>),
}

impl SealedStore {
    /// This engine, whose commands are futures.
    pub fn new(engine: impl Store, sealing: impl Sealing) -> Self {
        Self::of(Engine::Tasks(Arc::new(engine)), sealing)
    }

    /// This engine, whose commands block.
    pub fn blocking(engine: impl BlockingStore, sealing: impl Sealing) -> Self {
        Self::of(Engine::Threads(Arc::new(engine), Arc::default()), sealing)
    }

    fn of(engine: Engine, sealing: impl Sealing) -> Self {
        let circuit = Mutex::new(Circuit::default());
        let inner = Inner { engine, sealing: Box::new(sealing), circuit };
        Self { inner: Arc::new(inner), when_down: WhenDown::default(), limit: COMMAND }
    }

    /// What a source does while it is down; [`WhenDown::Ask`] by default.
    #[must_use]
    pub fn when_down(self, when_down: WhenDown) -> Self {
        Self { when_down, ..self }
    }

    /// How long one command may take; 250 ms by default, which a store on another host needs in the worst case. Longer is for one that no
    /// network can lose, where the machine itself may be slow: as long may a process without a token wait before it does without the
    /// store.
    #[must_use]
    pub fn limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Whether the tokens of this client can be sealed.
    ///
    /// # Errors
    /// As [`Sealing::seal_of`].
    pub(crate) fn check(&self, client: &Client) -> Result<(), ConfigError> {
        self.seal_of(client, None).map(drop)
    }

    fn seal_of(&self, client: &Client, shown: Option<Thumbprint>) -> Result<Box<dyn TokenSeal>, ConfigError> {
        self.inner.sealing.seal_of(client, shown)
    }

    /// Whether it may be asked now, or is left alone.
    fn admits(&self, now: Mono) -> bool {
        self.circuit().admits(now)
    }

    /// What a flight ends with that goes nowhere while the store is down; `None` where it asks by itself.
    pub(crate) fn outcome_when_down(&self) -> Option<Outcome> {
        match self.when_down {
            WhenDown::Ask => None,
            // One that replies, and not as a store does, is as good as none.
            WhenDown::Rest => {
                let error = self.circuit().error().cloned();
                Some(Outcome::NotSent(error.unwrap_or(StoreError::Unreadable).into()))
            }
        }
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.inner.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SealedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedStore").field("when_down", &self.when_down).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
