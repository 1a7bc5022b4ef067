//! Public keys as JSON (RFC 7517) or PEM, and the signatures that they verify (RFC 7518 §3.1, RFC 8037 §3.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::algorithm::{Algorithm, Kind};
use crate::pem;

/// Bytes of an RSA modulus: 2048 bits to 8192, which is what is verified.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// A key that verifies signatures: a public one, or the secret of a client.
#[derive(Clone)]
pub(crate) struct Key {
    kid: Option<String>,
    /// The only algorithm, if it says one.
    alg: Option<Algorithm>,
    kind: Kind,
}

/// Why a text gives no key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unread {
    /// It is something else.
    NoKeys,
    /// It is a private key, in PEM.
    Private,
    /// The same as a JWK, or among them.
    PrivateJwk,
}

/// The keys of a JWKS, of one JWK or of PEM that can be used. Others in a JWKS are left out (RFC 7517 §5).
pub(crate) fn read(text: &str) -> Result<Vec<Key>, Unread> {
    if let Some(blocks) = pem::blocks(text) {
        if blocks.iter().any(|block| block.label.ends_with("PRIVATE KEY")) {
            return Err(Unread::Private);
        }
        let public = blocks.iter().filter(|block| block.label == "PUBLIC KEY");
        return Ok(public.filter_map(|block| Key::new(None, None, pem::public_key(&block.der)?)).collect());
    }
    let json: Value = serde_json::from_str(text).map_err(|_| Unread::NoKeys)?;
    let keys = match json.get("keys") {
        Some(Value::Array(keys)) => keys.as_slice(),
        None if json.get("kty").is_some_and(Value::is_string) => std::slice::from_ref(&json),
        _ => return Err(Unread::NoKeys),
    };
    // EC, OKP and RSA call the private part by the same name (RFC 7518 §6.2.2 and §6.3.2, RFC 8037 §2).
    if keys.iter().any(|key| key.get("d").is_some()) {
        return Err(Unread::PrivateJwk);
    }
    Ok(keys.iter().filter_map(Key::read).collect())
}

impl Key {
    /// A key of a length that its kind has, and an algorithm that it signs with.
    pub(crate) fn new(kid: Option<String>, alg: Option<&str>, kind: Kind) -> Option<Self> {
        let point = |point: &[u8], length: usize| point.len() == 2 * length + 1 && point.first() == Some(&4);
        let fits = match &kind {
            Kind::P256(bytes) => point(bytes, 32),
            Kind::P384(bytes) => point(bytes, 48),
            Kind::Ed25519(x) => x.len() == 32,
            Kind::Rsa { n, .. } => MODULUS.contains(&n.len()),
            Kind::Hmac(_) => true,
        };
        let key = Self { kid, alg: None, kind };
        match alg {
            _ if !fits => None,
            None => Some(key),
            Some(alg) => {
                let alg = Algorithm::named(alg).filter(|alg| key.algorithms().contains(alg))?;
                Some(Self { alg: Some(alg), ..key })
            }
        }
    }

    fn read(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        // SPIFFE's bundles say jwt-svid, and x509-svid of what signs no JWT.
        if !matches!(text("use"), None | Some("sig" | "jwt-svid")) {
            return None;
        }
        // Each coordinate has the length of the curve (RFC 7518 §6.2.1.2); that both have it together is seen below.
        let point = |length| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            (x.len() == length).then(|| [&[4][..], &x, &y].concat())
        };
        let kind = match (text("kty")?, text("crv")) {
            ("EC", Some("P-256")) => Kind::P256(point(32)?),
            ("EC", Some("P-384")) => Kind::P384(point(48)?),
            ("OKP", Some("Ed25519")) => Kind::Ed25519(bytes("x")?),
            ("RSA", _) => Kind::Rsa { n: bytes("n")?, e: bytes("e")? },
            _ => return None,
        };
        Self::new(text("kid").map(str::to_owned), text("alg"), kind)
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The same with this name.
    pub(crate) fn named(&self, kid: &str) -> Self {
        Self { kid: Some(kid.to_owned()), ..self.clone() }
    }

    /// The same for this algorithm alone, which is one of its own.
    pub(crate) fn only(&self, alg: Algorithm) -> Self {
        Self { alg: Some(alg), ..self.clone() }
    }

    /// What it signs with.
    pub(crate) fn algorithms(&self) -> &[Algorithm] {
        self.alg.as_ref().map_or_else(|| Algorithm::of(&self.kind), std::slice::from_ref)
    }

    /// The algorithm of this name, if it signs with it.
    pub(crate) fn algorithm(&self, name: &str) -> Option<Algorithm> {
        Algorithm::named(name).filter(|alg| self.algorithms().contains(alg))
    }

    pub(crate) fn verifies(&self, alg: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        alg.verifies(&self.kind, message, signature)
    }

    /// The members that RFC 7638 §3.2 makes a thumbprint of, in the order of their names.
    fn required(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let point = |curve: &str, point: &[u8]| {
            let (x, y) = point.get(1..).unwrap_or_default().split_at(point.len() / 2);
            json!({ "crv": curve, "kty": "EC", "x": text(x), "y": text(y) })
        };
        match &self.kind {
            Kind::P256(bytes) => point("P-256", bytes),
            Kind::P384(bytes) => point("P-384", bytes),
            Kind::Ed25519(x) => json!({ "crv": "Ed25519", "kty": "OKP", "x": text(x) }),
            Kind::Rsa { n, e } => json!({ "e": text(e), "kty": "RSA", "n": text(n) }),
            Kind::Hmac(secret) => json!({ "k": text(secret), "kty": "oct" }),
        }
    }

    /// The key as JWK, with what is known of it.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = self.required();
        if let Some(kid) = &self.kid {
            jwk["kid"] = kid.as_str().into();
        }
        if let Some(alg) = self.alg {
            jwk["alg"] = alg.name().into();
        }
        jwk["use"] = "sig".into();
        jwk
    }

    /// Whether it is a secret that is shared.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Hmac(_))
    }

    /// RFC 7638 §3.
    pub(crate) fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.required().to_string().as_bytes()))
    }
}

#[cfg(test)]
mod tests;
