//! What happened to a source, from one look at its status to the next.

use crate::tell::failure::why;
use crate::tell::live::words;
use crate::tell::when;
use evergrant_tokio_reqwest::core::{Cause, Generation, Reason};
use evergrant_tokio_reqwest::{Held, LastOutcome, Status};
use serde_json::{Value, json};
use std::fmt;
use std::time::{Duration, Instant};

/// Two looks tell the instant of one outcome this exactly. Requests are further apart (`min_interval`).
const EXACTNESS: Duration = Duration::from_millis(50);

/// One thing that happened.
#[derive(Debug)]
pub(super) struct Event {
    /// How long before the look.
    pub(super) ago: Duration,
    what: What,
}

#[derive(Debug)]
enum What {
    Requested(Reason),
    Installed(Held),
    Failed { cause: Cause, next_request_in: Duration },
    NoProgress,
    Ended(Generation),
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Follower {
    requests: u64,
    outcome: Option<Instant>,
    held: Option<Generation>,
}

impl Follower {
    /// What happened since the last look, in its order.
    pub(super) fn look(&mut self, status: &Status, now: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        // A token without a request of this source is one that was kept from before.
        let held = status.held.map(|held| held.generation);
        if let (Some(ended), None) = (self.held, held) {
            events.push(Event { ago: Duration::ZERO, what: What::Ended(ended) });
        }
        self.held = held;
        if let Some((reason, ago)) = status.last_request
            && status.requests > self.requests
        {
            self.requests = status.requests;
            events.push(Event { ago, what: What::Requested(reason) });
        }
        if let Some((outcome, ago)) = &status.last_outcome
            && let Some(then) = now.checked_sub(*ago)
            && self.outcome.is_none_or(|seen| then > seen + EXACTNESS)
        {
            self.outcome = Some(then);
            events.extend(What::of(outcome, status).map(|what| Event { ago: *ago, what }));
        }
        // The longest ago first.
        events.sort_by_key(|event| std::cmp::Reverse(event.ago));
        events
    }
}

impl What {
    fn of(outcome: &LastOutcome, status: &Status) -> Option<Self> {
        Some(match outcome {
            LastOutcome::Installed(generation) => {
                Self::Installed(status.held.filter(|held| held.generation == *generation)?)
            }
            LastOutcome::Failed(cause) => {
                Self::Failed { cause: cause.clone(), next_request_in: status.next_request_in }
            }
            LastOutcome::NoProgress => Self::NoProgress,
            _ => return None,
        })
    }
}

impl Event {
    /// One object; times in seconds.
    pub(super) fn json(&self, status: &Status, now: Duration) -> Value {
        let seconds = |time: Duration| (time.as_secs_f64() * 1000.0).round() / 1000.0;
        let mut event = match &self.what {
            What::Requested(reason) => json!({ "event": "requested", "reason": reason.as_str() }),
            What::Installed(held) => {
                let mut event = json!(held);
                event["event"] = "installed".into();
                event
            }
            What::Failed { cause, next_request_in } => json!({
                "event": "failed",
                "error": why(cause),
                "permanent": cause.is_permanent(),
                "next_request_in": seconds(*next_request_in),
            }),
            What::NoProgress => json!({ "event": "no_progress", "times": status.no_progress }),
            What::Ended(generation) => json!({ "event": "ended", "token": generation.number() }),
        };
        event["at"] = when::rfc3339(now.saturating_sub(self.ago)).into();
        event["requests"] = status.requests.into();
        event
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Requested(reason) => write!(f, "requesting a token: {}", reason),
            What::Installed(held) => f.write_str(&words::held(held)),
            What::Failed { cause, next_request_in } => {
                write!(f, "{}; the next request is sent in {}", why(cause), when::span(*next_request_in))
            }
            What::NoProgress => LastOutcome::NoProgress.fmt(f),
            What::Ended(generation) => {
                write!(f, "token {} has ended, and there is no other: calls wait", generation.number())
            }
        }
    }
}

#[cfg(test)]
mod tests;
