//! Assertions as client authentication (RFC 7521 §4.2): made by somebody else, a platform that vouches for the program, or by the client
//! itself with a key of its own ([`UnsignedAssertion`]).

mod form;
mod unsigned;

pub use form::{AssertionAudience, AssertionForm};
pub(crate) use unsigned::{Kind, check_claim};
pub use unsigned::{SigningInput, UnsignedAssertion};

use crate::error::{ConfigError, Excerpt};
use crate::jwt;
use crate::span::Span;
use crate::time::Wall;
use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;
use core::time::Duration;
use fluent_uri::Uri;
use zeroize::Zeroizing;

/// What kind of assertion it is: the `client_assertion_type` of a token request (RFC 7521 §4.2).
///
/// ```
/// use evergrant_core::AssertionKind;
///
/// assert_eq!(AssertionKind::JWT_BEARER.uri(), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
/// let own = AssertionKind::parse("urn:example:client-assertion-type:smart-card")?;
/// assert_eq!(own.uri(), "urn:example:client-assertion-type:smart-card");
/// # Ok::<(), evergrant_core::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AssertionKind(Cow<'static, str>);

/// What a method is called whose kind of assertion is nobody's but the user's.
pub(crate) const UNREGISTERED: &str = "client_assertion";

impl AssertionKind {
    /// A JWT (RFC 7523 §2.2): what Kubernetes, GitHub, GitLab and cloud platforms hand to their programs.
    pub const JWT_BEARER: Self = Self(Cow::Borrowed(Self::JWT_BEARER_URI));
    pub(crate) const JWT_BEARER_URI: &'static str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    /// A JWT-SVID of SPIFFE (draft-ietf-oauth-spiffe-client-auth).
    pub const JWT_SPIFFE: Self =
        Self(Cow::Borrowed("urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"));

    /// Another one, by its URI.
    ///
    /// # Errors
    /// [`ConfigError::AssertionKind`] if it is no absolute URI, which has no fragment (RFC 3986 §4.3).
    pub fn parse(uri: &str) -> Result<Self, ConfigError> {
        match Uri::parse(uri) {
            Ok(uri) if !uri.has_fragment() => {}
            _ => return Err(ConfigError::AssertionKind),
        }
        let known = [Self::JWT_BEARER, Self::JWT_SPIFFE].into_iter().find(|known| known.uri() == uri);
        Ok(known.unwrap_or_else(|| Self(Cow::Owned(uri.into()))))
    }

    /// The URI.
    pub fn uri(&self) -> &str {
        &self.0
    }

    /// The name of the method of authentication.
    pub(crate) fn method(&self) -> &'static str {
        if *self == Self::JWT_BEARER {
            "private_key_jwt"
        } else if *self == Self::JWT_SPIFFE {
            "spiffe_jwt"
        } else {
            UNREGISTERED
        }
    }
}

/// What a refused assertion says of itself, for whoever has to mend it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Told {
    /// How long ago it ended.
    pub(crate) ended: Option<Duration>,
    /// The time until it begins.
    pub(crate) begins: Option<Duration>,
    /// By which algorithm, as what, and with the key of which name, it is signed.
    pub(crate) algorithm: Option<Excerpt>,
    pub(crate) header_type: Option<Excerpt>,
    pub(crate) key: Option<Excerpt>,
    pub(crate) issuer: Option<Excerpt>,
    pub(crate) audience: Option<Excerpt>,
    pub(crate) subject: Option<Excerpt>,
}

impl Told {
    /// What this assertion says, at this moment of the server's clock. Claims that repeat a secret of the client are not shown.
    pub(crate) fn of(assertion: &str, now: Wall, masks: &[&str]) -> Option<Self> {
        let told = jwt::told(assertion)?;
        let shown = |text: Option<Zeroizing<String>>| text.and_then(|text| Excerpt::new(&text, masks));
        Some(Self {
            ended: told.exp.filter(|exp| *exp <= now).map(|exp| now.since(exp)),
            begins: told.nbf.filter(|nbf| *nbf > now).map(|nbf| nbf.since(now)),
            algorithm: shown(told.alg),
            header_type: shown(told.typ),
            key: shown(told.kid),
            issuer: shown(told.iss),
            audience: shown(told.aud),
            subject: shown(told.sub),
        })
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(ended) = self.ended {
            return write!(f, "ended {} ago: its writer seems to have stopped", Span(ended));
        }
        if let Some(begins) = self.begins {
            return write!(f, "begins in {}: its writer's clock seems to be ahead", Span(begins));
        }
        match (&self.audience, &self.subject) {
            (Some(audience), Some(subject)) => {
                write!(f, "has the audience {audience} and the subject {subject}")?;
            }
            (Some(audience), None) => write!(f, "has the audience {audience} and no subject")?,
            (None, Some(subject)) => write!(f, "has no audience, and the subject {subject}")?,
            (None, None) => f.write_str("has neither audience nor subject")?,
        }
        match &self.issuer {
            Some(issuer) => write!(f, ", of the issuer {issuer}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
