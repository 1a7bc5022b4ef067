//! One of many: whether it may send now, and what its pool has to know of it.

use super::state::{Shared, State};
use crate::commons::{Applicant, Application, Granted, Permit, Stage};
use evergrant_core::{Error, Mono, Now, RestNote};
use std::sync::{Arc, Weak};

/// Whether a request may be sent, as far as others are concerned.
#[derive(Debug)]
pub(super) enum Pass {
    /// Nobody else is concerned.
    Free,
    Permitted(Permit),
    /// Not now.
    HeldBack,
}

impl Pass {
    pub(super) fn into_permit(self) -> Option<Permit> {
        match self {
            Self::Permitted(permit) => Some(permit),
            Self::Free | Self::HeldBack => None,
        }
    }
}

impl<V: Send + Sync + 'static> Shared<V> {
    /// Before a poll that would send: whether it may. A permit comes first, so that the life of a token and the time for a request
    /// begin when it is really sent.
    pub(super) fn pass(self: &Arc<Self>, state: &mut State<V>, now: Now) -> Pass {
        let Some(member) = &self.member else { return Pass::Free };
        if state.machine.next_wake(now) > now.mono {
            return Pass::Free;
        }
        let applicant = || {
            let applicant: Weak<Self> = Arc::downgrade(self);
            applicant as Weak<dyn Applicant>
        };
        let (application, told) = member.berth.apply(now.mono, &mut state.stage, applicant);
        if let Some(told) = told {
            state.outside.returned().told.push(told);
        }
        match application {
            Application::Permitted(permit) => Pass::Permitted(permit),
            Application::Queued => Pass::HeldBack,
            Application::Resting(until) => {
                state.machine.rest(now, RestNote::new(until, false, 0));
                Pass::Free
            }
        }
    }
}

impl<V: Send + Sync> Applicant for Shared<V> {
    fn granted(&self, granted: Granted) -> Result<(), Granted> {
        self.enter(|state, now| {
            let is_wanted = state.is_waited_for() && state.machine.next_wake(now) <= now.mono;
            // One that it has already goes back once the lock is free: dropped here it would come back to this very lock.
            if let Stage::Granted(before) = std::mem::take(&mut state.stage) {
                state.outside.returned().granted.push(before);
            }
            if !is_wanted {
                return Err(granted);
            }
            state.stage = Stage::Granted(granted);
            state.wake_all(now);
            Ok(())
        })
    }
}

impl<V> Shared<V> {
    /// Why no caller more may wait, if the sources of the pool have as many as may.
    pub(super) fn crowd(&self, state: &State<V>, now: Now) -> Option<Error> {
        let commons = &self.member.as_ref()?.commons;
        let max_waiters = commons.max_waiters;
        let retry_after = state.machine.next_wake(now).since(now.mono);
        (commons.waiting() >= max_waiters).then_some(Error::Saturated { max_waiters, retry_after })
    }

    /// After every input: what the pool has to know of it.
    pub(super) fn settle(&self, state: &mut State<V>, now: Now) {
        let Some(member) = &self.member else { return };
        self.recount(state);
        let wake = state.machine.next_wake(now);
        if wake > now.mono {
            state.give_back();
        }
        if member.commons.calendar.is_kept()
            && state.has_to_note(wake, now)
            && let Some(spot) = member.spot.get()
        {
            state.noted = wake;
            state.outside.wake(member.commons.calendar.note(wake, *spot).into_iter());
        }
    }

    /// How many wait, for the bound of all; and a permit that nobody waits for goes on.
    pub(super) fn recount(&self, state: &mut State<V>) {
        let Some(member) = &self.member else { return };
        let waiting = state.waiting.len();
        member.commons.recount(state.counted, waiting);
        state.counted = waiting;
        if !state.is_waited_for() {
            state.give_back();
        }
    }
}

impl<V> State<V> {
    /// Whether anybody is there who would send what is due.
    fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty() || !self.keepers.is_empty()
    }

    /// Whether the calendar does not say this time yet. What is due already is said once, and only of a token that would be lost:
    /// whoever has none asks by itself.
    fn has_to_note(&self, wake: Mono, now: Now) -> bool {
        if wake > now.mono {
            wake != self.noted && wake != Mono::MAX
        } else {
            self.noted > now.mono && self.machine.held(now).is_some()
        }
    }

    fn give_back(&mut self) {
        match std::mem::take(&mut self.stage) {
            Stage::Granted(granted) => self.outside.returned().granted.push(granted),
            // Whoever comes next has the place that it had in the queue.
            other => self.stage = other,
        }
    }
}
