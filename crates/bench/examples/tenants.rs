//! A thousand tenants in one pool for some minutes, with tokens of a minute, while a tenth of their endpoints fail.
//!
//!     cargo run --release -p evergrant-bench --example tenants -- 10
//!
//! Each tenant calls about once a second, and one keeper renews what is used. Of the endpoints one works; 34 tenants each have one that
//! answers 503, one that answers 401, and one that never answers. The endpoints run in a process of their own, so that the memory
//! that is printed is that of the pool and its callers.

// An example shows what it does.
#![allow(clippy::print_stdout)]

use evergrant_bench::process::resident;
use evergrant_bench::random::Random;
use evergrant_bench::tenants::key;
use evergrant_mock::{Endpoint, Fault, Server, Times};
use evergrant_tokio_reqwest::{BoxError, Client, ClientAuth, Provider, TokensPool};
use std::collections::HashMap;
use std::env;
use std::future::poll_fn;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio::time::sleep;

const TENANTS: usize = 1000;
const LIFE: Duration = Duration::from_secs(60);
/// The word that makes this program the process of the endpoints.
const ENDPOINTS: &str = "--endpoints";

fn main() -> Result<(), BoxError> {
    let word = env::args().nth(1);
    if word.as_deref() == Some(ENDPOINTS) {
        return endpoints();
    }
    let minutes = word.map_or(Ok(1), |word| word.parse())?;
    let _first = rustls::crypto::ring::default_provider().install_default();
    let elsewhere = Elsewhere::start()?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(minutes, &elsewhere.urls))
}

/// How the endpoint of a tenant behaves.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Kind {
    Works,
    Unavailable,
    Refuses,
    Silent,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Works, Self::Unavailable, Self::Refuses, Self::Silent];

    /// A tenth of all tenants have an endpoint that fails.
    const fn of(tenant: usize) -> Self {
        match tenant % 30 {
            0 => Self::Unavailable,
            1 => Self::Refuses,
            2 => Self::Silent,
            _ => Self::Works,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Unavailable => "503",
            Self::Refuses => "401",
            Self::Silent => "never answers",
        }
    }

    fn fault(self) -> Option<Fault> {
        match self {
            Self::Works => None,
            Self::Unavailable => Some(Fault::status(503)),
            Self::Refuses => Some(Fault::error(401, "invalid_client")),
            Self::Silent => Some(Fault::Hang),
        }
    }
}

/// The endpoints, until the standard input ends.
fn endpoints() -> Result<(), BoxError> {
    let mut servers = Vec::new();
    for kind in Kind::ALL {
        let server = Server::builder().lifetime(LIFE).start()?;
        if let Some(fault) = kind.fault() {
            server.fault(Endpoint::Token, fault, Times::UntilCleared);
        }
        println!("{}", server.token_endpoint());
        servers.push(server);
    }
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// The process of the endpoints.
struct Elsewhere {
    process: Child,
    urls: HashMap<Kind, String>,
}

impl Elsewhere {
    fn start() -> Result<Self, BoxError> {
        let mut command = Command::new(env::current_exe()?);
        let mut process = command.arg(ENDPOINTS).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(process.stdout.take().ok_or("no output")?).lines();
        let urls = Kind::ALL.into_iter().zip(lines).map(|(kind, url)| Ok((kind, url?)));
        Ok(Self { urls: urls.collect::<io::Result<_>>()?, process })
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}

fn client(endpoint: &str) -> Result<Client, BoxError> {
    let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET)?;
    Ok(Client::builder(Provider::rfc6749(endpoint)?, auth).build()?)
}

async fn run(minutes: u32, urls: &HashMap<Kind, String>) -> Result<(), BoxError> {
    let clients: HashMap<Kind, Client> =
        urls.iter().map(|(kind, url)| Ok((*kind, client(url)?))).collect::<Result<_, BoxError>>()?;
    let kinds: Arc<HashMap<String, Kind>> =
        Arc::new((0..TENANTS).map(|tenant| (key(tenant), Kind::of(tenant))).collect());
    let of = Arc::clone(&kinds);
    let client_for = move |tenant: &String| {
        of.get(tenant).and_then(|kind| clients.get(kind)).cloned().ok_or("there is no such tenant")
    };
    let pool = TokensPool::builder(client_for).max_sources(TENANTS).build()?;
    tokio::spawn(pool.keep_fresh());

    let waits: Arc<HashMap<Kind, Waits>> =
        Arc::new(Kind::ALL.into_iter().map(|kind| (kind, Waits::default())).collect());
    for tenant in 0..TENANTS {
        tokio::spawn(calls(tenant, pool.clone(), Arc::clone(&waits)));
    }

    println!("| minute | RSS, MiB | tokens held | resting | requests in the air |");
    println!("|---|---|---|---|---|");
    for minute in 1..=minutes {
        sleep(Duration::from_secs(60)).await;
        let status = pool.status();
        println!(
            "| {minute} | {:.1} | {} | {} | {} |",
            resident()?,
            status.held,
            status.resting,
            status.in_flight
        );
    }
    summary(minutes, &pool, &kinds, &waits);
    Ok(())
}

/// One tenant's calls, about one a second.
async fn calls(tenant: usize, pool: TokensPool<String>, waits: Arc<HashMap<Kind, Waits>>) {
    let (key, mut random) = (key(tenant), Random::new(tenant as u64));
    let Some(waits) = waits.get(&Kind::of(tenant)) else { return };
    let mut is_first = true;
    loop {
        let (planned, asleep) = (Duration::from_millis(500 + random.below(1000)), Instant::now());
        sleep(planned).await;
        waits.woke(asleep.elapsed().saturating_sub(planned));
        let (begin, mut polls) = (Instant::now(), 0);
        let is_served = match pool.tokens(&key) {
            Ok(tokens) => {
                let mut token = pin!(tokens.token());
                let counted = poll_fn(|cx| {
                    polls += 1;
                    token.as_mut().poll(cx)
                });
                counted.await.is_ok()
            }
            Err(_) => false,
        };
        waits.note(begin.elapsed(), is_first, is_served, polls > 1);
        is_first = false;
    }
}

/// How long the callers waited whose endpoints are of one kind.
#[derive(Default)]
struct Waits {
    calls: AtomicU64,
    failed: AtomicU64,
    /// Calls after the first that found no token: what was slow without that, such as a busy processor, is not the pool's.
    waited: AtomicU64,
    /// In microseconds.
    longest_first: AtomicU64,
    longest_later: AtomicU64,
    /// By how much the pauses between calls were too long: a busy machine, which makes waits longer as well.
    latest: AtomicU64,
}

impl Waits {
    fn woke(&self, late: Duration) {
        self.latest.fetch_max(micros(late), Ordering::Relaxed);
    }

    fn note(&self, wait: Duration, is_first: bool, is_served: bool, waited: bool) {
        let longest = if is_first { &self.longest_first } else { &self.longest_later };
        longest.fetch_max(micros(wait), Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.failed.fetch_add(u64::from(!is_served), Ordering::Relaxed);
        self.waited.fetch_add(u64::from(!is_first && waited), Ordering::Relaxed);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn summary(
    minutes: u32,
    pool: &TokensPool<String>,
    kinds: &HashMap<String, Kind>,
    waits: &HashMap<Kind, Waits>,
) {
    println!(
        "\n| endpoint | tenants | requests for each: least, mean, most | mean in a life | calls | without a token | longest wait for the \
         first token, ms | longest later | later ones that had to wait | pauses too long by at most, ms |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let requests = pool.top(TENANTS);
    for kind in Kind::ALL {
        let of_kind = requests.iter().filter(|(key, _)| kinds.get(key) == Some(&kind)).map(|(_, many)| *many);
        let (tenants, sum) = (of_kind.clone().count(), of_kind.clone().sum::<u64>());
        let mean = sum as f64 / tenants.max(1) as f64;
        let lives = f64::from(minutes) * 60.0 / LIFE.as_secs_f64();
        let (least, most) = (of_kind.clone().min().unwrap_or(0), of_kind.max().unwrap_or(0));
        let Some(waits) = waits.get(&kind) else { continue };
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let millis = |micros: &AtomicU64| read(micros) as f64 / 1e3;
        println!(
            "| {} | {tenants} | {least}, {mean:.1}, {most} | {:.2} | {} | {} | {:.1} | {:.1} | {} | {:.1} |",
            kind.name(),
            mean / lives,
            read(&waits.calls),
            read(&waits.failed),
            millis(&waits.longest_first),
            millis(&waits.longest_later),
            read(&waits.waited),
            millis(&waits.latest)
        );
    }
}
