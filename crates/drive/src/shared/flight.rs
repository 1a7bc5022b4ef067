//! One token request, from its sending to its landing.

use super::{Shared, State, wake};
use evergrant_core::{Client, Flight, Landing, Now, Outcome};
use std::sync::Arc;
use std::time::Duration;

/// The one request that is in the air. Lands its outcome or, dropped for ANY reason (a panic in the transport, a
/// runtime that is shut down), abandons the flight; either way everyone is woken.
#[derive(Debug)]
pub(crate) struct FlightGuard<V: Clone> {
    shared: Arc<Shared<V>>,
    client: Arc<Client>,
    /// Taken when it landed.
    flight: Option<Flight>,
    limit: Duration,
}

impl<V: Clone> FlightGuard<V> {
    /// The client it was launched with.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// When it was sent.
    pub(crate) fn sent_at(&self) -> Now {
        self.flight.as_ref().map(Flight::sent_at).unwrap_or_default()
    }

    /// How long the transport may take.
    pub(crate) const fn limit(&self) -> Duration {
        self.limit
    }

    /// How long the transport may still take.
    pub(crate) fn time_left(&self) -> Duration {
        self.shared.until(self.sent_at().mono.after(self.limit))
    }

    /// What became of it.
    pub(crate) fn land(mut self, outcome: Outcome) {
        if let Some(flight) = self.flight.take() {
            self.shared.land(flight, outcome);
        }
    }

    /// Says why it is sent.
    pub(super) fn announce(&self) {
        if let Some(flight) = &self.flight {
            let (flight, reason) = (flight.id(), flight.reason().as_str());
            let endpoint = self.client.provider().token_endpoint();
            tracing::info!(target: "evergrant", flight, reason, %endpoint, "a token is asked for");
        }
    }
}

impl<V: Clone> Drop for FlightGuard<V> {
    fn drop(&mut self) {
        if let Some(flight) = self.flight.take() {
            self.shared.abandon(flight);
        }
    }
}

impl<V: Clone> Shared<V> {
    /// A request leaves: with the credentials of this moment, under the same lock.
    pub(super) fn launch(self: &Arc<Self>, state: &mut State, now: Now, flight: Flight) -> FlightGuard<V> {
        self.publish(state, now);
        state.journal.sent(flight.reason(), now.mono);
        let limit = state.machine.policy().attempt_timeout();
        FlightGuard {
            shared: Arc::clone(self),
            client: Arc::clone(&state.client),
            flight: Some(flight),
            limit,
        }
    }

    fn land(&self, flight: Flight, outcome: Outcome) {
        let id = flight.id();
        let narrowed = match &outcome {
            Outcome::Granted(grant) => grant.narrowed_scope().cloned(),
            Outcome::Refused(_) | Outcome::NotSent(_) => None,
        };
        let (landing, rest, wakers) = {
            let mut state = self.lock();
            let now = state.now(&*self.clock);
            let landing = state.machine.complete(now, flight, outcome);
            state.journal.landed(&landing, now.mono);
            if matches!(landing, Landing::Installed { .. }) {
                state.journal.installed(narrowed.clone());
            }
            let rest = state.machine.next_wake(now).since(now.mono);
            (landing, rest, self.changed(&mut state, now))
        };
        tell(id, &landing, rest);
        if let Some(missing) = narrowed {
            tracing::warn!(target: "evergrant", flight = id, %missing, "less scope was granted than was asked for");
        }
        wake(wakers);
    }

    fn abandon(&self, flight: Flight) {
        let id = flight.id();
        let wakers = {
            let mut state = self.lock();
            let now = state.now(&*self.clock);
            state.machine.abandon(now, flight);
            state.journal.abandoned(now.mono);
            self.changed(&mut state, now)
        };
        tracing::warn!(target: "evergrant", flight = id, "the token request was given up before its answer came");
        wake(wakers);
    }
}

fn tell(flight: u64, landing: &Landing, rest: Duration) {
    match landing {
        Landing::Installed { generation, life, hint } => {
            let (generation, life_s) = (generation.number(), life.as_secs());
            tracing::info!(target: "evergrant", flight, generation, life_s, ?hint, "a token was installed");
        }
        Landing::Resting { cause, .. } => {
            let rest_ms = u64::try_from(rest.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(target: "evergrant", flight, rest_ms, %cause, "the token request failed");
        }
        Landing::NoProgress { count } => {
            tracing::info!(target: "evergrant", flight, count, "the server handed out a token that ends no later");
        }
        Landing::Superseded => {
            tracing::debug!(target: "evergrant", flight, "the answer came too late to matter");
        }
    }
}
