//! What the demonstration counted, and whether it may be so.

use super::tally::Sum;
use super::timeline::Timeline;
use crate::tell::failure::Failure;
use std::time::{Duration, Instant};

/// Who calls.
pub(super) fn call(workers: u64) -> String {
    if workers == 1 { "1 worker calls".into() } else { format!("{workers} workers call") }
}

/// A phase that runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) name: &'static str,
    began: Instant,
    /// The count at the server when it began.
    token_requests_before: u64,
    deepest_queue: usize,
}

impl Running {
    pub(crate) fn begin(name: &'static str, token_requests_before: u64) -> Self {
        Self { name, began: Instant::now(), token_requests_before, deepest_queue: 0 }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn queue(&mut self, depth: usize) {
        self.deepest_queue = self.deepest_queue.max(depth);
    }

    pub(crate) fn end(self, sum: Sum, token_requests: u64, allowed: u64) -> Phase {
        Phase {
            name: self.name,
            sum,
            token_requests: token_requests.saturating_sub(self.token_requests_before),
            allowed,
            deepest_queue: self.deepest_queue,
        }
    }
}

/// A phase that has ended: what was counted in it.
#[derive(Debug)]
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) sum: Sum,
    pub(crate) token_requests: u64,
    /// The most token requests that are no fault.
    pub(crate) allowed: u64,
    pub(crate) deepest_queue: usize,
}

impl Phase {
    pub(crate) fn counts(&self) -> String {
        let Self { sum, token_requests, .. } = self;
        let plural = if *token_requests == 1 { "" } else { "s" };
        format!("{} calls, {} failed, {token_requests} token request{plural}", sum.requests, sum.failed)
    }

    pub(crate) fn waits(&self) -> String {
        format!("longest wait {}, deepest queue {}", wait(self.sum.longest_wait), self.deepest_queue)
    }

    /// What must not be, if it is.
    pub(crate) fn fault(&self) -> Option<String> {
        let Self { name, sum, token_requests, allowed, .. } = self;
        if sum.failed > 0 {
            let first = sum.first_failure.as_deref().unwrap_or("no reason given");
            return Some(format!("{} requests failed in the phase {name}; the first: {first}", sum.failed));
        }
        if sum.requests == 0 {
            return Some(format!("no request was answered in the phase {name}"));
        }
        (token_requests > allowed)
            .then(|| format!("{token_requests} token requests in the phase {name}, which may use {allowed}"))
    }
}

/// The whole demonstration.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) phases: Vec<Phase>,
    pub(crate) timeline: Timeline,
    pub(crate) workers: u64,
    /// How long a token lives.
    pub(crate) life: Duration,
    /// Workers that panicked.
    pub(crate) died: u64,
    pub(crate) took: Duration,
}

impl Report {
    fn sum(&self, of: impl Fn(&Phase) -> u64) -> u64 {
        self.phases.iter().map(of).sum()
    }

    pub(crate) fn requests(&self) -> u64 {
        self.sum(|phase| phase.sum.requests)
    }

    pub(crate) fn token_requests(&self) -> u64 {
        self.sum(|phase| phase.token_requests)
    }

    pub(crate) fn failed(&self) -> u64 {
        self.sum(|phase| phase.sum.failed) + self.died
    }

    pub(crate) fn longest_wait(&self) -> Duration {
        self.phases.iter().map(|phase| phase.sum.longest_wait).max().unwrap_or_default()
    }

    pub(crate) fn deepest_queue(&self) -> usize {
        self.phases.iter().map(|phase| phase.deepest_queue).max().unwrap_or_default()
    }

    /// The figures as one JSON object.
    pub(crate) fn json(&self) -> serde_json::Value {
        let phases: Vec<_> = self
            .phases
            .iter()
            .map(|phase| {
                serde_json::json!({
                    "name": phase.name,
                    "requests": phase.sum.requests,
                    "failed": phase.sum.failed,
                    "token_requests": phase.token_requests,
                    "token_requests_allowed": phase.allowed,
                    "max_wait_ms": milliseconds(phase.sum.longest_wait),
                    "deepest_queue": phase.deepest_queue,
                })
            })
            .collect();
        serde_json::json!({
            "requests": self.requests(),
            "failed": self.failed(),
            "token_requests": self.token_requests(),
            "tokens": self.timeline.lives().len(),
            "max_wait_ms": milliseconds(self.longest_wait()),
            "deepest_queue": self.deepest_queue(),
            "workers": self.workers,
            "token_life_ms": milliseconds(self.life),
            "took_ms": milliseconds(self.took),
            "phases": phases,
        })
    }

    /// A fault, if the demonstration showed one.
    pub(crate) fn verdict(&self) -> Result<(), Failure> {
        if self.died > 0 {
            return Err(Failure::demo(format!("{} workers panicked", self.died)));
        }
        self.phases.iter().find_map(Phase::fault).map_or(Ok(()), |fault| Err(Failure::demo(fault)))
    }
}

/// How long a call waited: exactly where that is short.
pub(crate) fn wait(time: Duration) -> String {
    match time.as_millis() {
        short @ 0..10_000 => format!("{short} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
impl Report {
    /// With these phases: name, calls, failed, token requests, limit, longest wait in milliseconds, deepest queue.
    pub(crate) fn of_figures(
        phases: &[(&'static str, u64, u64, u64, u64, u64, usize)],
        took: Duration,
    ) -> Self {
        let phases =
            phases.iter().map(|&(name, requests, failed, token_requests, allowed, wait, deepest_queue)| {
                let longest_wait = Duration::from_millis(wait);
                let sum = Sum { requests, failed, longest_wait, first_failure: None };
                Phase { name, sum, token_requests, allowed, deepest_queue }
            });
        let (phases, timeline) = (phases.collect(), Timeline::begin());
        Self { phases, timeline, workers: 32, life: Duration::from_secs(4), died: 0, took }
    }
}
