//! The source of tokens.

use crate::client::HttpClient;
use crate::net::Net;
use crate::shared::{Sending, Transport};
use crate::transport::Hyper;
use evergrant_core::{
    AccessToken, Client, ClientAuth, ConfigError, Error, Generation, Origin, Policy, Rejection, Rotation,
    Stored, Thumbprint,
};
use evergrant_drive::{
    CertifiedKey, Clock, Identity, KeySource, Observer, SealedStore, SecretSource, Settings, Signer, Source,
    Status, Token,
};
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
///
/// ```
/// use evergrant_async_std::{Policy, Tokens};
/// use std::time::Duration;
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
/// # use story::AsyncStd;
/// # let (server, client) = story::client()?;
/// let tokens = Tokens::<AsyncStd>::builder(client)
///     .policy(Policy::new().with_max_waiters(100))
///     .patience(Duration::from_secs(5))
///     .build()?;
/// tokens.ready().await?;
/// # Ok(()) }) }
/// ```
#[derive(Debug)]
#[must_use]
pub struct TokensBuilder<N> {
    settings: Settings,
    sending: Sending<N>,
}

impl<N: Net> TokensBuilder<N> {
    /// Where the client secret lives, or the finished assertion: it is read for each token request, so that whatever renews it need
    /// tell nobody. For a client with [`basic_live`](ClientAuth::basic_live), [`post_live`](ClientAuth::post_live) or
    /// [`assertion`](ClientAuth::assertion). A second call replaces the first.
    ///
    /// ```
    /// use evergrant_mock::Server;
    /// use evergrant_async_std::{Client, ClientAuth, FileSource, Provider, Tokens};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, _) = story::client()?;
    /// # let path = std::env::temp_dir().join(format!("evergrant_async_std-secret-{}", std::process::id()));
    /// # std::fs::write(&path, format!("{}\n", Server::CLIENT_SECRET))?;
    /// let provider = Provider::rfc6749(&server.token_endpoint())?;
    /// let client = Client::builder(provider, ClientAuth::basic_live(Server::CLIENT_ID)?).build()?;
    /// let tokens = Tokens::<AsyncStd>::builder(client).secret(FileSource::new(&path)).build()?;
    /// tokens.ready().await?;
    /// # std::fs::remove_file(path)?;
    /// # Ok(()) }) }
    /// ```
    pub fn secret(mut self, source: impl SecretSource) -> Self {
        self.settings = self.settings.secret(source);
        self
    }

    /// The key that signs this client's assertions, for a client with [`private_key_jwt`](ClientAuth::private_key_jwt) or
    /// [`client_secret_jwt`](ClientAuth::client_secret_jwt): a key in memory (`evergrant_crypto::Key`), in a key service, on a card. A second call
    /// replaces the first.
    pub fn signer(mut self, signer: impl Signer) -> Self {
        self.settings = self.settings.signer(signer);
        self
    }

    /// Where the key lives that signs this client's assertions: it is read for each token request, so that whatever renews it need tell
    /// nobody. `evergrant_crypto::KeyFile` is a file.
    pub fn key_source(mut self, source: impl KeySource) -> Self {
        self.settings = self.settings.key_source(source);
        self
    }

    /// Where the certificate lives that connections to the token endpoint show (mutual TLS, RFC 8705), with its key: it is read for each token
    /// request, and when it has changed the HTTP client is built again, so that no connection and no TLS session of before speaks for the
    /// new one. A client by [`ClientAuth::tls`] proves by it who it is; any other shows it beside its own way to do so.
    ///
    /// It excludes a [`transport`](Self::transport) that other sources use. Of an [`http`](Self::http) client the roots and the proxies hold,
    /// and no client certificate.
    ///
    /// ```
    /// use evergrant_async_std::{Client, ClientAuth, Identity, Provider, Tokens};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # use story::AsyncStd;
    /// # fn story() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// let client = Client::builder(provider, ClientAuth::tls("my-client-id")?).build()?;
    /// let identity = Identity::files("/run/tls/tls.crt", "/run/tls/tls.key");
    /// let tokens = Tokens::<AsyncStd>::builder(client).identity(identity).build()?; // neither file need be there yet
    /// # drop(tokens); Ok(()) }
    /// ```
    ///
    /// The client of an [`Api`](crate::Api) is the program's own. Where tokens are bound to the certificate (RFC 8705 §3), it must show the
    /// same one: [`Tokens::identity_changed`] says when that is another.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.settings = self.settings.identity(identity);
        self
    }

    /// Where the value of this parameter lives, for a client with one [that is read](evergrant_core::ClientBuilder::live_param) for each token request.
    ///
    /// ```
    /// use evergrant_async_std::{Client, SecretText, Tokens};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, client) = story::client()?;
    /// # let (provider, auth) = (client.provider().clone(), client.auth().clone());
    /// # let password = || Ok(SecretText::new("of the technical user"));
    /// let client = Client::builder(provider, auth).live_param("password").build()?;
    /// let tokens = Tokens::<AsyncStd>::builder(client).param_source("password", password).build()?;
    /// tokens.ready().await?;
    /// # Ok(()) }) }
    /// ```
    pub fn param_source(mut self, name: &str, source: impl SecretSource) -> Self {
        self.settings = self.settings.param_source(name, source);
        self
    }

    /// The times and limits that it decides by. The defaults suit a server.
    ///
    /// ```
    /// use evergrant_async_std::{Policy, Tokens};
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, client) = story::client()?;
    /// // Token requests that may take 20 s, and at most 100 callers that wait for one.
    /// let policy = Policy::new().with_attempt_timeout(Duration::from_secs(20)).with_max_waiters(100);
    /// let tokens = Tokens::<AsyncStd>::builder(client).policy(policy).build()?;
    /// # Ok(()) }) }
    /// ```
    pub fn policy(self, policy: Policy) -> Self {
        Self { settings: self.settings.policy(policy), ..self }
    }

    /// The HTTP client for token requests: roots, client certificates, a proxy. No connection is kept, and the policy's
    /// `attempt_timeout` limits each request.
    ///
    /// It replaces a [`transport`](Self::transport) that was set before: the last call counts.
    ///
    /// ```
    /// use evergrant_async_std::{HttpClient, Tokens};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, client) = story::client()?;
    /// let http = HttpClient::new().with_proxy("http://proxy.example:3128")?;
    /// let tokens = Tokens::<AsyncStd>::builder(client).http(http).build()?;
    /// # tokens.ready().await?; // a loopback literal is asked directly
    /// # Ok(()) }) }
    /// ```
    pub fn http(self, http: HttpClient<N>) -> Self {
        Self { sending: Sending::Own(self.sending.own().http(http)), ..self }
    }

    /// Sends the token requests through this transport, which other sources use as well: they share its HTTP client and its
    /// trusted roots.
    ///
    /// It replaces what [`http`](Self::http) and [`proxy_variables`](Self::proxy_variables) have set before, and each of them
    /// replaces it: the last call counts.
    ///
    /// ```
    /// use evergrant_async_std::{Client, Tokens, Transport};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, client) = story::client()?;
    /// let (provider, auth) = (client.provider().clone(), client.auth().clone());
    /// let other = Client::builder(provider, auth).scope("invoices").build()?;
    /// let transport = Transport::<AsyncStd>::new();
    /// let shipments = Tokens::builder(client).transport(&transport).build()?;
    /// let invoices = Tokens::builder(other).transport(&transport).build()?;
    /// # shipments.ready().await?;
    /// # invoices.ready().await?;
    /// # assert_eq!(server.counts().token_granted, 2);
    /// # Ok(()) }) }
    /// ```
    pub fn transport(self, transport: &Transport<N>) -> Self {
        Self { sending: Sending::Shared(transport.clone()), ..self }
    }

    /// Whether the proxy variables of the environment are obeyed ([Proxies](crate#proxies)). Default true; otherwise only
    /// the proxy of [`HttpClient::with_proxy`] is used. It replaces a [`transport`](Self::transport) that was set before.
    ///
    /// ```
    /// use evergrant_async_std::Tokens;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, client) = story::client()?;
    /// // A program that must not go through the proxy of whoever starts it.
    /// let tokens = Tokens::<AsyncStd>::builder(client).proxy_variables(false).build()?;
    /// # tokens.ready().await?;
    /// # Ok(()) }) }
    /// ```
    pub fn proxy_variables(self, proxy_variables: bool) -> Self {
        Self { sending: Sending::Own(self.sending.own().proxy_variables(proxy_variables)), ..self }
    }

    /// The clocks, for tests: see [`ManualClock`](crate::ManualClock).
    ///
    /// ```
    /// use evergrant_async_std::{ManualClock, Tokens};
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, client) = story::client()?;
    /// let clock = ManualClock::new();
    /// let tokens = Tokens::<AsyncStd>::builder(client).clock(clock.clone()).build()?;
    /// let first = tokens.token().await?;
    /// clock.advance(Duration::from_secs(2 * 86_400)); // the mock's tokens live for one day
    /// assert!(tokens.token().await?.generation() > first.generation());
    /// # Ok(()) }) }
    /// ```
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { settings: self.settings.clock(clock), ..self }
    }

    /// How long a caller without a token waits for one. The policy's 30 s by default; 1 ms to 1 day.
    ///
    /// ```
    /// use evergrant_mock::Endpoint;
    /// use evergrant_async_std::{Error, Tokens};
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, client) = story::client()?;
    /// let tokens = Tokens::<AsyncStd>::builder(client).patience(Duration::from_millis(20)).build()?;
    /// let gate = server.hold(Endpoint::Token); // a server that takes its time
    /// let error = tokens.token().await.unwrap_err();
    /// assert!(matches!(error, Error::TimedOut { .. }));
    /// # drop(gate);
    /// # Ok(()) }) }
    /// ```
    pub fn patience(self, patience: Duration) -> Self {
        Self { settings: self.settings.patience(patience), ..self }
    }

    /// Whether a caller without a token takes the first outcome, good or bad, instead of waiting through a transient
    /// failure. Default false. A refusal that lies in
    /// this machine's clock ([`Refusal::clock`](evergrant_core::Refusal::clock)) is none: the request after it has the right times.
    ///
    /// ```
    /// use evergrant_mock::{Endpoint, Fault, Times};
    /// use evergrant_async_std::Tokens;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, client) = story::client()?;
    /// // A command that would rather fail now than succeed in a minute.
    /// let tokens = Tokens::<AsyncStd>::builder(client).fail_fast(true).build()?;
    /// server.fault(Endpoint::Token, Fault::status_with_retry_after(503, "60"), Times::Once);
    /// let error = tokens.token().await.unwrap_err();
    /// assert!(!error.is_permanent());
    /// assert_eq!(error.refusal().and_then(|refusal| refusal.status()), Some(503));
    /// # Ok(()) }) }
    /// ```
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
    /// use evergrant_async_std::{Event, EventKind, Observer, Tokens};
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// /// Counts the token requests.
    /// #[derive(Default)]
    /// struct Sent(AtomicU64);
    ///
    /// impl Observer for Sent {
    ///     fn event(&self, event: &Event<'_>) {
    ///         if let EventKind::Sent { .. } = event.kind {
    ///             self.0.fetch_add(1, Ordering::Relaxed);
    ///         }
    ///     }
    /// }
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, client) = story::client()?;
    /// let sent = Arc::new(Sent::default());
    /// let observer = Arc::<Sent>::clone(&sent);
    /// let tokens = Tokens::<AsyncStd>::builder(client).name("orders").observer(observer).build()?;
    /// tokens.ready().await?;
    /// assert_eq!((sent.0.load(Ordering::Relaxed), tokens.name()), (1, "orders"));
    /// # Ok(()) }) }
    /// ```
    pub fn observer(self, observer: Arc<dyn Observer>) -> Self {
        Self { settings: self.settings.observer(observer), ..self }
    }

    /// A store that many processes reach: they ask for one token together, per life of a token, instead of one each. Tokens are sealed in it. It
    /// is an optimisation and never an authority: while it is down each process asks by itself, and nobody with a usable token waits for it.
    ///
    /// What seals is `StoreKey` of evergrant-crypto; `FolderStore` of evergrant-folder serves the processes of one host.
    pub fn store(self, store: SealedStore) -> Self {
        Self { settings: self.settings.store(store), ..self }
    }

    /// The source. Nothing is sent yet.
    ///
    /// ```
    /// use evergrant_async_std::Tokens;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, client) = story::client()?;
    /// let tokens = Tokens::<AsyncStd>::builder(client).build()?;
    /// assert_eq!(server.counts().token_requests, 0); // nothing is sent before somebody asks
    /// tokens.ready().await?;
    /// assert_eq!(server.counts().token_requests, 1);
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    /// Something that the client reads has no source, or a source nothing that is read ([`ConfigError::NeedsSource`],
    /// [`ConfigError::UnusedSource`],
    /// [`ConfigError::NeedsIdentity`]); an identity is beside something that excludes it ([`ConfigError::IdentityBeside`]), or its server at
    /// plain http ([`ConfigError::TlsRequired`]).
    ///
    /// TLS cannot be set up, for a token endpoint that needs it: the platform's roots cannot be read. A proxy variable of the
    /// environment cannot be read, or names a proxy that cannot be used.
    ///
    /// # Blocking
    /// Reads the platform's roots, once, unless the HTTP client has its own.
    pub fn build(self) -> Result<Tokens<N>, ConfigError> {
        self.settings.check()?;
        if self.settings.has_identity() {
            self.sending.check_identity()?;
        }
        let transport = self.sending.for_client(self.settings.client())?;
        Ok(Tokens(Source::new(self.settings, bearer, N::default(), transport)))
    }
}

impl<N: Net> Tokens<N> {
    /// A source with the defaults.
    ///
    /// ```
    /// use evergrant_mock::Server;
    /// use evergrant_async_std::{Client, ClientAuth, Provider, Tokens};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, client) = story::client()?;
    /// let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET)?;
    /// let provider = Provider::rfc6749(&server.token_endpoint())?;
    /// let tokens = Tokens::<AsyncStd>::new(Client::builder(provider, auth).build()?)?;
    /// tokens.ready().await?;
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    /// As [`TokensBuilder::build`].
    pub fn new(client: Client) -> Result<Self, ConfigError> {
        Self::builder(client).build()
    }

    /// A source to be configured.
    ///
    /// ```
    /// use evergrant_async_std::Tokens;
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, client) = story::client()?;
    /// let tokens = Tokens::<AsyncStd>::builder(client).patience(Duration::from_secs(5)).build()?;
    /// tokens.ready().await?;
    /// # Ok(()) }) }
    /// ```
    pub fn builder(client: Client) -> TokensBuilder<N> {
        TokensBuilder { settings: Settings::new(client), sending: Sending::Own(Transport::builder()) }
    }

    /// A source that always holds this token and never requests another, for a program's own tests.
    ///
    /// ```
    /// use evergrant_async_std::Tokens;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// let tokens = Tokens::<AsyncStd>::fixed("a-token-for-the-test")?;
    /// assert_eq!(tokens.authorization().await?, "Bearer a-token-for-the-test");
    /// assert_eq!(tokens.token().await?.expires_at(), None);
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    /// The text is not an access token.
    pub fn fixed(value: &str) -> Result<Self, ConfigError> {
        Ok(Self(Source::fixed(AccessToken::new(value)?, bearer, N::default())))
    }

    /// A token that may be used now.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, tokens) = story::tokens()?;
    /// let token = tokens.token().await?;
    /// assert_eq!(token.value().expose(), server.issued()[0]);
    /// assert!(token.expires_in() > Some(Duration::from_secs(3600)));
    /// // It is kept: nobody asks the server for another one.
    /// assert_eq!(tokens.token().await?, token);
    /// assert_eq!(server.counts().token_requests, 1);
    /// # Ok(()) }) }
    /// ```
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
    /// ```
    /// use evergrant_mock::Endpoint;
    /// use evergrant_async_std::Error;
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, tokens) = story::tokens()?;
    /// let gate = server.hold(Endpoint::Token); // a server that takes its time
    /// let error = tokens.token_within(Duration::from_millis(20)).await.unwrap_err();
    /// assert!(matches!(error, Error::TimedOut { .. }));
    /// gate.release();
    /// tokens.token_within(Duration::from_secs(5)).await?;
    /// # Ok(()) }) }
    /// ```
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
    /// ```
    /// use evergrant_async_std::{Body, HttpClient, Origin};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, tokens) = story::tokens()?;
    /// let origin = Origin::parse(&server.origin())?; // "https://api.example.com"
    /// let token = tokens.token_for(&origin).await?;
    /// let request = http::Request::get(server.resource("/shipments"));
    /// let request = request.header("Authorization", format!("Bearer {}", token.value().expose()));
    /// let answer = HttpClient::<AsyncStd>::new().send(request.body(Body::empty())?).await?;
    /// assert_eq!(answer.status(), 200);
    /// # Ok(()) }) }
    /// ```
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
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, tokens) = story::tokens()?;
    /// assert!(tokens.try_token().is_none()); // nobody has asked yet
    /// tokens.ready().await?;
    /// assert!(tokens.try_token().is_some());
    /// # Ok(()) }) }
    /// ```
    pub fn try_token(&self) -> Option<Token> {
        self.0.shared().try_token()
    }

    /// The value of an `Authorization` header that may be sent now. It was rendered once, with its token, and is
    /// marked sensitive: the HTTP library never shows it.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, tokens) = story::tokens()?;
    /// let value = tokens.authorization().await?;
    /// assert_eq!(value.to_str()?, format!("Bearer {}", server.issued()[0]));
    /// assert_eq!(format!("{value:?}"), "Sensitive");
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn authorization(&self) -> Result<HeaderValue, Error> {
        self.0.with_authorization(None, None, |value, _| value.clone()).await
    }

    /// The same for one API: never of a token that was set aside because this API refused it. A program that reports
    /// refusals itself needs the token as well: it calls [`token_for`](Self::token_for).
    ///
    /// ```
    /// use evergrant_async_std::Origin;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, tokens) = story::tokens()?;
    /// let origin = Origin::parse(&server.origin())?; // "https://api.example.com"
    /// let value = tokens.authorization_for(&origin).await?;
    /// assert!(value.is_sensitive());
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn authorization_for(&self, origin: &Origin) -> Result<HeaderValue, Error> {
        self.0.with_authorization(None, Some(origin), |value, _| value.clone()).await
    }

    /// Lends the value of an `Authorization` header that may be sent now to `borrower`, for a program that writes its own
    /// bytes: nothing is copied or counted, and threads that borrow at once do not slow each other down. A value stays in
    /// memory while it is lent, so return soon.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, tokens) = story::tokens()?;
    /// let mut head = b"GET /shipments HTTP/1.1\r\nAuthorization: ".to_vec();
    /// tokens.with_authorization(|value| head.extend_from_slice(value.as_bytes())).await?;
    /// assert!(head.ends_with(server.issued()[0].as_bytes()));
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help; `borrower` was not called.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn with_authorization<R>(&self, borrower: impl FnOnce(&HeaderValue) -> R) -> Result<R, Error> {
        self.0.with_authorization(None, None, |value, _| borrower(value)).await
    }

    /// Waits until the first token is here: for start-up checks. Stop there only if the error
    /// [`is_permanent`](Error::is_permanent): an outage of the authorization server passes.
    ///
    /// ```
    /// use evergrant_mock::Server;
    /// use evergrant_async_std::{Client, ClientAuth, Provider, Tokens};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # use story::AsyncStd;
    /// # let (server, client) = story::client()?;
    /// // A wrong secret: the program does not start, rather than fail its first caller.
    /// let auth = ClientAuth::basic(Server::CLIENT_ID, "not-the-secret")?;
    /// let provider = Provider::rfc6749(&server.token_endpoint())?;
    /// let tokens = Tokens::<AsyncStd>::new(Client::builder(provider, auth).build()?)?;
    /// let error = tokens.ready().await.unwrap_err();
    /// assert!(error.is_permanent());
    /// assert_eq!(error.refusal().and_then(|refusal| refusal.code()), Some("invalid_client"));
    /// # Ok(()) }) }
    /// ```
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
    /// ```
    /// use evergrant_async_std::{Origin, Rejection};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, tokens) = story::tokens()?;
    /// # let http = evergrant_async_std::HttpClient::<story::AsyncStd>::new();
    /// # let send = async |token: &str| -> Result<u16, Box<dyn std::error::Error>> {
    /// #     let request = http::Request::get(server.resource("/shipments"));
    /// #     let request = request.header("Authorization", format!("Bearer {token}"));
    /// #     Ok(http.send(request.body(evergrant_async_std::Body::empty())?).await?.status().as_u16())
    /// # };
    /// # tokens.ready().await?;
    /// # server.revoke_all();
    /// # std::thread::sleep(std::time::Duration::from_millis(5));
    /// let origin = Origin::parse(&server.origin())?; // "https://api.example.com"
    /// let token = tokens.token_for(&origin).await?;
    /// // With a client of another kind: `Authorization: Bearer`, and the text of the token.
    /// let mut status = send(token.value().expose()).await?;
    /// if status == 401 && matches!(tokens.reject(&token, &origin), Rejection::Dropped | Rejection::Replaced) {
    ///     let token = tokens.token_for(&origin).await?;
    ///     status = send(token.value().expose()).await?;
    /// }
    /// assert_eq!((status, server.counts().token_requests), (200, 2));
    /// # Ok(()) }) }
    /// ```
    ///
    /// After [`Rejection::Settling`] the token is too new to be judged; after [`Rejection::Refused`] another one would be
    /// refused as well: return the response to the caller. [`Replay`](crate::core::Replay) decides this exactly as `Api`
    /// does.
    pub fn reject(&self, token: &Token, origin: &Origin) -> Rejection {
        self.0.shared().reject(token.generation(), origin)
    }

    /// Replaces the client's credentials. The next call that asks for a token sends one token request with the new ones.
    ///
    /// ```
    /// use evergrant_async_std::{ClientAuth, Rotation};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, tokens) = story::tokens()?;
    /// tokens.ready().await?;
    /// server.rotate_client("my-client-id", "the-new-secret"); // the operator's work
    /// tokens.rotate(ClientAuth::basic("my-client-id", "the-new-secret")?, Rotation::Drop);
    /// tokens.ready().await?; // with the new secret
    /// assert_eq!((server.counts().token_granted, server.counts().token_refused), (2, 0));
    /// # Ok(()) }) }
    /// ```
    pub fn rotate(&self, auth: ClientAuth, rotation: Rotation) {
        self.0.shared().rotate(auth, rotation);
    }

    /// The client's secret, or its assertion, is elsewhere from now on: the next token request reads it there. Nothing is requested because of
    /// it; after a refusal, [`rotate`](Self::rotate) to a [live](ClientAuth::is_live) authentication has it tried at once.
    pub fn read_secret_from(&self, source: impl SecretSource) {
        self.0.shared().read_secret_from(source);
    }

    /// Requests a new token before the old one ends, even if no call asks for one. Spawn it: it ends when the last clone of
    /// this source is dropped, and does not hold a clone itself.
    #[cfg_attr(
        feature = "async-std",
        doc = r#"
```
use std::time::Duration;

# mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
# fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
# let (server, tokens) = story::tokens()?;
async_std::task::spawn(tokens.keep_fresh());
// Nobody has asked for a token, and yet one is fetched.
assert!(server.wait_for_token_requests(1, Duration::from_secs(5)));
# Ok(()) }) }
```"#
    )]
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
    /// # async fn story<N: evergrant_async_std::Net>(tokens: evergrant_async_std::Tokens<N>, connection: Connection) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut token = tokens.token().await?;
    /// loop {
    ///     connection.set_password(token.value().expose()).await;
    ///     token = tokens.changed(token.generation()).await?;
    /// }
    /// # }
    /// ```
    ///
    /// A task that does this for ever holds a clone, and so keeps the source and its `keep_fresh` alive: abort it, or `select!` it with
    /// the end of the program.
    ///
    /// # Errors
    /// [`Error::Saturated`]: as many wait for it as may, the policy's `max_waiters`.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: asked again with the same generation, it has the newest token at once.
    pub async fn changed(&self, after: Generation) -> Result<Token, Error> {
        self.0.changed(after).await
    }

    /// The certificate that token requests show ([`TokensBuilder::identity`]), with its key, as soon as it is another than the one with this
    /// thumbprint and has brought a token; any, if none is named. For programs whose API takes tokens of that certificate alone (RFC 8705
    /// §3): the HTTP client of the API is the program's own, and must be built again. From the moment when this ends the held token is of the
    /// new certificate, and the one before is not used any more.
    ///
    /// It asks for nothing, so [`keep_fresh`](Self::keep_fresh) must run, or somebody must call; and it waits for ever for a client without an
    /// identity.
    ///
    /// ```no_run
    /// # use evergrant_async_std::{CertifiedKey, Error, Net, Tokens};
    /// # fn rebuild(_: &CertifiedKey) {}
    /// # async fn story(tokens: Tokens<impl Net>) -> Result<(), Error> {
    /// let mut shown = None;
    /// loop {
    ///     let certified = tokens.identity_changed(shown).await?;
    ///     rebuild(&certified); // HttpClient::with_tls, with certified.certificates() and certified.key()
    ///     shown = Some(certified.thumbprint());
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`changed`](Self::changed).
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: asked again with the same thumbprint, it has the newest certificate at once.
    pub async fn identity_changed(&self, after: Option<Thumbprint>) -> Result<CertifiedKey, Error> {
        self.0.identity_changed(after).await
    }

    /// What people call this source: [`TokensBuilder::name`], or the host of the token endpoint.
    pub fn name(&self) -> &str {
        self.0.shared().name()
    }

    /// What is held, what happened, and what comes next. It contains no secret.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, tokens) = story::tokens()?;
    /// tokens.ready().await?;
    /// let status = tokens.status();
    /// assert_eq!((status.requests, status.waiting), (1, 0));
    /// assert!(status.held.is_some());
    /// // token 1: used for 23 h, renewed in 23 h; 0 callers wait; 1 token request so far, none is being sent
    /// println!("{status}");
    /// # Ok(()) }) }
    /// ```
    pub fn status(&self) -> Status {
        self.0.shared().status()
    }

    /// Waits until the [store](TokensBuilder::store) has been told what there is to tell, for a program that is about to end: one that ends sooner
    /// leaves its claim behind, and the other processes wait for that until its time is over. Returns at once without a store; servers and
    /// stores that do not answer hold it up for twice `attempt_timeout` and 4 s at most.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn flush(&self) {
        self.0.flush().await;
    }

    /// The held token, to be kept across a restart; `None` for one that an API refused, and for a fixed one. The program
    /// decides where to keep it and how to protect it: it is as secret as a password.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, tokens) = story::tokens()?;
    /// tokens.ready().await?;
    /// let stored = tokens.export().ok_or("no token")?;
    /// // To be written where this program alone can read it: the text, when it was requested, how long it lives.
    /// let kept = (stored.token().expose(), stored.issued().since_epoch(), stored.life());
    /// # assert_eq!(kept.0, server.issued()[0]);
    /// # Ok(()) }) }
    /// ```
    pub fn export(&self) -> Option<Stored> {
        self.0.shared().export()
    }

    /// Takes a token that was kept across a restart. Returns whether it was taken: no token may be held yet, and some of
    /// its lifetime must be left.
    ///
    /// ```
    /// use evergrant_async_std::{AccessToken, Stored, Wall};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, tokens) = story::tokens()?;
    /// // Read from where the last run has kept it:
    /// # let (text, issued, life) = ("abc", std::time::UNIX_EPOCH.elapsed()?, std::time::Duration::from_secs(3600));
    /// let stored = Stored::new(AccessToken::new(text)?, Wall::from_epoch(issued), life);
    /// assert!(tokens.restore(stored));
    /// tokens.ready().await?;
    /// assert_eq!(server.counts().token_requests, 0);
    /// # Ok(()) }) }
    /// ```
    ///
    /// One that is [bound](Stored::binding) to a client certificate is taken with that certificate alone: the identity is read for it.
    ///
    /// # Blocking
    /// Not at all, but for a token that is bound to a certificate: until that is read, for 1 s at most.
    pub fn restore(&self, stored: Stored) -> bool {
        self.0.shared().restore(stored)
    }
}
