//! Where a token may be sent: origins (RFC 6454), compared whole.

use crate::error::{ConfigError, Excerpt};
use crate::host::Host;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use fluent_uri::Uri;

/// What `field` is called in the errors of an origin.
const ORIGIN: &str = "origin";

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn parse(text: &str) -> Option<Self> {
        [("http", Self::Http), ("https", Self::Https)]
            .into_iter()
            .find_map(|(name, scheme)| text.eq_ignore_ascii_case(name).then_some(scheme))
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Scheme, host and port (RFC 6454 §4), in one canonical form: two are equal exactly when they are the same origin.
///
/// There is no suffix and no wildcard: `api.example.com` says nothing about `eu.api.example.com`.
///
/// ```
/// # use evergrant_core::{ConfigError, Origin};
/// let origin = Origin::parse("https://API.example.com:443/")?;
/// assert_eq!(origin, Origin::parse("https://api.example.com")?);
/// assert_ne!(origin, Origin::parse("https://eu.api.example.com")?);
/// assert_ne!(origin, Origin::parse("https://api.example.com:8443")?);
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: Host,
    port: u16,
}

impl Origin {
    /// The origin that `text` names, such as `https://api.example.com` or `http://127.0.0.1:8080`.
    ///
    /// ```
    /// # use evergrant_core::{ConfigError, Origin};
    /// Origin::parse("https://api.example.com")?;
    /// Origin::parse("http://127.0.0.1:8080")?; // plain http on a loopback literal
    ///
    /// assert_eq!(Origin::parse("https://api.example.com/v1"), Err(ConfigError::NotAnOrigin { field: "origin" }));
    /// assert_eq!(Origin::parse("http://localhost:8080"), Err(ConfigError::Localhost { field: "origin" }));
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] unless it is https, or http on a loopback IP literal; for a path other than `/`, a query, a
    /// fragment or userinfo; for a host that readers of URLs disagree about.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Self::alone(text, PlainHttp::Loopback)
    }

    /// The same, with plain http to any host: a mesh whose sidecars add TLS, or a compose file.
    ///
    /// Whoever can read or change what is on the wire can then take the token and act as this client.
    ///
    /// ```
    /// # use evergrant_core::{ConfigError, Origin, Origins};
    /// let origins = Origins::from(Origin::dangerous_plain_http("http://orders.mesh.internal")?);
    /// assert_eq!(origins.len(), 1);
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`parse`](Self::parse), plain http excepted.
    pub fn dangerous_plain_http(text: &str) -> Result<Self, ConfigError> {
        Self::alone(text, PlainHttp::Dangerous)
    }

    /// The origin of a URL that was parsed already, to compare it with those of [`Origins`]: any letter case, IPv6
    /// with or without brackets, the scheme's port when `port` is `None`.
    ///
    /// `None` for a scheme other than http and https, for port 0, and for a host that readers of URLs disagree about. Whether
    /// plain http is wise is not asked here: an origin that is not among the allowed ones is refused anyway.
    ///
    /// ```
    /// # use evergrant_core::{ConfigError, Origin};
    /// let origin = Origin::from_parts("HTTPS", "api.example.com", None);
    /// assert_eq!(origin, Some(Origin::parse("https://api.example.com")?));
    /// assert_eq!(Origin::from_parts("https", "0x7f.1", None), None); // to some readers 127.0.0.1
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn from_parts(scheme: &str, host: &str, port: Option<u16>) -> Option<Self> {
        let scheme = Scheme::parse(scheme)?;
        let host = Host::parse(host)?;
        // Port 0 is nobody's: a socket takes it for any, and a URL reader for none.
        let port = port.unwrap_or(scheme.default_port());
        (port != 0).then_some(Self { scheme, host, port })
    }

    /// `http` or `https`.
    ///
    /// ```
    /// # use evergrant_core::{ConfigError, Origin};
    /// let origin = Origin::parse("https://api.example.com")?;
    /// assert_eq!((origin.scheme(), origin.host().to_string(), origin.port()), ("https", "api.example.com".into(), 443));
    /// assert!(!origin.is_loopback());
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub const fn scheme(&self) -> &'static str {
        match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// The host: a name in lower case, or an address; IPv6 stands in brackets.
    pub fn host(&self) -> impl fmt::Display + '_ {
        &self.host
    }

    /// The port, also when it is the scheme's own.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether the host is a loopback IP literal: 127.0.0.0/8 or ::1.
    pub const fn is_loopback(&self) -> bool {
        self.host.is_loopback()
    }

    /// https on its own port at a name in lower case that was checked when it was written down.
    pub(crate) fn known(name: &str) -> Self {
        Self { scheme: Scheme::Https, host: Host::Name(name.into()), port: 443 }
    }

    fn alone(text: &str, plain_http: PlainHttp) -> Result<Self, ConfigError> {
        let (uri, origin) = read(text, ORIGIN, plain_http)?;
        let path = uri.path().as_str();
        if uri.has_query() || !(path.is_empty() || path == "/") {
            return Err(ConfigError::NotAnOrigin { field: ORIGIN });
        }
        Ok(origin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.host)?;
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

/// Where plain http is accepted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum PlainHttp {
    /// On 127.0.0.0/8 and ::1 alone.
    Loopback,
    /// Everywhere: somebody said so by name.
    Dangerous,
}

/// Reads an absolute http or https URL strictly (RFC 3986), without userinfo and fragment.
pub(crate) fn read<'a>(
    text: &'a str,
    field: &'static str,
    plain_http: PlainHttp,
) -> Result<(Uri<&'a str>, Origin), ConfigError> {
    if text.is_empty() {
        return Err(ConfigError::Empty { field });
    }
    let uri = Uri::parse(text).map_err(|_| ConfigError::NotAUrl { field })?;
    let scheme = Scheme::parse(uri.scheme().as_str()).ok_or(ConfigError::NotAUrl { field })?;
    let authority = uri.authority().ok_or(ConfigError::NotAUrl { field })?;
    if authority.has_userinfo() {
        return Err(ConfigError::Userinfo { field });
    }
    if uri.has_fragment() {
        return Err(ConfigError::Fragment { field });
    }
    let port = authority.port_to_u16().map_err(|_| ConfigError::NotAUrl { field })?;
    if authority.host().is_empty() || port == Some(0) {
        return Err(ConfigError::NotAUrl { field });
    }
    let host = Host::parse(authority.host()).ok_or(ConfigError::AmbiguousHost { field })?;
    if scheme == Scheme::Http && plain_http == PlainHttp::Loopback && !host.is_loopback() {
        return Err(match Excerpt::new(&host.to_string(), &[]) {
            Some(host_shown) if !host.is_localhost() => ConfigError::PlainHttp { field, host: host_shown },
            _ => ConfigError::Localhost { field },
        });
    }
    Ok((uri, Origin { scheme, host, port: port.unwrap_or(scheme.default_port()) }))
}

/// An ordered set of origins: the only ones that a token may be sent to.
///
/// ```
/// # use evergrant_core::{ConfigError, Origin, Origins};
/// let origins = Origins::parse(["https://api.example.com", "https://uploads.example.com"])?;
/// assert!(origins.contains(&Origin::parse("https://api.example.com")?));
/// assert!(!origins.contains(&Origin::parse("https://example.com")?));
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Origins(Vec<Origin>);

impl Origins {
    /// The set of these, in this order; what is repeated counts once.
    ///
    /// ```
    /// # use evergrant_core::{ConfigError, Origin, Origins};
    /// let api = Origin::parse("https://api.example.com")?;
    /// assert_eq!(Origins::new([api.clone(), api]).len(), 1);
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn new(origins: impl IntoIterator<Item = Origin>) -> Self {
        let mut all: Vec<Origin> = Vec::new();
        for origin in origins {
            if !all.contains(&origin) {
                all.push(origin);
            }
        }
        Self(all)
    }

    /// The set of those that these texts name.
    ///
    /// ```
    /// # use evergrant_core::{ConfigError, Origins};
    /// // From a setting such as API_ORIGINS.
    /// let setting = "https://api.example.com,https://uploads.example.com";
    /// assert_eq!(Origins::parse(setting.split(','))?.len(), 2);
    /// # Ok::<(), ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Origin::parse`], for the first that is none.
    pub fn parse<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> Result<Self, ConfigError> {
        texts.into_iter().map(|text| Origin::parse(text.as_ref())).collect()
    }

    /// Whether a token may be sent there.
    pub fn contains(&self, origin: &Origin) -> bool {
        self.0.contains(origin)
    }

    /// The origins, in order.
    ///
    /// ```
    /// # use evergrant_core::{ConfigError, Origins, myparcel};
    /// let shown: Vec<String> = myparcel::sandbox().origins().iter().map(ToString::to_string).collect();
    /// assert_eq!(shown[0], "https://api.sandbox.myparcel.com");
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Origin> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none: no token may be sent anywhere.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Origin> for Origins {
    fn from_iter<I: IntoIterator<Item = Origin>>(origins: I) -> Self {
        Self::new(origins)
    }
}

impl From<Origin> for Origins {
    fn from(origin: Origin) -> Self {
        Self::new([origin])
    }
}

#[cfg(test)]
mod tests;
