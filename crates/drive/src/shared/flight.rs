//! One token request, from its sending to its landing.

use super::state::{Shared, State};
use crate::contained::contained;
use evergrant_core::{
    Cause, Client, Flight, Landing, Now, Outcome, Reason, Refusal, Response, Scope, TransportError,
    TransportErrorKind,
};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The one request that is in the air. Lands its outcome or, dropped for ANY reason (a panic in the transport, a
/// runtime that is shut down), abandons the flight; either way everyone is woken.
pub(crate) struct FlightGuard<V> {
    shared: Arc<Shared<V>>,
    client: Arc<Client>,
    /// Taken when it landed.
    flight: Option<Flight>,
    limit: Duration,
}

impl<V> fmt::Debug for FlightGuard<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlightGuard").field("flight", &self.flight).finish_non_exhaustive()
    }
}

/// What is reported of a request that left: when this is dropped, so that it is neither forgotten nor in the way. A subscriber that
/// takes its time must hold up neither the request nor whoever waits for it.
#[derive(Debug)]
#[must_use]
pub(crate) struct Departure {
    client: Arc<Client>,
    flight: u64,
    reason: Reason,
}

impl Drop for Departure {
    fn drop(&mut self) {
        let (flight, reason) = (self.flight, self.reason.as_str());
        let endpoint = self.client.provider().token_endpoint();
        contained(|| tracing::info!(target: "evergrant", flight, reason, %endpoint, "requesting a token"));
    }
}

impl<V> FlightGuard<V> {
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

    /// That no answer came in time.
    pub(crate) fn timed_out(&self) -> TransportError {
        TransportError::ours(TransportErrorKind::Timeout, &format!("none within {:?}", self.limit))
    }

    /// What the transport brought, as the machine takes it.
    pub(crate) fn outcome(&self, answer: Result<Response, TransportError>) -> Outcome {
        let read = match answer {
            Ok(response) => self.client.read(&response, self.sent_at()),
            Err(error) => Err(Refusal::from(self.client.masked_error(error))),
        };
        read.map_or_else(Outcome::Refused, Outcome::Granted)
    }

    /// What became of it. Everyone is woken; what is reported of it is the caller's to drop.
    pub(crate) fn land(mut self, outcome: Outcome) -> Option<Arrival> {
        let value = match &outcome {
            // Rendered here, since it is foreign and must not be made under the lock.
            Outcome::Granted(grant) => Some(Arc::new((self.shared.render)(grant.token()))),
            _ => None,
        };
        let narrowed = match &outcome {
            Outcome::Granted(grant) => grant.narrowed_scope().cloned(),
            _ => None,
        };
        // Taken under the lock: a clock that panics before it leaves the flight to Drop.
        let flight = &mut self.flight;
        self.shared.enter(|state, now| {
            let flight = flight.take()?;
            let id = flight.id();
            let landing = state.machine.complete(now, flight, outcome);
            match (&landing, value) {
                (Landing::Installed { .. }, Some(value)) => state.installed(now, value, narrowed.clone()),
                (_, Some(value)) => state.outside.drop_value(value),
                (_, None) => {}
            }
            Some(state.landed(now, id, landing, narrowed))
        })
    }
}

impl<V> Drop for FlightGuard<V> {
    fn drop(&mut self) {
        if let Some(flight) = self.flight.take() {
            contained(|| drop(self.shared.abandon(flight)));
        }
    }
}

impl<V> Shared<V> {
    /// A request leaves: with the credentials of this moment, under the same lock. `None` if there are none.
    pub(super) fn launch(
        self: &Arc<Self>,
        state: &mut State<V>,
        now: Now,
        flight: Flight,
    ) -> Option<(FlightGuard<V>, Departure)> {
        let client = Arc::clone(state.client.as_ref()?);
        state.journal.sent(flight.reason(), now.mono);
        let limit = state.machine.policy().attempt_timeout();
        let departure =
            Departure { client: Arc::clone(&client), flight: flight.id(), reason: flight.reason() };
        Some((FlightGuard { shared: Arc::clone(self), client, flight: Some(flight), limit }, departure))
    }

    fn abandon(&self, flight: Flight) -> Arrival {
        let id = flight.id();
        self.enter(|state, now| {
            let landing = state.machine.abandon(now, flight);
            state.landed(now, id, landing, None)
        })
    }
}

impl<V> State<V> {
    /// A flight has ended: what follows, whatever became of it.
    fn landed(&mut self, now: Now, flight: u64, landing: Landing, narrowed: Option<Scope>) -> Arrival {
        self.journal.landed(&landing, now.mono);
        self.wake_all(now);
        let rest = self.machine.next_wake(now).since(now.mono);
        Arrival { flight, landing, rest, narrowed }
    }
}

/// What is reported of a flight that ended: when this is dropped, as [`Departure`].
#[derive(Debug)]
#[must_use]
pub(crate) struct Arrival {
    flight: u64,
    landing: Landing,
    /// The time until the next request may be sent.
    rest: Duration,
    /// What was asked for and not granted.
    narrowed: Option<Scope>,
}

impl Drop for Arrival {
    fn drop(&mut self) {
        contained(|| self.tell());
        if let Some(missing) = &self.narrowed {
            let flight = self.flight;
            contained(|| {
                tracing::warn!(target: "evergrant", flight, %missing, "the server granted less scope than requested");
            });
        }
    }
}

impl Arrival {
    fn tell(&self) {
        let flight = self.flight;
        let rest_ms = u64::try_from(self.rest.as_millis()).unwrap_or(u64::MAX);
        match &self.landing {
            Landing::Installed { generation, life, hint } => {
                let (generation, life_s) = (generation.number(), life.as_secs());
                tracing::info!(target: "evergrant", flight, generation, life_s, ?hint, "a new token is in use");
            }
            Landing::Resting { cause, .. } => {
                tracing::warn!(target: "evergrant", flight, rest_ms, %cause, "the token request failed");
            }
            Landing::NoProgress { count } => {
                tracing::info!(target: "evergrant", flight, count, "the server sent a token that ends no later");
            }
            Landing::Idle => {
                let cause = Cause::Abandoned;
                tracing::warn!(target: "evergrant", flight, rest_ms, %cause, "the token request failed");
            }
            Landing::Superseded => {
                tracing::debug!(target: "evergrant", flight, "the token response arrived too late and is ignored");
            }
            landing => tracing::info!(target: "evergrant", flight, ?landing, "the token request ended"),
        }
    }
}
