//! How a source of tokens is made, whatever sends its requests.

use crate::clock::{Clock, Clocks};
use crate::identity::Identity;
use crate::observer::Observer;
use crate::signer::{KeySource, Signer};
use crate::source::{SecretSource, Sources};
use crate::store::SealedStore;
#[cfg(doc)]
use evergrant_core::ClientAuth;
use evergrant_core::{Client, ConfigError, Policy};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How a source of tokens is made, whatever sends its requests: what every adapter's builder holds.
#[derive(Clone)]
#[must_use]
pub struct Settings {
    pub(crate) client: Client,
    pub(crate) sources: Sources,
    pub(crate) name: Option<Box<str>>,
    pub(crate) terms: Terms,
}

/// What does not depend on the client.
#[derive(Clone)]
pub(crate) struct Terms {
    policy: Policy,
    patience: Option<Duration>,
    pub(crate) clock: Clocks,
    pub(crate) fail_fast: bool,
    pub(crate) observers: Vec<Arc<dyn Observer>>,
    pub(crate) store: Option<SealedStore>,
}

impl Terms {
    pub(crate) fn new() -> Self {
        let (policy, clock) = (Policy::new(), Clocks::system());
        Self { policy, patience: None, clock, fail_fast: false, observers: Vec::new(), store: None }
    }

    /// The policy, with the patience that was asked for whichever was said first.
    pub(crate) fn policy(&self) -> Policy {
        match self.patience {
            Some(patience) => self.policy.clone().with_patience(patience),
            None => self.policy.clone(),
        }
    }

    pub(crate) fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience: Some(patience), ..self }
    }

    pub(crate) fn with_clock(self, clock: impl Clock) -> Self {
        Self { clock: Clocks::Own(Arc::new(clock)), ..self }
    }

    pub(crate) fn attempt_timeout(&self) -> Duration {
        self.policy.attempt_timeout()
    }

    /// Whether the tokens of this client can go to the store, if there is one.
    pub(crate) fn check(&self, client: &Client) -> Result<(), ConfigError> {
        self.store.as_ref().map_or(Ok(()), |store| store.check(client))
    }
}

impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms")
            .field("policy", &self.policy)
            .field("patience", &self.patience)
            .field("fail_fast", &self.fail_fast)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// The defaults for this client.
    pub fn new(client: Client) -> Self {
        Self { client, sources: Sources::default(), name: None, terms: Terms::new() }
    }

    /// Where the client secret or the assertion lives, for a client with a [live](ClientAuth::is_live) one: it is read for each request.
    pub fn secret(self, source: impl SecretSource) -> Self {
        Self { sources: self.sources.with_credential(source), ..self }
    }

    /// The key that signs the client's assertions, for a client that [signs them](ClientAuth::private_key_jwt).
    pub fn signer(self, signer: impl Signer) -> Self {
        Self { sources: self.sources.with_signer(signer), ..self }
    }

    /// Where the key lives that signs the client's assertions, for a client that [signs them](ClientAuth::private_key_jwt): it is read for each
    /// request.
    pub fn key_source(self, source: impl KeySource) -> Self {
        Self { sources: self.sources.with_key_source(source), ..self }
    }

    /// Where the value of this parameter lives, for a client with one [that is read](evergrant_core::ClientBuilder::live_param) for each
    /// request.
    pub fn param_source(self, name: &str, source: impl SecretSource) -> Self {
        Self { sources: self.sources.with_param(name, source), ..self }
    }

    /// Where the certificate lives that the connection to the token endpoint shows (mutual TLS, RFC 8705): it is read for each request. It
    /// is how a client by [`ClientAuth::tls`] proves who it is; any other shows it beside its own way to do so.
    pub fn identity(self, identity: Identity) -> Self {
        let client = shown(self.client);
        Self { client, sources: self.sources.with_identity(identity), ..self }
    }

    /// Whether each thing that the client reads or signs has a source, and each source something to be there for.
    ///
    /// # Errors
    /// [`ConfigError::NeedsSource`], [`ConfigError::NeedsIdentity`], [`ConfigError::NeedsSigner`], [`ConfigError::UnusedSigner`] or [`ConfigError::UnusedSource`]; for an identity of a client whose
    /// server is at plain http, [`ConfigError::TlsRequired`]; for a store that cannot seal its tokens, [`ConfigError::NeedsStoreKey`].
    pub fn check(&self) -> Result<(), ConfigError> {
        self.sources.check(&self.client)?;
        self.terms.check(&self.client)
    }

    /// The times and limits that it decides by. The defaults suit a server.
    pub fn policy(self, policy: Policy) -> Self {
        Self { terms: self.terms.with_policy(policy), ..self }
    }

    /// The clocks; the operating system's by default. For tests: [`ManualClock`](crate::ManualClock).
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { terms: self.terms.with_clock(clock), ..self }
    }

    /// How long a caller without a token waits for one: 1 ms to 1 day, the policy's 30 s by default. It counts whatever the
    /// policy says, and whichever is set first.
    pub fn patience(self, patience: Duration) -> Self {
        Self { terms: self.terms.with_patience(patience), ..self }
    }

    /// Whether a caller without a token takes the first outcome, good or bad, instead of waiting through a transient
    /// failure. Default false. A refusal that lies in
    /// this machine's clock ([`Refusal::clock`](evergrant_core::Refusal::clock)) is none: the request after it has the right times.
    pub fn fail_fast(mut self, fail_fast: bool) -> Self {
        self.terms.fail_fast = fail_fast;
        self
    }

    /// What people call this source, in metrics, traces and logs. The host of the token endpoint by default.
    pub fn name(self, name: &str) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// A store that many processes reach: they ask for one token together, per life of a token, instead of one each. Tokens are sealed in it.
    pub fn store(mut self, store: SealedStore) -> Self {
        self.terms.store = Some(store);
        self
    }

    /// Adds somebody who hears what happens. Every observer hears of every event, in the order in which they were added.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.terms.observers.push(observer);
        self
    }

    /// How long one token request may take.
    pub fn attempt_timeout(&self) -> Duration {
        self.terms.attempt_timeout()
    }

    /// Whether it has an identity.
    pub fn has_identity(&self) -> bool {
        self.sources.identity().is_some()
    }

    /// The client that asks.
    pub const fn client(&self) -> &Client {
        &self.client
    }
}

/// The client over connections that show a certificate. Where there is no TLS it stays as it is: [`Sources::check`] says so.
pub(crate) fn shown(client: Client) -> Client {
    if client.shows_certificate() {
        return client;
    }
    let plain = client.clone();
    client.with_certificate().unwrap_or(plain)
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("client", &self.client)
            .field("sources", &self.sources)
            .field("name", &self.name)
            .field("terms", &self.terms)
            .finish()
    }
}

#[cfg(test)]
mod tests;
