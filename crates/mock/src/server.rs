//! The server: told what to do, asked what happened, stopped.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::auth;
use crate::fault::{Endpoint, Fault, Times};
use crate::handle::{FaultHandle, Gate};
use crate::log::{Counts, Recorded};
use crate::options::{Challenge, ErrorStyle, ExpiresIn, TokenStyle};
use crate::state::Shared;
use crate::threads::Threads;

/// An authorization server and a resource API on loopback. Dropping it stops it.
///
/// Everything may be changed while it runs; what is set holds for requests that arrive from then on.
///
/// - commands: `set_*`, [`fault`](Self::fault), [`clear_faults`](Self::clear_faults), [`hold`](Self::hold),
///   [`revoke`](Self::revoke), [`revoke_all`](Self::revoke_all), [`rotate_client`](Self::rotate_client),
///   [`reset_counts`](Self::reset_counts)
/// - waits: [`wait_for_token_requests`](Self::wait_for_token_requests), [`wait_for`](Self::wait_for)
/// - getters: the rest
///
/// # Blocking
/// Dropping waits until every thread has ended. Connections are cut first, those that hang, are held or are slow too,
/// so that this takes milliseconds; after 5 s it gives up waiting.
pub struct Server {
    shared: Arc<Shared>,
    threads: Threads,
}

impl Server {
    /// The client id that is accepted unless [`Builder::client`](crate::Builder::client) says another.
    pub const CLIENT_ID: &str = "evergrant-mock-client";
    /// The client secret that is accepted unless [`Builder::client`](crate::Builder::client) says another.
    pub const CLIENT_SECRET: &str = "evergrant-mock-secret";

    pub(crate) fn new(shared: Arc<Shared>, threads: Threads) -> Self {
        Self { shared, threads }
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// The address it listens at.
    pub fn address(&self) -> SocketAddr {
        self.threads.address()
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The URL of the token endpoint.
    pub fn token_endpoint(&self) -> String {
        self.resource(auth::PATH)
    }

    /// The URL of a resource. The path begins with a slash.
    pub fn resource(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// The life of tokens issued from now on. Fractions of a second count.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.shared.lock().settings.lifetime = lifetime;
    }

    /// The kind of tokens issued from now on.
    pub fn set_style(&self, style: TokenStyle) {
        self.shared.lock().settings.style = style;
    }

    /// What token responses say as `expires_in`, whatever the life of the token is.
    pub fn set_expires_in(&self, expires_in: ExpiresIn) {
        self.shared.lock().settings.expires_in = expires_in;
    }

    /// The scope that is granted, whatever is asked for; None grants what is asked for, and `*` when nothing is.
    pub fn set_granted_scope(&self, scope: Option<&str>) {
        self.shared.lock().settings.granted_scope = scope.map(str::to_owned);
    }

    /// How the token endpoint words its refusals.
    pub fn set_errors(&self, errors: ErrorStyle) {
        self.shared.lock().settings.errors = errors;
    }

    /// What the resource API answers to a token it does not accept.
    pub fn set_challenge(&self, challenge: Challenge) {
        self.shared.lock().settings.challenge = challenge;
    }

    /// How long each ordinary answer of an endpoint is kept before it is sent. It is decided before that: the life of a
    /// token runs meanwhile. Faults are not delayed.
    pub fn set_delay(&self, on: Endpoint, delay: Duration) {
        let settings = &mut self.shared.lock().settings;
        match on {
            Endpoint::Token => settings.token_delay = delay,
            Endpoint::Resource => settings.resource_delay = delay,
        }
    }

    /// Sets the server's clock: so many seconds ahead of the system's, or behind it. The `Date` header, the times in
    /// tokens and the end of their life go by it, that of tokens issued before too.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.shared.lock().settings.clock_offset = seconds;
    }

    /// The credentials accepted from now on, and no others. Tokens issued before stay good. With an empty secret, the
    /// id alone is accepted.
    pub fn rotate_client(&self, id: &str, secret: &str) {
        let settings = &mut self.shared.lock().settings;
        id.clone_into(&mut settings.client_id);
        secret.clone_into(&mut settings.client_secret);
    }

    /// Revokes one token. One that was never issued is no error.
    pub fn revoke(&self, token: &str) {
        self.shared.lock().tokens.revoke(token);
    }

    /// Revokes every token issued until now, those on their way to a client too.
    pub fn revoke_all(&self) {
        self.shared.lock().tokens.revoke_all();
    }

    /// Lets a fault strike requests that arrive from now on. Of several, the oldest that applies strikes: faults set
    /// one after the other with [`Times::Once`] are a script.
    pub fn fault(&self, on: Endpoint, fault: Fault, times: Times) -> FaultHandle {
        FaultHandle::new(Arc::clone(&self.shared), on, fault, times)
    }

    /// Takes every fault back. What has struck already, a [`Fault::Hang`] say, goes on.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Holds back the answers of an endpoint to requests that arrive from now on, until the gate is released or dropped.
    pub fn hold(&self, on: Endpoint) -> Gate {
        Gate::new(Arc::clone(&self.shared), on)
    }

    /// How often what happened.
    pub fn counts(&self) -> Counts {
        self.shared.lock().counts
    }

    /// Sets every count to zero, and the deepest concurrency to that of this moment. The log stays.
    pub fn reset_counts(&self) {
        self.shared.lock().reset_counts();
    }

    /// The log: requests in the order of their arrival. It keeps the last 100 000, and 64 MiB of them at most; see
    /// [`requests_dropped`](Self::requests_dropped).
    ///
    /// What is no HTTP/1 request, or passes a bound of it, is answered with 400, 413, 431 or 501, closed, and neither
    /// logged nor counted.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.lock().log.entries()
    }

    /// How many requests the log has dropped to keep its bounds.
    pub fn requests_dropped(&self) -> u64 {
        self.shared.lock().log.dropped()
    }

    /// The access tokens issued so far, each once, oldest first; the last 100 000 of them. Older ones are refused.
    pub fn issued(&self) -> Vec<String> {
        self.shared.lock().tokens.texts()
    }

    /// Waits until at least `n` requests have arrived at the token endpoint, since the start or the last
    /// [`reset_counts`](Self::reset_counts); false when that took longer than `within`.
    ///
    /// # Blocking
    /// For `within` at most.
    #[must_use]
    pub fn wait_for_token_requests(&self, n: u64, within: Duration) -> bool {
        self.wait_for(within, |counts| counts.token_requests >= n)
    }

    /// Waits until the counts are as wanted; false when that took longer than `within`.
    ///
    /// # Blocking
    /// For `within` at most. The condition is called under the server's lock: it must not call the server.
    #[must_use]
    pub fn wait_for(&self, within: Duration, mut wanted: impl FnMut(&Counts) -> bool) -> bool {
        self.shared.wait_until(within, |state| wanted(&state.counts))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
