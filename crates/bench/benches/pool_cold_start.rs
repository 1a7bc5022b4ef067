//! Ten thousand tenants who all want their first token at once, from one endpoint that answers after 100 ms.
//!
//!     cargo bench -p evergrant-bench --bench pool_cold_start

// A bench shows what it measures.
#![allow(clippy::print_stdout)]

use evergrant_bench::server::Server;
use evergrant_bench::tenants::{builder, key};
use std::env;
use std::error::Error;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

const HOUR: u64 = 3600;
const ANSWER: Duration = Duration::from_millis(100);

fn main() -> Result<(), Box<dyn Error>> {
    // Without `--bench`, as when tests are run, it is tried on a few.
    let tenants = if env::args().any(|word| word == "--bench") { 10_000 } else { 100 };
    let server = Server::start()?;
    server.grants(HOUR, ANSWER);
    let pool = builder(&server.token_endpoint())?.max_sources(tenants).build()?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;

    let begin = Instant::now();
    let mut waits: Vec<(Duration, bool)> = runtime.block_on(async {
        let mut callers = JoinSet::new();
        for number in 0..tenants {
            let pool = pool.clone();
            callers.spawn(async move {
                let begin = Instant::now();
                let is_served = match pool.tokens(&key(number)) {
                    Ok(tokens) => tokens.ready().await.is_ok(),
                    Err(_) => false,
                };
                (begin.elapsed(), is_served)
            });
        }
        callers.join_all().await
    });
    let took = begin.elapsed();

    waits.sort_unstable();
    let failed = waits.iter().filter(|(_, is_served)| !is_served).count();
    let median = waits.get(tenants / 2).map_or(Duration::ZERO, |(wait, _)| *wait);
    let longest = waits.last().map_or(Duration::ZERO, |(wait, _)| *wait);
    println!("### Cold start: one endpoint, which answers after {ANSWER:?}\n");
    println!(
        "| tenants | token requests | at once, at most | without a token | median wait, s | longest wait, s | all of it, s |"
    );
    println!("|---|---|---|---|---|---|---|");
    println!(
        "| {tenants} | {} | {} | {failed} | {:.1} | {:.1} | {:.1} |",
        server.requests(),
        server.most_at_once(),
        median.as_secs_f64(),
        longest.as_secs_f64(),
        took.as_secs_f64()
    );
    Ok(())
}
