//! For the exhaustive search alone: states compared up to a shift of time, of flights and of generations.

use super::aside::Aside;
use super::fetch::{Fetching, Rest};
use super::holding::Holding;
use super::{Call, Flight, Machine};
use crate::error::Cause;
use crate::time::{Mono, Now, Wall};
use crate::token::{AccessToken, Generation};
use alloc::vec::Vec;
use core::time::Duration;

/// Where `now` is moved to. Far enough from the origin that nothing of interest lies before it.
const NOON: Duration = Duration::from_secs(43_200);
/// What the last generation is called.
const LAST_GENERATION: u64 = 1000;

impl Machine {
    /// The machine and what is out there of it, with all times taken from `now`, flights numbered from 1, and the
    /// last generation called by one name; what is past and decides nothing any more is forgotten. Two worlds that
    /// behave alike from here on are equal after this.
    #[doc(hidden)]
    #[must_use]
    pub fn relative(&self, now: Now, flights: &mut [Flight], calls: &mut [Option<Call>]) -> (Self, Now) {
        let noon = Now::new(Mono::from_origin(NOON), Wall::from_epoch(NOON));
        let mono = |then: Mono| Mono::from_origin(shifted(then.since_origin(), now.mono.since_origin()));
        let wall = |then: Wall| Wall::from_epoch(shifted(then.since_epoch(), now.wall.since_epoch()));
        let both = |then: Now| Now::new(mono(then.mono), wall(then.wall));
        let future = |then: Mono| mono(then.max(now.mono));

        let mut ids: Vec<u64> = flights.iter().map(|flight| flight.id).collect();
        ids.extend([0, self.flights, self.flights + 1, self.brought_by]);
        ids.extend(self.rotated_after);
        ids.sort_unstable();
        ids.dedup();
        let rank = |id: u64| ids.binary_search(&id).map_or(u64::MAX, |rank| rank as u64);

        for flight in flights {
            flight.id = rank(flight.id);
            flight.deadline = future(flight.deadline);
            flight.sent_at = both(flight.sent_at);
        }
        for call in calls.iter_mut().flatten() {
            call.deadline = future(call.deadline);
            call.held_back = false;
        }

        let mut machine = self.clone();
        let last = |value: &AccessToken| AccessToken::new("held").unwrap_or_else(|_| value.clone());
        match &mut machine.holding {
            Holding::Held(lease) | Holding::Aside(Aside { lease, .. }) => {
                lease.token.generation = Generation(LAST_GENERATION);
                lease.token.use_until = both(lease.token.use_until);
                lease.token.refresh_at = both(lease.token.refresh_at);
                lease.settled_at = future(lease.settled_at);
                // Only an export tells these.
                (lease.issued, lease.life) = (Wall::EPOCH, Duration::ZERO);
                lease.token.value = last(&lease.token.value);
            }
            Holding::Nothing { last: Some(over), .. } => {
                (over.value, over.life) = (last(&over.value), Duration::ZERO);
            }
            Holding::Nothing { last: None, .. } | Holding::Fixed(_) => {}
        }
        if let Holding::Aside(aside) = &mut machine.holding {
            let awaits = aside.awaits_mut();
            *awaits = awaits.map(rank);
        }
        machine.fetching = match &self.fetching {
            Fetching::Idle => Fetching::Idle,
            Fetching::InFlight { id, deadline } => {
                Fetching::InFlight { id: rank(*id), deadline: future(*deadline) }
            }
            Fetching::Resting(rest) => Fetching::Resting(Rest {
                until: future(rest.until),
                told: rest.told.filter(|told| *told > now.mono).map(mono),
                permanent: rest.permanent && rest.until > now.mono,
                has_failed: rest.has_failed,
                // What it was is told to callers and decides nothing; of its kind, `permanent` was noted.
                cause: Cause::Abandoned,
            }),
        };
        machine.flights = rank(self.flights);
        machine.brought_by = rank(self.brought_by);
        machine.rotated_after = self.rotated_after.map(rank);
        machine.generations = LAST_GENERATION;
        machine.last_sent =
            self.last_sent.filter(|sent| sent.after(self.policy.min_interval()) > now.mono).map(mono);
        machine.no_progress = 0;
        machine.last_error = None;
        // Counts of failures matter as far as they make a rest longer, or a second abandonment of the next one.
        let level = |count: u32, rest: &dyn Fn(u32) -> Duration| {
            (0..=count).find(|less| rest(*less) == rest(count)).unwrap_or(count)
        };
        machine.failures.transient = level(self.failures.transient, &|n| self.policy.backoff(n));
        machine.failures.permanent = level(self.failures.permanent, &|n| self.policy.cooldown(n));
        machine.failures.abandoned = self.failures.abandoned.min(1);
        machine.gates.relative(&self.policy, now.mono, mono);
        (machine, noon)
    }

    /// The text of the last token, which `relative` calls by one name.
    pub(crate) fn last_value(&self) -> Option<&AccessToken> {
        self.holding.value()
    }

    /// Calls the last token by another name.
    pub(crate) fn call_last(&mut self, name: AccessToken) {
        match &mut self.holding {
            Holding::Held(lease) | Holding::Aside(Aside { lease, .. }) => lease.token.value = name,
            Holding::Nothing { last: Some(over), .. } => over.value = name,
            Holding::Nothing { last: None, .. } | Holding::Fixed(_) => {}
        }
    }

    /// The flight that brought the held or the last dropped token.
    #[doc(hidden)]
    pub const fn brought_by(&self) -> u64 {
        self.brought_by
    }
}

/// `then`, as far from noon as it is from `now`.
fn shifted(then: Duration, now: Duration) -> Duration {
    match then.checked_sub(now) {
        Some(ahead) => NOON.saturating_add(ahead),
        None => NOON.saturating_sub(now - then),
    }
}
