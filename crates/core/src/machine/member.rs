//! A machine that is one of many: what a pool needs to put it away, to close it, and to tell it what it cannot know.

use super::fetch::{Fetching, Rest};
use super::holding::{Holding, Missing};
use super::{Aside, Machine};
use crate::error::{Cause, Closed};
use crate::time::{Mono, Now};
use core::time::Duration;

/// What is kept of the failures of a machine that is put away: its successor rests until then, and goes on counting.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RestNote {
    until: Mono,
    permanent: bool,
    failures: u32,
}

impl RestNote {
    /// A note of a rest that ends then, after so many failures in a row.
    pub const fn new(until: Mono, permanent: bool, failures: u32) -> Self {
        Self { until, permanent, failures }
    }

    /// The end of the rest.
    pub const fn until(&self) -> Mono {
        self.until
    }

    /// Whether callers fail at once until then.
    pub const fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// The failures in a row, of that kind.
    pub const fn failures(&self) -> u32 {
        self.failures
    }
}

impl Machine {
    /// It sends no more, and what it holds is used until it ends. A flight in the air may still land, for those who wait for it;
    /// everyone else gets [`Error::Closed`](crate::Error::Closed). The first reason stays.
    pub fn close(&mut self, now: Now, reason: Closed) {
        self.lapse(now);
        self.closed.get_or_insert(reason);
        if !self.is_in_flight(now.mono) {
            // Nobody may wait for a flight that is never sent.
            self.ended_without_token(self.flights + 1);
        }
    }

    /// Why it sends no more, if it is closed.
    pub const fn closed(&self) -> Option<Closed> {
        self.closed
    }

    /// Why no token comes any more: it is closed, and no flight is in the air.
    pub fn ended(&self, now: Now) -> Option<Closed> {
        self.closed.filter(|_| !self.is_in_flight(now.mono))
    }

    /// Somebody knows that no request may be sent before a time: it rests, with [`Cause::Unrecorded`]. Nothing changes while a
    /// flight is in the air, during a longer rest, or for a machine that holds a fixed token.
    pub fn rest(&mut self, now: Now, note: RestNote) {
        let RestNote { until, permanent, failures } = note;
        let is_longer = self.fetching.rest(now.mono).is_none_or(|rest| rest.until < until);
        if self.is_in_flight(now.mono) || !is_longer || matches!(self.holding, Holding::Fixed(_)) {
            return;
        }
        let cause = Cause::Unrecorded { permanent };
        let count = if permanent { &mut self.failures.permanent } else { &mut self.failures.transient };
        *count = failures.max(*count);
        self.last_error = Some(cause.clone());
        // Whoever waited for the next flight would wait for the rest as well.
        self.ended_without_token(self.flights + 1);
        // A Retry-After that its own server told still holds: not even a rotation undercuts it.
        let (told, has_failed) = match &self.fetching {
            Fetching::Resting(rest) => (rest.told, rest.has_failed),
            Fetching::Idle | Fetching::InFlight { .. } => (None, false),
        };
        // Of a failure that is not counted, its own rest alone knows.
        let has_failed = has_failed || self.failures.transient > 0 || self.failures.permanent > 0;
        self.fetching = Fetching::Resting(Rest { until, told, permanent, has_failed, cause });
    }

    /// What its successor has to know of its failures, if the last flight failed.
    pub const fn rest_note(&self) -> Option<RestNote> {
        match &self.fetching {
            Fetching::Resting(Rest { until, permanent, .. }) => {
                let failures = if *permanent { self.failures.permanent } else { self.failures.transient };
                Some(RestNote::new(*until, *permanent, failures))
            }
            Fetching::Idle | Fetching::InFlight { .. } => None,
        }
    }

    /// Whether a rejection or a rotation still waits for the request that it made due.
    pub fn awaits_request(&self, now: Now) -> bool {
        match &self.holding {
            Holding::Held(lease) => lease.stale && !lease.is_over(now),
            Holding::Aside(Aside { lease, .. }) => !lease.is_over(now),
            Holding::Nothing { why, .. } => matches!(why, Missing::Rejected | Missing::Rotated),
            Holding::Fixed(_) => false,
        }
    }

    /// Forgets the value of a token that has ended, if nobody asked for one for at least as long as that token lived. Should its
    /// server hand it out once more, it is taken for a new one.
    pub fn forget_ended(&mut self, now: Now, unasked: Duration) {
        self.lapse(now);
        if let Holding::Nothing { last, .. } = &mut self.holding {
            last.take_if(|over| over.life <= unasked);
        }
    }
}
