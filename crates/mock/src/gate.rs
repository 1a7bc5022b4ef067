//! Gates: answers held back until a test lets them go.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::fault::Endpoint;
use crate::state::Shared;

/// Holds back the answers of one endpoint, those of faults too, to requests that arrive after it was made. Releasing
/// or dropping it lets them all go. The answers are decided already: a token issued before it is held is in the air,
/// ages, and can be revoked there.
///
/// ```
/// # use std::time::Duration;
/// use evergrant_mock::{Endpoint, Server};
///
/// let server = Server::start()?;
/// let gate = server.hold(Endpoint::Token);
/// // Start a token request on another thread here; then wait until its answer is held, without sleeping:
/// assert!(!gate.wait_for_held(1, Duration::from_millis(1)), "nobody has asked in this example");
/// gate.release();
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a gate holds nothing once it is dropped"]
pub struct Gate {
    shared: Arc<Shared>,
    id: u64,
}

impl Gate {
    pub(crate) fn new(shared: Arc<Shared>, on: Endpoint) -> Self {
        let id = shared.lock().gates.close(on);
        Self { shared, id }
    }

    /// Lets the held answers go, and those to come pass.
    pub fn release(self) {}

    /// How many answers are held here now.
    pub fn held(&self) -> u64 {
        self.shared.lock().gates.held(self.id)
    }

    /// Waits until at least `n` answers are held here; false when that took longer than `within`.
    ///
    /// # Blocking
    /// For `within` at most.
    #[must_use]
    pub fn wait_for_held(&self, n: u64, within: Duration) -> bool {
        self.shared.wait_until(within, |state| state.gates.held(self.id) >= n)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shared.lock().gates.open(self.id);
        self.shared.released.notify_all();
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("held", &self.held()).finish_non_exhaustive()
    }
}

/// The gates that are closed, by number, with how many answers each holds.
#[derive(Default)]
pub(crate) struct Gates {
    closed: BTreeMap<u64, (Endpoint, u64)>,
    last_id: u64,
}

impl Gates {
    fn close(&mut self, on: Endpoint) -> u64 {
        self.last_id += 1;
        self.closed.insert(self.last_id, (on, 0));
        self.last_id
    }

    fn open(&mut self, id: u64) {
        self.closed.remove(&id);
    }

    fn held(&self, id: u64) -> u64 {
        self.closed.get(&id).map_or(0, |(_, held)| *held)
    }

    /// What a request arriving now has to show at the gates: those made later do not hold it.
    pub(crate) fn ticket(&self) -> u64 {
        self.last_id
    }

    /// Whether a gate holds this ticket's answer.
    pub(crate) fn holds(&self, on: Endpoint, ticket: u64) -> bool {
        self.closed.range(..=ticket).any(|(_, (endpoint, _))| *endpoint == on)
    }

    /// An answer has come to the gates.
    pub(crate) fn arrive(&mut self, on: Endpoint, ticket: u64) {
        for (endpoint, held) in self.closed.range_mut(..=ticket).map(|(_, gate)| gate) {
            *held += u64::from(*endpoint == on);
        }
    }
}

impl Shared {
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
}
