//! The network as every HTTP client of the command sees it: which roots are trusted, which proxy is on the way.

use crate::client::roots::Roots;
use crate::tell::failure::Failure;
use evergrant_drive::CertifiedKey;
use evergrant_http::proxy::ProxyVariables;
use evergrant_http::tls_error;
use evergrant_tokio_reqwest::core::{Endpoint, Excerpt};
use evergrant_tokio_reqwest::{ConfigError, Origin, Provider, Proxy, TokensBuilder, proxied};
use reqwest::ClientBuilder;
use reqwest::redirect::Policy;
use std::fmt;
use std::time::Duration;

/// How many lines of headers the library reads of a token endpoint's answer.
const MAX_HEADERS: usize = 1000;

/// The word for no proxy, where one is named.
const DIRECT: &str = "none";

/// Roots and proxy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    pub(crate) roots: Roots,
    pub(crate) proxy: Proxied,
}

/// Who says which proxy there is.
#[derive(Clone, Debug, Default)]
pub(crate) enum Proxied {
    /// The variables of the environment.
    #[default]
    Variables,
    /// The user: this one, or none.
    Chosen(Option<Proxy>),
}

impl Proxied {
    /// What was written for a proxy: its URL, or `none`.
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        let proxy = if text == DIRECT { None } else { Some(Proxy::parse(text)?) };
        Ok(Self::Chosen(proxy))
    }

    /// Whether a user or a password was written with it.
    pub(crate) fn has_credentials(&self) -> bool {
        matches!(self, Self::Chosen(Some(proxy)) if proxy.credentials().is_some())
    }
}

/// Its URL, or `none`, or who says it; never a user and a password.
impl fmt::Display for Proxied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variables => f.write_str("as the environment says"),
            Self::Chosen(Some(proxy)) => {
                write!(f, "{}://{}:{}", proxy.scheme().as_str(), proxy.host(), proxy.port())
            }
            Self::Chosen(None) => f.write_str(DIRECT),
        }
    }
}

impl Network {
    /// Whether requests take the same way, as the configuration file says it, which has no user and no password.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.roots == other.roots && self.proxy.to_string() == other.proxy.to_string()
    }

    /// The client for calls to this origin. No redirect is followed, and a head is read as the library reads it: with folded
    /// lines (RFC 9112 §5.2), and with as many as gateways add. Each address of a name has its share of the time to connect.
    pub(crate) fn http(&self, origin: &Origin, connect: Duration) -> Result<ClientBuilder, Failure> {
        let builder = without_needless_roots(reqwest::Client::builder(), origin);
        let builder = self
            .roots
            .trusted(builder)
            .redirect(Policy::none())
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .http1_max_headers(MAX_HEADERS)
            .connect_timeout(connect);
        match &self.proxy {
            Proxied::Variables => Ok(proxied(builder, origin)?),
            Proxied::Chosen(_) => {
                let builder = builder.no_proxy();
                let Some(proxy) = self.proxy_for(origin)? else { return Ok(builder) };
                let same = reqwest::Proxy::all(proxy.url().as_str());
                let same = same.map_err(|error| Failure::system("the proxy cannot be used", &error))?;
                Ok(builder.proxy(same))
            }
        }
    }

    /// The same for token requests to this server. Where nothing is said, the library does as it does by itself.
    pub(crate) fn tokens(
        &self,
        builder: TokensBuilder,
        server: &Provider,
        connect: Duration,
    ) -> Result<TokensBuilder, Failure> {
        let builder = if self.roots.is_empty() {
            builder
        } else {
            let roots = self.roots.clone();
            builder.http_each(move || roots.trusted(reqwest::Client::builder()).connect_timeout(connect))
        };
        let endpoint = server.token_endpoint().map(Endpoint::origin);
        Ok(match (&self.proxy, endpoint) {
            (Proxied::Chosen(proxy), None) => builder.proxy(proxy.clone()),
            (Proxied::Variables, _) if ProxyVariables::from_env().is_unset() => builder,
            // What is chosen here can be named where it is at fault; of a client of one's own the library knows nothing.
            (_, Some(origin)) => builder.proxy(self.proxy_for(origin)?),
            // The metadata and the token endpoint may be at two origins, and the variables may name a proxy for one of them.
            (Proxied::Variables, None) => builder.proxy_variables(true),
        })
    }

    /// Whether the user's proxy is not used for this origin.
    pub(crate) fn is_passed_by(&self, origin: &Origin) -> bool {
        matches!(self.proxy, Proxied::Chosen(Some(_))) && origin.is_loopback()
    }

    /// The proxy for requests to this origin, as far as it can be known; the settings of the system are not.
    pub(crate) fn proxy_for(&self, origin: &Origin) -> Result<Option<Proxy>, ConfigError> {
        match &self.proxy {
            Proxied::Variables => ProxyVariables::from_env().proxy_for(origin),
            Proxied::Chosen(proxy) => Ok(proxy.clone().filter(|_| !origin.is_loopback())),
        }
    }
}

/// The same, which asks this machine for no roots where nothing is sent over TLS: it may have none, as a container.
pub(crate) fn without_needless_roots(builder: ClientBuilder, origin: &Origin) -> ClientBuilder {
    let needs_none = origin.scheme() == "http" && origin.is_loopback();
    if needs_none { builder.tls_certs_only([]) } else { builder }
}

/// The same, whose connections show this certificate to a server that asks for one (RFC 8446 §4.3.2), and to no other.
pub(crate) fn showing(
    builder: ClientBuilder,
    shown: Option<&CertifiedKey>,
) -> Result<ClientBuilder, Failure> {
    let Some(shown) = shown else { return Ok(builder) };
    match reqwest::Identity::from_pem(shown.pem().expose().as_bytes()) {
        Ok(identity) => Ok(builder.identity(identity)),
        Err(_) => Err(Failure::usage(
            "the client certificate cannot be used for TLS",
            "have it issued again, and check that it was copied completely",
        )),
    }
}

/// The client, or why there is none, as the library says it of its own.
pub(crate) fn build(builder: ClientBuilder) -> Result<reqwest::Client, Failure> {
    builder.build().map_err(|error| {
        let known = tls_error(&error).and_then(|known| known.detail().cloned());
        let reason = known.or_else(|| Excerpt::new(&error.to_string(), &[])).unwrap_or_default();
        ConfigError::HttpClient { reason }.into()
    })
}

#[cfg(test)]
mod tests;
