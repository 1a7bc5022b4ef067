//! How a pool is made, whatever sends its requests.

use super::error::BoxError;
use crate::clock::Clock;
use crate::commons::Limits;
use crate::identity::Identity;
use crate::observer::Observer;
use crate::settings::{Terms, shown};
use crate::signer::{KeySource, Signer};
use crate::source::{SecretSource, Sources};
use crate::store::SealedStore;
use evergrant_core::{Client, Policy};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a pool needs to know to make the source of a key: its client, and where that lives which the client reads for each request.
#[derive(Clone, Debug)]
#[must_use]
pub struct PoolClient {
    pub(super) client: Client,
    pub(super) sources: Sources,
}

impl PoolClient {
    /// This client.
    pub fn new(client: Client) -> Self {
        Self { client, sources: Sources::default() }
    }

    /// Where its secret or its assertion lives, for a client with a [live](evergrant_core::ClientAuth::is_live) one.
    ///
    /// ```
    /// use evergrant_core::{Client, ClientAuth, Provider};
    /// use evergrant_drive::{BoxError, FileSource, PoolClient, PoolSettings};
    ///
    /// let client_for = |tenant: &u32| -> Result<PoolClient, BoxError> {
    ///     let provider = Provider::rfc6749("https://auth.example.com/token")?;
    ///     let client = Client::builder(provider, ClientAuth::basic_live(&tenant.to_string())?).build()?;
    ///     // Nothing is read yet: each token request of the tenant reads its file.
    ///     Ok(PoolClient::new(client).secret(FileSource::new(format!("/run/secrets/tenants/{tenant}"))))
    /// };
    /// let settings = PoolSettings::new(client_for); // what `TokensPool::builder(client_for)` of the adapters holds
    /// # drop(settings);
    /// ```
    pub fn secret(self, source: impl SecretSource) -> Self {
        Self { sources: self.sources.with_credential(source), ..self }
    }

    /// The key that signs its assertions, for a client that [signs them](evergrant_core::ClientAuth::private_key_jwt).
    pub fn signer(self, signer: impl Signer) -> Self {
        Self { sources: self.sources.with_signer(signer), ..self }
    }

    /// Where the key lives that signs its assertions, for a client that [signs them](evergrant_core::ClientAuth::private_key_jwt): it is read
    /// for each request.
    pub fn key_source(self, source: impl KeySource) -> Self {
        Self { sources: self.sources.with_key_source(source), ..self }
    }

    /// Where the value of this parameter lives, for a client with one [that is read](evergrant_core::ClientBuilder::live_param) for each
    /// request.
    pub fn param_source(self, name: &str, source: impl SecretSource) -> Self {
        Self { sources: self.sources.with_param(name, source), ..self }
    }

    /// Where the certificate lives that its connections to the token endpoint show (mutual TLS, RFC 8705). Its source has an HTTP client
    /// for it, which goes with the source.
    ///
    /// ```
    /// use evergrant_core::{Client, ClientAuth, Provider};
    /// use evergrant_drive::{BoxError, Identity, PoolClient, PoolSettings};
    ///
    /// let client_for = |tenant: &u32| -> Result<PoolClient, BoxError> {
    ///     let provider = Provider::rfc6749("https://auth.example.com/token")?;
    ///     let client = Client::builder(provider, ClientAuth::tls(&tenant.to_string())?).build()?;
    ///     let file = |name| format!("/run/secrets/tenants/{tenant}/{name}");
    ///     Ok(PoolClient::new(client).identity(Identity::files(file("tls.crt"), file("tls.key"))))
    /// };
    /// let settings = PoolSettings::new(client_for);
    /// # drop(settings);
    /// ```
    pub fn identity(self, identity: Identity) -> Self {
        Self { client: shown(self.client), sources: self.sources.with_identity(identity) }
    }

    /// The client.
    pub const fn client(&self) -> &Client {
        &self.client
    }
}

impl From<Client> for PoolClient {
    fn from(client: Client) -> Self {
        Self::new(client)
    }
}

/// How a pool of sources is made, whatever sends their requests: what every adapter's builder holds.
#[must_use]
pub struct PoolSettings<K> {
    pub(super) terms: Terms,
    pub(super) name: Box<str>,
    pub(super) label: Option<Label<K>>,
    pub(super) client_for: ClientFor<K>,
    pub(super) max_sources: usize,
    pub(super) idle: Duration,
    pub(super) limits: Limits,
    pub(super) shares_rests: bool,
    pub(super) max_waiters: usize,
}

pub(super) type Label<K> = Box<dyn Fn(&K) -> String + Send + Sync>;
pub(super) type ClientFor<K> = Box<dyn Fn(&K) -> Result<PoolClient, BoxError> + Send + Sync>;

impl<K> fmt::Debug for PoolSettings<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolSettings")
            .field("terms", &self.terms)
            .field("name", &self.name)
            .field("max_sources", &self.max_sources)
            .field("idle", &self.idle)
            .field("limits", &self.limits)
            .field("shares_rests", &self.shares_rests)
            .finish_non_exhaustive()
    }
}

impl<K> PoolSettings<K> {
    /// The defaults, for keys whose clients `client_for` makes.
    pub fn new<C, E>(client_for: impl Fn(&K) -> Result<C, E> + Send + Sync + 'static) -> Self
    where
        C: Into<PoolClient>,
        E: Into<BoxError>,
    {
        Self {
            terms: Terms::new(),
            name: "pool".into(),
            label: None,
            client_for: Box::new(move |key| client_for(key).map(Into::into).map_err(Into::into)),
            max_sources: 10_000,
            idle: Duration::from_secs(3600),
            limits: Limits { total: 256, per_origin: 64 },
            shares_rests: false,
            max_waiters: 65_536,
        }
    }

    /// The times and limits that every source decides by. The defaults suit a server.
    pub fn policy(self, policy: Policy) -> Self {
        Self { terms: self.terms.with_policy(policy), ..self }
    }

    /// The clocks; the operating system's by default. For tests: [`ManualClock`](crate::ManualClock).
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { terms: self.terms.with_clock(clock), ..self }
    }

    /// How long a caller without a token waits for one: 1 ms to 1 day, the policy's 30 s by default.
    pub fn patience(self, patience: Duration) -> Self {
        Self { terms: self.terms.with_patience(patience), ..self }
    }

    /// Whether a caller without a token takes the first outcome, good or bad, instead of waiting through a transient failure.
    /// Default false. A refusal that lies in
    /// this machine's clock ([`Refusal::clock`](evergrant_core::Refusal::clock)) is none: the request after it has the right times.
    pub fn fail_fast(mut self, fail_fast: bool) -> Self {
        self.terms.fail_fast = fail_fast;
        self
    }

    /// What people call the pool, in metrics, traces and logs; "pool" by default. It is what every source of it is called as well,
    /// unless there is a [`label`](Self::label).
    pub fn name(self, name: &str) -> Self {
        Self { name: name.into(), ..self }
    }

    /// What the source of a key is called in metrics, traces and logs: a class of few values, such as the plan or the provider. One
    /// for each tenant is more than a metrics server can bear.
    pub fn label(self, label: impl Fn(&K) -> String + Send + Sync + 'static) -> Self {
        Self { label: Some(Box::new(label)), ..self }
    }

    /// A store that many processes reach: they ask for one token together, per client and life of a token, instead of one each. What is
    /// evicted from this pool lives there on, and comes back without a token request. Tokens are sealed in it.
    pub fn store(mut self, store: SealedStore) -> Self {
        self.terms.store = Some(store);
        self
    }

    /// Adds somebody who hears what happens to every source. Every observer hears of every event, in the order in which they were
    /// added.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.terms.observers.push(observer);
        self
    }

    /// How many sources there are at most: 1 to 1 048 576, 10 000 by default. Where all of them are busy it may be a sixteenth more.
    pub fn max_sources(self, max_sources: usize) -> Self {
        Self { max_sources: max_sources.clamp(1, 1 << 20), ..self }
    }

    /// After how long a source goes that nobody used: 1 min to 30 days, 1 h by default.
    pub fn idle(self, idle: Duration) -> Self {
        let (shortest, longest) = (Duration::from_secs(60), Duration::from_secs(30 * 86_400));
        Self { idle: idle.clamp(shortest, longest), ..self }
    }

    /// How many token requests are sent at once: 1 to 65 536, 256 by default.
    pub fn max_flights(mut self, max_flights: usize) -> Self {
        self.limits.total = max_flights.clamp(1, 65_536);
        self
    }

    /// How many of them to one origin: 1 to 65 536, 64 by default. An origin that has not answered yet, or whose last request got no
    /// answer in time or no connection, gets an eighth of it, and all such origins together get half of
    /// [`max_flights`](Self::max_flights).
    pub fn max_flights_per_origin(mut self, max_flights: usize) -> Self {
        self.limits.per_origin = max_flights.clamp(1, 65_536);
        self
    }

    /// How many callers wait for a token at once, of all sources: 1 to 1 048 576, 65 536 by default. Of one source as many as the policy's
    /// `max_waiters`.
    pub fn max_waiters(self, max_waiters: usize) -> Self {
        Self { max_waiters: max_waiters.clamp(1, 1 << 20), ..self }
    }

    /// Whether a Retry-After (RFC 9110 §10.2.3) that one client got holds for all clients of that origin. Default false: it may be for
    /// one client alone. True where all of them share a quota.
    pub fn share_rest(self, share_rest: bool) -> Self {
        Self { shares_rests: share_rest, ..self }
    }

    /// How long one token request may take.
    pub fn attempt_timeout(&self) -> Duration {
        self.terms.attempt_timeout()
    }
}
