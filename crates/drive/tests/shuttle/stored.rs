//! A flight through a store that takes its time: whoever waits is woken when it lands, and whoever wants to end when the store was told,
//! whatever becomes of the job.

use super::*;
use evergrant_core::fleet::{
    Have, Name, Operation, Print, Reply, Sealed, StoreError, StoreTime, Table, Unsealed,
};
use evergrant_core::{ConfigError, Thumbprint};
use evergrant_drive::{BlockingStore, SealedStore, Sealing, Store, StoreFuture, TokenSeal};

/// Few steps more than a source without a store, in the same time.
fn try_some(test: impl Fn() + Send + Sync + Clone + 'static) {
    shuttle::check_random(test.clone(), SCHEDULES / 4);
    shuttle::check_pct(test, SCHEDULES / 4, 3);
}

/// A store that executes a command a moment after it was asked, on a clock of its own that stands.
#[derive(Clone, Default)]
struct InMemory {
    table: Arc<Mutex<Table>>,
    kept: Arc<AtomicU32>,
}

impl InMemory {
    fn execute(&self, name: &Name, operation: &Operation) -> Reply {
        let now = StoreTime::from_millis(1_800_000_000_000);
        let reply = self.table.lock().unwrap().run(now, name, operation);
        if matches!(reply, Reply::Kept) {
            self.kept.fetch_add(1, Ordering::SeqCst);
        }
        reply
    }

    fn kept(&self) -> u32 {
        self.kept.load(Ordering::SeqCst)
    }
}

impl Store for InMemory {
    fn run(&self, name: Name, operation: Operation) -> StoreFuture {
        let store = self.clone();
        Box::pin(async move {
            yield_now().await;
            Ok(store.execute(&name, &operation))
        })
    }
}

impl BlockingStore for InMemory {
    fn run(&self, name: &Name, operation: &Operation, _: Duration) -> Result<Reply, StoreError> {
        thread::yield_now();
        Ok(self.execute(name, operation))
    }
}

/// Seals nothing.
struct Plain;

impl Sealing for Plain {
    fn seal_of(&self, _: &Client, _: Option<Thumbprint>) -> Result<Box<dyn TokenSeal>, ConfigError> {
        Ok(Box::new(Plain))
    }
}

impl TokenSeal for Plain {
    fn name(&self) -> Name {
        Name::new([1; 16])
    }

    fn print(&self, token: &AccessToken) -> Print {
        let number: u64 = token.expose().parse().unwrap();
        Print::new(number.to_le_bytes())
    }

    fn seal(&self, token: &Unsealed) -> Option<Sealed> {
        Some(Sealed::new(token.token().expose().as_bytes()))
    }

    fn open(&self, have: &Have) -> Option<AccessToken> {
        AccessToken::new(std::str::from_utf8(have.token.as_bytes()).ok()?).ok()
    }
}

fn over(store: SealedStore) -> World {
    World::of(Settings::new(client(auth())).store(store), ManualClock::new())
}

#[test]
fn callers_are_woken_by_the_landing_and_who_flushes_by_the_put() {
    try_some(|| {
        let store = InMemory::default();
        let world = over(SealedStore::new(store.clone(), Plain));
        let calling = {
            let source = world.source();
            spawn(async move { number(&source.token(None).await.unwrap()) })
        };
        let ending = {
            let (source, store) = (world.source(), store.clone());
            spawn(async move {
                let token = number(&source.token(None).await.unwrap());
                source.flush().await;
                (token, store.kept())
            })
        };
        assert_eq!(block_on(calling).unwrap(), 1);
        assert_eq!(block_on(ending).unwrap(), (1, 1), "who has flushed leaves no claim behind");
        assert_eq!(world.sent(), 1);
        world.is_empty();
    });
}

#[test]
fn the_same_on_threads_with_an_engine_that_blocks() {
    try_some(|| {
        let store = InMemory::default();
        let world = over(SealedStore::blocking(store.clone(), Plain));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let source = BlockingSource::over(Arc::clone(&world.shared), world.stage.clone());
                let store = store.clone();
                thread::spawn(move || {
                    let token = number(&source.token(None).unwrap());
                    source.flush();
                    (token, store.kept())
                })
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), (1, 1));
        }
        assert_eq!(world.sent(), 1);
        world.is_empty();
    });
}

#[test]
fn a_job_that_is_dropped_at_any_moment_strands_neither_callers_nor_who_flushes() {
    try_some(|| {
        let store = InMemory::default();
        let world = over(SealedStore::new(store.clone(), Plain));
        // Before the claim, during it, while the server is asked, or while the store is told.
        world.fate(Fate::Shutdown(thread_rng().gen_range(0..7_u32)));
        let first = world.source();
        let mut first = Box::pin(first.token(None));
        let _ = first.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        world.fate(Fate::Run);
        let flushing = {
            let source = world.source();
            spawn(async move { source.flush().await })
        };
        let source = world.source();
        let calling = spawn(async move { source.token(None).await.is_ok() });
        let ticking = spawn(world.tick());
        assert!(block_on(calling).unwrap());
        block_on(ticking).unwrap();
        block_on(flushing).unwrap();
        block_on(world.source().flush());
        drop(first);
        assert!(world.sent() <= 2, "{} requests", world.sent());
        world.is_empty();
    });
}

/// While it waits for the other one's token time goes on, as far as the scheduler likes: past a command's, or past a claim's.
#[test]
fn two_processes_over_one_store_are_both_served() {
    try_some(|| {
        let store = InMemory::default();
        let worlds = [(); 2].map(|()| over(SealedStore::new(store.clone(), Plain)));
        let calling: Vec<_> = worlds
            .iter()
            .map(|world| {
                let source = world.source();
                spawn(async move {
                    let is_served = source.token(None).await.is_ok();
                    source.flush().await;
                    is_served
                })
            })
            .collect();
        let ticking = {
            let worlds = worlds.clone();
            spawn(async move {
                while worlds.iter().any(|world| world.shared.try_token().is_none()) {
                    worlds.iter().for_each(|world| world.pass(Duration::from_millis(40)));
                    yield_now().await;
                }
            })
        };
        for call in calling {
            assert!(block_on(call).unwrap());
        }
        block_on(ticking).unwrap();
        assert!((1..=2).contains(&(worlds[0].sent() + worlds[1].sent())));
        worlds.iter().for_each(World::is_empty);
    });
}
