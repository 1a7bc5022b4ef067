//! Which proxy a token request goes through, and what is its fault.

use evergrant_core::{ConfigError, Origin, ProxyFault, TransportError, TransportErrorKind};
use evergrant_http::proxy::{Proxy, ProxyError, ProxyVariables};
use reqwest::ClientBuilder;

/// Who says which proxy there is.
#[derive(Clone, Debug)]
pub(crate) enum Proxies {
    /// The variables of the environment.
    Variables(ProxyVariables),
    /// Nobody: no variable is read, and the user's own HTTP client keeps what it has.
    Unread,
    /// The program: this one, or none.
    Chosen(Option<Proxy>),
}

impl Proxies {
    pub(crate) fn of_environment() -> Self {
        Self::Variables(ProxyVariables::from_env())
    }

    /// The variables of the environment, or nobody.
    pub(crate) fn variables(are_read: bool) -> Self {
        if are_read { Self::of_environment() } else { Self::Unread }
    }
}

/// The way of token requests.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Route {
    /// No proxy.
    Direct,
    /// This one, which was chosen here. A token endpoint in the clear is not asked through a tunnel: the proxy forwards.
    Through { proxy: Proxy, forwards: bool },
    /// What the user's own HTTP client says, or the settings of the system, neither of which can be asked; this one, if that
    /// client reads the environment.
    Unknown(Option<Proxy>),
}

impl Route {
    /// The way to this origin, for an HTTP client that is the user's own or not.
    pub(crate) fn new(is_own: bool, origin: &Origin, proxies: &Proxies) -> Result<Self, ConfigError> {
        if origin.is_loopback() {
            return Ok(Self::Direct);
        }
        let proxy = match proxies {
            Proxies::Chosen(proxy) => proxy.clone().map(usable).transpose()?,
            Proxies::Variables(variables) => {
                let proxy = chosen(variables, origin)?;
                if is_own || variables.is_unset() {
                    return Ok(Self::Unknown(proxy));
                }
                proxy
            }
            Proxies::Unread if is_own => return Ok(Self::Unknown(None)),
            Proxies::Unread => None,
        };
        Ok(proxy.map_or(Self::Direct, |proxy| Self::through(proxy, origin)))
    }

    /// The HTTP client with its proxy set, unless that is not known: then it keeps its own.
    pub(crate) fn lay(&self, http: ClientBuilder) -> Result<ClientBuilder, ConfigError> {
        match self {
            Self::Direct => set(http, None),
            Self::Through { proxy, .. } => set(http, Some(proxy)),
            Self::Unknown(_) => Ok(http),
        }
    }

    fn through(proxy: Proxy, origin: &Origin) -> Self {
        let forwards = origin.scheme() == "http" && !proxy.is_socks();
        Self::Through { proxy, forwards }
    }

    /// Whether nothing is on the way but the server.
    pub(crate) const fn is_direct(&self) -> bool {
        matches!(self, Self::Direct)
    }

    /// The error of a request that went this way, and that the proxy is not to blame for alone.
    pub(crate) fn passed(&self, error: TransportError) -> TransportError {
        match self {
            Self::Through { proxy, .. } => proxy.passed(&error),
            Self::Direct | Self::Unknown(_) => error,
        }
    }

    /// What a proxy is to blame for, by the words of an error's causes.
    pub(crate) fn blame(&self, error: &reqwest::Error, said: &str) -> Option<TransportError> {
        match self {
            Self::Direct => None,
            Self::Through { proxy, forwards } => {
                let tls = || {
                    let known = known_tls(error).filter(|_| said.contains(TUNNEL))?;
                    Some(proxy.failed(format_args!("failed the TLS handshake: {known}")))
                };
                let tunnel = tls().or_else(|| fault(proxy, said, error.is_dns()));
                // Without a tunnel the one connection is that to the proxy.
                let forwarding =
                    || (*forwards && error.is_connect()).then(|| unconnected(proxy, said, error.is_dns()));
                tunnel.or_else(forwarding).map(TransportError::from)
            }
            Self::Unknown(proxy) => {
                let whose = match proxy {
                    Some(proxy) => format!("of the HTTP client's own proxy, or else of {proxy}"),
                    None => "of the HTTP client's own proxy, or the system's".into(),
                };
                let is_proxy = [TUNNEL, SOCKS].iter().any(|words| said.contains(words));
                let detail = format!("{said}: {whose}");
                is_proxy.then(|| TransportError::new(TransportErrorKind::Proxy, &detail, &[]))
            }
        }
    }
}

/// The HTTP client with the proxy that the environment names for this origin, read as for token requests
/// ([Proxies](crate#proxies)), and with no other: for a client of the program's own. Where no variable is set, it stays as it is.
///
/// ```no_run
/// # fn story(client: evergrant_tokio_reqwest::Client, root: reqwest::Certificate) -> Result<(), Box<dyn std::error::Error>> {
/// use evergrant_tokio_reqwest::{Tokens, proxied};
///
/// let origin = client.provider().server().origin().clone();
/// let http = proxied(reqwest::Client::builder().tls_certs_merge([root]), &origin)?;
/// let tokens = Tokens::builder(client).http(http).build()?;
/// # drop(tokens); Ok(()) }
/// ```
///
/// # Errors
/// [`ConfigError::Proxy`]: a proxy variable cannot be read, or names a proxy that cannot be used.
pub fn proxied(http: ClientBuilder, origin: &Origin) -> Result<ClientBuilder, ConfigError> {
    let variables = ProxyVariables::from_env();
    if variables.is_unset() && !origin.is_loopback() {
        return Ok(http);
    }
    set(http, chosen(&variables, origin)?.as_ref())
}

fn chosen(variables: &ProxyVariables, origin: &Origin) -> Result<Option<Proxy>, ConfigError> {
    variables.proxy_for(origin)?.map(usable).transpose()
}

/// The same, unless this build cannot use it.
fn usable(proxy: Proxy) -> Result<Proxy, ConfigError> {
    if cfg!(feature = "socks") { Ok(proxy) } else { proxy.without_socks(ProxyFault::SocksFeature) }
}

/// Once a proxy is set, or none, reqwest does not read the environment any more.
fn set(builder: ClientBuilder, proxy: Option<&Proxy>) -> Result<ClientBuilder, ConfigError> {
    let builder = builder.no_proxy();
    let Some(proxy) = proxy else { return Ok(builder) };
    match reqwest::Proxy::all(proxy.url().as_str()) {
        Ok(same) => Ok(builder.proxy(same)),
        Err(_) => Err(proxy.unusable(ProxyFault::NotAProxy)),
    }
}

/// What TLS with the proxy itself says.
fn known_tls(error: &reqwest::Error) -> Option<evergrant_core::Excerpt> {
    #[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
    return evergrant_http::tls_error(error).and_then(|known| known.detail().cloned());
    #[cfg(not(any(feature = "rustls", feature = "rustls-no-provider")))]
    {
        let _ = error;
        None
    }
}

/// How hyper-util's errors of a tunnel begin, which have no type here.
const TUNNEL: &str = "tunnel error: ";
/// How reqwest's of a SOCKS proxy do.
const SOCKS: &str = "error connecting to socks proxy";

/// What went wrong before there was a tunnel, if that is what the causes say.
fn fault(proxy: &Proxy, said: &str, is_dns: bool) -> Option<ProxyError> {
    let Some((_, tunnel)) = said.split_once(TUNNEL) else {
        let (_, why) = said.split_once(SOCKS)?;
        let why = why.trim_start_matches(": ");
        return Some(if is_dns {
            unconnected(proxy, why, true)
        } else {
            proxy.failed(format_args!("failed: {why}"))
        });
    };
    Some(match tunnel.split_once(": ").unwrap_or((tunnel, "")) {
        ("proxy authorization required", _) => proxy.answered(407),
        // reqwest does not tell which.
        ("unsuccessful", _) => {
            proxy.failed("answered CONNECT with another status than 200, or not with HTTP")
        }
        ("unexpected end of file", _) => proxy.failed("closed the connection before it answered CONNECT"),
        ("failed to create underlying connection", why) => unconnected(proxy, why, is_dns),
        (what, "") => proxy.failed(format_args!("failed: {what}")),
        (_, why) => proxy.failed(format_args!("failed: {why}")),
    })
}

fn unconnected(proxy: &Proxy, why: &str, is_dns: bool) -> ProxyError {
    proxy.failed(format_args!("cannot be {}: {why}", if is_dns { "resolved" } else { "reached" }))
}

#[cfg(test)]
mod tests;
