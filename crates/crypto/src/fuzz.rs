//! What the fuzz targets `key_pem` and `key_jwk` run: each takes any bytes and panics when something that must always hold does not. The second
//! implementations are here; the targets of `fuzz/` hand bytes to them, and every `cargo test` runs them on some thousand inputs.
//!
//! | target    | what must hold, besides that nothing panics                                                                |
//! |-----------|------------------------------------------------------------------------------------------------------------|
//! | `key_pem` | a key that is taken is the one that rustls-pki-types finds; ring's own reader finds no other one; it signs |
//! | `key_jwk` | a key that is taken has the public members that serde_json reads; no error and no Debug shows a private one |

use crate::Key;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use evergrant_drive::Signer;
use ring::error::KeyRejected;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P384_SHA384_FIXED_SIGNING, ED25519, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
    RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
};
use rustls_pki_types::pem::{PemObject, SectionKind};
use serde_json::Value;

/// A text in PEM, and the bytes of a key in DER.
///
/// # Panics
/// It is misread.
pub fn key_pem(data: &[u8]) {
    let read = Key::from_text(data);
    if let Ok(key) = &read {
        signs(key);
        as_others_find_it(key, data);
    }
    if let Ok(public) = ring_reads(data) {
        let key =
            Key::from_pem(&pem("PRIVATE KEY", data)).unwrap_or_else(|error| panic!("ring reads it: {error}"));
        let jwk = members(&key);
        let texts: Vec<&str> =
            ["x", "y", "n", "e"].into_iter().filter_map(|name| jwk[name].as_str()).collect();
        let bytes = texts.iter().map(|text| URL_SAFE_NO_PAD.decode(text).unwrap_or_default());
        assert_eq!(bytes.collect::<Vec<_>>().concat(), public, "another public key");
    }
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"] {
        let _ = Key::from_pem(&pem(label, data));
    }
    if let Ok(key) = Key::hmac(&[7; 32]) {
        assert!(key.with_certificate(&pem("CERTIFICATE", data)).is_err(), "a secret has no certificate");
    }
}

/// A JWK, or a set of them.
///
/// # Panics
/// It is misread, or shown.
pub fn key_jwk(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = Key::from_jwk(text);
    let json: Option<Value> = serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).ok();
    let keys = json.as_ref().map(jwks).unwrap_or_default();
    let shown = match &read {
        Ok(key) => format!("{key:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    for key in &keys {
        for name in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            if let Some(secret) = key[name].as_str().filter(|secret| secret.len() >= 16) {
                assert!(!shown.contains(secret), "{name} is shown");
            }
        }
    }
    let Ok(key) = read else { return };
    signs(&key);
    let private: Vec<&&Value> =
        keys.iter().filter(|key| key["d"].is_string() || key["k"].is_string()).collect();
    let [theirs] = private[..] else { panic!("{} private keys", private.len()) };
    let Some(ours) = key.public_jwk() else {
        assert_eq!(theirs["kty"], "oct", "a secret");
        return;
    };
    let ours: Value = serde_json::from_str(&ours).unwrap_or_default();
    for name in ["kty", "crv"] {
        assert_eq!(ours[name], theirs[name], "another {name}");
    }
    if let Some(id) = theirs["kid"].as_str().filter(|id| !id.is_empty()) {
        assert_eq!(ours["kid"], id, "another name");
    }
    let number = |jwk: &Value, name: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(jwk[name].as_str()?).ok()?;
        Some(bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<u8>>())
    };
    for name in ["x", "y", "n", "e"] {
        // Of an Ed25519 key it may be missing.
        if theirs.get(name).is_some() && !(theirs["kty"] == "OKP" && name == "y") && ours.get(name).is_some()
        {
            assert_eq!(number(&ours, name), number(theirs, name), "another {name}");
        }
    }
}

/// The keys of a set, or the one that it is.
fn jwks(json: &Value) -> Vec<&Value> {
    match json.get("keys") {
        Some(keys) => keys.as_array().map(|keys| keys.iter().collect()).unwrap_or_default(),
        None => vec![json],
    }
}

/// What it signs is verified by its public key: of the kinds that are quick.
fn signs(key: &Key) {
    let jwk = members(key);
    let bytes =
        |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap_or_default()).unwrap_or_default();
    let (by, public): (&'static dyn VerificationAlgorithm, _) =
        match (jwk["crv"].as_str(), bytes("x"), bytes("y")) {
            (Some("P-256"), x, y) => (&ECDSA_P256_SHA256_FIXED, [vec![4], x, y].concat()),
            (Some("P-384"), x, y) => (&ECDSA_P384_SHA384_FIXED, [vec![4], x, y].concat()),
            (Some("Ed25519"), x, _) => (&ED25519, x),
            _ => return,
        };
    let Some(algorithm) = key.key().algorithms().first().copied() else {
        panic!("a key without an algorithm")
    };
    let signature = key.signature(algorithm, b"input");
    let signature = signature.unwrap_or_else(|error| panic!("it does not sign: {error}"));
    assert!(UnparsedPublicKey::new(by, public).verify(b"input", &signature).is_ok(), "another signature");
}

/// The members of its public key, and of a secret none.
fn members(key: &Key) -> Value {
    key.public_jwk().and_then(|jwk| serde_json::from_str(&jwk).ok()).unwrap_or_default()
}

/// rustls-pki-types finds one private key, and it is this one.
fn as_others_find_it(key: &Key, text: &[u8]) {
    let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
    let Ok(sections) = sections else { return };
    let labelled = sections.iter().filter_map(|(kind, der)| Some((label(*kind)?, der)));
    let private: Vec<_> = labelled.collect();
    match private[..] {
        [(label, der)] => {
            let theirs = Key::from_pem(&pem(label, der)).map(|key| key.thumbprint());
            assert_eq!(theirs, Ok(key.thumbprint()), "another key");
        }
        // A JWK, or a mark before the first line.
        [] => {}
        _ => panic!("{} private keys", private.len()),
    }
}

fn label(kind: SectionKind) -> Option<&'static str> {
    match kind {
        SectionKind::PrivateKey => Some("PRIVATE KEY"),
        SectionKind::RsaPrivateKey => Some("RSA PRIVATE KEY"),
        SectionKind::EcPrivateKey => Some("EC PRIVATE KEY"),
        _ => None,
    }
}

/// The bytes of the public key, x and y or n and e, that ring's own reader of PKCS#8 finds.
fn ring_reads(pkcs8: &[u8]) -> Result<Vec<u8>, KeyRejected> {
    let random = SystemRandom::new();
    let ec = |curve: &'static EcdsaSigningAlgorithm| -> Result<Vec<u8>, KeyRejected> {
        let pair = EcdsaKeyPair::from_pkcs8(curve, pkcs8, &random)?;
        Ok(pair.public_key().as_ref().iter().skip(1).copied().collect())
    };
    ec(&ECDSA_P256_SHA256_FIXED_SIGNING)
        .or_else(|_| ec(&ECDSA_P384_SHA384_FIXED_SIGNING))
        .or_else(|_| {
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map(|pair| pair.public_key().as_ref().into())
        })
        .or_else(|_| {
            let pair = RsaKeyPair::from_pkcs8(pkcs8)?;
            let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(pair.public());
            Ok([n, e].concat())
        })
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der)).into_bytes()
}

#[cfg(test)]
mod tests;
