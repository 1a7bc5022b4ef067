//! What came of a plan.

use std::ops::Range;
use std::time::Duration;

/// What came of a [`Plan`](super::Plan).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// For each second, the requests that arrived at the authorization server.
    pub requests: Vec<u32>,
    /// For each second, the commands that arrived at the stores.
    pub commands: Vec<u32>,
    /// For each second, those of them that were told busy.
    pub polls: Vec<u32>,
    /// How many processes there were.
    pub processes: u32,
    /// How long each process waited for its first token.
    pub first_waits: Vec<Duration>,
    /// The longest that a process wanted a token and had none, of the waits that ended in the time that counts.
    pub longest: Duration,
    /// When the last process got a token that had none, from the start.
    pub last_served: Duration,
    /// How often an API refused a token.
    pub refused: u64,
    /// The processes that live and have no token at the end.
    pub unserved: u32,
    /// Tokens that were to be used after their end: there must be none.
    pub used_too_long: u32,
    pub(super) counted: Range<u64>,
}

impl Run {
    /// The requests in the time that counts.
    pub fn asked(&self) -> u64 {
        total(of(&self.requests, self.counted.clone()))
    }

    /// The most requests in one second of the time that counts.
    pub fn most_asked(&self) -> u32 {
        self.most_asked_in(self.counted.clone())
    }

    /// The most requests in one of these seconds.
    pub fn most_asked_in(&self, seconds: Range<u64>) -> u32 {
        most(&self.requests, seconds)
    }

    /// The most commands that were told busy in one second.
    pub fn most_polls(&self) -> u32 {
        self.polls.iter().copied().max().unwrap_or(0)
    }

    /// The most commands in one second.
    pub fn most_commands(&self) -> u32 {
        self.commands.iter().copied().max().unwrap_or(0)
    }

    /// The commands of a process, the mean.
    pub fn commands_each(&self) -> f64 {
        total(&self.commands) as f64 / f64::from(self.processes)
    }

    /// The same without those that were told busy.
    pub fn commands_each_but_polls(&self) -> f64 {
        (total(&self.commands) - total(&self.polls)) as f64 / f64::from(self.processes)
    }

    /// How long half of the processes waited for their first token at most.
    pub fn half_served(&self) -> Duration {
        let mut waits = self.first_waits.clone();
        waits.sort_unstable();
        waits.get(waits.len() / 2).copied().unwrap_or_default()
    }
}

/// The part of a series that lies in these seconds.
pub(super) fn of(series: &[u32], seconds: Range<u64>) -> &[u32] {
    let place = |second: u64| usize::try_from(second).unwrap_or(usize::MAX).min(series.len());
    let end = place(seconds.end);
    &series[place(seconds.start).min(end)..end]
}

/// The most in one of these seconds.
pub(super) fn most(series: &[u32], seconds: Range<u64>) -> u32 {
    of(series, seconds).iter().copied().max().unwrap_or(0)
}

pub(super) fn total(series: &[u32]) -> u64 {
    series.iter().copied().map(u64::from).sum()
}
