//! What tells one public key, or one certificate, from every other.

use crate::text::SecretText;
use alloc::string::String;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use core::fmt;

/// The SHA-256 digest of a public key as a JWK (RFC 7638), or of a certificate in DER (`x5t#S256`, RFC 7515 §4.1.8). It is no secret.
///
/// ```
/// use evergrant_core::Thumbprint;
///
/// let thumbprint = Thumbprint::new([7; 32]);
/// assert_eq!(thumbprint.to_string(), "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
/// assert_eq!(Thumbprint::parse(&thumbprint.to_string()), Some(thumbprint));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// This digest.
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// As it is written in a JWT: base64url without padding.
    pub fn parse(text: &str) -> Option<Self> {
        let mut digest = [0; 32];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut digest).ok()?;
        (length == digest.len()).then_some(Self(digest))
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// The answer to [`Ask::Certificate`](crate::Ask::Certificate).
impl From<Thumbprint> for SecretText {
    fn from(thumbprint: Thumbprint) -> Self {
        Self::new(&thumbprint.text())
    }
}

/// base64url without padding, as in a JWT.
impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

#[cfg(test)]
mod tests;
