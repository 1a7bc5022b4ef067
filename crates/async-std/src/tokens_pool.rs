//! Many sources of tokens, by keys of the program's own.

use crate::net::Net;
use crate::shared::Transport;
use crate::tokens::Tokens;
use crate::transport::Hyper;
use evergrant_core::{Client, ConfigError, Policy, Stored};
use evergrant_drive::{
    BoxError, Clock, Observer, Pool, PoolClient, PoolError, PoolSettings, PoolStatus, SealedStore, Source,
    Status,
};
use evergrant_http::bearer;
use http::HeaderValue;
use std::borrow::Borrow;
use std::convert::Infallible;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// The sources of tokens of many clients, in one process: for a program whose tenants each have a client of their own, or one client
/// with many scopes. Clones are one pool.
///
/// It makes a source for a key when the key is first asked for, keeps at most so many, and lets go those that are not used. Two keys
/// never share a token, and one key never has two sources that ask. All of them share one HTTP client for token requests, and send at
/// most so many at once.
///
/// ```
/// use evergrant_async_std::TokensPool;
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
/// # use story::AsyncStd;
/// # let (server, client) = story::client()?;
/// let pool = TokensPool::<_, AsyncStd>::of_clients().build()?;
/// // The client itself is the key: nothing can be mixed up. It is compared as a whole, with its secret.
/// let tokens = pool.tokens_of(&client)?;
/// let token = tokens.token().await?;
/// assert_eq!(pool.tokens_of(&client)?.token().await?, token);
/// # assert_eq!(server.counts().token_requests, 1);
/// # Ok(()) }) }
/// ```
///
/// # A key of one's own
/// Where a program has tenants by name, the pool makes their clients:
///
/// ```
/// use evergrant_async_std::{Client, ClientAuth, Provider, TokensPool};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
/// # use story::AsyncStd;
/// # let (server, client) = story::client()?;
/// # let secret_of = |_: &str| Some(evergrant_mock::Server::CLIENT_SECRET);
/// # let endpoint = server.token_endpoint();
/// // Called whenever a tenant comes that has no source, on each thread where one does; what fails is told to whoever asked, and kept for nobody.
/// let client_for = move |tenant: &String| -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
///     let secret = secret_of(tenant).ok_or("there is no such tenant")?;
///     let auth = ClientAuth::basic(tenant, secret)?;
///     Ok(Client::builder(Provider::rfc6749(&endpoint)?, auth).build()?)
/// };
/// let pool = TokensPool::<_, AsyncStd>::builder(client_for).max_sources(1000).build()?;
/// let tokens = pool.tokens("evergrant-mock-client")?;
/// tokens.ready().await?;
/// # Ok(()) }) }
/// ```
///
/// A key must be one client's: where two clients share a key, one gets the token of the other. A tenant that must not see another's
/// must not choose the key. The `Eq`, `Hash` and `Clone` of a key must not call the pool.
///
/// # Clones
/// What [`tokens`](Self::tokens) gives is a clone of the key's source, for which everything holds that [`Tokens`] says. As long as the
/// program keeps it the pool cannot let go of that source: take it when it is needed, and drop it.
pub struct TokensPool<K, N: Net>(Pool<K, Source<N, Hyper<N>, HeaderValue>>);

impl<K, N: Net> Clone for TokensPool<K, N> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// The numbers alone: keys are the program's.
impl<K, N: Net> fmt::Debug for TokensPool<K, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokensPool").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// How a pool is made: [`TokensPool::builder`]. For a number or a time out of its range the nearest one in it is taken.
#[must_use]
pub struct TokensPoolBuilder<K, N> {
    settings: PoolSettings<K>,
    /// `None` for one of its own.
    transport: Option<Transport<N>>,
}

impl<K, N: Net> fmt::Debug for TokensPoolBuilder<K, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokensPoolBuilder")
            .field("settings", &self.settings)
            .field("transport", &self.transport)
            .finish()
    }
}

impl<N: Net> TokensPool<Client, N> {
    /// A pool whose keys are the clients themselves. A client whose secret, assertion or parameter is read for each token request needs
    /// [`builder`](Self::builder), with a [`PoolClient`] that says where it lives.
    pub fn of_clients() -> TokensPoolBuilder<Client, N> {
        Self::builder(|client: &Client| Ok::<_, Infallible>(client.clone()))
    }

    /// The source of this client. It is compared as a whole, with its secret: whoever has the id of another client, and not its
    /// secret, never gets a token that this secret bought. Clients that differ in a secret, a parameter or a header field alone are found
    /// slowly, some 0.1 us for each of them: have a key of your own where there are hundreds.
    ///
    /// # Errors
    /// As [`tokens`](Self::tokens); and [`ConfigError::LiveKey`] for a client that is not whole by itself, such as one whose secret is read for
    /// each request: in a [pool with keys of its own](Self::builder) `client_for` says from where.
    pub fn tokens_of(&self, client: &Client) -> Result<Tokens<N>, PoolError> {
        self.0.tokens_of(client).map(Tokens)
    }
}

impl<K: Eq + Hash, N: Net> TokensPool<K, N> {
    /// A pool to be configured. `client_for` makes the client of a key, when the key is asked for and has no source. It may be called
    /// on several threads at once, and must not wait for the pool.
    pub fn builder<C, E>(
        client_for: impl Fn(&K) -> Result<C, E> + Send + Sync + 'static,
    ) -> TokensPoolBuilder<K, N>
    where
        C: Into<PoolClient>,
        E: Into<BoxError>,
    {
        TokensPoolBuilder { settings: PoolSettings::new(client_for), transport: None }
    }

    /// The source of this key: a clone of the one that is there, or a new one. Never waits for a token, and sends nothing. The key may
    /// be lent, such as a `&str` for a `String`.
    ///
    /// # Errors
    /// The program makes no client for the key, no source can be made for that client, or all sources are busy and there are as many
    /// as may be ([`PoolError::Full`]).
    pub fn tokens<Q>(&self, key: &Q) -> Result<Tokens<N>, PoolError>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        self.0.tokens(key).map(Tokens)
    }

    /// The source of this key, if it is there. A look: it does not count as use.
    ///
    /// ```
    /// use evergrant_async_std::TokensPool;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use story::AsyncStd;
    /// # let (server, client) = story::client()?;
    /// let pool = TokensPool::<_, AsyncStd>::of_clients().build()?;
    /// assert!(pool.get(&client).is_none());
    /// pool.tokens_of(&client)?;
    /// assert!(pool.get(&client).is_some());
    /// # Ok(()) }
    /// ```
    pub fn get<Q>(&self, key: &Q) -> Option<Tokens<N>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.0.get(key).map(Tokens)
    }

    /// The client of this key has changed. If only its secret has, or how it is sent, its source goes on: the token is used until the
    /// first one of the new secret comes, as after [`Tokens::rotate`]. Any other client gets a new source, and the old one never sends
    /// again: its token serves those who hold a clone until it ends, then they get
    /// [`Error::Closed`](evergrant_core::Error::Closed). Returns whether there was a source; if not, nothing happens.
    ///
    /// `client_for` must make the new client from then on. In a pool [of clients](Self::of_clients) the client itself is the key: there,
    /// [`remove`](Self::remove) the old one and use the new one.
    ///
    /// ```
    /// use evergrant_async_std::{Client, TokensPool};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, client) = story::client()?;
    /// # let other = Client::builder(client.provider().clone(), client.auth().clone()).scope("other").build()?;
    /// # let first = client.clone();
    /// let pool = TokensPool::<_, AsyncStd>::builder(move |_: &u32| Ok::<_, String>(first.clone())).build()?;
    /// let old = pool.tokens(&4711)?;
    /// assert!(pool.replace(&4711, other)?); // another scope
    /// let error = old.token().await.unwrap_err();
    /// assert!(error.to_string().contains("take the source of its key from the pool again"));
    /// pool.tokens(&4711)?.ready().await?;
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    /// No source can be made for the client; then the old one stays.
    pub fn replace<Q>(&self, key: &Q, client: impl Into<PoolClient>) -> Result<bool, PoolError>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        self.0.replace(key, client)
    }

    /// The key is not wanted any more, such as that of a tenant that left. Its source never sends again: its token serves those who hold
    /// a clone until it ends, then they get [`Error::Closed`](evergrant_core::Error::Closed). Returns whether there was one.
    ///
    /// A key that is asked for again has a new source.
    pub fn remove<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.0.remove(key)
    }

    /// A token of this key, kept from before a restart. Returns whether it was taken: [`Tokens::restore`]. No more than
    /// [`max_sources`](TokensPoolBuilder::max_sources): of those that were restored and are not used some go when others come.
    ///
    /// # Errors
    /// As [`tokens`](Self::tokens).
    pub fn restore<Q>(&self, key: &Q, stored: Stored) -> Result<bool, PoolError>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        self.0.restore(key, stored)
    }
}

impl<K: Clone, N: Net> TokensPool<K, N> {
    /// Shows the status of every source with its key, one after the other: the pool can be used meanwhile.
    pub fn each(&self, show: impl FnMut(&K, Status)) {
        self.0.each(show);
    }

    /// The keys whose sources made the most token requests, at most so many of them, with the number of requests: for finding the one
    /// that loops.
    pub fn top(&self, most: usize) -> Vec<(K, u64)> {
        self.0.top(most)
    }

    /// Hands out every held token with its key, one after the other, to be kept across a restart: [`Tokens::export`].
    ///
    /// ```
    /// use evergrant_async_std::TokensPool;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, client) = story::client()?;
    /// let pool = TokensPool::<_, AsyncStd>::of_clients().build()?;
    /// pool.tokens_of(&client)?.ready().await?;
    /// let mut kept = Vec::new(); // tokens are secrets: encrypt what leaves the process
    /// pool.export(|client, stored| kept.push((client.clone(), stored)));
    ///
    /// let after = TokensPool::<_, AsyncStd>::of_clients().build()?;
    /// for (client, stored) in kept {
    ///     after.restore(&client, stored)?;
    /// }
    /// after.tokens_of(&client)?.ready().await?;
    /// assert_eq!(server.counts().token_requests, 1);
    /// # Ok(()) }) }
    /// ```
    pub fn export(&self, to: impl FnMut(&K, Stored)) {
        self.0.export(to);
    }
}

impl<K: Clone + Send + Sync + 'static, N: Net> TokensPool<K, N> {
    /// Asks for new tokens before the old ones end, for all sources that were used since their token came; ends when the last clone of
    /// the pool is dropped. One for the whole pool is enough, and it runs only where it is spawned. Tokens of keys that nobody uses
    /// are not renewed; one whose clone the program keeps counts as used.
    ///
    /// ```
    /// use evergrant_async_std::TokensPool;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # mod runtime { pub fn spawn(_: impl Future<Output = ()> + Send) {} }
    /// let pool = TokensPool::<_, AsyncStd>::of_clients().build()?;
    /// runtime::spawn(pool.keep_fresh());
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Cancel safety
    /// Dropping the future stops it, and loses nothing.
    pub fn keep_fresh(&self) -> impl Future<Output = ()> + Send + use<K, N> {
        self.0.keep_fresh(N::default())
    }
}

impl<K, N: Net> TokensPool<K, N> {
    /// What people call the pool: [`TokensPoolBuilder::name`].
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// What it holds, and what happened. It looks at every source: for a dashboard, not for every call.
    pub fn status(&self) -> PoolStatus {
        self.0.status()
    }
}

impl<K: 'static, N: Net> TokensPoolBuilder<K, N> {
    /// The times and limits that every source decides by. The defaults suit a server.
    pub fn policy(self, policy: Policy) -> Self {
        Self { settings: self.settings.policy(policy), ..self }
    }

    /// Sends the token requests through this transport: roots, proxies, a resolver. Without it the pool has one with the defaults.
    pub fn transport(self, transport: &Transport<N>) -> Self {
        Self { transport: Some(transport.clone()), ..self }
    }

    /// The clocks, for tests: see [`ManualClock`](crate::ManualClock).
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { settings: self.settings.clock(clock), ..self }
    }

    /// How long a caller without a token waits for one. The policy's 30 s by default; 1 ms to 1 day.
    pub fn patience(self, patience: Duration) -> Self {
        Self { settings: self.settings.patience(patience), ..self }
    }

    /// Whether a caller without a token takes the first outcome, good or bad, instead of waiting through a transient failure. Default
    /// false. A refusal that lies in
    /// this machine's clock ([`Refusal::clock`](evergrant_core::Refusal::clock)) is none: the request after it has the right times.
    pub fn fail_fast(self, fail_fast: bool) -> Self {
        Self { settings: self.settings.fail_fast(fail_fast), ..self }
    }

    /// What people call the pool in metrics, traces and logs, and each of its sources unless there is a [`label`](Self::label). "pool"
    /// by default.
    pub fn name(self, name: &str) -> Self {
        Self { settings: self.settings.name(name), ..self }
    }

    /// What the source of a key is called in metrics, traces and logs: a class of few values, such as the plan or the provider. One for
    /// each tenant is more than a metrics server can bear, and names the tenants to whoever sees the metrics.
    pub fn label(self, label: impl Fn(&K) -> String + Send + Sync + 'static) -> Self {
        Self { settings: self.settings.label(label), ..self }
    }

    /// Adds somebody who hears what happens to every source ([`Observer`]).
    pub fn observer(self, observer: Arc<dyn Observer>) -> Self {
        Self { settings: self.settings.observer(observer), ..self }
    }

    /// How many sources there are at most: 1 to 1 048 576, 10 000 by default. Of those that are busy there may be a sixteenth more, rounded
    /// down: none below 16.
    ///
    /// Busy is a source whose request is in the air, for which somebody waits, of which the program holds a clone, or whose refused
    /// token waits for the next one. Of the others one goes that was not used lately when another one needs the place.
    pub fn max_sources(self, max_sources: usize) -> Self {
        Self { settings: self.settings.max_sources(max_sources), ..self }
    }

    /// After how long without use a source goes: 1 min to 30 days, 1 h by default. A few are looked at whenever another one comes, and in each
    /// round of `keep_fresh`, of which there is one a minute at least.
    pub fn idle(self, idle: Duration) -> Self {
        Self { settings: self.settings.idle(idle), ..self }
    }

    /// How many token requests are sent at once: 1 to 65 536, 256 by default. Whoever comes later waits, first come first served, within
    /// its own patience; whoever has a token that can be used waits for nothing.
    pub fn max_flights(self, max_flights: usize) -> Self {
        Self { settings: self.settings.max_flights(max_flights), ..self }
    }

    /// How many of them are sent to one origin: 1 to 65 536, 64 by default. An origin that has not answered yet, or whose last request
    /// got no answer in time or no connection, gets an eighth of it; all such origins together get half of
    /// [`max_flights`](Self::max_flights).
    pub fn max_flights_per_origin(self, max_flights: usize) -> Self {
        Self { settings: self.settings.max_flights_per_origin(max_flights), ..self }
    }

    /// How many callers wait for a token at once, of all sources: 1 to 1 048 576, 65 536 by default. Of one source as many may wait as
    /// the policy's `max_waiters` says.
    pub fn max_waiters(self, max_waiters: usize) -> Self {
        Self { settings: self.settings.max_waiters(max_waiters), ..self }
    }

    /// Whether a Retry-After (RFC 9110 §10.2.3) that one client got holds for all clients of that origin. Default false: it may be for
    /// one client alone. True where all of them share a quota: the others then get [`Cause::Unrecorded`](evergrant_core::Cause::Unrecorded).
    pub fn share_rest(self, share_rest: bool) -> Self {
        Self { settings: self.settings.share_rest(share_rest), ..self }
    }

    /// A store that many processes reach: they ask for one token together, per client and life of a token, instead of one each. Tokens are
    /// sealed in it. What is evicted from this pool lives there on, and comes back without a token request.
    pub fn store(self, store: SealedStore) -> Self {
        Self { settings: self.settings.store(store), ..self }
    }

    /// The pool, without sources.
    ///
    /// # Errors
    /// None so far. What is wrong with a client is the error of [`TokensPool::tokens`].
    pub fn build(self) -> Result<TokensPool<K, N>, ConfigError> {
        let transport = self.transport.unwrap_or_default();
        let pool = Pool::new(self.settings, bearer, move |client, shared| {
            Ok(Source::over(shared, N::default(), transport.for_client(client)?))
        });
        Ok(TokensPool(pool))
    }
}

#[cfg(test)]
mod tests;
