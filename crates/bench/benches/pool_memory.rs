//! What ten thousand tenants take in a pool, beside other ways to keep their tokens.
//!
//!     cargo bench -p evergrant-bench --bench pool_memory

// A bench shows what it measures.
#![allow(clippy::print_stdout)]

use evergrant_bench::allocations::Watch;
use evergrant_bench::server::Server;
use evergrant_bench::subjects::{opaque, stored};
use evergrant_bench::tenants::{ENDPOINT, builder, client, key, pool};
use evergrant_core::fleet::{Entry, Name, Operation, StoreTime};
use evergrant_crypto::StoreKey;
use evergrant_drive::{SealedStore, Shared, Store, StoreFuture};
use evergrant_tokio_reqwest::{Provider, Tokens, TokensPool, TokensPoolBuilder, Transport};
use http::HeaderValue;
use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::hint::black_box;
use std::time::{Instant, SystemTime};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const TOKEN: usize = 1024;
/// So many tenants ask at once where tokens come from an endpoint: what waits is not what is measured.
const AT_ONCE: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    // Without `--bench`, as when tests are run, it is tried on a few.
    let tenants = if env::args().any(|word| word == "--bench") { 10_000 } else { 100 };
    let _first = rustls::crypto::ring::default_provider().install_default();
    let (server, runtime) = (Server::start()?, Runtime::new()?);
    let provider = Provider::rfc6749(ENDPOINT)?;
    let transport = Transport::new();

    println!("### Memory: bytes for each tenant, with its token of {TOKEN} bytes\n");
    println!("| | how many | bytes |");
    println!("|---|---|---|");
    row("`TokensPool`, tokens restored", tenants, || Ok(pool(tenants, TOKEN)))?;
    row("`TokensPool`, tokens from an endpoint", tenants, || {
        runtime.block_on(asked(builder(&server.token_endpoint())?, tenants))
    })?;
    row("the same with a store, whose own memory is elsewhere", tenants, || {
        let store = SealedStore::new(Forgetful, StoreKey::of_client_secrets());
        runtime.block_on(asked(builder(&server.token_endpoint())?.store(store), tenants))
    })?;
    row("a `Tokens` each over one `Transport`", tenants, || {
        (0..tenants)
            .map(|number| {
                let builder = Tokens::builder(client(&provider, &key(number))?);
                Ok((key(number), restored(builder.transport(&transport).build()?)?))
            })
            .collect::<Result<HashMap<String, Tokens>, Box<dyn Error>>>()
    })?;
    // Of those that build an HTTP client each, fewer tell the same.
    row("a `Tokens` each with an HTTP client of its own", tenants / 10, || {
        (0..tenants / 10)
            .map(|number| Ok((key(number), restored(Tokens::new(client(&provider, &key(number))?)?)?)))
            .collect::<Result<HashMap<String, Tokens>, Box<dyn Error>>>()
    })?;
    row("`HashMap` of tokens and their ends, without bound", tenants, || {
        Ok((0..tenants)
            .map(|number| (key(number), (opaque(TOKEN), Instant::now())))
            .collect::<HashMap<_, _>>())
    })?;
    row("`Client` alone, of the same tenants", tenants, || {
        let mut clients = Vec::with_capacity(tenants);
        for number in 0..tenants {
            clients.push(client(&provider, &key(number))?);
        }
        Ok(clients)
    })?;
    println!(
        "| drive's `Shared` alone, without what it points to | | {} |",
        size_of::<Shared<HeaderValue>>()
    );
    Ok(())
}

/// A store that has lost everything before each command.
struct Forgetful;

impl Store for Forgetful {
    fn run(&self, _: Name, operation: Operation) -> StoreFuture {
        let now = StoreTime::default().after(SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default());
        let reply = Entry::default().run(now, &operation);
        Box::pin(async { Ok(reply) })
    }
}

fn row<T>(
    name: &str,
    many: usize,
    make: impl FnOnce() -> Result<T, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let watch = Watch::start();
    let made = black_box(make()?);
    println!("| {name} | {many} | {} |", watch.live() / many.cast_signed());
    drop(watch);
    drop(made);
    Ok(())
}

fn restored(tokens: Tokens) -> Result<Tokens, Box<dyn Error>> {
    if tokens.restore(stored(TOKEN)) { Ok(tokens) } else { Err("a fresh token was not taken".into()) }
}

/// A pool whose tenants have asked for their tokens.
async fn asked(
    builder: TokensPoolBuilder<String>,
    tenants: usize,
) -> Result<TokensPool<String>, Box<dyn Error>> {
    let pool = builder.max_sources(tenants).build()?;
    let mut callers = JoinSet::new();
    for first in 0..AT_ONCE {
        let pool = pool.clone();
        callers.spawn(async move {
            for number in (first..tenants).step_by(AT_ONCE) {
                pool.tokens(&key(number))?.ready().await?;
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        });
    }
    for outcome in callers.join_all().await {
        outcome.map_err(|error| error.to_string())?;
    }
    Ok(pool)
}
