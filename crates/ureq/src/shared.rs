//! What sends the token requests of a source: a transport of its own, or one that it shares.

use crate::route::Route;
use crate::transport::{Agents, Roots, Ureq};
use evergrant_core::{Client, ConfigError};
use evergrant_http::OnDemand;
use evergrant_http::proxy::ProxyVariables;
use std::fmt;
use std::sync::Arc;
use ureq::config::{Config, ConfigBuilder};
use ureq::typestate::AgentScope;

/// Sends the token requests of many sources, for a program with many clients: [`TokensBuilder::transport`](crate::TokensBuilder::transport).
/// Clones are one transport.
///
/// A source without one has a configuration of its own, and building it reads the platform's certificates. A transport has one
/// configuration for all token endpoints, of any origin, and checks once for each proxy that the certificates can be read. Sources
/// share nothing else, neither connections nor tokens: each token request has an agent of its own.
///
/// ```
/// use evergrant_ureq::{Tokens, Transport};
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (server, client) = story::client()?;
/// # let clients = [client.clone(), client];
/// let transport = Transport::new();
/// let mut sources = Vec::new();
/// for client in clients {
///     sources.push(Tokens::builder(client).transport(&transport).build()?);
/// }
/// # for tokens in &sources { tokens.ready()?; }
/// # assert_eq!(server.counts().token_requests, 2);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Transport(Arc<Shared>);

struct Shared {
    agents: Arc<Agents>,
    /// `None` if they are not obeyed.
    variables: Option<ProxyVariables>,
    /// By the proxy, and by whether there is TLS.
    ways: OnDemand<(Route, bool), Ureq>,
}

/// How a transport is made: [`Transport::builder`].
///
/// ```
/// use evergrant_ureq::Transport;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let proxy = ureq::Proxy::new("http://proxy.example:3128")?;
/// let transport = Transport::builder().http(ureq::Agent::config_builder().proxy(Some(proxy))).build();
/// # drop(transport); Ok(()) }
/// ```
#[must_use]
pub struct TransportBuilder {
    http: ConfigBuilder<AgentScope>,
    roots: Roots,
    proxy_variables: bool,
}

impl Transport {
    /// A transport with the defaults: the proxies of the environment, and the platform's roots.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A transport to be configured.
    pub fn builder() -> TransportBuilder {
        TransportBuilder { http: Config::builder(), roots: Roots::Platform, proxy_variables: true }
    }

    /// What sends the token requests of this client.
    pub(crate) fn for_client(&self, client: &Client) -> Result<Ureq, ConfigError> {
        let Shared { agents, variables, ways } = &*self.0;
        let endpoint = client.provider().server();
        // The token endpoint may be elsewhere than the metadata.
        if client.provider().token_endpoint().is_none() {
            return Ureq::found(agents, variables.clone(), endpoint);
        }
        let route = Route::new(agents.proxy(), endpoint, variables.as_ref())?;
        let has_tls = endpoint.origin().scheme() == "https";
        ways.value((route, has_tls), |(route, _)| Ureq::new(agents, route.clone(), endpoint))
    }
}

impl Default for Transport {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { agents, variables, .. } = &*self.0;
        f.debug_struct("Transport")
            .field("proxy", &agents.proxy())
            .field("variables", variables)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { roots, proxy_variables, .. } = self;
        f.debug_struct("TransportBuilder")
            .field("roots", roots)
            .field("proxy_variables", proxy_variables)
            .finish_non_exhaustive()
    }
}

impl TransportBuilder {
    /// The configuration of the agents for token requests: roots, proxies. What holds for that of
    /// [`TokensBuilder::http`](crate::TokensBuilder::http) holds for this.
    pub fn http(self, http: ConfigBuilder<AgentScope>) -> Self {
        Self { http, ..self }
    }

    /// Trusts the roots of Mozilla that this program was built with, and not the platform's, as
    /// [`TokensBuilder::bundled_roots`](crate::TokensBuilder::bundled_roots) does.
    #[cfg(feature = "bundled-roots")]
    pub fn bundled_roots(self) -> Self {
        Self { roots: Roots::Bundled, ..self }
    }

    /// Whether the proxy variables of the environment are obeyed ([Proxies](crate#proxies)). Default true; otherwise only
    /// a proxy that was set on the configuration is used.
    pub fn proxy_variables(self, proxy_variables: bool) -> Self {
        Self { proxy_variables, ..self }
    }

    /// The transport. The platform's certificates are not read yet: what is wrong with them is the error of the
    /// [`TokensBuilder::build`](crate::TokensBuilder::build) that needs them.
    pub fn build(self) -> Transport {
        let variables = self.proxy_variables.then(ProxyVariables::from_env);
        let agents = Arc::new(Agents::new(self.http, self.roots));
        Transport(Arc::new(Shared { agents, variables, ways: OnDemand::new() }))
    }
}

/// What sends the token requests of one source: whichever was set last.
#[expect(clippy::large_enum_variant, reason = "a builder is short-lived")]
pub(crate) enum Sending {
    Own(TransportBuilder),
    Shared(Transport),
}

impl Sending {
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
    pub(crate) fn own(self) -> TransportBuilder {
        match self {
            Self::Own(own) => own,
            Self::Shared(_) => Transport::builder(),
        }
    }

    pub(crate) fn for_client(self, client: &Client) -> Result<Ureq, ConfigError> {
        match self {
            Self::Own(own) => own.build().for_client(client),
            Self::Shared(transport) => transport.for_client(client),
        }
    }
}

#[cfg(test)]
mod tests;
