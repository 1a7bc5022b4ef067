//! The plans of the table.

use super::plan::{Api, Plan, Starts, Stores};

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
/// From before the first refresh of anyone, with or without a store, until after the first tokens of an hour ended.
const OUTAGE: std::ops::Range<u64> = 3100..3700;

/// One row of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// What its files are called.
    pub name: &'static str,
    /// What happens.
    pub title: &'static str,
    /// The same as a plan.
    pub plan: Plan,
}

/// The rows, for so many processes; at an API that refuses everything they are 600 at most.
pub fn rows(processes: u32) -> Vec<Row> {
    let plan = |lasts| Plan::new(processes, lasts);
    let stores = |stores| Some(stores);
    let row = |name, title, plan| Row { name, title, plan };
    vec![
        row("day", "a day", plan(24 * HOUR)),
        row("start", "all start within a second", plan(10 * MINUTE)),
        row(
            "outage",
            "authorization server down for 10 min over the expiry, 2 h",
            Plan { outage: OUTAGE, ..plan(2 * HOUR) },
        ),
        row(
            "revocation",
            "revocation, everyone calls within 5 s",
            Plan {
                api: Api::Revoked { at: 10 * MINUTE, within: 5 },
                counted: 10 * MINUTE..20 * MINUTE,
                ..plan(20 * MINUTE)
            },
        ),
        row(
            "refused",
            "600 (one a second) start at an API that refuses everything, 10 min",
            Plan {
                processes: processes.min(600),
                starts: Starts::OneEachSecond,
                api: Api::Refuses,
                ..plan(10 * MINUTE)
            },
        ),
        row("holder-dies", "the first holder is killed", Plan { first_dies: true, ..plan(10 * MINUTE) }),
        row(
            "reply-lost",
            "the reply to the first claim is lost",
            Plan {
                stores: stores(Stores { loses_first_reply: true, ..Stores::default() }),
                ..plan(10 * MINUTE)
            },
        ),
        row(
            "store-forgets",
            "the store loses everything every 10 min, 3 h",
            Plan {
                stores: stores(Stores { loses_every: Some(10 * MINUTE), ..Stores::default() }),
                ..plan(3 * HOUR)
            },
        ),
        row(
            "split-brain",
            "two stores for an hour, 2 h",
            Plan {
                stores: stores(Stores { split: HOUR / 2..HOUR * 3 / 2, ..Stores::default() }),
                ..plan(2 * HOUR)
            },
        ),
        row(
            "store-down",
            "the store is down for 2 of 4 h: in that time",
            Plan {
                stores: stores(Stores { down: HOUR..3 * HOUR, ..Stores::default() }),
                counted: HOUR..3 * HOUR,
                ..plan(4 * HOUR)
            },
        ),
        row(
            "repeats",
            "a server that repeats its token until it dies: in its life",
            Plan { repeats: true, counted: 0..HOUR, ..plan(HOUR + 10 * MINUTE) },
        ),
        row(
            "commands-lost",
            "a day, one command of 10 000 is lost",
            Plan { stores: stores(Stores { loses_one_of: 10_000, ..Stores::default() }), ..plan(24 * HOUR) },
        ),
    ]
}
