//! Public keys as JSON (RFC 7517), and the signatures that they verify (RFC 7518 §3.1, RFC 8037 §3.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::Value;

/// Bytes of an RSA modulus: 2048 bits to 8192, which is what is verified.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// A public key.
#[derive(Clone)]
pub(crate) struct Key {
    kid: Option<String>,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    /// The point, uncompressed: 4, x, y.
    P256(Vec<u8>),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    Ed25519(Vec<u8>),
}

/// The keys of a JWKS or of one JWK that can be used; None when the text is neither. Others in a JWKS are left out
/// (RFC 7517 §5).
pub(crate) fn read(text: &str) -> Option<Vec<Key>> {
    let json: Value = serde_json::from_str(text).ok()?;
    match json.get("keys") {
        Some(keys) => Some(keys.as_array()?.iter().filter_map(Key::read).collect()),
        None => json.get("kty")?.is_string().then(|| Key::read(&json).into_iter().collect()),
    }
}

impl Key {
    /// A P-256 key of ours.
    pub(crate) fn p256(kid: &str, point: &[u8]) -> Self {
        Self { kid: Some(kid.to_owned()), kind: Kind::P256(point.to_vec()) }
    }

    fn read(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        // SPIFFE's bundles say jwt-svid, and x509-svid of what signs no JWT.
        if !matches!(text("use"), None | Some("sig" | "jwt-svid")) {
            return None;
        }
        let kind = match (text("kty")?, text("crv")) {
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes("x")?, bytes("y")?);
                (x.len() == 32 && y.len() == 32).then(|| Kind::P256([&[4][..], &x, &y].concat()))?
            }
            ("OKP", Some("Ed25519")) => Kind::Ed25519(bytes("x").filter(|x| x.len() == 32)?),
            ("RSA", _) => Kind::Rsa { n: bytes("n").filter(|n| MODULUS.contains(&n.len()))?, e: bytes("e")? },
            _ => return None,
        };
        let key = Self { kid: text("kid").map(str::to_owned), kind };
        text("alg").is_none_or(|alg| key.signs_with(alg)).then_some(key)
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether its signatures are named so.
    pub(crate) fn signs_with(&self, alg: &str) -> bool {
        match self.kind {
            Kind::P256(_) => alg == "ES256",
            Kind::Rsa { .. } => alg == "RS256",
            // RFC 9864 names the curve.
            Kind::Ed25519(_) => alg == "EdDSA" || alg == "Ed25519",
        }
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.kind {
            Kind::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Kind::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            Kind::Ed25519(x) => UnparsedPublicKey::new(&ED25519, x).verify(message, signature),
        };
        verified.is_ok()
    }
}

#[cfg(test)]
mod tests;
