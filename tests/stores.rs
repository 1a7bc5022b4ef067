//! Stores that the sources of a test share: in memory, one that fails as it is told, and a folder.

use crate::places::Folder;
use evergrant_core::fleet::{Have, Name, Operation, Reply, Sealed, StoreError, StoreTime, Table};
use evergrant_crypto::StoreKey;
use evergrant_drive::{BlockingStore, Clock as _, ManualClock, SealedStore, Store, StoreFuture};
use evergrant_folder::FolderStore;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

/// Who looks at everything that engines are given, if anybody does.
pub static GIVEN: OnceLock<fn(&Name, &Operation)> = OnceLock::new();

/// The key of every store here.
pub fn key() -> StoreKey {
    StoreKey::new(*b"a key of 32 bytes for every test")
}

/// What a store in memory does instead of what it should.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StoreFault {
    /// Nothing: it works.
    #[default]
    None,
    /// It refuses each command.
    Refuses,
    /// It never replies.
    Hangs,
    /// It panics.
    Panics,
    /// Its futures do.
    PanicsLater,
    /// It replies what belongs to another operation, and does nothing.
    RepliesOfOthers,
    /// Its tokens do not open.
    Unopened,
    /// It says that tokens have 100 times as much left as they have.
    LeftLonger,
    /// It says that tokens were granted for 100 times as long as they were.
    LivesLonger,
}

/// A store in memory. Clones are the same store.
#[derive(Clone, Debug)]
pub struct InMemory(Arc<Memory>);

#[derive(Debug)]
struct Memory {
    table: Mutex<Table>,
    /// The system's wall clock, if none.
    clock: Option<ManualClock>,
    fault: Mutex<StoreFault>,
    commands: Mutex<Vec<&'static str>>,
    /// Whether a token may be thrown away that came a moment ago.
    is_hasty: bool,
}

impl InMemory {
    /// An empty one, on this clock, or on the system's.
    pub fn on(clock: Option<&ManualClock>) -> Self {
        Self::of(clock, false)
    }

    /// The same for scenarios in which a server revokes what it issued a moment ago: a store does not throw that away on one process's word,
    /// and this one does.
    pub fn hasty(clock: Option<&ManualClock>) -> Self {
        Self::of(clock, true)
    }

    fn of(clock: Option<&ManualClock>, is_hasty: bool) -> Self {
        let (table, fault, commands) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self(Arc::new(Memory { table, clock: clock.cloned(), fault, commands, is_hasty }))
    }

    /// As one process has it: with a circuit of its own.
    pub fn sealed(&self) -> SealedStore {
        SealedStore::new(self.clone(), key())
    }

    /// The same through an engine that blocks.
    pub fn sealed_blocking(&self) -> SealedStore {
        SealedStore::blocking(self.clone(), key())
    }

    /// From now on it fails so.
    pub fn fails_by(&self, fault: StoreFault) {
        *lock(&self.0.fault) = fault;
    }

    /// What it was asked, in one word each; "waits" once somebody waits for a reply that never comes.
    pub fn commands(&self) -> Vec<&'static str> {
        lock(&self.0.commands).clone()
    }

    /// How often it was asked this.
    pub fn count(&self, command: &str) -> usize {
        lock(&self.0.commands).iter().filter(|asked| **asked == command).count()
    }

    fn now(&self) -> StoreTime {
        StoreTime::default().after(match &self.0.clock {
            Some(clock) => clock.now().wall.since_epoch(),
            None => SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default(),
        })
    }

    fn fault(&self) -> StoreFault {
        *lock(&self.0.fault)
    }

    fn note(&self, name: &Name, operation: &Operation) {
        if let Some(given) = GIVEN.get() {
            given(name, operation);
        }
        lock(&self.0.commands).push(match operation {
            Operation::Claim(claim) if claim.lease.is_some() => "claim",
            Operation::Claim(_) => "look",
            Operation::Put(_) => "put",
            Operation::Fail(_) => "fail",
        });
    }

    fn execute(&self, name: &Name, mut operation: Operation) -> Reply {
        if self.0.is_hasty {
            hurry(&mut operation);
        }
        lock(&self.0.table).run(self.now(), name, &operation)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is dropped is thrown away, however young it is.
fn hurry(operation: &mut Operation) {
    if let Operation::Claim(claim) = operation {
        claim.young = Duration::ZERO;
    }
}

/// What belongs to another operation than this one.
fn of_another(operation: &Operation) -> Reply {
    match operation {
        Operation::Claim(_) => Reply::Kept,
        Operation::Put(_) => Reply::Noted,
        Operation::Fail(_) => Reply::Free,
    }
}

fn changed(have: Have, fault: StoreFault) -> Have {
    match fault {
        StoreFault::Unopened => {
            let mut bytes = have.token.as_bytes().to_vec();
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
            Have { token: Sealed::new(&bytes), ..have }
        }
        StoreFault::LeftLonger => Have { left: have.left * 100, due_in: have.due_in * 100, ..have },
        StoreFault::LivesLonger => Have { left: have.left * 100, life: have.life * 100, ..have },
        _ => have,
    }
}

impl Store for InMemory {
    fn run(&self, name: Name, operation: Operation) -> StoreFuture {
        self.note(&name, &operation);
        match self.fault() {
            StoreFault::Refuses => Box::pin(async { Err(StoreError::refused("no memory")) }),
            StoreFault::Hangs => {
                let store = self.clone();
                let mut is_noted = false;
                Box::pin(std::future::poll_fn(move |_| {
                    if !std::mem::replace(&mut is_noted, true) {
                        lock(&store.0.commands).push("waits");
                    }
                    std::task::Poll::Pending
                }))
            }
            StoreFault::Panics => panic!("the store panics"),
            StoreFault::PanicsLater => Box::pin(async { panic!("the store panics later") }),
            StoreFault::RepliesOfOthers => Box::pin(async move { Ok(of_another(&operation)) }),
            fault => {
                let reply = match self.execute(&name, operation) {
                    Reply::Have(have) => Reply::Have(changed(have, fault)),
                    reply => reply,
                };
                Box::pin(async { Ok(reply) })
            }
        }
    }
}

/// For threads: what never replies does so until it works again.
impl BlockingStore for InMemory {
    fn run(&self, name: &Name, operation: &Operation, _: Duration) -> Result<Reply, StoreError> {
        while self.fault() == StoreFault::Hangs {
            std::thread::sleep(crate::ms(1));
        }
        let mut reply = Store::run(self, *name, operation.clone());
        match reply.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(reply) => reply,
            std::task::Poll::Pending => Err(StoreError::TimedOut),
        }
    }
}

/// A folder of its own, which goes with its last clone; as [`InMemory::hasty`].
#[derive(Clone, Debug)]
pub struct InFolder {
    store: FolderStore,
    _folder: Arc<Folder>,
}

impl InFolder {
    /// An empty one.
    ///
    /// # Panics
    /// There is no room for it.
    #[expect(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        let folder = Folder::new();
        let store = FolderStore::open(folder.at("store")).expect("a folder of its own");
        Self { store, _folder: Arc::new(folder) }
    }

    /// As one process has it.
    pub fn sealed(&self) -> SealedStore {
        SealedStore::blocking(self.clone(), key())
    }
}

impl BlockingStore for InFolder {
    fn run(&self, name: &Name, operation: &Operation, limit: Duration) -> Result<Reply, StoreError> {
        if let Some(given) = GIVEN.get() {
            given(name, operation);
        }
        let mut operation = operation.clone();
        hurry(&mut operation);
        self.store.run(name, &operation, limit)
    }
}
