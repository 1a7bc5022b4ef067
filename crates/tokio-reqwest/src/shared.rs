//! What sends the token requests of a source: a transport of its own, or one that it shares.

use crate::route::Proxies;
use crate::transport::Reqwest;
use crate::way::{Needs, Way};
use crate::ways::{Certified, Clients, Http, Recipe, Ways};
use evergrant_core::{Client, ConfigError};
use evergrant_http::proxy::Proxy;
use reqwest::ClientBuilder;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Sends the token requests of many sources, for a program with many clients: [`TokensBuilder::transport`](crate::TokensBuilder::transport).
/// Clones are one transport.
///
/// A source without one has an HTTP client of its own, which takes some 100 KB. A transport has one for all token endpoints,
/// of any origin, that are reached alike: through the same proxy or none, with TLS or without, and within the same
/// `attempt_timeout`. Each is built when the first source needs it, and stays until the transport and its sources are dropped.
/// Sources share nothing else, neither connections nor tokens. Those of a pool that show a client certificate
/// ([`PoolClient::identity`](crate::PoolClient::identity)) have an HTTP client for each certificate, which goes with the last of its sources.
///
/// ```
/// use evergrant_tokio_reqwest::{Tokens, Transport};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (server, client) = story::client()?;
/// # let clients = [client.clone(), client];
/// let transport = Transport::new();
/// let mut sources = Vec::new();
/// for client in clients {
///     sources.push(Tokens::builder(client).transport(&transport).build()?);
/// }
/// # for tokens in &sources { tokens.ready().await?; }
/// # assert_eq!(server.counts().token_requests, 2);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Transport(Arc<Shared>);

struct Shared {
    recipe: Arc<Recipe>,
    clients: Arc<Clients>,
    certified: Arc<Certified>,
}

impl Shared {
    fn new(http: Http, proxies: Proxies) -> Self {
        let recipe = Arc::new(Recipe { http, proxies });
        Self { recipe, clients: Arc::default(), certified: Arc::default() }
    }

    /// What sends the token requests of this client.
    fn for_client(&self, client: &Client, attempt_timeout: Duration) -> Result<Reqwest, ConfigError> {
        let Self { recipe, clients, certified } = self;
        let (provider, first) = (client.provider(), client.provider().server());
        if client.shows_certificate() {
            let ways = Ways::certified(first.clone(), attempt_timeout, recipe, certified)?;
            return Ok(Reqwest::Found(Arc::new(ways)));
        }
        if provider.token_endpoint().is_none() {
            let ways = Ways::found(first.clone(), attempt_timeout, recipe, clients)?;
            return Ok(Reqwest::Found(Arc::new(ways)));
        }
        let needs = recipe.needs(first, attempt_timeout)?;
        Ok(Reqwest::Known(clients.value(needs, |needs| recipe.way(needs, None))?))
    }
}

/// How a transport is made: [`Transport::builder`].
///
/// ```
/// use evergrant_tokio_reqwest::{Proxy, Transport};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = Transport::builder().proxy(Proxy::parse("http://proxy.example:3128")?).build();
/// # drop(transport); Ok(()) }
/// ```
#[must_use]
pub struct TransportBuilder {
    /// `None` unless the user gave one.
    http: Option<Box<dyn Fn() -> ClientBuilder + Send + Sync>>,
    proxies: Proxies,
}

impl Transport {
    /// A transport with the defaults: the proxies of the environment, and the platform's roots.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A transport to be configured.
    pub fn builder() -> TransportBuilder {
        TransportBuilder { http: None, proxies: Proxies::of_environment() }
    }

    /// What sends the token requests of this client.
    pub(crate) fn for_client(
        &self,
        client: &Client,
        attempt_timeout: Duration,
    ) -> Result<Reqwest, ConfigError> {
        self.0.for_client(client, attempt_timeout)
    }
}

impl Default for Transport {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Transport").field(&self.0.recipe).finish()
    }
}

/// Without the HTTP client, whose default headers may hold a secret.
impl fmt::Debug for TransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportBuilder").field("proxies", &self.proxies).finish_non_exhaustive()
    }
}

impl TransportBuilder {
    /// The HTTP client for token requests: roots, proxies, a resolver. reqwest's builder cannot be cloned, so `http` is called for each
    /// HTTP client that is built. What holds for the builder of
    /// [`TokensBuilder::http`](crate::TokensBuilder::http) holds for these. All sources would share the cookies of a cookie store:
    /// leave it off.
    ///
    /// ```no_run
    /// use evergrant_tokio_reqwest::Transport;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ca = reqwest::Certificate::from_pem(&std::fs::read("/etc/ssl/our-ca.pem")?)?;
    /// let http = move || reqwest::Client::builder().tls_certs_merge([ca.clone()]);
    /// let transport = Transport::builder().http(http).build();
    /// # drop(transport); Ok(()) }
    /// ```
    pub fn http(self, http: impl Fn() -> ClientBuilder + Send + Sync + 'static) -> Self {
        Self { http: Some(Box::new(http)), ..self }
    }

    /// Whether the proxy variables of the environment are obeyed, as
    /// [`TokensBuilder::proxy_variables`](crate::TokensBuilder::proxy_variables) says. Default true.
    ///
    /// This and [`proxy`](Self::proxy) set the same thing: the last call counts.
    pub fn proxy_variables(self, proxy_variables: bool) -> Self {
        Self { proxies: Proxies::variables(proxy_variables), ..self }
    }

    /// The proxy of token requests, or `None` for a direct connection, as [`TokensBuilder::proxy`](crate::TokensBuilder::proxy)
    /// says.
    pub fn proxy(self, proxy: impl Into<Option<Proxy>>) -> Self {
        Self { proxies: Proxies::Chosen(proxy.into()), ..self }
    }

    /// The transport. Its HTTP clients are not built yet: what is wrong with one is the error of the
    /// [`TokensBuilder::build`](crate::TokensBuilder::build) that needs it.
    pub fn build(self) -> Transport {
        Transport(Arc::new(Shared::new(self.http.map_or(Http::Default, Http::Each), self.proxies)))
    }
}

/// What sends the token requests of one source: whichever was set last.
#[expect(clippy::large_enum_variant, reason = "a builder is short-lived")]
pub(crate) enum Sending {
    Own(Own),
    Shared(Transport),
}

/// An HTTP client for one source.
pub(crate) struct Own {
    pub(crate) http: OwnHttp,
    pub(crate) proxies: Proxies,
}

/// Where it comes from.
#[expect(clippy::large_enum_variant, reason = "a builder is short-lived")]
pub(crate) enum OwnHttp {
    /// One, and no more: reqwest's builder cannot be cloned.
    Once(ClientBuilder),
    Made(Http),
}

impl Default for Own {
    fn default() -> Self {
        Self { http: OwnHttp::Made(Http::Default), proxies: Proxies::of_environment() }
    }
}

impl Sending {
    /// Whether what sends can be built again with another certificate.
    ///
    /// # Errors
    /// [`ConfigError::IdentityBeside`].
    pub(crate) fn check_identity(&self) -> Result<(), ConfigError> {
        match self {
            Self::Shared(_) => Err(ConfigError::IdentityBeside { beside: "transport", instead: None }),
            Self::Own(Own { http: OwnHttp::Once(_), .. }) => {
                Err(ConfigError::IdentityBeside { beside: "http", instead: Some("http_each") })
            }
            Self::Own(_) => Ok(()),
        }
    }

    /// What was set for this source alone: nothing, if it had a shared transport.
    pub(crate) fn own(self) -> Own {
        match self {
            Self::Own(own) => own,
            Self::Shared(_) => Own::default(),
        }
    }

    pub(crate) fn for_client(
        self,
        client: &Client,
        attempt_timeout: Duration,
    ) -> Result<Reqwest, ConfigError> {
        match self {
            Self::Own(Own { http: OwnHttp::Made(http), proxies }) => {
                Shared::new(http, proxies).for_client(client, attempt_timeout)
            }
            Self::Own(Own { http: OwnHttp::Once(http), proxies }) => {
                let (provider, first) = (client.provider(), client.provider().server());
                let needs = Needs::new(true, first, attempt_timeout, &proxies)?;
                if provider.token_endpoint().is_some() {
                    return Ok(Reqwest::Known(Way::new(http, &needs, None)?));
                }
                let way = Way::new(http, &needs.for_any(), None)?;
                let ways = Ways::through(first.clone(), attempt_timeout, way, proxies);
                Ok(Reqwest::Found(Arc::new(ways)))
            }
            Self::Shared(transport) => transport.for_client(client, attempt_timeout),
        }
    }
}

#[cfg(test)]
mod tests;
