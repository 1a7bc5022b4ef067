//! What a fleet may cost, in simulated time: the rows of the README's table with fewer processes, and the pace of ten thousand.
#![allow(clippy::unwrap_used)] // A failed unwrap is a failed test, in its helpers too.

use evergrant_bench::fleet::{Comparison, Plan, Row, rows};
use std::time::Duration;

const PROCESSES: u32 = 300;
const SEEDS: std::ops::Range<u64> = 1..4;

fn row(name: &str, processes: u32) -> Row {
    rows(processes).into_iter().find(|row| row.name == name).unwrap()
}

/// What came of a row, for each seed, after what holds for every row.
fn results(name: &str) -> impl Iterator<Item = Comparison> {
    SEEDS.map(move |seed| {
        let mut row = row(name, PROCESSES);
        row.plan.seed = seed;
        let dead = usize::from(row.plan.first_dies);
        let result = row.run().unwrap();
        for run in [&result.shared, &result.alone] {
            assert_eq!(run.used_too_long, 0, "{name}, seed {seed}: tokens are to be used after their end");
            assert_eq!(
                run.first_waits.len() + dead,
                run.processes as usize,
                "{name}, seed {seed}: some got no token"
            );
        }
        result
    })
}

/// In none of the seeds are there more requests with a store in the time that counts.
fn asks_at_most(name: &str, most: u64) {
    for Comparison { row, shared, alone } in results(name) {
        let (asked, seed) = (shared.asked(), row.plan.seed);
        assert!((1..=most).contains(&asked), "{name}, seed {seed}: {asked} requests");
        assert!(asked < alone.asked(), "{name}, seed {seed}: {asked}, and without a store {}", alone.asked());
        assert_eq!(shared.unserved, 0, "{name}, seed {seed}: without a token at the end");
    }
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_fleet_that_starts_within_a_second_asks_once() {
    asks_at_most("start", 1);
    for Comparison { shared, alone, .. } in results("start") {
        assert_eq!(alone.asked(), u64::from(PROCESSES));
        assert!(shared.longest < secs(2), "{:?}", shared.longest);
        assert!(shared.half_served() < Duration::from_millis(5), "{:?}", shared.half_served());
    }
}

#[test]
fn a_fleet_asks_once_a_life() {
    // A token of an hour is due after 52 to 54.5 min.
    asks_at_most("day", 24 * 3600 / 3120 + 1);
    for Comparison { shared, .. } in results("day") {
        assert!(shared.commands_each() < 29.0, "{}", shared.commands_each());
        assert!(shared.longest < secs(2), "{:?}", shared.longest);
    }
}

#[test]
fn a_fleet_asks_an_authorization_server_that_is_down_as_often_as_one_process_may() {
    // At the start, for rests of half a second to half a minute at least, then every half minute to minute, and for a refresh.
    asks_at_most("outage", 1 + 6 + 600 / 30 + 1);
    for Comparison { shared, .. } in results("outage") {
        // Nobody had a token for 130 s. Then the fleet rests a minute at most, and a process that was told so another one.
        assert!(shared.longest < secs(130 + 66 + 66), "{:?}", shared.longest);
    }
}

#[test]
fn failures_at_the_start_cost_a_fleet_as_many_requests_as_one_process() {
    for seed in SEEDS {
        let run = Plan { seed, outage: 0..2, ..Plan::new(PROCESSES, 60) }.run().unwrap();
        assert!(run.longest < secs(9), "seed {seed}: {:?}", run.longest);
        assert!(run.asked() <= 4, "seed {seed}: {} requests", run.asked());
    }
}

#[test]
fn a_token_that_is_revoked_costs_one_request_and_each_process_one_refusal() {
    asks_at_most("revocation", 1);
    for Comparison { shared, .. } in results("revocation") {
        assert_eq!(shared.refused, u64::from(PROCESSES));
        assert!(shared.longest < secs(2), "{:?}", shared.longest);
    }
}

#[test]
fn an_api_that_refuses_everything_costs_a_request_each_ten_seconds() {
    for Comparison { row, shared, alone } in results("refused") {
        let (asked, seed) = (shared.asked(), row.plan.seed);
        assert!(asked <= 1 + 600 / 10, "seed {seed}: {asked} requests");
        assert!(asked < alone.asked() / 10, "seed {seed}: {asked}, and without a store {}", alone.asked());
    }
}

#[test]
fn a_holder_that_dies_costs_one_request_and_one_lease() {
    asks_at_most("holder-dies", 2);
    for Comparison { shared, .. } in results("holder-dies") {
        assert!(shared.longest < secs(13), "{:?}", shared.longest);
    }
}

#[test]
fn a_claim_whose_reply_is_lost_costs_one_request_and_one_lease() {
    asks_at_most("reply-lost", 2);
    for Comparison { shared, .. } in results("reply-lost") {
        assert!(shared.longest < secs(13), "{:?}", shared.longest);
    }
}

#[test]
fn a_store_that_forgets_costs_a_request_if_a_refresh_is_under_way() {
    asks_at_most("store-forgets", 5);
}

#[test]
fn two_stores_cost_one_request_more_a_life() {
    asks_at_most("split-brain", 4);
}

#[test]
fn without_a_store_that_answers_each_asks_for_itself_and_nobody_waits() {
    for Comparison { row, shared, alone } in results("store-down") {
        let (asked, seed) = (shared.asked(), row.plan.seed);
        assert!(asked <= alone.asked() + 1, "seed {seed}: {asked}, and without a store {}", alone.asked());
        assert_eq!(shared.longest, Duration::ZERO, "seed {seed}: F8");
        // Ten minutes after it is back, it is one request a life again.
        let after = shared.requests[3 * 3600 + 600..].iter().sum::<u32>();
        assert!(after <= 3 + PROCESSES / 100, "seed {seed}: {after} after it is back");
    }
}

#[test]
fn a_server_that_repeats_its_token_is_asked_by_one() {
    // I23: 22 for one process.
    asks_at_most("repeats", 22);
}

#[test]
fn a_lost_command_costs_a_few_requests_and_leaves_nobody_without_a_token() {
    asks_at_most("commands-lost", 40);
}

#[test]
fn ten_thousand_processes_poll_twenty_thousand_times_a_second_at_most() {
    for name in ["start", "holder-dies", "revocation"] {
        let run = row(name, 10_000).plan.run().unwrap();
        assert!(run.most_polls() <= 20_000, "F12: {name}: {}", run.most_polls());
        assert!(run.commands_each_but_polls() <= 5.0, "F12: {name}: {}", run.commands_each_but_polls());
    }
}

#[test]
fn the_same_plan_gives_the_same_run() {
    let plan = row("holder-dies", PROCESSES).plan;
    assert_eq!(plan.run().unwrap(), plan.run().unwrap());
}
