//! Which proxy a token request goes through, and what is its fault.

use evergrant_core::{ConfigError, Endpoint, ProxyFault, TransportError, TransportErrorKind};
use evergrant_http::proxy::{Proxy, ProxyError, ProxyScheme, ProxyVariables};
use http::Uri;
use std::fmt;

/// The proxy of token requests, as ureq has it and as we do; `None` for a direct connection.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Route(pub(crate) Option<(ureq::Proxy, Proxy)>);

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Route").field(&self.0.as_ref().map(|(_, proxy)| proxy)).finish()
    }
}

impl Route {
    /// `configured` is the proxy of the user's builder, which ureq fills from the environment unless it is set.
    pub(crate) fn new(
        configured: Option<&ureq::Proxy>,
        endpoint: &Endpoint,
        variables: Option<&ProxyVariables>,
    ) -> Result<Self, ConfigError> {
        if endpoint.origin().is_loopback() {
            return Ok(Self(None));
        }
        match configured {
            Some(own) if !own.is_from_env() => return Ok(Self(Self::own(own, endpoint))),
            // From the settings of the system, which ureq knows on Windows.
            Some(own) if variables.is_some_and(ProxyVariables::is_unset) => {
                return Ok(Self(Self::own(own, endpoint)));
            }
            // Without any, where ureq finds one in the environment: the user took it away.
            None if ureq::Proxy::try_from_env().is_some() => return Ok(Self(None)),
            _ => {}
        }
        let proxy = variables.map(|variables| variables.proxy_for(endpoint.origin())).transpose()?.flatten();
        let Some(proxy) = proxy else { return Ok(Self(None)) };
        let proxy =
            if cfg!(feature = "socks") { proxy } else { proxy.without_socks(ProxyFault::SocksFeature)? };
        match ureq::Proxy::new(&proxy.url()) {
            Ok(same) => Ok(Self(Some((same, proxy)))),
            Err(_) => Err(proxy.unusable(ProxyFault::NotAProxy)),
        }
    }

    /// The user's own, unless it excepts the endpoint itself.
    fn own(own: &ureq::Proxy, endpoint: &Endpoint) -> Option<(ureq::Proxy, Proxy)> {
        let is_excepted = endpoint.url().parse().is_ok_and(|uri: Uri| own.is_no_proxy(&uri));
        if is_excepted {
            return None;
        }
        let named = Proxy::parse(&format!("{}://{}:{}", own.protocol(), own.host(), own.port())).ok()?;
        Some((own.clone(), named))
    }

    /// The error of a request that went this way, and that the proxy is not to blame for alone.
    pub(crate) fn passed(&self, error: TransportError) -> TransportError {
        match &self.0 {
            Some((_, proxy)) => proxy.passed(&error),
            None => error,
        }
    }

    /// What the proxy is to blame for, of an error of this kind.
    pub(crate) fn blame(&self, error: &ureq::Error, kind: TransportErrorKind) -> Option<TransportError> {
        let (_, proxy) = self.0.as_ref()?;
        blame(proxy, error, kind).map(TransportError::from)
    }
}

/// Before its tunnel is there, every connection is one to the proxy.
fn blame(proxy: &Proxy, error: &ureq::Error, kind: TransportErrorKind) -> Option<ProxyError> {
    let resolves_here = matches!(proxy.scheme(), ProxyScheme::Socks4 | ProxyScheme::Socks5);
    match (error, kind) {
        (ureq::Error::ConnectProxyFailed(said), _) => Some(match status(said) {
            Some(status) => proxy.answered(status),
            None => proxy.failed("did not answer CONNECT"),
        }),
        // The name of the token endpoint is resolved by the proxy, except by some of SOCKS.
        (_, TransportErrorKind::Resolve) if !resolves_here => {
            Some(proxy.failed(format_args!("cannot be resolved: {error}")))
        }
        (_, TransportErrorKind::Connect) => Some(proxy.failed(format_args!("cannot be reached: {error}"))),
        // What a SOCKS proxy says has no kind of its own in ureq.
        (ureq::Error::Io(_), TransportErrorKind::Other) if proxy.is_socks() => {
            Some(proxy.failed(format_args!("refused: {error}")))
        }
        _ => None,
    }
}

/// The status in ureq's words `proxy server responded 407/407`.
fn status(said: &str) -> Option<u16> {
    said.rsplit('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests;
