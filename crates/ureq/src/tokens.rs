//! The source of tokens.

use crate::shared::{Sending, Transport};
use crate::transport::Ureq;
use evergrant_core::{
    AccessToken, Client, ClientAuth, ConfigError, Error, Generation, Origin, Policy, Rejection, Rotation,
    Stored, Thumbprint,
};
use evergrant_drive::{
    BlockingSource, CertifiedKey, Clock, Identity, KeySource, Observer, SealedStore, SecretSource, Settings,
    Signer, Status, Token,
};
use evergrant_http::bearer;
use http::HeaderValue;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;

/// A source of access tokens that work, for threads. Clones are one source, and share one token.
///
/// Make one source for each client and scope, and clone it wherever its tokens are used. Two sources of one client send two
/// token requests; if the server revokes the last token when it issues the next one, they revoke each other's.
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
///
/// ```
/// use evergrant_ureq::{Policy, Tokens};
/// use std::time::Duration;
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (server, client) = story::client()?;
/// let tokens = Tokens::builder(client)
///     .policy(Policy::new().with_max_waiters(100))
///     .patience(Duration::from_secs(5))
///     .build()?;
/// tokens.ready()?;
/// # Ok(()) }
/// ```
#[must_use]
pub struct TokensBuilder {
    settings: Settings,
    sending: Sending,
}

impl fmt::Debug for TokensBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokensBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl TokensBuilder {
    /// Where the client secret lives, or the finished assertion: it is read for each token request, so that whatever renews it need
    /// tell nobody. For a client with [`basic_live`](ClientAuth::basic_live), [`post_live`](ClientAuth::post_live) or
    /// [`assertion`](ClientAuth::assertion). A second call replaces the first.
    ///
    /// ```
    /// use evergrant_mock::Server;
    /// use evergrant_ureq::{Client, ClientAuth, FileSource, Provider, Tokens};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, _) = story::client()?;
    /// # let path = std::env::temp_dir().join(format!("evergrant_ureq-secret-{}", std::process::id()));
    /// # std::fs::write(&path, format!("{}\n", Server::CLIENT_SECRET))?;
    /// let provider = Provider::rfc6749(&server.token_endpoint())?;
    /// let client = Client::builder(provider, ClientAuth::basic_live(Server::CLIENT_ID)?).build()?;
    /// let tokens = Tokens::builder(client).secret(FileSource::new(&path)).build()?;
    /// tokens.ready()?;
    /// # std::fs::remove_file(path)?;
    /// # Ok(()) }
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
    /// It excludes a [`transport`](Self::transport) that other sources use. Of the configuration of [`http`](Self::http) the roots and the proxies
    /// hold, and no client certificate.
    ///
    /// ```
    /// use evergrant_ureq::{Client, ClientAuth, Identity, Provider, Tokens};
    ///
    /// # fn story() -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = Provider::rfc6749("https://auth.example.com/token")?;
    /// let client = Client::builder(provider, ClientAuth::tls("my-client-id")?).build()?;
    /// let identity = Identity::files("/run/tls/tls.crt", "/run/tls/tls.key");
    /// let tokens = Tokens::builder(client).identity(identity).build()?; // neither file need be there yet
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
    /// use evergrant_ureq::{Client, SecretText, Tokens};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, client) = story::client()?;
    /// # let (provider, auth) = (client.provider().clone(), client.auth().clone());
    /// # let password = || Ok(SecretText::new("of the technical user"));
    /// let client = Client::builder(provider, auth).live_param("password").build()?;
    /// let tokens = Tokens::builder(client).param_source("password", password).build()?;
    /// tokens.ready()?;
    /// # Ok(()) }
    /// ```
    pub fn param_source(mut self, name: &str, source: impl SecretSource) -> Self {
        self.settings = self.settings.param_source(name, source);
        self
    }

    /// The times and limits that it decides by. The defaults suit a server.
    ///
    /// ```
    /// use evergrant_ureq::{Policy, Tokens};
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, client) = story::client()?;
    /// // Token requests that may take 20 s, and at most 100 callers that wait for one.
    /// let policy = Policy::new().with_attempt_timeout(Duration::from_secs(20)).with_max_waiters(100);
    /// let tokens = Tokens::builder(client).policy(policy).build()?;
    /// # Ok(()) }
    /// ```
    pub fn policy(self, policy: Policy) -> Self {
        Self { settings: self.settings.policy(policy), ..self }
    }

    /// The configuration of the agent for token requests: roots, proxies. These settings are made on it in any case:
    /// redirects are never followed, an error status loses no body, nothing packed is asked for, TLS is verified, no
    /// connection is kept, and a loopback literal never goes through a proxy. A proxy that was set on it is used as it is;
    /// without one, the environment says which ([Proxies](crate#proxies)).
    ///
    /// Roots of its own (`RootCerts::Specific`) stay. `RootCerts::WebPki` is what ureq says where nobody chose, so that the
    /// platform's certificates are taken for it: those of the operating system, on Unix of the files that `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` name where they are set. Mozilla's, which the feature `bundled-roots` has, are chosen by `bundled_roots`.
    ///
    /// It replaces a [`transport`](Self::transport) that was set before: the last call counts.
    ///
    /// ```no_run
    /// use evergrant_ureq::Tokens;
    /// use ureq::tls::{Certificate, RootCerts, TlsConfig};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, client) = story::client()?;
    /// let ca = Certificate::from_pem(&std::fs::read("/etc/ssl/our-ca.pem")?)?;
    /// let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[ca])).build();
    /// let tokens = Tokens::builder(client).http(ureq::Agent::config_builder().tls_config(tls)).build()?;
    /// # Ok(()) }
    /// ```
    pub fn http(self, http: ConfigBuilder<AgentScope>) -> Self {
        Self { sending: Sending::Own(self.sending.own().http(http)), ..self }
    }

    /// Sends the token requests through this transport, which other sources use as well: they share its configuration, and the
    /// platform's certificates are not read for each of them when it is built.
    ///
    /// It replaces what [`http`](Self::http), `bundled_roots` and [`proxy_variables`](Self::proxy_variables) have set before, and
    /// each of them replaces it: the last call counts.
    ///
    /// ```
    /// use evergrant_ureq::{Client, Tokens, Transport};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, client) = story::client()?;
    /// let (provider, auth) = (client.provider().clone(), client.auth().clone());
    /// let other = Client::builder(provider, auth).scope("invoices").build()?;
    /// let transport = Transport::new();
    /// let shipments = Tokens::builder(client).transport(&transport).build()?;
    /// let invoices = Tokens::builder(other).transport(&transport).build()?;
    /// # shipments.ready()?;
    /// # invoices.ready()?;
    /// # assert_eq!(server.counts().token_granted, 2);
    /// # Ok(()) }
    /// ```
    pub fn transport(self, transport: &Transport) -> Self {
        Self { sending: Sending::Shared(transport.clone()), ..self }
    }

    /// Trusts the roots of Mozilla that this program was built with, and not the platform's: for a machine without
    /// certificates, or whose certificates are not to be trusted. They are updated only with the program. It replaces a
    /// [`transport`](Self::transport) that was set before.
    ///
    /// ```
    /// use evergrant_ureq::Tokens;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, client) = story::client()?;
    /// let tokens = Tokens::builder(client).bundled_roots().build()?;
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "bundled-roots")]
    pub fn bundled_roots(self) -> Self {
        Self { sending: Sending::Own(self.sending.own().bundled_roots()), ..self }
    }

    /// Whether the proxy variables of the environment are obeyed ([Proxies](crate#proxies)). Default true; otherwise only
    /// a proxy that was set on the configuration is used. It replaces a [`transport`](Self::transport) that was set before.
    ///
    /// ```
    /// use evergrant_ureq::Tokens;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, client) = story::client()?;
    /// // A program that must not go through the proxy of whoever starts it.
    /// let tokens = Tokens::builder(client).proxy_variables(false).build()?;
    /// # tokens.ready()?;
    /// # Ok(()) }
    /// ```
    pub fn proxy_variables(self, proxy_variables: bool) -> Self {
        Self { sending: Sending::Own(self.sending.own().proxy_variables(proxy_variables)), ..self }
    }

    /// The clocks, for tests: see [`ManualClock`](crate::ManualClock).
    ///
    /// ```
    /// use evergrant_ureq::{ManualClock, Tokens};
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, client) = story::client()?;
    /// let clock = ManualClock::new();
    /// let tokens = Tokens::builder(client).clock(clock.clone()).build()?;
    /// let first = tokens.token()?;
    /// clock.advance(Duration::from_secs(2 * 86_400)); // the mock's tokens live for one day
    /// assert!(tokens.token()?.generation() > first.generation());
    /// # Ok(()) }
    /// ```
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { settings: self.settings.clock(clock), ..self }
    }

    /// How long a caller without a token waits for one. The policy's 30 s by default; 1 ms to 1 day.
    ///
    /// ```
    /// use evergrant_mock::Endpoint;
    /// use evergrant_ureq::{Error, Tokens};
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, client) = story::client()?;
    /// let tokens = Tokens::builder(client).patience(Duration::from_millis(20)).build()?;
    /// let gate = server.hold(Endpoint::Token); // a server that takes its time
    /// let error = tokens.token().unwrap_err();
    /// assert!(matches!(error, Error::TimedOut { .. }));
    /// # drop(gate);
    /// # Ok(()) }
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
    /// use evergrant_ureq::Tokens;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, client) = story::client()?;
    /// // A command that would rather fail now than succeed in a minute.
    /// let tokens = Tokens::builder(client).fail_fast(true).build()?;
    /// server.fault(Endpoint::Token, Fault::status_with_retry_after(503, "60"), Times::Once);
    /// let error = tokens.token().unwrap_err();
    /// assert!(!error.is_permanent());
    /// assert_eq!(error.refusal().and_then(|refusal| refusal.status()), Some(503));
    /// # Ok(()) }
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
    /// use evergrant_ureq::{Event, EventKind, Observer, Tokens};
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
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, client) = story::client()?;
    /// let sent = Arc::new(Sent::default());
    /// let observer = Arc::<Sent>::clone(&sent);
    /// let tokens = Tokens::builder(client).name("orders").observer(observer).build()?;
    /// tokens.ready()?;
    /// assert_eq!((sent.0.load(Ordering::Relaxed), tokens.name()), (1, "orders"));
    /// # Ok(()) }
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
    /// use evergrant_ureq::Tokens;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, client) = story::client()?;
    /// let tokens = Tokens::builder(client).build()?;
    /// assert_eq!(server.counts().token_requests, 0); // nothing is sent before somebody asks
    /// tokens.ready()?;
    /// assert_eq!(server.counts().token_requests, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Something that the client reads has no source, or a source nothing that is read ([`ConfigError::NeedsSource`],
    /// [`ConfigError::UnusedSource`],
    /// [`ConfigError::NeedsIdentity`]); an identity is beside something that excludes it ([`ConfigError::IdentityBeside`]), or its server at
    /// plain http ([`ConfigError::TlsRequired`]).
    ///
    /// The token endpoint is https, and this build has no TLS, no crypto provider is installed, or there are no trusted roots on
    /// this machine; or a proxy variable of the environment cannot be read, or names a proxy that cannot be used.
    ///
    /// # Blocking
    /// For an https endpoint, reads the platform's certificates, unless the agent has its own, or a shared transport has read them
    /// before: some 10 ms on Linux. Each token request reads them again, so that new ones count.
    pub fn build(self) -> Result<Tokens, ConfigError> {
        self.settings.check()?;
        if self.settings.has_identity() {
            self.sending.check_identity()?;
        }
        let transport = self.sending.for_client(self.settings.client())?;
        Ok(Tokens(BlockingSource::new(self.settings, bearer, transport)))
    }
}

impl Tokens {
    /// A source with the defaults.
    ///
    /// ```
    /// use evergrant_mock::Server;
    /// use evergrant_ureq::{Client, ClientAuth, Provider, Tokens};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, client) = story::client()?;
    /// let auth = ClientAuth::basic(Server::CLIENT_ID, Server::CLIENT_SECRET)?;
    /// let provider = Provider::rfc6749(&server.token_endpoint())?;
    /// let tokens = Tokens::new(Client::builder(provider, auth).build()?)?;
    /// tokens.ready()?;
    /// # Ok(()) }
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
    /// use evergrant_ureq::Tokens;
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, client) = story::client()?;
    /// let tokens = Tokens::builder(client).patience(Duration::from_secs(5)).build()?;
    /// tokens.ready()?;
    /// # Ok(()) }
    /// ```
    pub fn builder(client: Client) -> TokensBuilder {
        TokensBuilder { settings: Settings::new(client), sending: Sending::Own(Transport::builder()) }
    }

    /// A source that always holds this token and never requests another, for a program's own tests.
    ///
    /// ```
    /// use evergrant_ureq::Tokens;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let tokens = Tokens::fixed("a-token-for-the-test")?;
    /// assert_eq!(tokens.authorization()?, "Bearer a-token-for-the-test");
    /// assert_eq!(tokens.token()?.expires_at(), None);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The text is not an access token.
    pub fn fixed(value: &str) -> Result<Self, ConfigError> {
        Ok(Self(BlockingSource::fixed(AccessToken::new(value)?, bearer)))
    }

    /// A token that may be used now.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, tokens) = story::tokens()?;
    /// let token = tokens.token()?;
    /// assert_eq!(token.value().expose(), server.issued()[0]);
    /// assert!(token.expires_in() > Some(Duration::from_secs(3600)));
    /// // It is kept: nobody asks the server for another one.
    /// assert_eq!(tokens.token()?, token);
    /// assert_eq!(server.counts().token_requests, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help; see [`Error::retry_after`].
    ///
    /// # Blocking
    /// Returns at once while a usable token is held, also while its replacement is fetched. Otherwise blocks for the
    /// source's patience at most, whatever the server does: the request runs on a short-lived thread of its own.
    pub fn token(&self) -> Result<Token, Error> {
        self.0.token(None)
    }

    /// The same with another patience than the source's.
    ///
    /// ```
    /// use evergrant_mock::Endpoint;
    /// use evergrant_ureq::Error;
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, tokens) = story::tokens()?;
    /// let gate = server.hold(Endpoint::Token); // a server that takes its time
    /// let error = tokens.token_within(Duration::from_millis(20)).unwrap_err();
    /// assert!(matches!(error, Error::TimedOut { .. }));
    /// gate.release();
    /// tokens.token_within(Duration::from_secs(5))?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Blocking
    /// As [`token`](Self::token), for `patience` at most.
    pub fn token_within(&self, patience: Duration) -> Result<Token, Error> {
        self.0.token(Some(patience))
    }

    /// A token that may be used now at this API, and was not set aside because this API refused it ([`Rejection::Dropped`],
    /// [`Rejection::Replaced`]). After [`Rejection::Settling`] and [`Rejection::Refused`] it is the same token again. To
    /// attach it by hand, take its [`value`](evergrant_core::Token::value); if it is refused, give this same token to
    /// [`reject`](Self::reject).
    ///
    /// ```
    /// use evergrant_ureq::Origin;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, tokens) = story::tokens()?;
    /// let origin = Origin::parse(&server.origin())?; // "https://api.example.com"
    /// let token = tokens.token_for(&origin)?;
    /// let request = ureq::get(server.resource("/shipments"));
    /// let answer = request.header("Authorization", format!("Bearer {}", token.value().expose())).call()?;
    /// assert_eq!(answer.status(), 200);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Blocking
    /// As [`token`](Self::token).
    pub fn token_for(&self, origin: &Origin) -> Result<Token, Error> {
        self.0.token_for(origin)
    }

    /// The token that may be used now at every API, if one is held: never waits and never sends. `None` while the token is
    /// set aside; if the request that is to replace it fails, [`token`](Self::token) returns it again.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, tokens) = story::tokens()?;
    /// assert!(tokens.try_token().is_none()); // nobody has asked yet
    /// tokens.ready()?;
    /// assert!(tokens.try_token().is_some());
    /// # Ok(()) }
    /// ```
    pub fn try_token(&self) -> Option<Token> {
        self.0.shared().try_token()
    }

    /// The value of an `Authorization` header that may be sent now. It was rendered once, with its token, and is
    /// marked sensitive: the HTTP library never shows it.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, tokens) = story::tokens()?;
    /// let value = tokens.authorization()?;
    /// assert_eq!(value.to_str()?, format!("Bearer {}", server.issued()[0]));
    /// assert_eq!(format!("{value:?}"), "Sensitive");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Blocking
    /// As [`token`](Self::token).
    pub fn authorization(&self) -> Result<HeaderValue, Error> {
        self.0.with_authorization(None, None, |value, _| value.clone())
    }

    /// The same for one API: never of a token that was set aside because this API refused it. A program that reports
    /// refusals itself needs the token as well: it calls [`token_for`](Self::token_for).
    ///
    /// ```
    /// use evergrant_ureq::Origin;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, tokens) = story::tokens()?;
    /// let origin = Origin::parse(&server.origin())?; // "https://api.example.com"
    /// let value = tokens.authorization_for(&origin)?;
    /// assert!(value.is_sensitive());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Blocking
    /// As [`token`](Self::token).
    pub fn authorization_for(&self, origin: &Origin) -> Result<HeaderValue, Error> {
        self.0.with_authorization(None, Some(origin), |value, _| value.clone())
    }

    /// Lends the value of an `Authorization` header that may be sent now to `borrower`, for a program that writes its own
    /// bytes: nothing is copied or counted, and threads that borrow at once do not slow each other down. A value stays in
    /// memory while it is lent, so return soon.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, tokens) = story::tokens()?;
    /// let mut head = b"GET /shipments HTTP/1.1\r\nAuthorization: ".to_vec();
    /// tokens.with_authorization(|value| head.extend_from_slice(value.as_bytes()))?;
    /// assert!(head.ends_with(server.issued()[0].as_bytes()));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help; `borrower` was not called.
    ///
    /// # Blocking
    /// As [`token`](Self::token).
    pub fn with_authorization<R>(&self, borrower: impl FnOnce(&HeaderValue) -> R) -> Result<R, Error> {
        self.0.with_authorization(None, None, |value, _| borrower(value))
    }

    /// Waits until the first token is here: for start-up checks. Stop there only if the error
    /// [`is_permanent`](Error::is_permanent): an outage of the authorization server passes.
    ///
    /// ```
    /// use evergrant_mock::Server;
    /// use evergrant_ureq::{Client, ClientAuth, Provider, Tokens};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, client) = story::client()?;
    /// // A wrong secret: the program does not start, rather than fail its first caller.
    /// let auth = ClientAuth::basic(Server::CLIENT_ID, "not-the-secret")?;
    /// let provider = Provider::rfc6749(&server.token_endpoint())?;
    /// let tokens = Tokens::new(Client::builder(provider, auth).build()?)?;
    /// let error = tokens.ready().unwrap_err();
    /// assert!(error.is_permanent());
    /// assert_eq!(error.refusal().and_then(|refusal| refusal.code()), Some("invalid_client"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help: the error says what to fix.
    ///
    /// # Blocking
    /// As [`token`](Self::token).
    pub fn ready(&self) -> Result<(), Error> {
        self.authorization().map(drop)
    }

    /// Reports that a resource server of this origin refused this token. The token is set aside, unless it was replaced
    /// meanwhile or cannot be replaced now. [`Api`](crate::Api) does this by itself.
    ///
    /// ```
    /// use evergrant_ureq::{Origin, Rejection};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, tokens) = story::tokens()?;
    /// # let agent = ureq::Agent::new_with_config(
    /// #     ureq::Agent::config_builder().proxy(None).http_status_as_error(false).build(),
    /// # );
    /// # let send = |token: &str| -> Result<u16, ureq::Error> {
    /// #     let request = agent.get(server.resource("/shipments"));
    /// #     Ok(request.header("Authorization", format!("Bearer {token}")).call()?.status().as_u16())
    /// # };
    /// # tokens.ready()?;
    /// # server.revoke_all();
    /// # std::thread::sleep(std::time::Duration::from_millis(5));
    /// let origin = Origin::parse(&server.origin())?; // "https://api.example.com"
    /// let token = tokens.token_for(&origin)?;
    /// // With a client of another kind: `Authorization: Bearer`, and the text of the token.
    /// let mut status = send(token.value().expose())?;
    /// if status == 401 && matches!(tokens.reject(&token, &origin), Rejection::Dropped | Rejection::Replaced) {
    ///     let token = tokens.token_for(&origin)?;
    ///     status = send(token.value().expose())?;
    /// }
    /// assert_eq!((status, server.counts().token_requests), (200, 2));
    /// # Ok(()) }
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
    /// use evergrant_ureq::{ClientAuth, Rotation};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, tokens) = story::tokens()?;
    /// tokens.ready()?;
    /// server.rotate_client("my-client-id", "the-new-secret"); // the operator's work
    /// tokens.rotate(ClientAuth::basic("my-client-id", "the-new-secret")?, Rotation::Drop);
    /// tokens.ready()?; // with the new secret
    /// assert_eq!((server.counts().token_granted, server.counts().token_refused), (2, 0));
    /// # Ok(()) }
    /// ```
    pub fn rotate(&self, auth: ClientAuth, rotation: Rotation) {
        self.0.shared().rotate(auth, rotation);
    }

    /// The client's secret, or its assertion, is elsewhere from now on: the next token request reads it there. Nothing is requested because of
    /// it; after a refusal, [`rotate`](Self::rotate) to a [live](ClientAuth::is_live) authentication has it tried at once.
    pub fn read_secret_from(&self, source: impl SecretSource) {
        self.0.shared().read_secret_from(source);
    }

    /// Requests a new token before the old one ends, even if no call asks for one. Run the returned closure on a thread of
    /// the program's own: it ends when the last clone of this source is dropped, and does not hold a clone itself.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, tokens) = story::tokens()?;
    /// std::thread::spawn(tokens.keep_fresh());
    /// // Nobody has asked for a token, and yet one is fetched.
    /// assert!(server.wait_for_token_requests(1, Duration::from_secs(5)));
    /// # Ok(()) }
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
    /// A thread that does this for ever holds a clone, and so keeps the source and its `keep_fresh` alive: leave the loop at the end
    /// of the program.
    ///
    /// # Errors
    /// [`Error::Saturated`]: as many wait for it as may, the policy's `max_waiters`.
    ///
    /// # Blocking
    /// Blocks until then, for `limit` at most.
    pub fn changed(&self, after: Generation, limit: Duration) -> Result<Option<Token>, Error> {
        self.0.changed(after, limit)
    }

    /// The certificate that token requests show ([`TokensBuilder::identity`]), with its key, as soon as it is another than the one with this
    /// thumbprint and has brought a token; any, if none is named; `None` if that did not happen within `limit`. For programs whose API takes
    /// tokens of that certificate alone (RFC 8705 §3): the agent of the API is the program's own, and must be built again. From the moment
    /// when this returns the held token is of the new certificate, and the one before is not used any more.
    ///
    /// It asks for nothing, so [`keep_fresh`](Self::keep_fresh) must run, or somebody must call.
    ///
    /// ```no_run
    /// # use evergrant_ureq::{CertifiedKey, Error, Tokens};
    /// # use std::time::Duration;
    /// # fn rebuild(_: &CertifiedKey) {}
    /// # fn story(tokens: Tokens) -> Result<(), Error> {
    /// let mut shown = None;
    /// loop {
    ///     if let Some(certified) = tokens.identity_changed(shown, Duration::from_secs(3600))? {
    ///         rebuild(&certified); // ureq::tls::PrivateKey::from_pem(certified.key_pem().expose().as_bytes())
    ///         shown = Some(certified.thumbprint());
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`changed`](Self::changed).
    ///
    /// # Blocking
    /// Blocks until then, for `limit` at most.
    pub fn identity_changed(
        &self,
        after: Option<Thumbprint>,
        limit: Duration,
    ) -> Result<Option<CertifiedKey>, Error> {
        self.0.identity_changed(after, limit)
    }

    /// What people call this source: [`TokensBuilder::name`], or the host of the token endpoint.
    pub fn name(&self) -> &str {
        self.0.shared().name()
    }

    /// What is held, what happened, and what comes next. It contains no secret.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, tokens) = story::tokens()?;
    /// tokens.ready()?;
    /// let status = tokens.status();
    /// assert_eq!((status.requests, status.waiting), (1, 0));
    /// assert!(status.held.is_some());
    /// // token 1: used for 23 h, renewed in 23 h; 0 callers wait; 1 token request so far, none is being sent
    /// println!("{status}");
    /// # Ok(()) }
    /// ```
    pub fn status(&self) -> Status {
        self.0.shared().status()
    }

    /// Waits until the [store](TokensBuilder::store) has been told what there is to tell, for a program that is about to end: one that ends sooner
    /// leaves its claim behind, and the other processes wait for that until its time is over. Returns at once without a store; servers and
    /// stores that do not answer hold it up for twice `attempt_timeout` and 4 s at most.
    ///
    /// # Blocking
    /// As long as that takes.
    pub fn flush(&self) {
        self.0.flush();
    }

    /// The held token, to be kept across a restart; `None` for one that an API refused, and for a fixed one. The program
    /// decides where to keep it and how to protect it: it is as secret as a password.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, tokens) = story::tokens()?;
    /// tokens.ready()?;
    /// let stored = tokens.export().ok_or("no token")?;
    /// // To be written where this program alone can read it: the text, when it was requested, how long it lives.
    /// let kept = (stored.token().expose(), stored.issued().since_epoch(), stored.life());
    /// # assert_eq!(kept.0, server.issued()[0]);
    /// # Ok(()) }
    /// ```
    pub fn export(&self) -> Option<Stored> {
        self.0.shared().export()
    }

    /// Takes a token that was kept across a restart. Returns whether it was taken: no token may be held yet, and some of
    /// its lifetime must be left.
    ///
    /// ```
    /// use evergrant_ureq::{AccessToken, Stored, Wall};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (server, tokens) = story::tokens()?;
    /// // Read from where the last run has kept it:
    /// # let (text, issued, life) = ("abc", std::time::UNIX_EPOCH.elapsed()?, std::time::Duration::from_secs(3600));
    /// let stored = Stored::new(AccessToken::new(text)?, Wall::from_epoch(issued), life);
    /// assert!(tokens.restore(stored));
    /// tokens.ready()?;
    /// assert_eq!(server.counts().token_requests, 0);
    /// # Ok(()) }
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
