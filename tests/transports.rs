//! One token request through each transport that exists.

use crate::{install_tls, quick};
use evergrant_async_std::{AsyncStd, HttpClient, Net, Smol};
use evergrant_tokio_reqwest::core::{Problem, Refusal, TransportErrorKind};
use evergrant_tokio_reqwest::{
    Client, ClientAuth, ConfigError, Error, Identity, Policy, Provider, Rotation, SealedStore, Stored,
    Thumbprint, Token,
};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::pin::Pin;
use std::sync::Arc;
use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;

/// The client's secret, wherever one is asked with.
pub const SECRET: &str = "secret-of-the-transports";

/// A policy by which a failure rests for longer than any test: there is one request until [`Source::forget`].
pub fn once() -> Policy {
    quick().with_attempt_timeout(crate::LONG).with_backoff(crate::LONG, crate::LONG)
}

/// What is asked, and how.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The client.
    pub client: Client,
    /// The policy; whatever it says, the first outcome is taken.
    pub policy: Policy,
    /// The one root that is trusted, instead of the platform's.
    pub root: Option<CertificateDer<'static>>,
    /// Whether the proxy variables of the environment are obeyed.
    pub proxy_variables: bool,
    /// What other sources are asked through as well; it has roots and proxies of its own.
    pub shared: Option<Shared>,
    /// The client certificate that its connections show.
    pub identity: Option<Identity>,
    /// The store that it shares with other processes.
    pub store: Option<SealedStore>,
}

impl Asking {
    /// A client with [`SECRET`] in the body, at this token endpoint.
    ///
    /// # Panics
    /// It is no token endpoint.
    pub fn at(token_endpoint: &str) -> Self {
        let provider = Provider::rfc6749(token_endpoint).expect("a token endpoint");
        let auth = ClientAuth::post("client", SECRET).expect("plain characters");
        let client = Client::builder(provider, auth).build().expect("nothing is wrong with it");
        Self {
            client,
            policy: once(),
            root: None,
            proxy_variables: true,
            shared: None,
            identity: None,
            store: None,
        }
    }

    /// The same, trusting this root alone.
    #[must_use]
    pub fn trusting(self, root: &CertificateDer<'static>) -> Self {
        Self { root: Some(root.clone()), ..self }
    }

    /// The same through these transports.
    #[must_use]
    pub fn through(self, shared: &Shared) -> Self {
        Self { shared: Some(shared.clone()), ..self }
    }

    /// The same showing this.
    #[must_use]
    pub fn showing(self, identity: &Identity) -> Self {
        Self { identity: Some(identity.clone()), ..self }
    }

    /// The same over this store.
    #[must_use]
    pub fn over(self, store: SealedStore) -> Self {
        Self { store: Some(store), ..self }
    }

    /// The same of another client.
    #[must_use]
    pub fn by(self, client: Client) -> Self {
        Self { client, ..self }
    }

    /// The same with another policy.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }
}

/// A transport of each adapter, for any number of sources.
#[derive(Clone, Debug)]
pub struct Shared {
    tokio_reqwest: evergrant_tokio_reqwest::Transport,
    async_std: evergrant_async_std::Transport<AsyncStd>,
    smol: evergrant_async_std::Transport<Smol>,
    ureq: evergrant_ureq::Transport,
}

impl Shared {
    /// With the proxies of the environment, as it is now, and the platform's roots.
    pub fn new() -> Self {
        let (tokio_reqwest, ureq) =
            (evergrant_tokio_reqwest::Transport::new(), evergrant_ureq::Transport::new());
        let (async_std, smol) =
            (evergrant_async_std::Transport::new(), evergrant_async_std::Transport::new());
        Self { tokio_reqwest, async_std, smol, ureq }
    }

    /// The same, trusting this root alone, through HTTP clients of the program's own.
    pub fn trusting(root: &CertificateDer<'static>) -> Self {
        let owned = root.clone();
        let tokio_reqwest =
            evergrant_tokio_reqwest::Transport::builder().http(move || reqwest_trusting(&owned));
        let ureq = evergrant_ureq::Transport::builder().http(ureq_trusting(root));
        Self {
            tokio_reqwest: tokio_reqwest.build(),
            async_std: futures_trusting(root),
            smol: futures_trusting(root),
            ureq: ureq.build(),
        }
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self::new()
    }
}

fn futures_trusting<N: Net>(root: &CertificateDer<'static>) -> evergrant_async_std::Transport<N> {
    let http = HttpClient::new().with_tls(tls_config(root));
    evergrant_async_std::Transport::builder().http(http).build()
}

/// An HTTP client that trusts this root alone.
///
/// # Panics
/// It is no certificate.
pub fn reqwest_trusting(root: &CertificateDer<'static>) -> reqwest::ClientBuilder {
    let root = reqwest::Certificate::from_der(root).expect("a certificate");
    reqwest::Client::builder().tls_certs_only([root])
}

/// An HTTP client that trusts this root alone.
pub fn ureq_trusting(root: &CertificateDer<'static>) -> ConfigBuilder<AgentScope> {
    let root = ureq::tls::Certificate::from_der(root).to_owned();
    let roots = ureq::tls::RootCerts::new_with_certs(&[root]);
    ureq::Agent::config_builder().tls_config(ureq::tls::TlsConfig::builder().root_certs(roots).build())
}

/// A source of tokens over one transport, as a thread sees it.
pub trait Source {
    /// A token, or the first outcome.
    ///
    /// # Errors
    /// Of the source.
    fn token(&self) -> Result<Token, Error>;

    /// Throws the token away: the next call makes another request.
    fn forget(&self);

    /// Waits until the store was told everything.
    fn flush(&self);

    /// The certificate that brought the last token, once it is another than this one.
    ///
    /// # Errors
    /// Of the source.
    fn identity_changed(&self, after: Option<Thumbprint>) -> Result<Thumbprint, Error>;

    /// The token as it may be kept.
    fn export(&self) -> Option<Stored>;

    /// Whether a token that was kept is taken.
    fn restore(&self, stored: Stored) -> bool;
}

/// Makes a source over a transport.
pub type Mount = fn(&Asking) -> Box<dyn Source>;

/// Makes one, or says what is wrong with the configuration.
pub type Build = fn(&Asking) -> Result<Box<dyn Source>, ConfigError>;

/// Every transport, by name.
pub const TRANSPORTS: [(&str, Mount); 4] = [
    ("tokio-reqwest", |asking| tokio_reqwest(asking).expect("a TLS provider is installed")),
    ("async-std", |asking| on_async_std(asking).expect("its roots are given")),
    ("smol", |asking| on_smol(asking).expect("its roots are given")),
    ("ureq", |asking| ureq(asking).expect("settings that can be served")),
];

/// The same, for configurations that cannot work.
pub const BUILDS: [(&str, Build); 4] =
    [("tokio-reqwest", tokio_reqwest), ("async-std", on_async_std), ("smol", on_smol), ("ureq", ureq)];

fn on_async_std(asking: &Asking) -> Result<Box<dyn Source>, ConfigError> {
    let shared = asking.shared.as_ref().map(|shared| &shared.async_std);
    futures(asking, shared, |token| async_std::task::block_on(token))
}

fn on_smol(asking: &Asking) -> Result<Box<dyn Source>, ConfigError> {
    let shared = asking.shared.as_ref().map(|shared| &shared.smol);
    futures(asking, shared, |token| smol::block_on(token))
}

struct Tokio {
    runtime: tokio::runtime::Runtime,
    tokens: evergrant_tokio_reqwest::Tokens,
    auth: ClientAuth,
}

fn tokio_reqwest(asking: &Asking) -> Result<Box<dyn Source>, ConfigError> {
    install_tls();
    let builder = evergrant_tokio_reqwest::Tokens::builder(asking.client.clone());
    let builder =
        builder.policy(asking.policy.clone()).fail_fast(true).proxy_variables(asking.proxy_variables);
    // More than one HTTP client may be needed.
    let are_several = asking.identity.is_some() || asking.client.provider().token_endpoint().is_none();
    let builder = match asking.root.clone() {
        Some(root) if are_several => builder.http_each(move || reqwest_trusting(&root)),
        Some(root) => builder.http(reqwest_trusting(&root)),
        None => builder,
    };
    let builder = match &asking.identity {
        Some(identity) => builder.identity(identity.clone()),
        None => builder,
    };
    let builder = match &asking.store {
        Some(store) => builder.store(store.clone()),
        None => builder,
    };
    let builder = match &asking.shared {
        Some(shared) => builder.transport(&shared.tokio_reqwest),
        None => builder,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(Box::new(Tokio {
        runtime: runtime.expect("a runtime"),
        tokens: builder.build()?,
        auth: asking.client.auth().clone(),
    }))
}

impl Source for Tokio {
    fn token(&self) -> Result<Token, Error> {
        self.runtime.block_on(self.tokens.token())
    }

    fn forget(&self) {
        self.tokens.rotate(self.auth.clone(), Rotation::Drop);
    }

    fn flush(&self) {
        self.runtime.block_on(self.tokens.flush());
    }

    fn identity_changed(&self, after: Option<Thumbprint>) -> Result<Thumbprint, Error> {
        Ok(self.runtime.block_on(self.tokens.identity_changed(after))?.thumbprint())
    }

    fn export(&self) -> Option<Stored> {
        self.tokens.export()
    }

    fn restore(&self, stored: Stored) -> bool {
        self.tokens.restore(stored)
    }
}

type Outcome<'a> = Pin<Box<dyn Future<Output = Result<Token, Error>> + Send + 'a>>;

struct Futures<N> {
    tokens: evergrant_async_std::Tokens<N>,
    auth: ClientAuth,
    block_on: fn(Outcome<'_>) -> Result<Token, Error>,
}

fn futures<N: Net>(
    asking: &Asking,
    shared: Option<&evergrant_async_std::Transport<N>>,
    block_on: fn(Outcome<'_>) -> Result<Token, Error>,
) -> Result<Box<dyn Source>, ConfigError> {
    let mut http = HttpClient::<N>::new();
    if let Some(root) = &asking.root {
        http = http.with_tls(tls_config(root));
    }
    let builder = evergrant_async_std::Tokens::builder(asking.client.clone()).policy(asking.policy.clone());
    let builder = builder.fail_fast(true).http(http).proxy_variables(asking.proxy_variables);
    let builder = match &asking.identity {
        Some(identity) => builder.identity(identity.clone()),
        None => builder,
    };
    let builder = match &asking.store {
        Some(store) => builder.store(store.clone()),
        None => builder,
    };
    let builder = match shared {
        Some(shared) => builder.transport(shared),
        None => builder,
    };
    let tokens = builder.build()?;
    Ok(Box::new(Futures { tokens, auth: asking.client.auth().clone(), block_on }))
}

impl<N: Net> Source for Futures<N> {
    fn token(&self) -> Result<Token, Error> {
        (self.block_on)(Box::pin(self.tokens.token()))
    }

    fn forget(&self) {
        self.tokens.rotate(self.auth.clone(), Rotation::Drop);
    }

    fn flush(&self) {
        // Whichever runtime: it is woken by its job alone.
        smol::block_on(self.tokens.flush());
    }

    fn identity_changed(&self, after: Option<Thumbprint>) -> Result<Thumbprint, Error> {
        // Whichever runtime: it is woken by a token alone.
        Ok(smol::block_on(self.tokens.identity_changed(after))?.thumbprint())
    }

    fn export(&self) -> Option<Stored> {
        self.tokens.export()
    }

    fn restore(&self, stored: Stored) -> bool {
        self.tokens.restore(stored)
    }
}

/// TLS that trusts this root alone.
///
/// # Panics
/// It is no certificate.
pub fn tls_config(root: &CertificateDer<'static>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(config.expect("ring speaks them").with_root_certificates(roots).with_no_client_auth())
}

struct Ureq(evergrant_ureq::Tokens, ClientAuth);

fn ureq(asking: &Asking) -> Result<Box<dyn Source>, ConfigError> {
    let http = asking.root.as_ref().map_or_else(ureq::Agent::config_builder, ureq_trusting);
    let builder = evergrant_ureq::Tokens::builder(asking.client.clone()).policy(asking.policy.clone());
    let builder = builder.fail_fast(true).http(http).proxy_variables(asking.proxy_variables);
    let builder = match &asking.identity {
        Some(identity) => builder.identity(identity.clone()),
        None => builder,
    };
    let builder = match &asking.store {
        Some(store) => builder.store(store.clone()),
        None => builder,
    };
    let builder = match &asking.shared {
        Some(shared) => builder.transport(&shared.ureq),
        None => builder,
    };
    let tokens = builder.build()?;
    Ok(Box::new(Ureq(tokens, asking.client.auth().clone())))
}

impl Source for Ureq {
    fn token(&self) -> Result<Token, Error> {
        self.0.token()
    }

    fn forget(&self) {
        self.0.rotate(self.1.clone(), Rotation::Drop);
    }

    fn flush(&self) {
        self.0.flush();
    }

    fn identity_changed(&self, after: Option<Thumbprint>) -> Result<Thumbprint, Error> {
        let changed = self.0.identity_changed(after, crate::LONG)?;
        Ok(changed.expect("another certificate within the time").thumbprint())
    }

    fn export(&self) -> Option<Stored> {
        self.0.export()
    }

    fn restore(&self, stored: Stored) -> bool {
        self.0.restore(stored)
    }
}

/// What the server, or the way to it, was refused for.
///
/// # Panics
/// There is a token, or no request was made.
#[track_caller]
pub fn refusal(name: &str, outcome: Result<Token, Error>) -> Refusal {
    match outcome {
        Ok(_) => panic!("{name}: there is a token"),
        Err(error) => error.refusal().unwrap_or_else(|| panic!("{name}: {error}")).clone(),
    }
}

/// Where the way to the server broke.
///
/// # Panics
/// The server answered.
#[track_caller]
pub fn broke(name: &str, outcome: Result<Token, Error>) -> TransportErrorKind {
    let refusal = refusal(name, outcome);
    match refusal.problem() {
        Problem::Transport(error) => error.kind(),
        _ => panic!("{name}: {refusal}"),
    }
}
