//! What a bench prints: one table for each group, as it stands in the README.
#![allow(clippy::print_stdout)]

use crate::allocations::{self, Count};
use crate::instructions;
use crate::measure::{Group, Side, time};
use std::env;

/// Measures and prints every group, in the order given.
///
/// `cargo bench` says `--bench`; without it each side is run once, to see that it runs. `--instructions` counts instructions
/// too, which needs valgrind and half a second for each side. Any other word keeps the groups whose title has it.
pub fn run(groups: &[Group]) {
    if instructions::obey(groups) {
        return;
    }
    let words: Vec<String> = env::args().skip(1).collect();
    let has = |word: &str| words.iter().any(|given| given == word);
    let is_wanted = |group: &Group| {
        let mut names = words.iter().filter(|word| !word.starts_with("--")).peekable();
        names.peek().is_none() || names.any(|name| group.title.contains(name.as_str()))
    };
    for (place, group) in groups.iter().enumerate().filter(|(_, group)| is_wanted(group)) {
        if has("--bench") {
            print(place, group, has("--instructions"));
        } else {
            group.sides.iter().for_each(|side| side.job()(1));
        }
    }
}

fn print(place: usize, group: &Group, with_instructions: bool) {
    let (timings, rounds) = time(group);
    let threads = if group.threads == 1 { "1 thread".into() } else { format!("{} threads", group.threads) };
    println!("### {}: {threads}, {rounds} rounds\n", group.title);
    println!("| | ns | x the first | allocations | bytes | instructions |");
    println!("|---|---|---|---|---|---|");
    for (number, (side, timing)) in group.sides.iter().zip(timings).enumerate() {
        let (nanos, ratio) = match timing {
            Some(timing) if timing.nanos < 100.0 => {
                (format!("{:.1}", timing.nanos), format!("{:.2}", timing.ratio))
            }
            Some(timing) => (format!("{:.0}", timing.nanos), format!("{:.2}", timing.ratio)),
            None => ("too busy".into(), "-".into()),
        };
        let Count { calls, bytes } = allocated(side);
        let counted =
            if with_instructions && group.threads == 1 { instructions::count(place, number) } else { None };
        let counted = counted.map_or_else(|| "-".into(), |count| count.to_string());
        println!("| {} | {nanos} | {ratio} | {calls} | {bytes} | {counted} |", side.name);
    }
    println!();
}

/// What one more time allocates, once everything is warm.
fn allocated(side: &Side) -> Count {
    let mut job = side.job();
    job(64);
    allocations::count(|| job(1)).1
}
