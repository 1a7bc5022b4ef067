//! The proxy variables of the environment, read alike for every HTTP library.
//!
//! There is no standard for them; reqwest, ureq, curl, Go and Python differ in what they read, and several of them take a
//! variable that they cannot read for none, and connect directly. Here such a variable is an error that names it.
//!
//! # Which variable
//! | request to | the first of these that is set and not empty |
//! |---|---|
//! | https | `HTTPS_PROXY`, `https_proxy`, `ALL_PROXY`, `all_proxy` |
//! | http | `HTTP_PROXY`, `http_proxy`, `ALL_PROXY`, `all_proxy` |
//! | a loopback literal (127.0.0.0/8, `[::1]`) | none: no proxy can reach this machine's own loopback |
//! | what `NO_PROXY` (or else `no_proxy`) lists | none |
//!
//! Where `REQUEST_METHOD` is set, the program answers CGI requests, and `HTTP_PROXY` is what a client sent as its header
//! `Proxy` (CVE-2016-5385): it is not read. On Windows, where names have no case, `http_proxy` is not read either.
//!
//! # The proxy
//! `http://user:password@proxy.example:3128`. The scheme is http (default), https, socks4, socks4a, socks5 or socks5h; the
//! ports without one are 80, 443 and 1080. User and password are percent-encoded; a `/` that follows is ignored. Anything
//! else is a [`ProxyFault`]: quotes, a blank or a line break anywhere, no host, another scheme, port 0 or 65536, a path.
//!
//! # `NO_PROXY`
//! Entries are separated by commas, blanks, or both. Names are compared without case and without a dot at their end; no name
//! is resolved.
//!
//! | entry | matches here | curl 8 | Go | Python | reqwest's own | ureq's own |
//! |---|---|---|---|---|---|---|
//! | `*` | everything | if alone | yes | if alone | names only | yes |
//! | `example.com` | it, and the names below it | the same | the same | the same | the same | it alone |
//! | `.example.com` | it, and the names below it | the same | below it | the same | the same | below it |
//! | `*.example.com` | the names below it | nothing | below it | nothing | nothing | below it |
//! | `example.com:8443`, `10.0.0.1:8443`, `[::1]:8443` | the same on that port | nothing | the same | the same | nothing | nothing |
//! | `10.0.0.1`, `fd00::1`, `[fd00::1]` | that address as a literal | the same | the same | the same | without brackets | IPv4 |
//! | `10.0.0.0/8`, `fd00::/8` | the addresses of that network | the same | the same | requests, IPv4 | the same | nothing |
//! | anything else: `10.*`, `<local>`, `169.254/16` | nothing | nothing | nothing | nothing | nothing | `10.*` |
//!
//! Quotes, control characters and what is not UTF-8 are a [`ProxyFault`] there, too, where a proxy is set.

use crate::bearer::secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evergrant_core::{ConfigError, Origin, ProxyFault, TransportError, TransportErrorKind};
use http::HeaderValue;
use std::env;
use std::error::Error as StdError;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use zeroize::Zeroizing;

const HTTPS: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const HTTP: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const NO: [&str; 2] = ["NO_PROXY", "no_proxy"];
const CGI: &str = "REQUEST_METHOD";

/// What a proxy that no variable names is called in errors.
const PROXY: &str = "proxy";

/// The proxy variables of an environment, as they were when they were looked up. Clones share them.
#[derive(Clone)]
pub struct ProxyVariables {
    set: Arc<[(&'static str, OsString)]>,
    is_unset: bool,
}

/// The names alone: a value may hold a password.
impl fmt::Debug for ProxyVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.set.iter().map(|(name, _)| name)).finish()
    }
}

impl ProxyVariables {
    /// Those of this process.
    pub fn from_env() -> Self {
        Self::new(|name| env::var_os(name))
    }

    /// Those that `lookup` knows. An empty one counts as unset.
    pub fn new(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let is_cgi = lookup(CGI).is_some();
        let forged = |name: &str| is_cgi && (name == HTTP[0] || (cfg!(windows) && name == HTTP[1]));
        let known = |name| Some((name, lookup(name).filter(|value| !value.is_empty())?));
        // Two of the names stand in both lists.
        let proxies: Vec<_> = HTTPS.into_iter().chain(HTTP.into_iter().take(2)).filter_map(known).collect();
        let is_unset = proxies.is_empty();
        let obeyed = proxies.into_iter().filter(|(name, _)| !forged(name));
        Self { set: obeyed.chain(NO.into_iter().filter_map(known)).collect(), is_unset }
    }

    /// Whether none of them names a proxy, not even one that is not obeyed: an HTTP library may then look into the settings
    /// of the system.
    pub const fn is_unset(&self) -> bool {
        self.is_unset
    }

    /// The proxy for requests to this origin, or `None` for a direct connection.
    ///
    /// # Errors
    /// [`ConfigError::Proxy`]: the variable that decides cannot be read. It is named; what is in it is not told.
    pub fn proxy_for(&self, origin: &Origin) -> Result<Option<Proxy>, ConfigError> {
        self.proxy_to(origin.scheme() == "https", &origin.host().to_string(), origin.port())
    }

    /// The same for a host as it stands in a URL (IPv6 in brackets or not), a port, and whether the scheme is https.
    ///
    /// # Errors
    /// As [`proxy_for`](Self::proxy_for).
    pub fn proxy_to(&self, is_https: bool, host: &str, port: u16) -> Result<Option<Proxy>, ConfigError> {
        let target = Target::new(host);
        if target.is_loopback() {
            return Ok(None);
        }
        let Some((field, value)) = self.first(if is_https { &HTTPS } else { &HTTP }) else { return Ok(None) };
        if let Some((field, list)) = self.first(&NO) {
            let list = exceptions(list).map_err(|fault| ConfigError::Proxy { field, fault })?;
            if list.split([',', ' ', '\t']).any(|entry| target.is_matched_by(entry, port)) {
                return Ok(None);
            }
        }
        let read = text(value).and_then(|url| Proxy::read(url, Some(field)));
        read.map(Some).map_err(|fault| ConfigError::Proxy { field, fault })
    }

    /// Whether a host, as it stands in a URL, is a loopback literal, which no proxy can reach.
    pub fn is_loopback(host: &str) -> bool {
        Target::new(host).is_loopback()
    }

    /// The first of these that is set.
    fn first(&self, names: &[&str]) -> Option<(&'static str, &OsStr)> {
        let find = |name: &&str| self.set.iter().find(|(set, _)| set == name);
        names.iter().find_map(find).map(|(name, value)| (*name, value.as_os_str()))
    }
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ProxyScheme {
    /// HTTP in the clear, with CONNECT (RFC 9110 §9.3.6).
    Http,
    /// HTTP over TLS, with CONNECT.
    Https,
    /// SOCKS 4: the name is resolved here.
    Socks4,
    /// SOCKS 4a: the name is resolved by the proxy.
    Socks4a,
    /// SOCKS 5 (RFC 1928): the name is resolved here.
    Socks5,
    /// SOCKS 5: the name is resolved by the proxy.
    Socks5h,
}

impl ProxyScheme {
    const ALL: [Self; 6] =
        [Self::Http, Self::Https, Self::Socks4, Self::Socks4a, Self::Socks5, Self::Socks5h];

    /// As it stands in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks4 => "socks4",
            Self::Socks4a => "socks4a",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks4 | Self::Socks4a | Self::Socks5 | Self::Socks5h => 1080,
        }
    }
}

/// A proxy. Display is its host and port, with the variable that names it; neither it nor Debug shows user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    variable: Option<&'static str>,
    scheme: ProxyScheme,
    host: String,
    port: u16,
    credentials: Option<Credentials>,
}

#[derive(Clone, PartialEq, Eq)]
struct Credentials {
    user: Zeroizing<String>,
    password: Zeroizing<String>,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)?;
        match self.variable {
            Some(variable) => write!(f, ", set by {variable}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, scheme, host, port, .. } = self;
        write!(f, "Proxy({}://{host}:{port}, {})", scheme.as_str(), variable.unwrap_or(PROXY))
    }
}

impl Proxy {
    /// The proxy that this URL names, such as `http://user:password@proxy.example:3128`.
    ///
    /// # Errors
    /// [`ConfigError::Proxy`]: it is none.
    pub fn parse(url: &str) -> Result<Self, ConfigError> {
        Self::read(url, None).map_err(|fault| ConfigError::Proxy { field: PROXY, fault })
    }

    /// How it is spoken to.
    pub const fn scheme(&self) -> ProxyScheme {
        self.scheme
    }

    /// Whether it speaks SOCKS.
    pub const fn is_socks(&self) -> bool {
        !matches!(self.scheme, ProxyScheme::Http | ProxyScheme::Https)
    }

    /// Its host: a name or an address; IPv6 stands in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port, also when it is the scheme's own.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its user and password, decoded. They are a secret.
    pub fn credentials(&self) -> Option<(&str, &str)> {
        self.credentials.as_ref().map(|it| (it.user.as_str(), it.password.as_str()))
    }

    /// Its URL for another library, user and password percent-encoded. It is a secret where it has them.
    pub fn url(&self) -> Zeroizing<String> {
        let Self { scheme, host, port, credentials, .. } = self;
        let userinfo = credentials.as_ref().map(|it| (encoded(&it.user), encoded(&it.password)));
        let scheme = scheme.as_str();
        Zeroizing::new(match userinfo {
            Some((user, password)) => format!("{scheme}://{}:{}@{host}:{port}", *user, *password),
            None => format!("{scheme}://{host}:{port}"),
        })
    }

    /// The value of Proxy-Authorization (RFC 9110 §11.7.2) for its user and password (Basic, RFC 7617). It is marked
    /// sensitive, and wiped from memory with its last clone.
    pub fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = self.credentials()?;
        let pair = Zeroizing::new(format!("{user}:{password}"));
        let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        secret(["Basic ", &encoded]).ok()
    }

    /// The same, for a program that cannot speak SOCKS.
    ///
    /// # Errors
    /// [`ConfigError::Proxy`] with this fault, which says why: it speaks SOCKS.
    pub fn without_socks(self, fault: ProxyFault) -> Result<Self, ConfigError> {
        if self.is_socks() { Err(self.unusable(fault)) } else { Ok(self) }
    }

    /// The error of a program that cannot use it, for this reason.
    pub fn unusable(&self, fault: ProxyFault) -> ConfigError {
        ConfigError::Proxy { field: self.variable.unwrap_or(PROXY), fault }
    }

    /// The error of a request that went through this proxy and failed for a reason that may be the server's or the proxy's.
    pub fn passed(&self, error: &TransportError) -> TransportError {
        let detail = match error.detail() {
            Some(detail) => format!("{detail}; through the proxy {self}"),
            None => format!("through the proxy {self}"),
        };
        TransportError::new(error.kind(), &detail, &[])
    }

    /// It answered CONNECT with this status, which is no success.
    pub fn answered(&self, status: u16) -> ProxyError {
        let hint = match status {
            407 => ": its user and password are missing or wrong",
            403 => ": it does not let this host through",
            _ => "",
        };
        self.failed(format_args!("answered CONNECT with http {status}{hint}"))
    }

    /// It could not be used for this reason, such as `cannot be reached: connection refused`.
    pub fn failed(&self, reason: impl fmt::Display) -> ProxyError {
        let comma = if self.variable.is_some() { "," } else { "" };
        ProxyError(format!("{self}{comma} {reason}"))
    }

    fn read(url: &str, variable: Option<&'static str>) -> Result<Self, ProxyFault> {
        visible(url, char::is_whitespace)?;
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let is_named = |known: &ProxyScheme| scheme.eq_ignore_ascii_case(known.as_str());
        let scheme = ProxyScheme::ALL.into_iter().find(is_named).ok_or(ProxyFault::Scheme)?;
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if tail.contains('@') {
            // A password with a slash in it: what stands before that is no host.
            return Err(ProxyFault::Credentials);
        }
        if !matches!(tail, "" | "/") {
            return Err(ProxyFault::NotAProxy);
        }
        let (userinfo, place) = match authority.rsplit_once('@') {
            Some((userinfo, place)) => (Some(userinfo), place),
            None => (None, authority),
        };
        let (host, port) = host_and_port(place)?;
        if host.contains('*') {
            return Err(ProxyFault::NotAProxy);
        }
        let port = port.map_or(Ok(scheme.default_port()), |port| read_port(port).ok_or(ProxyFault::Port))?;
        let credentials = userinfo.map(Credentials::read).transpose()?;
        Ok(Self { variable, scheme, host: host.into(), port, credentials })
    }
}

impl Credentials {
    fn read(userinfo: &str) -> Result<Self, ProxyFault> {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let read = |text| decoded(text).map(Zeroizing::new).ok_or(ProxyFault::Credentials);
        Ok(Self { user: read(user)?, password: read(password)? })
    }
}

/// The proxy did not open a connection to the server. It holds neither user nor password.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ProxyError(String);

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for ProxyError {}

impl From<ProxyError> for TransportError {
    fn from(error: ProxyError) -> Self {
        Self::new(TransportErrorKind::Proxy, &error.0, &[])
    }
}

/// Where a request goes.
enum Target<'a> {
    Address(IpAddr),
    /// Without a dot at its end.
    Name(&'a str),
}

impl<'a> Target<'a> {
    fn new(host: &'a str) -> Self {
        address(host).map_or(Self::Name(host.strip_suffix('.').unwrap_or(host)), Self::Address)
    }

    const fn is_loopback(&self) -> bool {
        match self {
            Self::Address(address) => address.is_loopback(),
            Self::Name(_) => false,
        }
    }

    /// Whether this entry of `NO_PROXY` is about it, on this port.
    fn is_matched_by(&self, entry: &str, port: u16) -> bool {
        if entry == "*" {
            return true;
        }
        if let Some((network, bits)) = entry.split_once('/') {
            let Self::Address(host) = self else { return false };
            return is_in(*host, network, bits).unwrap_or(false);
        }
        let (host, only) = match address(entry) {
            Some(_) => (entry, None),
            None => match host_and_port(entry) {
                Ok(parts) => parts,
                Err(_) => return false,
            },
        };
        if only.is_some_and(|only| read_port(only) != Some(port)) {
            return false;
        }
        match self {
            Self::Address(own) => {
                address(host).is_some_and(|listed| listed.to_canonical() == own.to_canonical())
            }
            Self::Name(name) => is_below_or_at(name, host),
        }
    }
}

/// Whether the name is the one that the entry gives, or below it.
fn is_below_or_at(name: &str, entry: &str) -> bool {
    let entry = entry.strip_suffix('.').unwrap_or(entry);
    let (domain, itself) = match entry.strip_prefix("*.") {
        Some(domain) => (domain, false),
        None => (entry.strip_prefix('.').unwrap_or(entry), true),
    };
    if domain.is_empty() {
        return false;
    }
    if name.len() == domain.len() {
        return itself && name.eq_ignore_ascii_case(domain);
    }
    let cut = name.len().checked_sub(domain.len()).and_then(|at| name.split_at_checked(at));
    cut.is_some_and(|(above, end)| above.ends_with('.') && end.eq_ignore_ascii_case(domain))
}

/// Whether an address is of the network `network/bits` (RFC 4632 §3.1, RFC 4291 §2.3); `None` if that is none.
fn is_in(host: IpAddr, network: &str, bits: &str) -> Option<bool> {
    let bits = bits.bytes().all(|byte| byte.is_ascii_digit()).then(|| bits.parse::<u32>().ok())??;
    match address(network)? {
        IpAddr::V4(network) => {
            let unlike = match host.to_canonical() {
                IpAddr::V4(host) => u32::from(host) ^ u32::from(network),
                IpAddr::V6(_) => return Some(false),
            };
            Some(unlike.checked_shr(32_u32.checked_sub(bits)?).unwrap_or(0) == 0)
        }
        IpAddr::V6(network) => {
            let unlike = match host {
                IpAddr::V6(host) => u128::from(host) ^ u128::from(network),
                IpAddr::V4(_) => return Some(false),
            };
            Some(unlike.checked_shr(128_u32.checked_sub(bits)?).unwrap_or(0) == 0)
        }
    }
}

/// An address, IPv6 in brackets or not.
fn address(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[') {
        Some(rest) => Some(IpAddr::V6(rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?)),
        None => text.parse().ok(),
    }
}

/// A host, IPv6 in brackets, and what stands behind the colon after it.
fn host_and_port(text: &str) -> Result<(&str, Option<&str>), ProxyFault> {
    let end = text.find(']').unwrap_or(0);
    let colon = text[end..].find(':').map(|at| end + at);
    let (host, port) = match colon {
        Some(colon) => (&text[..colon], Some(&text[colon + 1..])),
        None => (text, None),
    };
    if host.is_empty() {
        return Err(ProxyFault::NoHost);
    }
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._*".contains(&byte);
    let is_host = host.bytes().all(is_of_name) || (host.starts_with('[') && address(host).is_some());
    if is_host { Ok((host, port)) } else { Err(ProxyFault::NotAProxy) }
}

fn read_port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port != 0)
}

/// A piece of a URL without its percent-encoding (RFC 3986 §2.1); a `%` that encodes nothing stands for itself. `None` if
/// that is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let (bytes, mut at) = (text.as_bytes(), 0);
    // Reserved at once: a buffer that grew would leave a copy behind.
    let mut decoded = Vec::with_capacity(bytes.len());
    while let Some(byte) = bytes.get(at) {
        match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.extend(u8::try_from(high * 16 + low));
                at += 3;
            }
            _ => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

/// The percent-encoding of everything that is not a letter or digit, which no reader of URLs takes for anything else.
fn encoded(text: &str) -> Zeroizing<String> {
    let mut encoded = Zeroizing::new(String::with_capacity(3 * text.len()));
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0').to_ascii_uppercase();
            encoded.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    encoded
}

fn text(value: &OsStr) -> Result<&str, ProxyFault> {
    value.to_str().ok_or(ProxyFault::NotUtf8)
}

/// The list in `NO_PROXY`, in which blanks may stand.
fn exceptions(value: &OsStr) -> Result<&str, ProxyFault> {
    let list = text(value)?;
    visible(list, |_| false).map(|()| list)
}

/// Nothing that was copied along by mistake is in it: quotes, control characters, or what `is_blank` says.
fn visible(text: &str, is_blank: impl Fn(char) -> bool) -> Result<(), ProxyFault> {
    let trimmed = text.trim();
    if trimmed.starts_with(['"', '\'']) || trimmed.ends_with(['"', '\'']) {
        return Err(ProxyFault::Quotes);
    }
    if text.chars().any(|c| is_blank(c) || (c.is_control() && c != '\t')) {
        return Err(ProxyFault::Blank);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
