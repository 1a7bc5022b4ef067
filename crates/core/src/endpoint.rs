//! The token endpoint (RFC 6749 §3.2).

use crate::error::ConfigError;
use crate::origin::{self, Origin, PlainHttp};
use alloc::boxed::Box;
use core::fmt;

/// What the endpoint is called in errors.
pub(crate) const FIELD: &str = "token_endpoint";
/// Parameters that are secrets: a URL is logged, so they belong into the body (RFC 6749 §2.3.1).
const SECRETS: [&str; 5] = ["client_secret", "client_assertion", "access_token", "refresh_token", "password"];

/// A token endpoint that credentials may be sent to: https, or http on a loopback IP literal; no userinfo, no
/// fragment, no secret in its query.
///
/// Debug and Display leave its query out.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    url: Box<str>,
    origin: Origin,
}

impl Endpoint {
    /// The endpoint at `url`, kept byte for byte, its query included (RFC 6749 §3.2).
    ///
    /// # Errors
    /// [`ConfigError`] unless `url` is https, or http on 127.0.0.0/8 or `[::1]` (`localhost` is a name, and refused);
    /// for a fragment, for userinfo, for a secret in the query, for a host that readers of URLs disagree about.
    pub fn parse(url: &str) -> Result<Self, ConfigError> {
        Self::read(url, FIELD, PlainHttp::Loopback)
    }

    /// The same, with plain http to any host: a mesh whose sidecars add TLS, or a compose file.
    ///
    /// What is lost: whoever can read what is on the wire has the client's credentials, for as long as they are
    /// valid, and whoever can change it can hand out tokens of their own.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), plain http excepted.
    pub fn dangerous_plain_http(url: &str) -> Result<Self, ConfigError> {
        Self::read(url, FIELD, PlainHttp::Dangerous)
    }

    /// The URL, byte for byte as it was configured.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its scheme, host and port.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The URL up to its query: what may be shown.
    pub fn without_query(&self) -> &str {
        self.url.split('?').next().unwrap_or_default()
    }

    pub(crate) fn read(url: &str, field: &'static str, plain_http: PlainHttp) -> Result<Self, ConfigError> {
        let (uri, origin) = origin::read(url, field, plain_http)?;
        if let Some(query) = uri.query() {
            let is_secret = |name: &str| SECRETS.iter().any(|secret| name.eq_ignore_ascii_case(secret));
            if form_urlencoded::parse(query.as_str().as_bytes()).any(|(name, _)| is_secret(&name)) {
                return Err(ConfigError::SecretInUrl { field });
            }
        }
        Ok(Self { url: url.into(), origin })
    }

    /// An endpoint that was checked when it was written down; the tests read it again.
    pub(crate) fn known(url: &str, origin: Origin) -> Self {
        Self { url: url.into(), origin }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.without_query())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

#[cfg(test)]
mod tests;
