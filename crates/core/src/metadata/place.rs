//! Where an authorization server's metadata is.

use crate::endpoint::{Endpoint, FIELD};
use crate::error::{ConfigError, Excerpt};
use crate::origin::{self, PlainHttp};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

/// What the issuer, and the place of the metadata, are called in errors.
const ISSUER: &str = "issuer";
const PLACE: &str = "metadata_url";

/// How old metadata may become unless something is set, and what can be.
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);
const SHORTEST_AGE: Duration = Duration::from_secs(10 * 60);
const LONGEST_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

/// An issuer, and where its metadata is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Discovery {
    issuer: Box<str>,
    /// Whether the issuer is https.
    is_secure: bool,
    url: Endpoint,
    plain_http: PlainHttp,
    max_age: Duration,
}

/// Where the metadata of an issuer lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// OpenID Connect Discovery 1.0 §4: behind the issuer's path.
    OpenId,
    /// RFC 8414 §3: between the issuer's host and its path.
    Rfc8414,
}

impl Discovery {
    /// # Errors
    /// [`ConfigError`] for an issuer that can be none.
    pub(crate) fn new(issuer: &str, form: Form, plain_http: PlainHttp) -> Result<Self, ConfigError> {
        check_issuer(issuer, plain_http)?;
        let url = Endpoint::read(&well_known(issuer, form), ISSUER, plain_http)?;
        let is_secure = url.origin().scheme() == "https";
        Ok(Self { issuer: issuer.into(), is_secure, url, plain_http, max_age: MAX_AGE })
    }

    /// The same of another issuer.
    pub(crate) fn with_issuer(self, issuer: &str) -> Result<Self, ConfigError> {
        Ok(Self { max_age: self.max_age, ..Self::new(issuer, Form::OpenId, self.plain_http)? })
    }

    /// The same with the metadata in the other form of place.
    pub(crate) fn in_form(self, form: Form) -> Result<Self, ConfigError> {
        let url = Endpoint::read(&well_known(&self.issuer, form), ISSUER, self.plain_http)?;
        Ok(Self { url, ..self })
    }

    /// The same with the metadata in a place of its own.
    pub(crate) fn at(self, url: &str) -> Result<Self, ConfigError> {
        Ok(Self { url: Endpoint::read(url, PLACE, self.plain_http)?, ..self })
    }

    pub(crate) fn with_max_age(self, max_age: Duration) -> Self {
        Self { max_age: max_age.clamp(SHORTEST_AGE, LONGEST_AGE), ..self }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(crate) const fn url(&self) -> &Endpoint {
        &self.url
    }

    pub(crate) const fn max_age(&self) -> Duration {
        self.max_age
    }

    /// A token endpoint that the metadata names. Beside an https issuer it is https, also on this machine: no server says what is asked here.
    pub(crate) fn endpoint(&self, url: &str) -> Result<Endpoint, ConfigError> {
        let endpoint = Endpoint::read(url, FIELD, self.plain_http)?;
        let is_plain = endpoint.origin().scheme() != "https";
        if is_plain && self.is_secure && self.plain_http == PlainHttp::Loopback {
            let host = Excerpt::new(&endpoint.origin().host().to_string(), &[]).unwrap_or_default();
            return Err(ConfigError::PlainHttp { field: FIELD, host });
        }
        Ok(endpoint)
    }
}

/// RFC 8414 §2: a URL without query and fragment, https unless somebody said otherwise.
///
/// # Errors
/// [`ConfigError`] names what is wrong with it.
pub(crate) fn check_issuer(issuer: &str, plain_http: PlainHttp) -> Result<(), ConfigError> {
    let (uri, _) = origin::read(issuer, ISSUER, plain_http)?;
    if uri.query().is_some() {
        return Err(ConfigError::IssuerQuery);
    }
    if issuer.contains("/.well-known/") {
        return Err(ConfigError::IssuerIsMetadata);
    }
    Ok(())
}

/// A slash at the end of the issuer is left out, in both forms.
fn well_known(issuer: &str, form: Form) -> String {
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    match form {
        Form::OpenId => format!("{issuer}/.well-known/openid-configuration"),
        Form::Rfc8414 => {
            let authority = issuer.find("://").map_or(0, |at| at + 3);
            let path = issuer
                .get(authority..)
                .and_then(|rest| rest.find('/'))
                .map_or(issuer.len(), |at| authority + at);
            let (host, path) = issuer.split_at(path);
            format!("{host}/.well-known/oauth-authorization-server{path}")
        }
    }
}
