//! Where a route leads: the API's base URL, from the file alone. Nothing of a request takes part in choosing it.

use crate::path::{Path, PathFault};
use evergrant_core::{ConfigError, Origin};
use http::HeaderValue;
use http::uri::{self, Authority, PathAndQuery, Scheme, Uri};
use std::fmt;

/// The base URL of an API: an origin that a token may go to, and a path that ends in a slash.
#[derive(Clone, PartialEq, Eq)]
pub struct Upstream {
    origin: Origin,
    is_tls: bool,
    host: Box<str>,
    port: u16,
    authority: HeaderValue,
    /// The same, as a part of a URL.
    named: Authority,
    /// Ends in a slash.
    path: Box<str>,
}

/// Why a text is no base URL of an API.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum UpstreamError {
    /// Tokens may not go there: another scheme than https, or http to another host than a loopback literal.
    Origin(ConfigError),
    /// It has a user, a query or a fragment, or cannot be read.
    Url,
    /// Its path could be read in more than one way.
    Path(PathFault),
}

impl Upstream {
    /// The base URL of an API: `https://api.example.com`, or with a path below which everything is put. A slash is added where the
    /// path does not end in one.
    ///
    /// # Errors
    /// It is no URL that a token may go to (RFC 6750 §5.3), or has more than an origin and a path.
    pub fn parse(url: &str) -> Result<Self, UpstreamError> {
        Self::read(url, Origin::parse)
    }

    /// The same with plain http to any host, where the network protects what is sent, as in a mesh: without TLS whoever is on the way reads
    /// the token (RFC 6750 §5.2).
    ///
    /// # Errors
    /// As [`parse`](Self::parse), but for plain http.
    pub fn dangerous_plain_http(url: &str) -> Result<Self, UpstreamError> {
        Self::read(url, Origin::dangerous_plain_http)
    }

    fn read(url: &str, allowed: fn(&str) -> Result<Origin, ConfigError>) -> Result<Self, UpstreamError> {
        let uri: Uri = url.parse().map_err(|_| UpstreamError::Url)?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let (Some(authority), Some(scheme)) = (authority, uri.scheme_str()) else {
            return Err(UpstreamError::Url);
        };
        if uri.query().is_some() || url.contains('#') {
            return Err(UpstreamError::Url);
        }
        let origin = allowed(&format!("{scheme}://{authority}")).map_err(UpstreamError::Origin)?;
        let path = Path::read(uri.path()).map_err(UpstreamError::Path)?;
        if let Some(at) = path.odd_slash() {
            return Err(UpstreamError::Path(PathFault::Slash { at }));
        }
        let slash = if path.as_str().ends_with('/') { "" } else { "/" };
        let is_tls = scheme.eq_ignore_ascii_case("https");
        Ok(Self {
            is_tls,
            host: authority.host().into(),
            port: origin.port(),
            origin,
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| UpstreamError::Url)?,
            named: authority.clone(),
            path: format!("{}{slash}", path.as_str()).into(),
        })
    }

    /// The origin.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether it is https.
    pub const fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The host, an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The path, which ends in a slash.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// This target there, in absolute form.
    pub(crate) fn uri(&self, target: PathAndQuery) -> Uri {
        let mut parts = uri::Parts::default();
        parts.scheme = Some(if self.is_tls { Scheme::HTTPS } else { Scheme::HTTP });
        parts.authority = Some(self.named.clone());
        parts.path_and_query = Some(target.clone());
        // With a scheme, an authority and a target there is nothing that is missing.
        Uri::from_parts(parts).unwrap_or_else(|_| Uri::from(target))
    }

    /// What `Host` says.
    pub(crate) const fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// The target for what is below the route, and the query, byte for byte. `below` has no slash at its beginning.
    pub(crate) fn target(&self, below: &str, query: Option<&str>) -> Option<PathAndQuery> {
        let mut target =
            String::with_capacity(self.path.len() + below.len() + query.map_or(0, |query| query.len() + 1));
        target.push_str(&self.path);
        target.push_str(below);
        if let Some(query) = query {
            target.push('?');
            target.push_str(query);
        }
        PathAndQuery::try_from(target).ok()
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority.to_str().unwrap_or_default(), self.path)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upstream({self})")
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(error) => error.fmt(f),
            Self::Url => f.write_str("the upstream must be a URL with an origin and a path alone"),
            Self::Path(fault) => write!(f, "the path of the upstream cannot be used: {fault}"),
        }
    }
}

impl std::error::Error for UpstreamError {}

#[cfg(test)]
mod tests;
