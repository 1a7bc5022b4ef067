//! What a bench prints: one table for each group, as it stands in the README.
#![allow(clippy::print_stdout)]

use crate::allocations::{self, Count};
use crate::instructions;
use crate::measure::{Group, Side, Timing, median, time};
use crate::orders::Order;
use std::env;
use std::process::Command;

/// So many processes time each group. Where in memory things lie decides whether a load meets a store it need not wait for;
/// that differs from process to process, and makes 20 ns.
const PROCESSES: usize = 5;

/// Measures and prints every group, in the order given.
///
/// `cargo bench` says `--bench`; without it each side is run once, to see that it runs. `--instructions` counts instructions
/// too, which needs valgrind and half a second for each side. Any other word keeps the groups whose title has it.
pub fn run(groups: &[Group]) {
    match Order::given() {
        Some(Order::Time { group }) => return groups.get(group).into_iter().for_each(tell),
        Some(Order::Do { group, side, times }) => {
            let side = groups.get(group).and_then(|group| group.sides.get(side));
            return side.into_iter().for_each(|side| side.job()(times));
        }
        None => {}
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
    let (timings, rounds) = in_processes(place, group.sides.len());
    let threads = if group.threads == 1 { "1 thread".into() } else { format!("{} threads", group.threads) };
    println!("### {}: {threads}, {rounds} rounds in {PROCESSES} processes\n", group.title);
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

/// The times of a group to whoever ordered them: how many rounds, then a side a line.
fn tell(group: &Group) {
    let (timings, rounds) = time(group);
    println!("{rounds}");
    for timing in timings {
        match timing {
            Some(Timing { nanos, ratio }) => println!("{nanos} {ratio}"),
            None => println!("-"),
        }
    }
}

/// The medians of what several processes tell, and how many rounds they had together.
fn in_processes(group: usize, sides: usize) -> (Vec<Option<Timing>>, usize) {
    let told: Vec<String> = (0..PROCESSES)
        .filter_map(|_| {
            let exe = env::current_exe().ok()?;
            let out = Order::Time { group }.give_to(&mut Command::new(exe)).output().ok()?;
            String::from_utf8(out.stdout).ok()
        })
        .collect();
    let rounds = told.iter().filter_map(|told| told.lines().next()?.parse::<usize>().ok()).sum();
    let timing = |side: usize| {
        let column = |place: usize| {
            let words = told.iter().filter_map(move |told| told.lines().nth(1 + side)?.split(' ').nth(place));
            median(words.filter_map(|word| word.parse().ok()))
        };
        Some(Timing { nanos: column(0)?, ratio: column(1)? })
    };
    ((0..sides).map(timing).collect(), rounds)
}

/// What one more time allocates, once everything is warm.
fn allocated(side: &Side) -> Count {
    let mut job = side.job();
    job(64);
    allocations::count(|| job(1)).1
}
