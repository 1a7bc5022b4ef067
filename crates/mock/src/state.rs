//! What the threads of a server share: one mutex, held for no longer than it takes to look up, count or sign.

use std::collections::HashMap;
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::assertion::Used;
use crate::clients::Clients;
use crate::fault::{Endpoint, Fault, Faults};
use crate::gate::Gates;
use crate::http::Request;
use crate::log::{Answer, Counts, Log};
use crate::options::{Challenge, ErrorStyle, ExpiresIn, TokenStyle};
use crate::registration::Registration;
use crate::site::Site;
use crate::token::Tokens;
use crate::trust::Trust;

/// The longest single wait: a longer one might overflow a platform's timers, and every wait stands in a loop.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

pub(crate) struct Shared {
    state: Mutex<State>,
    /// Something was counted, held or ended: who waits for a condition looks again.
    pub(crate) changed: Condvar,
    /// A gate was opened or the server stops: who holds an answer looks again.
    pub(crate) released: Condvar,
    started: Instant,
}

pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) tokens: Tokens,
    pub(crate) used: Used,
    pub(crate) faults: Faults,
    pub(crate) gates: Gates,
    pub(crate) counts: Counts,
    pub(crate) log: Log,
    pub(crate) stopping: bool,
    /// The open connections by number, so that stopping can cut them.
    pub(crate) connections: HashMap<u64, Arc<TcpStream>>,
    token_in_flight: u64,
}

/// How ordinary answers are made.
pub(crate) struct Settings {
    pub(crate) clients: Clients,
    pub(crate) trusts: Vec<Trust>,
    pub(crate) registrations: Vec<Registration>,
    pub(crate) site: Site,
    /// Whether tokens are bound to the certificate that the client shows, however it authenticates.
    pub(crate) certificate_bound: bool,
    pub(crate) lifetime: Duration,
    pub(crate) style: TokenStyle,
    pub(crate) expires_in: ExpiresIn,
    pub(crate) granted_scope: Option<String>,
    pub(crate) errors: ErrorStyle,
    pub(crate) challenge: Challenge,
    pub(crate) token_delay: Duration,
    pub(crate) metadata_delay: Duration,
    pub(crate) resource_delay: Duration,
    /// Seconds by which the server's clock is ahead of the system's.
    pub(crate) clock_offset: i64,
    /// Seconds that the token endpoint's answers say they spent in caches.
    pub(crate) age: Option<u64>,
}

/// What is settled of a request when it has arrived.
pub(crate) struct Arrival {
    pub(crate) endpoint: Endpoint,
    pub(crate) fault: Option<Fault>,
    pub(crate) delay: Duration,
    /// Its ticket at the gates.
    pub(crate) ticket: u64,
    /// Its place in the log.
    place: u64,
}

/// How a request ended, for the counters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Served,
    Refused,
    /// Refused because of who asks, at the token endpoint.
    Unauthenticated,
}

impl Shared {
    pub(crate) fn new(settings: Settings, tokens: Tokens) -> Self {
        let state = State {
            settings,
            tokens,
            used: Used::default(),
            faults: Faults::default(),
            gates: Gates::default(),
            counts: Counts::default(),
            log: Log::default(),
            stopping: false,
            connections: HashMap::new(),
            token_in_flight: 0,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            released: Condvar::new(),
            started: Instant::now(),
        }
    }

    /// The state. A thread that panicked leaves whole values behind, whatever it was about to do: poison is ignored.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until a gate opens or the server stops; without reason, too.
    fn wait_for_release<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.released.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits as long as a gate holds the answer, then for `delay`; false when the server stopped meanwhile.
    pub(crate) fn hold(&self, on: Endpoint, ticket: u64, delay: Duration) -> bool {
        let mut state = self.lock();
        if state.gates.holds(on, ticket) {
            state.gates.arrive(on, ticket);
            self.changed.notify_all();
            while state.gates.holds(on, ticket) && !state.stopping {
                state = self.wait_for_release(state);
            }
        }
        drop(state);
        self.pause(delay)
    }

    /// Waits for `time`; false when the server stopped meanwhile.
    pub(crate) fn pause(&self, time: Duration) -> bool {
        let start = Instant::now();
        let mut state = self.lock();
        while !state.stopping {
            let Some(left) = left_of(time, start) else {
                return true;
            };
            state = self.released.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    /// Waits until the condition holds; false when that took longer than `within`.
    pub(crate) fn wait_until(&self, within: Duration, mut holds: impl FnMut(&State) -> bool) -> bool {
        let start = Instant::now();
        let mut state = self.lock();
        while !holds(&state) {
            let Some(left) = left_of(within, start) else {
                return false;
            };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// A request has been read in full: it is counted and logged, and the fault that is due strikes it.
    pub(crate) fn arrive(&self, request: &Arc<Request>) -> Arrival {
        let mut state = self.lock();
        let endpoint = state.settings.site.endpoint(request.path());
        let now = Instant::now();
        let place = state.log.push(endpoint, now.duration_since(self.started), Arc::clone(request));
        let fault = state.faults.claim(endpoint, now);
        if let Some(fault) = &fault {
            state.log.answered(place, Answer::Fault(fault.name()));
        }
        let faulted = u64::from(fault.is_some());
        let State { counts, settings, token_in_flight, .. } = &mut *state;
        let delay = match endpoint {
            Endpoint::Token => {
                *token_in_flight += 1;
                counts.token_requests += 1;
                counts.token_faulted += faulted;
                counts.token_in_flight_max = counts.token_in_flight_max.max(*token_in_flight);
                settings.token_delay
            }
            Endpoint::Metadata => {
                counts.metadata_requests += 1;
                counts.metadata_faulted += faulted;
                settings.metadata_delay
            }
            Endpoint::Resource => {
                counts.resource_requests += 1;
                counts.resource_faulted += faulted;
                settings.resource_delay
            }
        };
        // Faults are not delayed: they have their own times.
        let delay = if fault.is_some() { Duration::ZERO } else { delay };
        let ticket = state.gates.ticket();
        drop(state);
        self.changed.notify_all();
        Arrival { endpoint, fault, delay, ticket, place }
    }

    /// The ordinary answer to a request is decided.
    pub(crate) fn answered(&self, arrival: &Arrival, status: u16, outcome: Outcome) {
        let mut state = self.lock();
        state.log.answered(arrival.place, Answer::Status(status));
        let counts = &mut state.counts;
        let count = match (arrival.endpoint, outcome) {
            (Endpoint::Token, Outcome::Served) => &mut counts.token_granted,
            (Endpoint::Token, Outcome::Refused) => &mut counts.token_refused,
            (Endpoint::Token, Outcome::Unauthenticated) => {
                counts.token_invalid_client += 1;
                &mut counts.token_refused
            }
            (Endpoint::Metadata, Outcome::Served) => &mut counts.metadata_served,
            (Endpoint::Metadata, Outcome::Refused | Outcome::Unauthenticated) => &mut counts.metadata_refused,
            (Endpoint::Resource, Outcome::Served) => &mut counts.resource_ok,
            (Endpoint::Resource, Outcome::Refused | Outcome::Unauthenticated) => &mut counts.resource_refused,
        };
        *count += 1;
        drop(state);
        self.changed.notify_all();
    }

    /// A request is no longer at its endpoint.
    pub(crate) fn departed(&self, endpoint: Endpoint) {
        if endpoint == Endpoint::Token {
            self.lock().token_in_flight -= 1;
        }
    }
}

impl Settings {
    /// Registers a client, in the place of another registration of the same id.
    pub(crate) fn register(&mut self, registration: Registration) {
        self.registrations.retain(|known| known.id != registration.id);
        self.registrations.push(registration);
    }
}

impl State {
    pub(crate) fn reset_counts(&mut self) {
        self.counts = Counts { token_in_flight_max: self.token_in_flight, ..Counts::default() };
    }
}

/// What is left of a time that began at `start`, unless nothing is.
fn left_of(time: Duration, start: Instant) -> Option<Duration> {
    time.checked_sub(start.elapsed()).filter(|left| !left.is_zero()).map(|left| left.min(LONGEST_WAIT))
}
