//! Whom a full pool lets go: how often a key is found again, beside LRU; and what is left after millions of keys.
//!
//!     cargo bench -p evergrant-bench --bench pool_eviction               # a million operations; a minute
//!     cargo bench -p evergrant-bench --bench pool_eviction -- --long     # ten million; some minutes

// A bench shows what it measures.
#![allow(clippy::print_stdout)]

use evergrant_bench::allocations::Watch;
use evergrant_bench::process::resident;
use evergrant_bench::random::{Random, Zipf};
use evergrant_bench::subjects::client;
use evergrant_tokio_reqwest::{ClientAuth, TokensPool};
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::env;
use std::error::Error;

const KEYS: u32 = 100_000;
/// In hundredths of the keys.
const SIZES: [u32; 3] = [1, 5, 10];
const EXPONENTS: [f64; 4] = [0.6, 0.8, 1.0, 1.2];
/// A pass over all keys after so many others.
const BETWEEN_SCANS: u32 = 4 * KEYS;
/// After so many others the most asked for are other ones.
const BETWEEN_MOVES: u32 = KEYS;

fn main() -> Result<(), Box<dyn Error>> {
    let has = |word: &str| env::args().any(|given| given == word);
    let _first = rustls::crypto::ring::default_provider().install_default();
    // Without `--bench`, as when tests are run, it is tried on a few.
    let part = if has("--bench") { 1 } else { 100 };

    println!("### Found again, % of the second half of {} operations on {KEYS} keys\n", 10 * KEYS / part);
    println!("| | sources | pool (SIEVE) | LRU | difference |");
    println!("|---|---|---|---|---|");
    for kind in [Kind::Steady, Kind::Scanned, Kind::Moving] {
        for exponent in EXPONENTS {
            let trace = trace(exponent, kind, 10 * KEYS / part);
            for size in SIZES {
                let sources = (KEYS * size / 100) as usize;
                let (sieve, lru) = (sieve(&trace, sources)?, lru(&trace, sources));
                let (kind, difference) = (kind.name(), sieve - lru);
                println!(
                    "| Zipf {exponent:.1}{kind} | {sources} | {sieve:.1} | {lru:.1} | {difference:+.1} |"
                );
            }
        }
    }

    println!("\n### A pool of 10000 sources among 100 million keys\n");
    println!("| operations | most sources | bytes allocated since the start | RSS, MiB |");
    println!("|---|---|---|---|");
    churn(if has("--long") { 10_000_000 } else { 1_000_000 / part })
}

/// What happens beside: nothing, a pass over all keys now and then, or others are asked for most from then on.
#[derive(Clone, Copy)]
enum Kind {
    Steady,
    Scanned,
    Moving,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Steady => "",
            Self::Scanned => ", with scans",
            Self::Moving => ", moving",
        }
    }
}

/// Keys in the order in which they are asked for.
fn trace(exponent: f64, kind: Kind, operations: u32) -> Vec<u64> {
    let (zipf, mut random, all) = (Zipf::new(KEYS, exponent), Random::new(1), u64::from(KEYS));
    let (mut trace, mut moved) = (Vec::new(), 0);
    while trace.len() < operations as usize {
        match kind {
            Kind::Steady => trace.push(zipf.key(&mut random)),
            Kind::Scanned => {
                trace.extend((0..BETWEEN_SCANS).map(|_| zipf.key(&mut random)));
                trace.extend(0..all);
            }
            Kind::Moving => {
                trace.extend((0..BETWEEN_MOVES).map(|_| (zipf.key(&mut random) + moved) % all));
                moved += all / 10;
            }
        }
    }
    trace.truncate(operations as usize);
    trace
}

/// A pool of sources that nobody asks for tokens.
fn pool(sources: usize) -> Result<TokensPool<u64>, Box<dyn Error>> {
    let client = client(ClientAuth::post);
    let client_for = move |_: &u64| Ok::<_, Infallible>(client.clone());
    Ok(TokensPool::builder(client_for).max_sources(sources).build()?)
}

fn sieve(trace: &[u64], sources: usize) -> Result<f64, Box<dyn Error>> {
    let pool = pool(sources)?;
    let (first, second) = trace.split_at(trace.len() / 2);
    for key in first {
        pool.tokens(key)?;
    }
    let before = pool.status().hits;
    for key in second {
        pool.tokens(key)?;
    }
    Ok(percent(pool.status().hits - before, second))
}

fn lru(trace: &[u64], capacity: usize) -> f64 {
    let mut lru = Lru { capacity, last_use: HashMap::new(), uses: VecDeque::new() };
    let (first, second) = trace.split_at(trace.len() / 2);
    for key in first {
        lru.finds(*key);
    }
    percent(second.iter().filter(|key| lru.finds(**key)).count() as u64, second)
}

fn percent(hits: u64, of: &[u64]) -> f64 {
    100.0 * hits as f64 / of.len() as f64
}

/// The keys that were used last.
struct Lru {
    capacity: usize,
    last_use: HashMap<u64, u64>,
    /// The keys with the numbers of their uses, the earliest first; those that were used again since do not count.
    uses: VecDeque<(u64, u64)>,
}

impl Lru {
    /// Whether it has the key; from now on it has.
    fn finds(&mut self, key: u64) -> bool {
        let number = self.uses.back().map_or(0, |(_, last)| last + 1);
        let is_there = self.last_use.insert(key, number).is_some();
        self.uses.push_back((key, number));
        while self.last_use.len() > self.capacity {
            let Some((key, number)) = self.uses.pop_front() else { break };
            if self.last_use.get(&key) == Some(&number) {
                self.last_use.remove(&key);
            }
        }
        is_there
    }
}

fn churn(operations: u32) -> Result<(), Box<dyn Error>> {
    let (pool, mut random, watch) = (pool(10_000)?, Random::new(2), Watch::start());
    let mut most = 0;
    for number in 1..=operations {
        pool.tokens(&random.below(100_000_000))?;
        if number % 10_000 == 0 {
            most = most.max(pool.status().sources);
        }
        if number == 1_000_000 || number == operations {
            println!("| {number} | {most} | {} | {:.1} |", watch.live(), resident()?);
        }
    }
    Ok(())
}
