//! How a server wants assertions written.

use crate::error::ConfigError;
use crate::field::check_present;
use alloc::boxed::Box;

/// What a server wants in assertions that this client signs itself (RFC 7523 §3), where servers differ. The default is what the revision of
/// RFC 7523 asks for, and what most take: [`Provider::with_assertion_form`](crate::Provider::with_assertion_form) sets another.
///
/// ```
/// use evergrant_core::{AssertionAudience, AssertionForm};
///
/// // As Microsoft Entra documents it.
/// let form = AssertionForm::new().with_type("JWT")?.with_audience(AssertionAudience::TokenEndpoint).with_not_before();
/// assert_eq!((form.audience(), form.header_type()), (&AssertionAudience::TokenEndpoint, "JWT"));
/// # Ok::<(), evergrant_core::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AssertionForm {
    audience: AssertionAudience,
    /// `None` is the default, which costs nothing.
    header_type: Option<Box<str>>,
    has_not_before: bool,
}

/// Whom an assertion is for: its `aud`, always one text and never a list (RFC 7523bis §4).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum AssertionAudience {
    /// The authorization server's issuer (RFC 8414 §2), byte for byte: of the provider, or what discovery says. The token endpoint of a provider
    /// without one.
    #[default]
    Issuer,
    /// The URL of the token endpoint (RFC 7523 §3).
    TokenEndpoint,
    /// This text.
    Other(Box<str>),
}

/// The type that makes it plain what such a JWT is for (RFC 7523bis §4).
const TYPE: &str = "client-authentication+jwt";

impl AssertionForm {
    /// For the issuer, with the type `client-authentication+jwt`, and without `nbf`.
    pub const fn new() -> Self {
        Self { audience: AssertionAudience::Issuer, header_type: None, has_not_before: false }
    }

    /// The same for another audience.
    #[must_use]
    pub fn with_audience(self, audience: AssertionAudience) -> Self {
        Self { audience, ..self }
    }

    /// The same with another `typ` (RFC 7515 §4.1.9): `JWT` for servers that document it.
    ///
    /// # Errors
    /// [`ConfigError`] if it is empty or has a control character.
    pub fn with_type(self, header_type: &str) -> Result<Self, ConfigError> {
        check_present(header_type, "the type of the client assertion")?;
        Ok(Self { header_type: Some(header_type.into()), ..self })
    }

    /// The same with `nbf`, for servers that ask for it: equal to `iat`. A server whose clock is behind refuses it earlier than one without.
    #[must_use]
    pub fn with_not_before(self) -> Self {
        Self { has_not_before: true, ..self }
    }

    /// Whom assertions are for.
    pub const fn audience(&self) -> &AssertionAudience {
        &self.audience
    }

    /// The `typ` of assertions.
    pub fn header_type(&self) -> &str {
        self.header_type.as_deref().unwrap_or(TYPE)
    }

    /// Whether assertions have `nbf`.
    pub const fn has_not_before(&self) -> bool {
        self.has_not_before
    }
}

impl Default for AssertionForm {
    fn default() -> Self {
        Self::new()
    }
}
