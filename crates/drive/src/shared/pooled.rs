//! One of many, as its pool sees it: whether it may go, and how it goes.

use super::outside::Outside;
use super::state::{Shared, State};
use crate::clock::Readings;
use crate::commons::{Member, Spot};
use evergrant_core::{Closed, Fetch, Mono, Now, RestNote};
use std::fmt;
use std::time::Duration;

/// Whether a source may be put away: the later, the sooner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Standing {
    /// A request is in the air, somebody waits, or a rejection or rotation still waits for its request.
    Busy,
    /// It rests after a failure: whoever makes it anew would ask at once.
    Resting,
    /// Nothing is lost but a token.
    Idle,
}

/// What is left of a source that was put away.
pub(crate) struct Eviction<V> {
    /// What its successor has to know.
    pub(crate) note: Option<RestNote>,
    /// To be dropped without any lock.
    pub(crate) closing: Closing<V>,
}

/// What a closed source lets go of, and whom it wakes: when this is dropped, which is to be without any lock.
pub(crate) struct Closing<V>(Option<Outside<V>>);

impl<V> fmt::Debug for Closing<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closing")
    }
}

impl<V> fmt::Debug for Eviction<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eviction").field("note", &self.note).finish_non_exhaustive()
    }
}

impl<V> Drop for Closing<V> {
    fn drop(&mut self) {
        if let Some(outside) = self.0.take() {
            outside.release();
        }
    }
}

// What is known of it without a change.
impl<V> Shared<V> {
    /// What it is to its pool, if it is one of many.
    pub(crate) const fn member(&self) -> Option<&Member> {
        self.member.as_ref()
    }

    /// It is used.
    #[inline]
    pub(crate) fn is_used(&self) {
        if let Some(member) = &self.member {
            member.is_used();
        }
    }

    /// It has its place in the pool.
    pub(crate) fn settles(&self, spot: Spot) {
        if let Some(member) = &self.member {
            // It is put in once.
            let _again = member.spot.set(spot);
        }
    }

    /// Whether it holds a token that may be used, and whether it rests.
    pub(crate) fn glance(&self, readings: Readings) -> (bool, bool) {
        let (mut state, now) = (self.lock(), readings.now);
        let now = state.read(now);
        let is_resting = matches!(state.machine.fetch(now), Fetch::Resting { .. });
        (state.machine.held(now).is_some(), is_resting)
    }

    /// The token requests made so far.
    pub(crate) fn requests(&self) -> u64 {
        self.lock().journal.requests()
    }

    /// When it wants its next token, if the calendar says that time of it.
    pub(crate) fn is_noted_for(&self, at: Mono) -> bool {
        self.lock().noted == at
    }
}

// What changes it.
impl<V> Shared<V> {
    /// It never sends again. Those who wait get what the request in the air brings, or are told.
    pub(crate) fn close(&self, readings: Readings, reason: Closed) -> Closing<V> {
        let ((), outside) = self.enter_at(readings, |state, now| {
            state.machine.close(now, reason);
            state.wake_all(now);
        });
        Closing(Some(outside))
    }

    /// Puts it away: if it stands like `standing` or later, and nobody holds a share but the pool. What is seen and what is done are
    /// one step under one lock, so that nobody who holds no share, such as a keeper of the user's own, sends between.
    ///
    /// # Errors
    /// It stands earlier.
    pub(crate) fn put_away(
        &self,
        readings: Readings,
        standing: Standing,
        keeps_what_awaits: bool,
    ) -> Result<Eviction<V>, Standing> {
        let (result, outside) = self.enter_at(readings, |state, now| {
            let stands = state.standing(now, keeps_what_awaits);
            if stands < standing {
                return Err(stands);
            }
            let note = state.machine.rest_note();
            state.machine.close(now, Closed::Removed);
            state.wake_all(now);
            Ok(note)
        });
        let closing = Closing(Some(outside));
        result.map(|note| Eviction { note, closing })
    }

    /// It rests until then, as the one before it did.
    pub(crate) fn resume_rest(&self, readings: Readings, note: RestNote) -> Closing<V> {
        let ((), outside) = self.enter_at(readings, |state, now| state.machine.rest(now, note));
        Closing(Some(outside))
    }

    /// An ended token is dropped, if nobody used the source for as long as that token lived.
    pub(crate) fn forget_ended(&self, readings: Readings, unused: Duration) -> Closing<V> {
        let ((), outside) = self.enter_at(readings, |state, now| state.machine.forget_ended(now, unused));
        Closing(Some(outside))
    }

    /// Notes in the calendar when it wants its next token, whatever is said there.
    pub(crate) fn note_anew(&self, readings: Readings) -> Closing<V> {
        let ((), outside) = self.enter_at(readings, |state, _| state.noted = Mono::MAX);
        Closing(Some(outside))
    }
}

impl<V> State<V> {
    fn standing(&self, now: Now, keeps_what_awaits: bool) -> Standing {
        let is_in_flight =
            matches!(self.machine.fetch(now), Fetch::InFlight { deadline } if now.mono < deadline);
        let is_waited_for = !self.waiting.is_empty() || !self.watching.is_empty();
        if is_in_flight || is_waited_for || keeps_what_awaits && self.machine.awaits_request(now) {
            return Standing::Busy;
        }
        if self.machine.rest_note().is_some() { Standing::Resting } else { Standing::Idle }
    }
}
