//! The source of tokens.

use crate::route::Proxies;
use crate::runtime::Tokio;
use crate::transport::Reqwest;
use evergrant_core::{
    AccessToken, Client, ClientAuth, ConfigError, Error, Origin, Policy, Rejection, Rotation, Stored,
};
use evergrant_drive::{Clock, Settings, Source, Status, Token};
use evergrant_http::bearer;
use evergrant_http::proxy::Proxy;
use reqwest::ClientBuilder;
use reqwest::header::HeaderValue;
use std::fmt;
use std::time::Duration;

/// A source of access tokens that work. Clones are one source, and share one token.
///
/// Make one source for each client and scope, and clone it wherever its tokens are used. Two sources of one client send two
/// token requests; if the server revokes the last token when it issues the next one, they revoke each other's.
///
/// It may be used from any number of tokio runtimes, at once or one after another. The runtime needs its timers and
/// its IO (`enable_all`). A token request runs on the runtime of the call that started it. If that runtime is dropped, the
/// next call sends the request again: at first after `min_interval` and then, like any request that keeps failing, at
/// growing intervals. On a runtime that nobody drives it is abandoned after `attempt_timeout` and a second. So a program
/// that makes a runtime for each call should have one more that lasts, for [`keep_fresh`](Self::keep_fresh).
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
    /// The times and limits that it decides by. The defaults suit a server.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.settings = self.settings.policy(policy);
        self
    }

    /// The HTTP client for token requests: roots, proxies, a resolver. These settings are made on it in any case: redirects
    /// are never followed, nothing is retried or unpacked, TLS is verified, no connection is kept, and a loopback literal
    /// never goes through a proxy. A cookie store, or TLS configured in advance, is up to the program.
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
    /// This and [`proxy`](Self::proxy) set the same thing: the last call counts.
    pub fn proxy_variables(mut self, proxy_variables: bool) -> Self {
        self.proxies = if proxy_variables { Proxies::of_environment() } else { Proxies::Unread };
        self
    }

    /// The proxy of token requests, or `None` for a direct connection, whatever the environment and the program's own HTTP
    /// client say. Requests to a loopback literal never go through one.
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

    /// A source that always holds this token and never requests another, for a program's own tests.
    ///
    /// # Errors
    /// The text is not an access token.
    pub fn fixed(value: &str) -> Result<Self, ConfigError> {
        Ok(Self(Source::fixed(AccessToken::new(value)?, bearer, Tokio)))
    }

    /// A token that may be used now.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help; see [`Error::retry_after`].
    ///
    /// # Cancel safety
    /// Dropping the future, or never polling it again, affects no other caller: the token request belongs to none of them.
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

    /// A token that may be used now at this API, and was not set aside because this API refused it ([`Rejection::Dropped`],
    /// [`Rejection::Replaced`]). After [`Rejection::Settling`] and [`Rejection::Refused`] it is the same token again. To
    /// attach it by hand, take its [`value`](evergrant_core::Token::value); if it is refused, give this same token to
    /// [`reject`](Self::reject).
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn token_for(&self, origin: &Origin) -> Result<Token, Error> {
        self.0.token_for(origin).await
    }

    /// The token that may be used now at every API, if one is held: never waits and never sends. `None` while the token is
    /// set aside; if the request that is to replace it fails, [`token`](Self::token) returns it again.
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

    /// The same for one API: never of a token that was set aside because this API refused it. A program that reports
    /// refusals itself needs the token as well: it calls [`token_for`](Self::token_for).
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
    /// bytes: nothing is copied or counted, and threads that borrow at once do not slow each other down. A value stays in
    /// memory while it is lent, so return soon.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help; `borrower` was not called.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn with_authorization<R>(&self, borrower: impl FnOnce(&HeaderValue) -> R) -> Result<R, Error> {
        self.0.with_authorization(None, |value, _| borrower(value)).await
    }

    /// Waits until the first token is here: for start-up checks.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help: the error says what to fix.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn ready(&self) -> Result<(), Error> {
        self.authorization().await.map(drop)
    }

    /// Reports that a resource server of this origin refused this token. The token is set aside, unless it was replaced
    /// meanwhile or cannot be replaced now. [`Api`](crate::Api) does this by itself.
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
    /// After [`Rejection::Settling`] the token is too new to be judged; after [`Rejection::Refused`] another one would be
    /// refused as well: return the response to the caller. [`Replay`](crate::core::Replay) decides this exactly as `Api`
    /// does.
    pub fn reject(&self, token: &Token, origin: &Origin) -> Rejection {
        self.0.shared().reject(token.generation(), origin)
    }

    /// Replaces the client's credentials. The next call that asks for a token sends one token request with the new ones.
    pub fn rotate(&self, auth: ClientAuth, rotation: Rotation) {
        self.0.shared().rotate(auth, rotation);
    }

    /// Requests a new token before the old one ends, even if no call asks for one. Spawn it: it ends when the last clone of
    /// this source is dropped, and does not hold a clone itself.
    ///
    /// # Cancel safety
    /// Dropping the future stops it, and loses nothing.
    pub fn keep_fresh(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.keep_fresh()
    }

    /// What is held, what happened, and what comes next. It contains no secret.
    pub fn status(&self) -> Status {
        self.0.shared().status()
    }

    /// The held token, to be kept across a restart; `None` for one that an API refused, and for a fixed one. The program
    /// decides where to keep it and how to protect it: it is as secret as a password.
    pub fn export(&self) -> Option<Stored> {
        self.0.shared().export()
    }

    /// Takes a token that was kept across a restart. Returns whether it was taken: no token may be held yet, and some of
    /// its lifetime must be left.
    pub fn restore(&self, stored: Stored) -> bool {
        self.0.shared().restore(stored)
    }
}
