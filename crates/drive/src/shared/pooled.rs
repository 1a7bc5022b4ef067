//! One of many, as its pool sees it: whether it may go, and how it goes.

use super::parting::Parting;
use super::state::{Shared, State};
use crate::clock::Readings;
use crate::commons::{Member, Spot};
use evergrant_core::{Closed, Fetch, Mono, Now, RestNote};
use std::time::Duration;

/// Whether a source may be put away: the later, the sooner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Standing {
    /// A request is in the air. (Whoever waits holds a share, which the pool looks at.)
    Busy,
    /// A rejection or a rotation still waits for its request.
    Awaiting,
    /// It rests after a failure: whoever makes it anew would ask at once.
    Resting,
    /// Nothing is lost but a token.
    Idle,
}

/// What a pool sees of a source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glance {
    /// It has a token that may be used.
    pub(crate) is_held: bool,
    /// It sends nothing, because the last request failed.
    pub(crate) is_resting: bool,
    /// Somebody waits for a token, or a request is in the air.
    pub(crate) is_awaited: bool,
}

// What is known of it without a change.
impl<V> Shared<V> {
    /// What it is to its pool, if it is one of many.
    pub(crate) const fn member(&self) -> Option<&Member> {
        self.member.as_ref()
    }

    /// It is used.
    #[inline]
    pub(crate) fn mark_used(&self) {
        if let Some(member) = &self.member {
            member.mark_used();
        }
    }

    /// It has its place in the pool.
    pub(crate) fn stands_at(&self, spot: Spot) {
        if let Some(member) = &self.member {
            // It is put in once.
            let _again = member.spot.set(spot);
        }
    }

    /// What there is to see of it.
    pub(crate) fn glance(&self, readings: Readings) -> Glance {
        let (mut state, now) = (self.lock(), readings.now);
        let now = state.read(now);
        Glance {
            is_held: state.machine.held(now).is_some(),
            is_resting: matches!(state.machine.fetch(now), Fetch::Resting { .. }),
            is_awaited: !state.waiting.is_empty() || state.is_in_flight(now),
        }
    }

    /// The token requests made so far.
    pub(crate) fn requests(&self) -> u64 {
        self.lock().journal.requests()
    }
}

// What changes it.
impl<V> Shared<V> {
    /// It never sends again. Those who wait get what the request in the air brings, or are told.
    pub(crate) fn close(&self, readings: Readings, reason: Closed) -> Parting<V> {
        let ((), outside) = self.enter_at(readings, |state, now| {
            state.machine.close(now, reason);
            state.wake_all(now);
        });
        Parting::of(outside)
    }

    /// Puts it away, if it stands like `standing` or later; nobody may hold a share but the pool. Returns what its successor has to know,
    /// or else where it stands. What is seen and what is done are one step under one lock, so that nobody who holds no share, such as
    /// a keeper of the user's own, sends between.
    pub(crate) fn put_away(
        &self,
        readings: Readings,
        standing: Standing,
    ) -> (Result<Option<RestNote>, Standing>, Parting<V>) {
        let (result, outside) = self.enter_at(readings, |state, now| {
            let stands = state.standing(now);
            if stands < standing {
                return Err(stands);
            }
            let note = state.rest_note();
            state.machine.close(now, Closed::Removed);
            state.wake_all(now);
            Ok(note)
        });
        (result, Parting::of(outside))
    }

    /// It rests until then, as the one before it did.
    pub(crate) fn resume_rest(&self, readings: Readings, note: RestNote) -> Parting<V> {
        let ((), outside) = self.enter_at(readings, |state, now| state.machine.rest(now, note));
        Parting::of(outside)
    }

    /// An ended token is dropped, if nobody used the source for as long as that token lived.
    pub(crate) fn forget_ended(&self, readings: Readings, unused: Duration) -> Parting<V> {
        let ((), outside) = self.enter_at(readings, |state, now| state.machine.forget_ended(now, unused));
        Parting::of(outside)
    }

    /// Notes in the calendar when it wants its next token, whatever is said there.
    pub(crate) fn note_anew(&self, readings: Readings) -> Parting<V> {
        let ((), outside) = self.enter_at(readings, |state, _| state.noted = Mono::MAX);
        Parting::of(outside)
    }

    /// The same, for whoever holds no other lock.
    pub(crate) fn note_again(&self) {
        self.enter(|state, _| state.noted = Mono::MAX);
    }
}

impl<V> State<V> {
    fn is_in_flight(&self, now: Now) -> bool {
        matches!(self.machine.fetch(now), Fetch::InFlight { deadline } if now.mono < deadline)
    }

    /// What its successor has to know. What is known of a refused credential is not kept, so the successor rests until that may be tried
    /// once more.
    fn rest_note(&self) -> Option<RestNote> {
        let note = self.machine.rest_note()?;
        let until = self.known.refused_until().unwrap_or_default().max(note.until());
        Some(RestNote::new(until, note.is_permanent(), note.failures()))
    }

    fn standing(&self, now: Now) -> Standing {
        if self.is_in_flight(now) {
            return Standing::Busy;
        }
        if self.machine.awaits_request(now) {
            return Standing::Awaiting;
        }
        if self.machine.rest_note().is_some() { Standing::Resting } else { Standing::Idle }
    }
}
