//! Which proxy a token request goes through, and what is its fault.

use crate::transport::of_io;
use evergrant_core::{ConfigError, Endpoint, ProxyFault, TransportError, TransportErrorKind};
use evergrant_http::proxy::{Proxy, ProxyError, ProxyScheme, ProxyVariables};
use http::Uri;
use std::fmt;
use std::io;

/// The proxy of token requests, as ureq has it and as we do; `None` for a direct connection.
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

    /// What the proxy is to blame for.
    pub(crate) fn blame(&self, error: &ureq::Error) -> Option<TransportError> {
        let (_, proxy) = self.0.as_ref()?;
        blame(proxy, error).map(TransportError::from)
    }
}

/// Before its tunnel is there, every connection is one to the proxy.
fn blame(proxy: &Proxy, error: &ureq::Error) -> Option<ProxyError> {
    let resolves_here = matches!(proxy.scheme(), ProxyScheme::Socks4 | ProxyScheme::Socks5);
    match error {
        ureq::Error::ConnectProxyFailed(said) => Some(match status(said) {
            Some(status) => proxy.answered(status),
            None => proxy.failed("did not answer CONNECT"),
        }),
        // The name of the token endpoint is resolved by the proxy, except by some of SOCKS.
        ureq::Error::HostNotFound if !resolves_here => Some(unresolved(proxy, error)),
        ureq::Error::ConnectionFailed => Some(unreachable(proxy, error)),
        ureq::Error::Io(cause) => match of_io(cause) {
            TransportErrorKind::Resolve if !resolves_here => Some(unresolved(proxy, cause)),
            TransportErrorKind::Connect => Some(unreachable(proxy, cause)),
            // What a SOCKS proxy says has no kind of its own in ureq.
            TransportErrorKind::Other if proxy.is_socks() => Some(refused(proxy, cause)),
            _ => None,
        },
        _ => None,
    }
}

fn unresolved(proxy: &Proxy, cause: impl fmt::Display) -> ProxyError {
    proxy.failed(format_args!("cannot be resolved: {cause}"))
}

fn unreachable(proxy: &Proxy, cause: impl fmt::Display) -> ProxyError {
    proxy.failed(format_args!("cannot be reached: {cause}"))
}

fn refused(proxy: &Proxy, cause: &io::Error) -> ProxyError {
    proxy.failed(format_args!("refused: {cause}"))
}

/// The status in ureq's words `proxy server responded 407/407`.
fn status(said: &str) -> Option<u16> {
    said.rsplit('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests;
