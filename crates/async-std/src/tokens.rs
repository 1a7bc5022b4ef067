//! The source of tokens.

use crate::client::HttpClient;
use crate::net::Net;
use crate::transport::Hyper;
use evergrant_core::{
    AccessToken, Client, ClientAuth, ConfigError, Error, Generation, Origin, Policy, Rejection, Rotation,
    Stored,
};
use evergrant_drive::{Clock, Observer, Settings, Source, Status, Token};
use evergrant_http::bearer;
use http::HeaderValue;
use std::sync::Arc;
use std::time::Duration;

/// A source of access tokens that work, on the runtime `N`. Clones are one source, and share one token.
#[cfg_attr(
    feature = "async-std",
    doc = r#"
```no_run
# async fn story() -> Result<(), Box<dyn std::error::Error>> {
use evergrant_async_std::{AsyncStd, Client, ClientAuth, Tokens, myparcel};

let auth = ClientAuth::post("my-client-id", &std::env::var("MYPARCEL_CLIENT_SECRET")?)?;
let tokens = Tokens::<AsyncStd>::new(Client::builder(myparcel::sandbox(), auth).build()?)?;
let header = tokens.authorization().await?; // "Bearer eyJ..", asked for once, then kept
# drop(header); Ok(()) }
```"#
)]
#[derive(Clone, Debug)]
pub struct Tokens<N>(pub(crate) Source<N, Hyper<N>, HeaderValue>);

/// How a source of tokens is made: [`Tokens::builder`].
#[derive(Debug)]
#[must_use]
pub struct TokensBuilder<N> {
    settings: Settings,
    http: HttpClient<N>,
    proxy_variables: bool,
}

impl<N: Net> TokensBuilder<N> {
    /// The figures it decides by. The defaults suit a server.
    pub fn policy(self, policy: Policy) -> Self {
        Self { settings: self.settings.policy(policy), ..self }
    }

    /// The HTTP client for token requests: roots, client certificates, a proxy. No connection is kept, and the policy's
    /// `attempt_timeout` limits each request.
    pub fn http(self, http: HttpClient<N>) -> Self {
        Self { http, ..self }
    }

    /// Whether the proxy variables of the environment are obeyed ([Proxies](crate#proxies)). Default true; otherwise only
    /// the proxy of [`HttpClient::with_proxy`] is used.
    pub fn proxy_variables(self, proxy_variables: bool) -> Self {
        Self { proxy_variables, ..self }
    }

    /// The clocks, for tests: see [`ManualClock`](crate::ManualClock).
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { settings: self.settings.clock(clock), ..self }
    }

    /// How long a caller without a token waits for one. The policy's 30 s by default; 1 ms to 1 day.
    pub fn patience(self, patience: Duration) -> Self {
        Self { settings: self.settings.patience(patience), ..self }
    }

    /// Whether a caller without a token takes the first outcome, good or bad, instead of waiting through a transient
    /// failure. Default false.
    pub fn fail_fast(self, fail_fast: bool) -> Self {
        Self { settings: self.settings.fail_fast(fail_fast), ..self }
    }

    /// What people call this source in metrics, traces and logs. The host of the token endpoint by default.
    pub fn name(self, name: &str) -> Self {
        Self { settings: self.settings.name(name), ..self }
    }

    /// Adds somebody who hears what happens to this source ([`Observer`]). Every observer hears of every event, in the order in
    /// which they were added.
    ///
    /// ```
    /// use evergrant_async_std::{Client, ClientAuth, Event, EventKind, Observer, Provider, Tokens};
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
    pub fn observer(self, observer: Arc<dyn Observer>) -> Self {
        Self { settings: self.settings.observer(observer), ..self }
    }

    /// The source. Nothing is sent yet.
    ///
    /// # Errors
    /// TLS cannot be set up, for a token endpoint that needs it: the platform's roots cannot be read. A proxy variable of the
    /// environment cannot be read, or names a proxy that cannot be used.
    ///
    /// # Blocking
    /// Reads the platform's roots, once, unless the HTTP client has its own.
    pub fn build(self) -> Result<Tokens<N>, ConfigError> {
        let origin = self.settings.client().provider().token_endpoint().origin();
        let http = if self.proxy_variables { self.http } else { self.http.without_proxy_variables() };
        let proxy = http.routed(origin)?;
        if origin.scheme() == "https" {
            http.ready()?;
        }
        let transport = Hyper::new(http, proxy);
        Ok(Tokens(Source::new(self.settings, bearer, N::default(), transport)))
    }
}

impl<N: Net> Tokens<N> {
    /// A source with the defaults.
    ///
    /// # Errors
    /// As [`TokensBuilder::build`].
    pub fn new(client: Client) -> Result<Self, ConfigError> {
        Self::builder(client).build()
    }

    /// A source to be configured.
    pub fn builder(client: Client) -> TokensBuilder<N> {
        TokensBuilder { settings: Settings::new(client), http: HttpClient::new(), proxy_variables: true }
    }

    /// A source that holds this token for ever and never asks, for a program's own tests.
    ///
    /// # Errors
    /// The text is no access token.
    pub fn fixed(value: &str) -> Result<Self, ConfigError> {
        Ok(Self(Source::fixed(AccessToken::new(value)?, bearer, N::default())))
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
    /// # async fn story<N: evergrant_async_std::Net>(tokens: evergrant_async_std::Tokens<N>) -> Result<(), Box<dyn std::error::Error>> {
    /// use evergrant_async_std::{Origin, Rejection};
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
    pub fn keep_fresh(&self) -> impl Future<Output = ()> + Send + use<N> {
        self.0.keep_fresh()
    }

    /// The next token: one that came after that of this generation ([`Token::generation`](crate::core::Token::generation)), as
    /// soon as it is held. For programs that hand a token on: to a connection, a pool, a file. It asks for nothing, so
    /// [`keep_fresh`](Self::keep_fresh) must run, or somebody must call; and it waits for ever for what follows a fixed token.
    ///
    /// ```no_run
    /// # struct Connection;
    /// # impl Connection { async fn set_password(&self, _: &str) {} }
    /// # async fn story(tokens: evergrant_async_std::Tokens, connection: Connection) -> Result<(), Box<dyn std::error::Error>> {
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
