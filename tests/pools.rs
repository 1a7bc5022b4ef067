//! A pool of sources over each transport that exists, as a thread sees it: what is asked runs on the pool's own runtime.

use crate::{LONG, quick};
use evergrant_async_std::{AsyncStd, HttpClient, Smol};
use evergrant_tokio_reqwest::{
    Client, Error, ManualClock, Origins, Policy, PoolError, PoolStatus, SealedStore, Status, Token,
};
use std::fmt;
use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::Duration;

/// How a pool is made.
#[derive(Clone)]
pub struct Setup {
    /// The client of a tenant.
    pub client_for: Arc<dyn Fn(&str) -> Client + Send + Sync>,
    /// The policy.
    pub policy: Policy,
    /// The clock, if not the system's.
    pub clock: Option<ManualClock>,
    /// How many token requests at once, and how many of them to one origin.
    pub max_flights: (usize, usize),
    /// How many sources there are at most.
    pub max_sources: usize,
    /// Whether callers take the first outcome.
    pub fail_fast: bool,
    /// The store that its sources share with other processes.
    pub store: Option<SealedStore>,
}

impl Setup {
    /// The default limits, and the quick policy.
    pub fn new(client_for: impl Fn(&str) -> Client + Send + Sync + 'static) -> Self {
        let (client_for, policy) = (Arc::new(client_for), quick().with_attempt_timeout(LONG));
        let (max_flights, max_sources) = ((256, 64), 10_000);
        Self { client_for, policy, clock: None, max_flights, max_sources, fail_fast: false, store: None }
    }
}

/// One pool over one transport.
pub trait Pool: Debug + Send + Sync {
    /// The source of this tenant.
    ///
    /// # Errors
    /// Of the pool.
    fn try_tokens(&self, tenant: &str) -> Result<Box<dyn Source>, PoolError>;

    /// The source of this tenant, which there is room for.
    ///
    /// # Panics
    /// The pool has none.
    fn tokens(&self, tenant: &str) -> Box<dyn Source> {
        self.try_tokens(tenant).expect("a source")
    }

    /// Another client for this tenant.
    ///
    /// # Panics
    /// The client is not taken.
    fn replace(&self, tenant: &str, client: Client) -> bool;

    /// The tenant leaves.
    fn remove(&self, tenant: &str) -> bool;

    /// What the pool says of itself.
    fn status(&self) -> PoolStatus;

    /// Runs the job that keeps the pool fresh.
    fn keep_fresh(&self) -> Job<()>;
}

/// A clone of a tenant's source.
pub trait Source: Debug {
    /// Asks for a token with this much patience.
    fn ask(&self, patience: Duration) -> Job<Result<Token, Error>>;

    /// A token, however long it takes.
    ///
    /// # Errors
    /// Of the source.
    fn token(&self) -> Result<Token, Error> {
        self.ask(LONG).outcome()
    }

    /// The token that is there, without asking for one.
    fn held(&self) -> Option<Token>;

    /// Waits until the store was told everything.
    fn flush(&self) -> Job<()>;

    /// What the source says of itself.
    fn status(&self) -> Status;

    /// The status of the answer to a call with the tenant's token, through the adapter's `Api`, which is allowed everywhere at
    /// the URL's origin.
    fn get(&self, url: &str) -> Job<Result<u16, String>>;
}

/// What runs meanwhile.
#[derive(Debug)]
pub struct Job<T> {
    outcome: Receiver<T>,
    /// Its runtime lasts as long as anybody wants the outcome.
    _on: Option<Spawn>,
}

impl<T> Job<T> {
    /// What became of it.
    ///
    /// # Panics
    /// It does not end, or it panicked.
    #[track_caller]
    pub fn outcome(self) -> T {
        self.outcome.recv_timeout(2 * LONG).expect("an outcome")
    }

    /// What became of it, if it has ended.
    ///
    /// # Panics
    /// It panicked, or somebody has its outcome already.
    #[track_caller]
    pub fn ended(&self) -> Option<T> {
        match self.outcome.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => panic!("no outcome"),
        }
    }
}

/// Makes a pool over a transport.
pub type Mount = fn(&Setup) -> Box<dyn Pool>;

/// Every transport, by name.
pub const POOLS: [(&str, Mount); 4] =
    [("tokio-reqwest", on_tokio), ("async-std", on_async_std), ("smol", on_smol), ("ureq", on_threads)];

/// Runs this on every transport, all at once; the thread of each has its name.
///
/// # Panics
/// One of them does.
pub fn on_every_pool(run: impl Fn(Mount) + Sync) {
    thread::scope(|scope| {
        for (name, mount) in POOLS {
            let (thread, run) = (thread::Builder::new().name(name.into()), &run);
            thread.spawn_scoped(scope, move || run(mount)).expect("a thread");
        }
    });
}

/// The builders of all adapters are of one shape.
macro_rules! built {
    ($adapter:ident, $setup:expr) => {{
        let (setup, client_for) = ($setup, Arc::clone(&$setup.client_for));
        let builder = $adapter::TokensPool::builder(move |tenant: &String| {
            Ok::<_, std::convert::Infallible>(client_for(tenant))
        });
        let (in_all, per_origin) = setup.max_flights;
        let builder = builder.policy(setup.policy.clone()).fail_fast(setup.fail_fast);
        let builder = builder.max_flights(in_all).max_flights_per_origin(per_origin);
        let builder = builder.max_sources(setup.max_sources);
        let builder = match &setup.store {
            Some(store) => builder.store(store.clone()),
            None => builder,
        };
        let pool = match &setup.clock {
            Some(clock) => builder.clock(clock.clone()).build(),
            None => builder.build(),
        };
        pool.expect("nothing is wrong with it")
    }};
}

fn on_tokio(setup: &Setup) -> Box<dyn Pool> {
    crate::install_tls();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    Box::new(Tasks {
        of: built!(evergrant_tokio_reqwest, setup),
        spawn: Spawn::on(move |task| drop(runtime.spawn(task))),
    })
}

fn on_async_std(setup: &Setup) -> Box<dyn Pool> {
    let spawn = Spawn::on(|task| drop(async_std::task::spawn(task)));
    let of: evergrant_async_std::TokensPool<String, AsyncStd> = built!(evergrant_async_std, setup);
    Box::new(Tasks { of, spawn })
}

fn on_smol(setup: &Setup) -> Box<dyn Pool> {
    let spawn = Spawn::on(|task| smol::spawn(task).detach());
    let of: evergrant_async_std::TokensPool<String, Smol> = built!(evergrant_async_std, setup);
    Box::new(Tasks { of, spawn })
}

fn on_threads(setup: &Setup) -> Box<dyn Pool> {
    Box::new(Threads(built!(evergrant_ureq, setup)))
}

fn origin_of(url: &str) -> Origins {
    let authority = url.split('/').nth(2).expect("a URL");
    Origins::parse([format!("http://{authority}").as_str()]).expect("an origin")
}

// As tasks.

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where tasks run.
#[derive(Clone)]
struct Spawn(Arc<dyn Fn(Task) + Send + Sync>);

impl Debug for Spawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spawn")
    }
}

impl Spawn {
    fn on(spawn: impl Fn(Task) + Send + Sync + 'static) -> Self {
        Self(Arc::new(spawn))
    }

    fn run<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> Job<T> {
        let (to, outcome) = mpsc::channel();
        (self.0)(Box::pin(async move {
            let _nobody_wants_it = to.send(task.await);
        }));
        Job { outcome, _on: Some(self.clone()) }
    }
}

/// A pool or a source, and where it runs.
#[derive(Debug)]
struct Tasks<T> {
    of: T,
    spawn: Spawn,
}

macro_rules! tasks {
    ($pool:ty, $tokens:ty, $api:expr) => {
        impl Pool for Tasks<$pool> {
            fn try_tokens(&self, tenant: &str) -> Result<Box<dyn Source>, PoolError> {
                let of = self.of.tokens(&tenant.to_owned())?;
                Ok(Box::new(Tasks { of, spawn: self.spawn.clone() }))
            }

            fn replace(&self, tenant: &str, client: Client) -> bool {
                self.of.replace(&tenant.to_owned(), client).expect("a client that can be used")
            }

            fn remove(&self, tenant: &str) -> bool {
                self.of.remove(&tenant.to_owned())
            }

            fn status(&self) -> PoolStatus {
                self.of.status()
            }

            fn keep_fresh(&self) -> Job<()> {
                self.spawn.run(self.of.keep_fresh())
            }
        }

        impl Source for Tasks<$tokens> {
            fn ask(&self, patience: Duration) -> Job<Result<Token, Error>> {
                let tokens = self.of.clone();
                self.spawn.run(async move { tokens.token_within(patience).await })
            }

            fn held(&self) -> Option<Token> {
                self.of.try_token()
            }

            fn flush(&self) -> Job<()> {
                let tokens = self.of.clone();
                self.spawn.run(async move { tokens.flush().await })
            }

            fn status(&self) -> Status {
                self.of.status()
            }

            fn get(&self, url: &str) -> Job<Result<u16, String>> {
                let (api, url) = ($api(self.of.clone(), origin_of(url)), url.to_owned());
                self.spawn.run(async move {
                    let answer = api.get(&url).send().await;
                    answer.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string())
                })
            }
        }
    };
}

tasks!(evergrant_tokio_reqwest::TokensPool<String>, evergrant_tokio_reqwest::Tokens, |tokens, origins| {
    evergrant_tokio_reqwest::Api::new(crate::http(), tokens, origins)
});
tasks!(
    evergrant_async_std::TokensPool<String, AsyncStd>,
    evergrant_async_std::Tokens<AsyncStd>,
    |tokens, origins| evergrant_async_std::Api::new(HttpClient::new(), tokens, origins)
);
tasks!(
    evergrant_async_std::TokensPool<String, Smol>,
    evergrant_async_std::Tokens<Smol>,
    |tokens, origins| evergrant_async_std::Api::new(HttpClient::new(), tokens, origins)
);

// As threads.

#[derive(Debug)]
struct Threads<T>(T);

/// A thread of its own; of hundreds none needs a large stack.
fn run<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Job<T> {
    let (to, outcome) = mpsc::channel();
    let thread = thread::Builder::new().stack_size(1 << 20);
    let job = move || {
        let _nobody_wants_it = to.send(job());
    };
    thread.spawn(job).expect("a thread");
    Job { outcome, _on: None }
}

impl Pool for Threads<evergrant_ureq::TokensPool<String>> {
    fn try_tokens(&self, tenant: &str) -> Result<Box<dyn Source>, PoolError> {
        Ok(Box::new(Threads(self.0.tokens(&tenant.to_owned())?)))
    }

    fn replace(&self, tenant: &str, client: Client) -> bool {
        self.0.replace(&tenant.to_owned(), client).expect("a client that can be used")
    }

    fn remove(&self, tenant: &str) -> bool {
        self.0.remove(&tenant.to_owned())
    }

    fn status(&self) -> PoolStatus {
        self.0.status()
    }

    fn keep_fresh(&self) -> Job<()> {
        run(self.0.keep_fresh())
    }
}

impl Source for Threads<evergrant_ureq::Tokens> {
    fn ask(&self, patience: Duration) -> Job<Result<Token, Error>> {
        let tokens = self.0.clone();
        run(move || tokens.token_within(patience))
    }

    fn held(&self) -> Option<Token> {
        self.0.try_token()
    }

    fn flush(&self) -> Job<()> {
        let tokens = self.0.clone();
        run(move || tokens.flush())
    }

    fn status(&self) -> Status {
        self.0.status()
    }

    fn get(&self, url: &str) -> Job<Result<u16, String>> {
        let agent = ureq::Agent::config_builder().proxy(None).build().new_agent();
        let api = evergrant_ureq::Api::new(agent, self.0.clone(), origin_of(url));
        let url = url.to_owned();
        run(move || {
            let answer = api.get(&url).send();
            answer.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string())
        })
    }
}
