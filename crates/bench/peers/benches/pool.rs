//! A pool of tenants beside a general cache of tokens: one look-up, and bytes for each tenant.
//!
//!     cargo bench --manifest-path crates/bench/peers/Cargo.toml --bench pool

use evergrant_bench::allocations::Watch;
use evergrant_bench::subjects::opaque;
use evergrant_bench::tenants::{Shards, key, pool};
use evergrant_bench::{Group, Side, run};
use evergrant_tokio_reqwest::TokensPool;
use moka::sync::Cache;
use std::env;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const TENANTS: usize = 1000;
const TOKEN: usize = 1024;

/// What a program keeps that makes its own cache: the token, and when it ends.
type Entry = Arc<(String, Instant)>;

fn main() {
    let subjects = Subjects {
        floor: Arc::new(Shards::new((0..TENANTS).map(|number| (key(number), number)))),
        pool: pool(TENANTS, TOKEN),
        moka: moka(TENANTS),
    };
    run(&[
        Group::new("Finding the same tenant", subjects.sides()),
        Group::new("Finding the same tenant", subjects.sides()).on_threads(2),
    ]);
    // The processes that time a group print nothing else.
    if env::var_os("EVERGRANT_BENCH_ORDER").is_none() {
        memory(if env::args().any(|word| word == "--bench") { 10_000 } else { 100 });
    }
}

struct Subjects {
    floor: Arc<Shards<usize>>,
    pool: TokensPool<String>,
    moka: Cache<String, Entry>,
}

impl Subjects {
    fn sides(&self) -> Vec<Side> {
        let (floor, pool, moka) = (Arc::clone(&self.floor), self.pool.clone(), self.moka.clone());
        let key = key(0);
        let keys = [&key; 3].map(String::clone);
        let [first, second, third] = keys;
        vec![
            Side::new("floor: sharded `RwLock<HashMap>`, `Arc` clone", move || {
                let (floor, key) = (Arc::clone(&floor), first.clone());
                move || floor.find(black_box(&key))
            }),
            Side::new("`pool.tokens(&key)`", move || {
                let (pool, key) = (pool.clone(), second.clone());
                move || pool.tokens(black_box(&key)).ok()
            }),
            Side::new("moka 0.12 `get`, `Arc` clone", move || {
                let (moka, key) = (moka.clone(), third.clone());
                move || moka.get(black_box(&key))
            }),
        ]
    }
}

fn moka(tenants: usize) -> Cache<String, Entry> {
    let cache = Cache::new(tenants as u64);
    for number in 0..tenants {
        cache.insert(key(number), Arc::new((opaque(TOKEN), Instant::now())));
    }
    cache.run_pending_tasks();
    cache
}

fn memory(tenants: usize) {
    println!("### Memory: bytes for each tenant, with its token of {TOKEN} bytes\n");
    println!("| | how many | bytes |");
    println!("|---|---|---|");
    let each = |watch: &Watch| watch.live() / tenants.cast_signed();
    {
        let watch = Watch::start();
        let _pool = black_box(pool(tenants, TOKEN));
        println!("| `TokensPool` | {tenants} | {} |", each(&watch));
    }
    let watch = Watch::start();
    let _moka = black_box(moka(tenants));
    println!("| moka 0.12: token and end | {tenants} | {} |", each(&watch));
}
