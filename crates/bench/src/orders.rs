//! What the program orders another process of itself to do.

use std::env;
use std::process::Command;

const VARIABLE: &str = "EVERGRANT_BENCH_ORDER";

/// One job for one process, instead of a whole report.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// Times the sides of a group.
    Time { group: usize },
    /// Does one side's job so many times.
    Do { group: usize, side: usize, times: u64 },
}

impl Order {
    /// The order that this process was given, if it was given one.
    pub(crate) fn given() -> Option<Self> {
        let order = env::var(VARIABLE).ok()?;
        let numbers: Vec<u64> = order.split(',').filter_map(|number| number.parse().ok()).collect();
        let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        match numbers[..] {
            [group] => Some(Self::Time { group: place(group) }),
            [group, side, times] => Some(Self::Do { group: place(group), side: place(side), times }),
            _ => None,
        }
    }

    /// Tells it to a process that is yet to start.
    pub(crate) fn give_to(self, command: &mut Command) -> &mut Command {
        let order = match self {
            Self::Time { group } => group.to_string(),
            Self::Do { group, side, times } => format!("{group},{side},{times}"),
        };
        command.env(VARIABLE, order)
    }
}
