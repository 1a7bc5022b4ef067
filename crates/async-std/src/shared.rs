//! What sends the token requests of a source: a transport of its own, or one that it shares.

use crate::client::HttpClient;
use crate::net::Net;
use crate::transport::Hyper;
use evergrant_core::{Client, ConfigError};
use evergrant_http::OnDemand;
use evergrant_http::proxy::Proxy;
use std::sync::Arc;

/// Sends the token requests of many sources, for a program with many clients: [`TokensBuilder::transport`](crate::TokensBuilder::transport).
/// Clones are one transport.
///
/// A source without one has an HTTP client of its own, which takes some 100 KB for the trusted roots if its token endpoint is https.
/// A transport has one for all token endpoints, of any origin, and reads the roots once, when the first source needs them.
/// Sources share nothing else, neither connections nor tokens. Those of a pool that show a client certificate
/// ([`PoolClient::identity`](crate::PoolClient::identity)) have TLS sessions of their own, and the roots of all.
///
/// ```
/// use evergrant_async_std::{Tokens, Transport};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
/// # use story::AsyncStd;
/// # let (server, client) = story::client()?;
/// # let clients = [client.clone(), client];
/// let transport = Transport::<AsyncStd>::new();
/// let mut sources = Vec::new();
/// for client in clients {
///     sources.push(Tokens::builder(client).transport(&transport).build()?);
/// }
/// # for tokens in &sources { tokens.ready().await?; }
/// # assert_eq!(server.counts().token_requests, 2);
/// # Ok(()) }) }
/// ```
#[derive(Clone, Debug)]
pub struct Transport<N>(Arc<Shared<N>>);

#[derive(Debug)]
struct Shared<N> {
    http: Arc<HttpClient<N>>,
    /// By the proxy.
    ways: OnDemand<Option<Proxy>, Hyper<N>>,
}

/// How a transport is made: [`Transport::builder`].
///
/// ```
/// # use story::AsyncStd;
/// use evergrant_async_std::{HttpClient, Transport};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let http = HttpClient::new().with_proxy("http://proxy.example:3128")?;
/// let transport = Transport::<AsyncStd>::builder().http(http).build();
/// # drop(transport); Ok(()) }
/// ```
#[derive(Debug)]
#[must_use]
pub struct TransportBuilder<N> {
    http: HttpClient<N>,
    proxy_variables: bool,
}

impl<N: Net> Transport<N> {
    /// A transport with the defaults: the proxies of the environment, and the platform's roots.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A transport to be configured.
    pub fn builder() -> TransportBuilder<N> {
        TransportBuilder { http: HttpClient::new(), proxy_variables: true }
    }

    /// What sends the token requests of this client.
    pub(crate) fn for_client(&self, client: &Client) -> Result<Hyper<N>, ConfigError> {
        let Shared { http, ways } = &*self.0;
        let origin = client.provider().server().origin();
        let proxy = http.routed(origin)?;
        if origin.scheme() == "https" {
            http.ready()?;
        }
        // The token endpoint may be elsewhere than the metadata.
        if client.provider().token_endpoint().is_none() {
            return Ok(Hyper::found(http));
        }
        ways.value(proxy, |proxy| Ok(Hyper::new(http, proxy.clone())))
    }
}

impl<N: Net> Default for Transport<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N: Net> TransportBuilder<N> {
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

    /// The transport. Roots are not read yet: what is wrong with them is the error of the
    /// [`TokensBuilder::build`](crate::TokensBuilder::build) that needs them.
    pub fn build(self) -> Transport<N> {
        let http = if self.proxy_variables { self.http } else { self.http.without_proxy_variables() };
        Transport(Arc::new(Shared { http: Arc::new(Hyper::client(http)), ways: OnDemand::new() }))
    }
}

/// What sends the token requests of one source: whichever was set last.
#[derive(Debug)]
pub(crate) enum Sending<N> {
    Own(TransportBuilder<N>),
    Shared(Transport<N>),
}

impl<N: Net> Sending<N> {
    /// Whether what sends is this source's own, so that it can be built again with another certificate.
    ///
    /// # Errors
    /// [`ConfigError::IdentityBeside`].
    pub(crate) const fn check_identity(&self) -> Result<(), ConfigError> {
        match self {
            Self::Shared(_) => {
                Err(ConfigError::IdentityBeside { beside: "transport", instead: Some("http") })
            }
            Self::Own(_) => Ok(()),
        }
    }

    /// What was set for this source alone: nothing, if it had a shared transport.
    pub(crate) fn own(self) -> TransportBuilder<N> {
        match self {
            Self::Own(own) => own,
            Self::Shared(_) => Transport::builder(),
        }
    }

    pub(crate) fn for_client(self, client: &Client) -> Result<Hyper<N>, ConfigError> {
        match self {
            Self::Own(own) => own.build().for_client(client),
            Self::Shared(transport) => transport.for_client(client),
        }
    }
}

#[cfg(test)]
mod tests;
