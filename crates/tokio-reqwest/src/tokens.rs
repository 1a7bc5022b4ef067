//! The source of tokens.

use crate::route::Proxies;
use crate::runtime::Tokio;
use crate::transport::Reqwest;
use evergrant_core::{
    AccessToken, Client, ClientAuth, ConfigError, Error, Generation, Origin, Policy, Rejection, Rotation,
    Stored,
};
use evergrant_drive::{Clock, Observer, Settings, Source, Status, Token};
use evergrant_http::bearer;
use evergrant_http::proxy::Proxy;
use reqwest::ClientBuilder;
use reqwest::header::HeaderValue;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A source of access tokens that work. Clones are one source, and share one token.
///
/// One source for each client and scope, wherever its tokens are used: two of one client ask twice, and where a server revokes
/// the last token with the next one, they revoke each other's.
///
/// It may be used from any number of tokio runtimes, at once or one after another. The runtime needs its timers and
/// its IO (`enable_all`). A token request is carried by the runtime of the call that launched it. Dropped with it, it is sent again
/// by the next call, at first after `min_interval` and then, like any request that keeps failing, at growing distances; on a runtime
/// that nobody drives it is given up after `attempt_timeout` and a second. So a program that makes a runtime for each call
/// wants one that lasts, for [`keep_fresh`](Self::keep_fresh).
///
/// ```no_run
/// # async fn story() -> Result<(), Box<dyn std::error::Error>> {
/// use evergrant_tokio_reqwest::{Client, ClientAuth, Tokens, myparcel};
///
/// let auth = ClientAuth::post("my-client-id", &std::env::var("MYPARCEL_CLIENT_SECRET")?)?;
/// let tokens = Tokens::new(Client::builder(myparcel::sandbox(), auth).build()?)?;
/// let header = tokens.authorization().await?; // "Bearer eyJ..", asked for once, then kept
/// # drop(header); Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Tokens(pub(crate) Source<Tokio, Reqwest, HeaderValue>);

/// How a source of tokens is made: [`Tokens::builder`].
#[must_use]
pub struct TokensBuilder {
    settings: Settings,
    /// `None` unless the user gave one.
    http: Option<ClientBuilder>,
    proxies: Proxies,
}

/// Without the HTTP client, whose default headers may hold a secret.
impl fmt::Debug for TokensBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokensBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl TokensBuilder {
    /// The figures it decides by. The defaults suit a server.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.settings = self.settings.policy(policy);
        self
    }

    /// The HTTP client for token requests: roots, proxies, a resolver. What must hold is set on it: redirects are
    /// never followed, nothing is retried or unpacked, TLS is verified, no connection is kept, and a loopback literal
    /// never goes through a proxy. A cookie store, or TLS configured in advance, is the program's own affair.
    ///
    /// reqwest tries the addresses of a name one after the other within a family, each without end unless the builder has a
    /// `connect_timeout`: each then has its share of it. Without a builder of the program's own it is `attempt_timeout`.
    ///
    /// Its proxies are left as they are unless [`proxy`](Self::proxy) says which, so reqwest reads the environment itself unless
    /// the builder has a proxy or `no_proxy()`: [Proxies](crate#proxies).
    pub fn http(mut self, http: ClientBuilder) -> Self {
        self.http = Some(http);
        self
    }

    /// Whether the proxy variables of the environment are obeyed ([Proxies](crate#proxies)). Default true. With `false`
    /// they are neither used nor checked; an HTTP client of the program's own says by `no_proxy()` that it does not read them.
    ///
    /// This and [`proxy`](Self::proxy) are two words about one thing: the last one counts.
    pub fn proxy_variables(mut self, proxy_variables: bool) -> Self {
        self.proxies = if proxy_variables { Proxies::of_environment() } else { Proxies::Unread };
        self
    }

    /// The proxy of token requests, or `None` for a direct connection, whatever the environment and the program's own HTTP
    /// client say. A loopback literal is never asked through one.
    ///
    /// ```
    /// # fn story(client: evergrant_tokio_reqwest::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use evergrant_tokio_reqwest::{Proxy, Tokens};
    ///
    /// let tokens = Tokens::builder(client).proxy(Proxy::parse("http://proxy.example:3128")?).build()?;
    /// # drop(tokens); Ok(()) }
    /// ```
    pub fn proxy(mut self, proxy: impl Into<Option<Proxy>>) -> Self {
        self.proxies = Proxies::Chosen(proxy.into());
        self
    }

    /// The clocks, for tests: see [`ManualClock`](crate::ManualClock).
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.settings = self.settings.clock(clock);
        self
    }

    /// How long a caller without a token waits for one. The policy's 30 s by default; 1 ms to 1 day.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.settings = self.settings.patience(patience);
        self
    }

    /// Whether a caller without a token takes the first outcome, good or bad, instead of waiting through a transient
    /// failure. Default false.
    pub fn fail_fast(mut self, fail_fast: bool) -> Self {
        self.settings = self.settings.fail_fast(fail_fast);
        self
    }

    /// What people call this source in metrics, traces and logs. The host of the token endpoint by default.
    pub fn name(mut self, name: &str) -> Self {
        self.settings = self.settings.name(name);
        self
    }

    /// Adds somebody who hears what happens to this source ([`Observer`]). Every observer hears of every event, in the order in
    /// which they were added.
    ///
    /// ```
    /// use evergrant_tokio_reqwest::{Client, ClientAuth, Event, EventKind, Observer, Provider, Tokens};
    /// use std::sync::Arc;
    ///
    /// /// Rings a bell when a token request fails.
    /// struct Bell;
    ///
    /// impl Observer for Bell {
    ///     fn event(&self, event: &Event<'_>) {
    ///         if let EventKind::Landed { landing, .. } = event.kind
    ///             && let Some(cause) = landing.cause()
    ///         {
    ///             eprintln!("\u{7}{}: {cause}", event.source);
    ///         }
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = Provider::rfc6749("https://auth.example.com/oauth/token")?;
    /// let client = Client::builder(provider, ClientAuth::post("my-client-id", "a secret of some length")?).build()?;
    /// let tokens = Tokens::builder(client).name("orders").observer(Arc::new(Bell)).build()?;
    /// # drop(tokens); Ok(()) }
    /// ```
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.settings = self.settings.observer(observer);
        self
    }

    /// The source. Nothing is sent yet.
    ///
    /// # Errors
    /// The HTTP client for token requests cannot be built; a proxy variable of the environment cannot be read, or names a
    /// proxy that cannot be used; this build cannot use the proxy.
    pub fn build(self) -> Result<Tokens, ConfigError> {
        let transport = Reqwest::new(self.http, &self.settings, &self.proxies)?;
        Ok(Tokens(Source::new(self.settings, bearer, Tokio, transport)))
    }
}

impl Tokens {
    /// A source with the defaults.
    ///
    /// # Errors
    /// As [`TokensBuilder::build`].
    pub fn new(client: Client) -> Result<Self, ConfigError> {
        Self::builder(client).build()
    }

    /// A source to be configured.
    pub fn builder(client: Client) -> TokensBuilder {
        TokensBuilder { settings: Settings::new(client), http: None, proxies: Proxies::of_environment() }
    }

    /// A source that holds this token for ever and never asks, for a program's own tests.
    ///
    /// # Errors
    /// The text is no access token.
    pub fn fixed(value: &str) -> Result<Self, ConfigError> {
        Ok(Self(Source::fixed(AccessToken::new(value)?, bearer, Tokio)))
    }

    /// A token that may be used now.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help; see [`Error::retry_after`].
    ///
    /// # Cancel safety
    /// Dropping the future, or never polling it again, harms nobody: the token request belongs to no caller.
    pub async fn token(&self) -> Result<Token, Error> {
        self.0.token(None).await
    }

    /// The same with another patience than the source's.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn token_within(&self, patience: Duration) -> Result<Token, Error> {
        self.0.token(Some(patience)).await
    }

    /// A token that may be used now at this API: none that was set aside because of it ([`Rejection::Dropped`],
    /// [`Rejection::Replaced`]); after [`Rejection::Settling`] and [`Rejection::Refused`] the same one comes again. To attach it by
    /// hand, take its [`value`](evergrant_core::Token::value), and give this very token to [`reject`](Self::reject) if it is refused.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn token_for(&self, origin: &Origin) -> Result<Token, Error> {
        self.0.token_for(origin).await
    }

    /// The token that every API may be called with now, if one is held: never waits and never sends. `None` while a token is set
    /// aside, which [`token`](Self::token) hands out once the request that is to replace it has failed.
    pub fn try_token(&self) -> Option<Token> {
        self.0.shared().try_token()
    }

    /// The value of an `Authorization` header that may be sent now. It was rendered once, with its token, and is
    /// marked sensitive: the HTTP library never shows it.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn authorization(&self) -> Result<HeaderValue, Error> {
        self.0.with_authorization(None, |value, _| value.clone()).await
    }

    /// The same for one API: of no token that was set aside because of it. A program that reports refusals itself needs to know
    /// which token it was: it takes [`token_for`](Self::token_for).
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn authorization_for(&self, origin: &Origin) -> Result<HeaderValue, Error> {
        self.0.with_authorization(Some(origin), |value, _| value.clone()).await
    }

    /// Lends the value of an `Authorization` header that may be sent now to `borrower`, for a program that writes its own
    /// bytes: nothing is copied or counted, and threads that borrow at once do not slow each other down. While a value is
    /// lent it is kept in memory, so lend it for moments.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help; `borrower` was not called.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn with_authorization<R>(&self, borrower: impl FnOnce(&HeaderValue) -> R) -> Result<R, Error> {
        self.0.with_authorization(None, |value, _| borrower(value)).await
    }

    /// The first token is here: for start-up checks.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help: the error says what to fix.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn ready(&self) -> Result<(), Error> {
        self.authorization().await.map(drop)
    }

    /// A resource server of this origin refused this token: set it aside, unless it was replaced meanwhile or cannot be.
    /// [`Api`](crate::Api) does this by itself.
    ///
    /// ```no_run
    /// # async fn send(_: &str) -> Result<u16, Box<dyn std::error::Error>> { Ok(200) }
    /// # async fn story(tokens: evergrant_tokio_reqwest::Tokens) -> Result<(), Box<dyn std::error::Error>> {
    /// use evergrant_tokio_reqwest::{Origin, Rejection};
    ///
    /// let origin = Origin::parse("https://api.example.com")?;
    /// let token = tokens.token_for(&origin).await?;
    /// // With a client of another kind: `Authorization: Bearer`, and the text of the token.
    /// let mut status = send(token.value().expose()).await?;
    /// if status == 401 && matches!(tokens.reject(&token, &origin), Rejection::Dropped | Rejection::Replaced) {
    ///     let token = tokens.token_for(&origin).await?;
    ///     status = send(token.value().expose()).await?;
    /// }
    /// # drop(status); Ok(()) }
    /// ```
    ///
    /// After [`Rejection::Settling`] the token is too young to be judged, after [`Rejection::Refused`] another would be refused as
    /// well: hand the answer on. [`Replay`](crate::core::Replay) decides it as finely as `Api` does.
    pub fn reject(&self, token: &Token, origin: &Origin) -> Rejection {
        self.0.shared().reject(token.generation(), origin)
    }

    /// The client's credentials changed: one request with the new ones is made as soon as somebody asks.
    pub fn rotate(&self, auth: ClientAuth, rotation: Rotation) {
        self.0.shared().rotate(auth, rotation);
    }

    /// Asks for a new token before the old one ends, even when nobody else asks. Spawn it; it ends when the last
    /// clone of this source is dropped, and holds none itself.
    ///
    /// # Cancel safety
    /// Dropping the future stops it, and loses nothing.
    pub fn keep_fresh(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.keep_fresh()
    }

    /// The next token: one that came after that of this generation ([`Token::generation`](crate::core::Token::generation)), as
    /// soon as it is held. For programs that hand a token on: to a connection, a pool, a file. It asks for nothing, so
    /// [`keep_fresh`](Self::keep_fresh) must run, or somebody must call; and it waits for ever for what follows a fixed token.
    ///
    /// ```no_run
    /// # struct Connection;
    /// # impl Connection { async fn set_password(&self, _: &str) {} }
    /// # async fn story(tokens: evergrant_tokio_reqwest::Tokens, connection: Connection) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut token = tokens.token().await?;
    /// loop {
    ///     connection.set_password(token.value().expose()).await;
    ///     token = tokens.changed(token.generation()).await?;
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Saturated`]: as many wait for it as may, the policy's `max_waiters`.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: asked again with the same generation, it has the newest token at once.
    pub async fn changed(&self, after: Generation) -> Result<Token, Error> {
        self.0.changed(after).await
    }

    /// What people call this source: [`TokensBuilder::name`], or the host of the token endpoint.
    pub fn name(&self) -> &str {
        self.0.shared().name()
    }

    /// What is held, what happened, and what comes next. It contains no secret.
    pub fn status(&self) -> Status {
        self.0.shared().status()
    }

    /// The held token, to be kept across a restart; `None` for one that some API refused, and for a fixed one. Where it is kept, and how it is protected, is the program's
    /// affair: it is as secret as a password.
    pub fn export(&self) -> Option<Stored> {
        self.0.shared().export()
    }

    /// A token kept from before a restart. Returns whether it was taken: nothing may be held, and something of its
    /// life must be left.
    pub fn restore(&self, stored: Stored) -> bool {
        self.0.shared().restore(stored)
    }
}
