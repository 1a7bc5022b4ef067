//! What was seen second by second: for the graphs, and for what happened before somebody looked.

use crate::counts::Counts;
use evergrant_core::{Generation, Reason};
use evergrant_drive::{LastOutcome, Status};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often is looked.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);

/// Two minutes: as many as a graph can show on a telephone.
pub(super) const SAMPLES: usize = 120;

/// Token requests of all sources that are remembered: as many as are read at a glance.
const ASKED: usize = 20;

/// One look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sample {
    /// Requests that wait for a token.
    pub(super) queued: i64,
    /// Requests that have ended since the last look.
    pub(super) calls: u64,
}

/// A token request.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The number of its source.
    pub(super) source: u64,
    pub(super) at: Instant,
    pub(super) reason: Reason,
    /// `None` while it is under way.
    pub(super) outcome: Option<LastOutcome>,
}

/// What was seen so far, bounded.
#[derive(Debug, Default)]
pub(super) struct History(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    samples: VecDeque<Sample>,
    /// Requests that had ended at the last look; `None` before the first.
    ended: Option<u64>,
    /// By their numbers.
    sources: BTreeMap<u64, Source>,
    /// The latest first.
    asked: VecDeque<Asked>,
}

#[derive(Clone, Debug, Default)]
struct Source {
    requests: u64,
    token: Option<Generation>,
    /// The longest time that this token was to be used for.
    life: Duration,
}

/// What there is to show.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// The latest last.
    pub(super) samples: Vec<Sample>,
    /// By the number of the source.
    pub(super) lives: BTreeMap<u64, Duration>,
    /// The latest first.
    pub(super) asked: Vec<Asked>,
}

impl History {
    /// A look at everything, at this instant. Of a source that is not there any more nothing is kept.
    pub(super) fn look(&self, counts: &Counts, statuses: impl Iterator<Item = (u64, Status)>, now: Instant) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.count(counts);
        let statuses: BTreeMap<u64, Status> = statuses.collect();
        seen.sources.retain(|number, _| statuses.contains_key(number));
        seen.asked.retain(|asked| statuses.contains_key(&asked.source));
        for (number, status) in &statuses {
            seen.source(*number, status, now);
        }
    }

    pub(super) fn past(&self) -> Past {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Past {
            samples: seen.samples.iter().copied().collect(),
            lives: seen.sources.iter().map(|(number, source)| (*number, source.life)).collect(),
            asked: seen.asked.iter().cloned().collect(),
        }
    }
}

impl Seen {
    fn count(&mut self, counts: &Counts) {
        let before = self.ended.replace(counts.requests);
        let calls = before.map_or(0, |before| counts.requests.saturating_sub(before));
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { queued: counts.queued, calls });
    }

    fn source(&mut self, number: u64, status: &Status, now: Instant) {
        let source = self.sources.entry(number).or_default();
        if let Some(held) = status.held {
            let known = if source.token == Some(held.generation) { source.life } else { Duration::ZERO };
            source.life = known.max(held.used_for);
            source.token = Some(held.generation);
        }
        let is_new = status.requests > source.requests;
        source.requests = status.requests;
        let Some((reason, asked_ago)) = status.last_request else { return };
        if is_new {
            let at = now.checked_sub(asked_ago).unwrap_or(now);
            self.asked.push_front(Asked { source: number, at, reason, outcome: None });
            self.asked.truncate(ASKED);
        }
        // What ended before the last request was sent was another one's.
        let outcome = status.last_outcome.as_ref().filter(|(_, ago)| *ago <= asked_ago);
        let last = self.asked.iter_mut().find(|asked| asked.source == number);
        if let (Some(last), Some((outcome, _))) = (last, outcome) {
            last.outcome.get_or_insert_with(|| outcome.clone());
        }
    }
}

#[cfg(test)]
mod tests;
