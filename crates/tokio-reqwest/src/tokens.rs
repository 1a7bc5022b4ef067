//! The source of tokens.

use crate::runtime::Tokio;
use crate::transport::Reqwest;
use evergrant_core::{
    AccessToken, Client, ClientAuth, ConfigError, Error, Generation, Mono, Policy, Rejection, Rotation, Site,
    Stored, Token, VerdictRule,
};
use evergrant_drive::{Clock, Shared, Source, Status, SystemClock, random_seed};
use reqwest::ClientBuilder;
use reqwest::header::HeaderValue;
use std::sync::Arc;
use std::time::Duration;

/// A source of access tokens that work. Clones are one source, and share one token.
///
/// It may be used from any number of tokio runtimes, at once or one after another. The runtime needs its timers and
/// its IO (`enable_all`).
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
pub struct Tokens {
    inner: Inner,
    patience: Duration,
    fail_fast: bool,
}

#[derive(Clone, Debug)]
enum Inner {
    Live(Source<Tokio, Reqwest, HeaderValue>),
    Fixed(Arc<(Token, HeaderValue)>),
}

/// How a source of tokens is made: [`Tokens::builder`].
#[derive(Debug)]
#[must_use]
pub struct TokensBuilder {
    client: Client,
    policy: Policy,
    http: ClientBuilder,
    clock: Arc<dyn Clock>,
    patience: Option<Duration>,
    fail_fast: bool,
}

impl TokensBuilder {
    /// The figures it decides by. The defaults suit a server.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The HTTP client for token requests: roots, proxies, a resolver. What must hold is set on it: redirects are
    /// never followed, nothing is retried or unpacked, no connection is kept, and a loopback literal never goes
    /// through a proxy.
    pub fn http(mut self, http: ClientBuilder) -> Self {
        self.http = http;
        self
    }

    /// The clocks, for tests: see [`ManualClock`](crate::ManualClock).
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How long a caller without a token waits for one. The policy's 30 s by default; 1 ms to 1 day.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Whether a caller without a token takes the first outcome, good or bad, instead of waiting through a transient
    /// failure. Default false.
    pub fn fail_fast(mut self, fail_fast: bool) -> Self {
        self.fail_fast = fail_fast;
        self
    }

    /// The source. Nothing is sent yet.
    ///
    /// # Errors
    /// The HTTP client for token requests cannot be built.
    pub fn build(self) -> Result<Tokens, ConfigError> {
        let policy = match self.patience {
            Some(patience) => self.policy.with_patience(patience),
            None => self.policy,
        };
        let (patience, fail_fast) = (policy.patience(), self.fail_fast);
        let transport = Reqwest::new(self.http, &self.client)?;
        let shared = Shared::new(self.client, policy, random_seed(), self.clock, render);
        Ok(Tokens { inner: Inner::Live(Source::new(shared, Tokio, transport)), patience, fail_fast })
    }
}

impl Tokens {
    /// A source with the defaults.
    ///
    /// # Errors
    /// The HTTP client for token requests cannot be built.
    pub fn new(client: Client) -> Result<Self, ConfigError> {
        Self::builder(client).build()
    }

    /// A source to be configured.
    pub fn builder(client: Client) -> TokensBuilder {
        TokensBuilder {
            client,
            policy: Policy::new(),
            http: reqwest::Client::builder(),
            clock: Arc::new(SystemClock),
            patience: None,
            fail_fast: false,
        }
    }

    /// A source that holds this token for ever and never asks, for a program's own tests.
    ///
    /// # Errors
    /// The text is no access token.
    pub fn fixed(value: &str) -> Result<Self, ConfigError> {
        let token = AccessToken::new(value)?;
        let rendered = render(&token);
        let inner = Inner::Fixed(Arc::new((Token::fixed(token), rendered)));
        Ok(Self { inner, patience: Policy::new().patience(), fail_fast: false })
    }

    /// A token that may be used now.
    ///
    /// # Errors
    /// There is none, and waiting is pointless or over; see [`Error::retry_after`].
    ///
    /// # Cancel safety
    /// Dropping the future, or never polling it again, harms nobody: the token request belongs to no caller.
    pub async fn token(&self) -> Result<Token, Error> {
        self.token_within(self.patience).await
    }

    /// The same with another patience than the source's.
    ///
    /// # Errors
    /// There is none, and waiting is pointless or over.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn token_within(&self, patience: Duration) -> Result<Token, Error> {
        match &self.inner {
            Inner::Live(source) => Ok(source.token(patience, self.fail_fast).await?.token().clone()),
            Inner::Fixed(fixed) => Ok(fixed.0.clone()),
        }
    }

    /// The token that may be used now, if one is held: never waits and never sends.
    pub fn try_token(&self) -> Option<Token> {
        match &self.inner {
            Inner::Live(source) => source.shared().usable(),
            Inner::Fixed(fixed) => Some(fixed.0.clone()),
        }
    }

    /// The value of an `Authorization` header that may be sent now. It was rendered once, with its token, and is
    /// marked sensitive: the HTTP library never shows it.
    ///
    /// # Errors
    /// There is none, and waiting is pointless or over.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn authorization(&self) -> Result<HeaderValue, Error> {
        match &self.inner {
            Inner::Live(source) => match source.shared().quiet_value() {
                Some(value) => Ok(value),
                None => Ok(source.token(self.patience, self.fail_fast).await?.value().clone()),
            },
            Inner::Fixed(fixed) => Ok(fixed.1.clone()),
        }
    }

    /// The first token is here: for start-up checks.
    ///
    /// # Errors
    /// There is none, and waiting is pointless or over: the error says what to mend.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn ready(&self) -> Result<(), Error> {
        self.authorization().await.map(drop)
    }

    /// A resource server refused this token: throw it away, unless it was replaced meanwhile or cannot be. `site` is
    /// the server's place in the caller's list of origins. [`Api`](crate::Api) does this by itself.
    pub fn reject(&self, token: &Token, site: Site) -> Rejection {
        self.reject_generation(token.generation(), site)
    }

    /// The client's credentials changed: one request with the new ones is made as soon as somebody asks.
    pub fn rotate(&self, auth: ClientAuth, rotation: Rotation) {
        if let Inner::Live(source) = &self.inner {
            source.shared().rotate(auth, rotation);
        }
    }

    /// Asks for a new token before the old one ends, even when nobody else asks. Spawn it; it ends when the last
    /// clone of this source is dropped, and holds none itself.
    ///
    /// # Cancel safety
    /// Dropping the future stops it, and loses nothing.
    pub fn keep_fresh(&self) -> impl Future<Output = ()> + Send + use<> {
        let keeping = match &self.inner {
            Inner::Live(source) => Some(source.keep_fresh()),
            Inner::Fixed(_) => None,
        };
        async move {
            if let Some(keeping) = keeping {
                keeping.await;
            }
        }
    }

    /// What is held, what happened, and what comes next. It contains no secret.
    pub fn status(&self) -> Status {
        match &self.inner {
            Inner::Live(source) => source.shared().status(),
            Inner::Fixed(fixed) => Status::fixed(&fixed.0),
        }
    }

    /// The held token, to be kept across a restart. Where it is kept, and how it is protected, is the program's
    /// affair: it is as secret as a password.
    pub fn export(&self) -> Option<Stored> {
        match &self.inner {
            Inner::Live(source) => source.shared().export(),
            Inner::Fixed(_) => None,
        }
    }

    /// A token kept from before a restart. Returns whether it was taken: nothing may be held, and something of its
    /// life must be left.
    pub fn restore(&self, stored: Stored) -> bool {
        match &self.inner {
            Inner::Live(source) => source.shared().restore(stored),
            Inner::Fixed(_) => false,
        }
    }

    /// The header value with the generation it belongs to.
    pub(crate) async fn attempt(&self) -> Result<(HeaderValue, Generation), Error> {
        match &self.inner {
            Inner::Live(source) => {
                let snapshot = source.token(self.patience, self.fail_fast).await?;
                Ok((snapshot.value().clone(), snapshot.token().generation()))
            }
            Inner::Fixed(fixed) => Ok((fixed.1.clone(), fixed.0.generation())),
        }
    }

    pub(crate) fn reject_generation(&self, generation: Generation, site: Site) -> Rejection {
        match &self.inner {
            Inner::Live(source) => source.shared().reject(generation, site),
            Inner::Fixed(_) => Rejection::Refused,
        }
    }

    /// Waits until a refused token has settled; false if that is beyond the caller's patience.
    pub(crate) async fn settle(&self, then: Mono) -> bool {
        match &self.inner {
            Inner::Live(source) => source.settle(then, self.patience).await,
            Inner::Fixed(_) => false,
        }
    }

    /// How the provider's resource servers say that a token is refused.
    pub(crate) fn verdict_rule(&self) -> VerdictRule {
        match &self.inner {
            Inner::Live(source) => source.shared().client().provider().verdict().clone(),
            Inner::Fixed(_) => VerdictRule::Rfc6750,
        }
    }
}

/// `Bearer` and the token, marked sensitive.
fn render(token: &AccessToken) -> HeaderValue {
    // An access token is visible ASCII: AccessToken::new took nothing else, so this cannot fail.
    let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
    let mut value = value.unwrap_or(HeaderValue::from_static("Bearer"));
    value.set_sensitive(true);
    value
}
