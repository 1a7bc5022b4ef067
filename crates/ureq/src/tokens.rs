//! The source of tokens.

use crate::transport::{Roots, Ureq};
use evergrant_core::{
    AccessToken, Client, ClientAuth, ConfigError, Error, Generation, Origin, Policy, Rejection, Rotation,
    Stored,
};
use evergrant_drive::{BlockingSource, Clock, Observer, Settings, Status, Token};
use evergrant_http::bearer;
use evergrant_http::proxy::ProxyVariables;
use http::HeaderValue;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use ureq::config::{Config, ConfigBuilder};
use ureq::typestate::AgentScope;

/// A source of access tokens that work, for threads. Clones are one source, and share one token.
///
/// One source for each client and scope, wherever its tokens are used: two of one client ask twice, and where a server revokes
/// the last token with the next one, they revoke each other's.
///
/// ```no_run
/// # fn story() -> Result<(), Box<dyn std::error::Error>> {
/// use evergrant_ureq::{Client, ClientAuth, Tokens, myparcel};
///
/// let auth = ClientAuth::post("my-client-id", &std::env::var("MYPARCEL_CLIENT_SECRET")?)?;
/// let tokens = Tokens::new(Client::builder(myparcel::sandbox(), auth).build()?)?;
/// let header = tokens.authorization()?; // "Bearer eyJ..", asked for once, then kept
/// # drop(header); Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Tokens(pub(crate) BlockingSource<Ureq, HeaderValue>);

/// How a source of tokens is made: [`Tokens::builder`].
#[must_use]
pub struct TokensBuilder {
    settings: Settings,
    http: ConfigBuilder<AgentScope>,
    roots: Roots,
    proxy_variables: bool,
}

impl fmt::Debug for TokensBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokensBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl TokensBuilder {
    /// The figures it decides by. The defaults suit a server.
    pub fn policy(self, policy: Policy) -> Self {
        Self { settings: self.settings.policy(policy), ..self }
    }

    /// The configuration of the agent for token requests: roots, proxies. What must hold is set on it: redirects are
    /// never followed, an error status loses no body, nothing packed is asked for, TLS is verified, no connection is
    /// kept, and a loopback literal never goes through a proxy. A proxy that was set on it is used as it is; without one,
    /// the environment says which ([Proxies](crate#proxies)).
    ///
    /// Roots of its own (`RootCerts::Specific`) stay. `RootCerts::WebPki` is what ureq says where nobody chose, so that the
    /// platform's certificates are taken for it: those of the operating system, on Unix of the files that `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` name where they are set. Mozilla's, which the feature `bundled-roots` has, are chosen by `bundled_roots`.
    pub fn http(self, http: ConfigBuilder<AgentScope>) -> Self {
        Self { http, ..self }
    }

    /// Trusts the roots of Mozilla that this program was built with, and not the platform's: for a machine without
    /// certificates, or whose certificates are not to be trusted. They grow old with the program.
    #[cfg(feature = "bundled-roots")]
    pub fn bundled_roots(self) -> Self {
        Self { roots: Roots::Bundled, ..self }
    }

    /// Whether the proxy variables of the environment are obeyed ([Proxies](crate#proxies)). Default true; otherwise only
    /// a proxy that was set on the configuration is used.
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
    /// use evergrant_ureq::{Client, ClientAuth, Event, EventKind, Observer, Provider, Tokens};
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
    /// The token endpoint is https, and this build has no TLS, no crypto provider is installed, or there are no trusted roots on
    /// this machine; or a proxy variable of the environment cannot be read, or names a proxy that cannot be used.
    ///
    /// # Blocking
    /// For an https endpoint, reads the platform's certificates, unless the agent has its own: some 10 ms on Linux. Each
    /// token request reads them again, so that new ones count.
    pub fn build(self) -> Result<Tokens, ConfigError> {
        let variables = self.proxy_variables.then(ProxyVariables::from_env);
        let transport = Ureq::new(self.http, self.settings.client(), self.roots, variables.as_ref())?;
        Ok(Tokens(BlockingSource::new(self.settings, bearer, transport)))
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
        TokensBuilder {
            settings: Settings::new(client),
            http: Config::builder(),
            roots: Roots::Platform,
            proxy_variables: true,
        }
    }

    /// A source that holds this token for ever and never asks, for a program's own tests.
    ///
    /// # Errors
    /// The text is no access token.
    pub fn fixed(value: &str) -> Result<Self, ConfigError> {
        Ok(Self(BlockingSource::fixed(AccessToken::new(value)?, bearer)))
    }

    /// A token that may be used now.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help; see [`Error::retry_after`].
    ///
    /// # Blocking
    /// Returns at once while a usable token is held, also while its replacement is fetched. Otherwise blocks for the
    /// source's patience at most, whatever the server does: the request rides on a short-lived thread of its own.
    pub fn token(&self) -> Result<Token, Error> {
        self.0.token(None)
    }

    /// The same with another patience than the source's.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Blocking
    /// As [`token`](Self::token), for `patience` at most.
    pub fn token_within(&self, patience: Duration) -> Result<Token, Error> {
        self.0.token(Some(patience))
    }

    /// A token that may be used now at this API: none that was set aside because of it ([`Rejection::Dropped`],
    /// [`Rejection::Replaced`]); after [`Rejection::Settling`] and [`Rejection::Refused`] the same one comes again. To attach it by
    /// hand, take its [`value`](evergrant_core::Token::value), and give this very token to [`reject`](Self::reject) if it is refused.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Blocking
    /// As [`token`](Self::token).
    pub fn token_for(&self, origin: &Origin) -> Result<Token, Error> {
        self.0.token_for(origin)
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
    /// # Blocking
    /// As [`token`](Self::token).
    pub fn authorization(&self) -> Result<HeaderValue, Error> {
        self.0.with_authorization(None, |value, _| value.clone())
    }

    /// The same for one API: of no token that was set aside because of it. A program that reports refusals itself needs
    /// to know which token it was: it takes [`token_for`](Self::token_for).
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Blocking
    /// As [`token`](Self::token).
    pub fn authorization_for(&self, origin: &Origin) -> Result<HeaderValue, Error> {
        self.0.with_authorization(Some(origin), |value, _| value.clone())
    }

    /// Lends the value of an `Authorization` header that may be sent now to `borrower`, for a program that writes its own
    /// bytes: nothing is copied or counted, and threads that borrow at once do not slow each other down. While a value is
    /// lent it is kept in memory, so lend it for moments.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help; `borrower` was not called.
    ///
    /// # Blocking
    /// As [`token`](Self::token).
    pub fn with_authorization<R>(&self, borrower: impl FnOnce(&HeaderValue) -> R) -> Result<R, Error> {
        self.0.with_authorization(None, |value, _| borrower(value))
    }

    /// The first token is here: for start-up checks.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help: the error says what to fix.
    ///
    /// # Blocking
    /// As [`token`](Self::token).
    pub fn ready(&self) -> Result<(), Error> {
        self.authorization().map(drop)
    }

    /// A resource server of this origin refused this token: set it aside, unless it was replaced meanwhile or cannot be.
    /// [`Api`](crate::Api) does this by itself.
    ///
    /// ```no_run
    /// # fn send(_: &str) -> Result<u16, Box<dyn std::error::Error>> { Ok(200) }
    /// # fn story(tokens: evergrant_ureq::Tokens) -> Result<(), Box<dyn std::error::Error>> {
    /// use evergrant_ureq::{Origin, Rejection};
    ///
    /// let origin = Origin::parse("https://api.example.com")?;
    /// let token = tokens.token_for(&origin)?;
    /// // With a client of another kind: `Authorization: Bearer`, and the text of the token.
    /// let mut status = send(token.value().expose())?;
    /// if status == 401 && matches!(tokens.reject(&token, &origin), Rejection::Dropped | Rejection::Replaced) {
    ///     let token = tokens.token_for(&origin)?;
    ///     status = send(token.value().expose())?;
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

    /// Asks for a new token before the old one ends, even when nobody else asks. What it returns is for a thread of the
    /// program's own; it returns when the last clone of this source is dropped, and holds none itself.
    ///
    /// ```no_run
    /// # fn story(tokens: evergrant_ureq::Tokens) {
    /// std::thread::spawn(tokens.keep_fresh());
    /// # }
    /// ```
    ///
    /// # Blocking
    /// The call itself does not block; what it returns blocks until the last source is gone.
    pub fn keep_fresh(&self) -> impl FnOnce() + Send + use<> {
        self.0.keep_fresh()
    }

    /// The next token: one that came after that of this generation ([`Token::generation`](crate::core::Token::generation)), as
    /// soon as it is held; `None` if none came within `limit`. For programs that hand a token on: to a connection, a pool, a
    /// file. It asks for nothing, so [`keep_fresh`](Self::keep_fresh) must run, or somebody must call.
    ///
    /// ```no_run
    /// # struct Connection;
    /// # impl Connection { fn set_password(&self, _: &str) {} }
    /// # fn story(tokens: evergrant_ureq::Tokens, connection: Connection) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// let token = tokens.token()?;
    /// connection.set_password(token.value().expose());
    /// let mut last = token.generation();
    /// loop {
    ///     if let Some(token) = tokens.changed(last, Duration::from_secs(60))? {
    ///         connection.set_password(token.value().expose());
    ///         last = token.generation();
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Saturated`]: as many wait for it as may, the policy's `max_waiters`.
    ///
    /// # Blocking
    /// Blocks until then, for `limit` at most.
    pub fn changed(&self, after: Generation, limit: Duration) -> Result<Option<Token>, Error> {
        self.0.changed(after, limit)
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
