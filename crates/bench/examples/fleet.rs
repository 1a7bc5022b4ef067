//! What a fleet asks of its token endpoint: ten thousand real machines in simulated time, with a store and without one.
//!
//!     cargo run --release -p evergrant-bench --example fleet
//!     cargo run --release -p evergrant-bench --example fleet -- --write    # and fleet/*.csv and fleet/*.svg beside the manifest
//!     cargo run --release -p evergrant-bench --example fleet -- 1000      # another size
//!
//! The seeds are fixed, so every run prints and writes the same. What is simulated is in `src/fleet.rs`.

// An example shows what it does.
#![allow(clippy::print_stdout)]

use evergrant_bench::fleet::{Plan, Row, csv, over_time, picture, rows, text};
use evergrant_core::Policy;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;

const PROCESSES: u32 = 10_000;
const DAY: u64 = 24 * 3600;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let processes = words.iter().find_map(|word| word.parse().ok()).unwrap_or(PROCESSES);

    println!("One process without a store, callers at all times: token requests in a day\n");
    println!(
        "| life of a token | computed, jitter on | simulated, jitter on | computed, off | simulated, off |"
    );
    println!("|---|---|---|---|---|");
    for life in [300, 3600, DAY] {
        let cells = [true, false].map(|jitter| {
            // The mean of a thousand tells the same as that of all.
            let plan = Plan { life, jitter, ..Plan::new((processes / 10).max(1), DAY) }.alone();
            let simulated = plan.run().map(|run| run.asked() as f64 / f64::from(plan.processes));
            simulated.map(|simulated| format!("{:.0} | {simulated:.2}", computed(jitter, life)))
        });
        let [on, off] = cells;
        println!("| {life} s | {} | {} |", on?, off?);
    }

    println!("\n{processes} processes, tokens of an hour\n");
    let results = rows(processes).into_iter().map(Row::run).collect::<Result<Vec<_>, _>>()?;
    print!("{}", text(&results));

    println!("\n{processes} processes without a store: what jitter brings\n");
    println!(
        "| | requests | most in a second: start | refresh | outage | 2 min after it | longest without a token |"
    );
    println!("|---|---|---|---|---|---|---|");
    for row in rows(processes).into_iter().filter(|row| ["day", "outage"].contains(&row.name)) {
        for jitter in [true, false] {
            let plan = Plan { jitter, ..row.plan.alone() };
            let (run, outage, lasts) = (plan.run()?, plan.outage.clone(), plan.lasts);
            println!(
                "| {}, jitter {} | {} | {} | {} | {} | {} | {:.1} s |",
                row.title,
                if jitter { "on" } else { "off" },
                run.asked(),
                run.most_asked_in(0..60),
                run.most_asked_in(outage.end.max(60) + 120..lasts),
                run.most_asked_in(outage.clone()),
                run.most_asked_in(outage.end..outage.end + if outage.is_empty() { 0 } else { 120 }),
                run.longest.as_secs_f64(),
            );
        }
    }

    if words.iter().any(|word| word == "--write") {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fleet");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("rows.csv"), csv(&results))?;
        for result in &results {
            let window = match result.row.name {
                "start" => 0..24,
                "revocation" => 590..614,
                "day" | "outage" | "split-brain" => 0..result.row.plan.lasts,
                _ => continue,
            };
            fs::write(folder.join(result.row.name).with_extension("csv"), over_time(result))?;
            fs::write(folder.join(result.row.name).with_extension("svg"), picture(result, window)?)?;
        }
    }
    Ok(())
}

/// The first, and one more whenever the mean time from one request to the next has passed: what is used of a life, less `ahead`
/// and the mean of a jitter that is uniform up to half of it.
fn computed(jitter: bool, life: u64) -> f64 {
    let (policy, life) = (Policy::new(), Duration::from_secs(life));
    let ahead = policy.ahead(life);
    let early = ahead + if jitter { ahead / 4 } else { Duration::ZERO };
    (DAY as f64 / (life - policy.leeway(life) - early).as_secs_f64()).ceil()
}
