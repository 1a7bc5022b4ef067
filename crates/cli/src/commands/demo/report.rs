//! What the demonstration counted, and whether it may be so.

use crate::tell::failure::Failure;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What the workers count in the phase of the moment.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    requests: AtomicU64,
    failed: AtomicU64,
    longest_wait_us: AtomicU64,
    first_failure: Mutex<Option<String>>,
}

impl Tally {
    pub(crate) fn count(&self, waited: Duration, failed: Option<&str>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let waited = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.longest_wait_us.fetch_max(waited, Ordering::Relaxed);
        if let Some(why) = failed {
            self.failed.fetch_add(1, Ordering::Relaxed);
            let mut first = self.first_failure.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| why.to_owned());
        }
    }

    /// The calls that ended in the phase of the moment.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn reset(&self) {
        for counter in [&self.requests, &self.failed, &self.longest_wait_us] {
            counter.store(0, Ordering::Relaxed);
        }
    }
}

/// One phase: what was counted in it.
#[derive(Debug)]
pub(crate) struct Phase {
    name: &'static str,
    began: Instant,
    requests: u64,
    failed: u64,
    /// While it runs, the count at the server when it began.
    token_requests: u64,
    allowed: u64,
    longest_wait: Duration,
    deepest_queue: usize,
    first_failure: Option<String>,
}

impl Phase {
    pub(crate) fn begin(name: &'static str, token_requests_before: u64) -> Self {
        Self {
            name,
            began: Instant::now(),
            requests: 0,
            failed: 0,
            token_requests: token_requests_before,
            allowed: 0,
            longest_wait: Duration::ZERO,
            deepest_queue: 0,
            first_failure: None,
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn queue(&mut self, depth: usize) {
        self.deepest_queue = self.deepest_queue.max(depth);
    }

    pub(crate) fn end(self, tally: &Tally, token_requests: u64, allowed: u64) -> Self {
        let first_failure = tally.first_failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        Self {
            requests: tally.requests.load(Ordering::Relaxed),
            failed: tally.failed.load(Ordering::Relaxed),
            token_requests: token_requests.saturating_sub(self.token_requests),
            allowed,
            longest_wait: Duration::from_micros(tally.longest_wait_us.load(Ordering::Relaxed)),
            first_failure,
            ..self
        }
    }

    pub(crate) fn line(&self) -> String {
        format!(
            "{} requests, {} failed, {} token requests, longest wait {} ms, deepest queue {}",
            self.requests,
            self.failed,
            self.token_requests,
            self.longest_wait.as_millis(),
            self.deepest_queue
        )
    }

    /// What must not be, if it is.
    fn fault(&self) -> Option<String> {
        let Self { name, failed, token_requests, allowed, .. } = self;
        if *failed > 0 {
            let first = self.first_failure.as_deref().unwrap_or("no reason given");
            return Some(format!("{failed} requests failed in the phase {name}; the first: {first}"));
        }
        if self.requests == 0 {
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
    /// Workers that panicked.
    pub(crate) died: u64,
    pub(crate) took: Duration,
}

impl Report {
    fn sum(&self, of: impl Fn(&Phase) -> u64) -> u64 {
        self.phases.iter().map(of).sum()
    }

    fn failed(&self) -> u64 {
        self.sum(|phase| phase.failed) + self.died
    }

    fn longest_wait(&self) -> Duration {
        self.phases.iter().map(|phase| phase.longest_wait).max().unwrap_or_default()
    }

    fn deepest_queue(&self) -> usize {
        self.phases.iter().map(|phase| phase.deepest_queue).max().unwrap_or_default()
    }

    /// The figures as one JSON object.
    pub(crate) fn json(&self) -> String {
        let phases: Vec<_> = self
            .phases
            .iter()
            .map(|phase| {
                serde_json::json!({
                    "name": phase.name,
                    "requests": phase.requests,
                    "failed": phase.failed,
                    "token_requests": phase.token_requests,
                    "max_wait_ms": milliseconds(phase.longest_wait),
                    "deepest_queue": phase.deepest_queue,
                })
            })
            .collect();
        serde_json::json!({
            "requests": self.sum(|phase| phase.requests),
            "failed": self.failed(),
            "token_requests": self.sum(|phase| phase.token_requests),
            "max_wait_ms": milliseconds(self.longest_wait()),
            "deepest_queue": self.deepest_queue(),
            "took_ms": milliseconds(self.took),
            "phases": phases,
        })
        .to_string()
    }

    /// A fault, if the demonstration showed one.
    pub(crate) fn verdict(&self) -> Result<(), Failure> {
        if self.died > 0 {
            return Err(Failure::demo(format!("{} workers panicked", self.died)));
        }
        self.phases.iter().find_map(Phase::fault).map_or(Ok(()), |fault| Err(Failure::demo(fault)))
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, cells: [&str; 6]| {
            let [name, requests, failed, token_requests, wait, queue] = cells;
            writeln!(f, "{name:<40}{requests:>10}{failed:>8}{token_requests:>16}{wait:>14}{queue:>15}")
        };
        row(f, ["phase", "requests", "failed", "token requests", "longest wait", "deepest queue"])?;
        for phase in &self.phases {
            let token_requests = format!("{} of {}", phase.token_requests, phase.allowed);
            row(
                f,
                [
                    phase.name,
                    &phase.requests.to_string(),
                    &phase.failed.to_string(),
                    &token_requests,
                    &format!("{} ms", phase.longest_wait.as_millis()),
                    &phase.deepest_queue.to_string(),
                ],
            )?;
        }
        row(
            f,
            [
                "total",
                &self.sum(|phase| phase.requests).to_string(),
                &self.failed().to_string(),
                &self.sum(|phase| phase.token_requests).to_string(),
                &format!("{} ms", self.longest_wait().as_millis()),
                &self.deepest_queue().to_string(),
            ],
        )?;
        write!(
            f,
            "{:.1} s; a phase may use as many token requests as stands after \"of\"",
            self.took.as_secs_f64()
        )
    }
}
