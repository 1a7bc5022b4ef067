//! What a test holds of a running server: a fault that was set, a gate that is closed.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::fault::{Endpoint, Fault, Times};
use crate::state::Shared;

/// A fault that was set. Dropping the handle changes nothing: the fault stays.
///
/// ```
/// use evergrant_mock::{Endpoint, Fault, Server, Times};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # use story::{ask_for_token};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::start()?;
/// let outage = server.fault(Endpoint::Token, Fault::status(503), Times::UntilCleared);
/// assert_eq!(ask_for_token(&server)?.status(), 503);
/// outage.clear();
/// assert_eq!(ask_for_token(&server)?.status(), 200);
/// assert!(!outage.is_active());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct FaultHandle {
    shared: Arc<Shared>,
    id: u64,
}

impl FaultHandle {
    pub(crate) fn new(shared: Arc<Shared>, on: Endpoint, fault: Fault, times: Times) -> Self {
        let id = shared.lock().faults.add(on, fault, times, Instant::now());
        Self { shared, id }
    }

    /// Takes the fault back. What has struck already, a [`Fault::Hang`] say, goes on; to clear twice is no error.
    pub fn clear(&self) {
        self.shared.lock().faults.remove(self.id);
    }

    /// Whether the fault may strike again.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Fault, Server, Times};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::{ask_for_token};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::start()?;
    /// let fault = server.fault(Endpoint::Token, Fault::Html, Times::Once);
    /// ask_for_token(&server)?;
    /// assert!(!fault.is_active(), "your program has met it");
    /// # Ok(()) }
    /// ```
    pub fn is_active(&self) -> bool {
        let now = Instant::now();
        self.shared.lock().faults.is_active(self.id, now)
    }
}

impl fmt::Debug for FaultHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultHandle").field("id", &self.id).finish_non_exhaustive()
    }
}

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

#[cfg(test)]
mod tests;
