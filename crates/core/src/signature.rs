//! Signatures of JWTs (RFC 7515), and what a key says of itself. The signing is somebody else's: core has no cryptography.

mod der;

use crate::error::SourceError;
use crate::thumbprint::Thumbprint;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

/// How something is signed (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// ECDSA with P-384 and SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384: what SMART on FHIR asks for.
    Rs384,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// HMAC with SHA-256, by the client secret.
    Hs256,
}

impl Algorithm {
    const ALL: [Self; 7] =
        [Self::Es256, Self::Es384, Self::EdDsa, Self::Rs256, Self::Rs384, Self::Ps256, Self::Hs256];

    /// Its name in `alg`.
    ///
    /// ```
    /// # use evergrant_core::Algorithm;
    /// assert_eq!(Algorithm::EdDsa.name(), "EdDSA");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Ps256 => "PS256",
            Self::Hs256 => "HS256",
        }
    }

    /// The one of this name, in these letters (RFC 7515 §4.1.1).
    ///
    /// ```
    /// # use evergrant_core::Algorithm;
    /// assert_eq!(Algorithm::of_name("PS256"), Some(Algorithm::Ps256));
    /// assert_eq!(Algorithm::of_name("none"), None);
    /// ```
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Whether it needs a secret that both sides have.
    pub(crate) const fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256)
    }

    /// How many bytes r and s have each, in a signature of this kind (RFC 7518 §3.4).
    const fn half(self) -> Option<usize> {
        match self {
            Self::Es256 => Some(32),
            Self::Es384 => Some(48),
            _ => None,
        }
    }

    /// Whether a signature of this kind may have so many bytes.
    fn fits(self, length: usize) -> bool {
        match self {
            Self::Es256 | Self::EdDsa => length == 64,
            Self::Es384 => length == 96,
            Self::Hs256 => length == 32,
            Self::Rs256 | Self::Rs384 | Self::Ps256 => (128..=1024).contains(&length),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A signature as it stands in a JWT: for ECDSA r and s one behind the other (RFC 7518 §3.4), each with leading zeros.
///
/// Whoever has it with what was signed can act as the client for a minute: Debug shows its length alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

impl Signature {
    /// These bytes, as ring, Azure Key Vault and PKCS#11 give them.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// An ECDSA signature in DER (RFC 3279 §2.2.3), as OpenSSL and the key services of AWS and Google give it.
    ///
    /// ```
    /// # use evergrant_core::{Algorithm, Signature};
    /// // r is 1 and s is 2.
    /// let signature = Signature::from_der(Algorithm::Es256, &[0x30, 6, 2, 1, 1, 2, 1, 2])?;
    /// let mut expected = [0; 64];
    /// (expected[31], expected[63]) = (1, 2);
    /// assert_eq!(signature, Signature::new(expected));
    /// # Ok::<(), evergrant_core::SourceError>(())
    /// ```
    ///
    /// # Errors
    /// [`SourceError::Failed`] for what is no such signature, and for an algorithm that has none in DER.
    pub fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, SourceError> {
        let half = algorithm.half().ok_or_else(|| {
            SourceError::failed(
                "only signatures of ES256 and ES384 come in DER: use Signature::new for this algorithm",
            )
        })?;
        der::fixed(der, half).map(Self).ok_or_else(|| {
            SourceError::failed(
                "the key service gave no ECDSA signature in DER: check that it signs with this algorithm, and use \
                 Signature::new if it gives r and s as they are",
            )
        })
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its bytes, if a signature of this algorithm may have as many.
    pub(crate) fn checked(&self, algorithm: Algorithm) -> Result<&[u8], SourceError> {
        if algorithm.fits(self.0.len()) {
            return Ok(&self.0);
        }
        Err(SourceError::failed(match algorithm.half() {
            Some(_) => {
                "the signature has the wrong length: a JWT has r and s one behind the other; use Signature::from_der for \
                 one in DER"
            }
            None => "the signature has the wrong length: check that the key signs with this algorithm",
        }))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({} bytes)", self.0.len())
    }
}

/// What a signing key says of itself: how it signs, and what it is called.
///
/// ```
/// use evergrant_core::{Algorithm, KeyInfo};
///
/// // A key in a key service, which signs in one way.
/// let key = KeyInfo::new([Algorithm::Es256]).with_id("2026-11");
/// assert_eq!((key.algorithms(), key.id()), (&[Algorithm::Es256][..], Some("2026-11")));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct KeyInfo {
    algorithms: Vec<Algorithm>,
    id: Option<Box<str>>,
    thumbprint: Option<Thumbprint>,
    certificate: Option<Thumbprint>,
}

impl KeyInfo {
    /// A key that can sign in these ways, the best one first.
    pub fn new(algorithms: impl Into<Vec<Algorithm>>) -> Self {
        Self { algorithms: algorithms.into(), id: None, thumbprint: None, certificate: None }
    }

    /// The same with its name at the server: `kid` (RFC 7515 §4.1.4). Without one, or with an
    /// empty one, a server looks for the only key of the client.
    #[must_use]
    pub fn with_id(self, id: &str) -> Self {
        Self { id: Some(id).filter(|id| !id.is_empty()).map(Into::into), ..self }
    }

    /// The same with the thumbprint of its public key (RFC 7638), by which it is told whether another key is there after a refusal.
    /// Without one each refusal rests as if it cost something to look.
    #[must_use]
    pub fn with_thumbprint(self, thumbprint: Thumbprint) -> Self {
        Self { thumbprint: Some(thumbprint), ..self }
    }

    /// The same with the thumbprint of its certificate: `x5t#S256` (RFC 7515 §4.1.8), by which Microsoft Entra finds the key.
    #[must_use]
    pub fn with_certificate(self, certificate: Thumbprint) -> Self {
        Self { certificate: Some(certificate), ..self }
    }

    /// The ways in which it can sign, the best one first.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Its name at the server: `kid`.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The thumbprint of its public key.
    pub const fn thumbprint(&self) -> Option<Thumbprint> {
        self.thumbprint
    }

    /// The thumbprint of its certificate.
    pub const fn certificate(&self) -> Option<Thumbprint> {
        self.certificate
    }
}

#[cfg(test)]
mod tests;
