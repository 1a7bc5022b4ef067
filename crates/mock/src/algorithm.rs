//! The algorithms of a signature (RFC 7518 §3.1, RFC 8037 §3.1), by the names that JWS has for them.

use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Algorithm {
    Es256,
    Es384,
    EdDsa,
    Rs256,
    Rs384,
    Ps256,
    Hs256,
}

/// What a key is, with its public half, or all of a secret.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Kind {
    /// The point, uncompressed: 4, x, y.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    Ed25519(Vec<u8>),
    /// A secret that is shared.
    Hmac(Vec<u8>),
}

impl Algorithm {
    /// The algorithm of this name. RFC 9864 names the curve of EdDSA.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" | "Ed25519" => Self::EdDsa,
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "PS256" => Self::Ps256,
            "HS256" => Self::Hs256,
            _ => return None,
        })
    }

    pub(crate) const fn name(self) -> &'static str {
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

    /// Those of keys of this kind; the first is what such a key signs with unless somebody says another.
    pub(crate) const fn of(kind: &Kind) -> &'static [Self] {
        match kind {
            Kind::P256(_) => &[Self::Es256],
            Kind::P384(_) => &[Self::Es384],
            Kind::Ed25519(_) => &[Self::EdDsa],
            Kind::Rsa { .. } => &[Self::Rs256, Self::Rs384, Self::Ps256],
            Kind::Hmac(_) => &[Self::Hs256],
        }
    }

    /// Whether the signature is by this key; never by one of another kind.
    pub(crate) fn verifies(self, kind: &Kind, message: &[u8], signature: &[u8]) -> bool {
        let verified = match (self, kind) {
            (Self::Es256, Kind::P256(point)) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (Self::Es384, Kind::P384(point)) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message, signature)
            }
            (Self::EdDsa, Kind::Ed25519(x)) => UnparsedPublicKey::new(&ED25519, x).verify(message, signature),
            (Self::Hs256, Kind::Hmac(secret)) => {
                hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), message, signature)
            }
            (_, Kind::Rsa { n, e }) => match self.rsa() {
                Some(parameters) => RsaPublicKeyComponents { n, e }.verify(parameters, message, signature),
                None => return false,
            },
            _ => return false,
        };
        verified.is_ok()
    }

    fn rsa(self) -> Option<&'static RsaParameters> {
        match self {
            Self::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Some(&RSA_PKCS1_2048_8192_SHA384),
            Self::Ps256 => Some(&RSA_PSS_2048_8192_SHA256),
            _ => None,
        }
    }
}
