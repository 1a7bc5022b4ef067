//! Private keys in DER: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017 §A.1.2), SEC 1 (RFC 5915).
//!
//! ring reads PKCS#8 as well, but not SEC 1, and of what it refuses it does not say what it is.

use super::der::{Der, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, around, in_place, whole_bytes};
use super::pair::{Curve, Pair, RsaParts};
use super::refused::{NEW_KEY, NEW_RSA_KEY, damaged, refused};
use evergrant_core::ConfigError;

/// rsaEncryption (RFC 8017 §A.1).
pub(super) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// id-RSASSA-PSS (RFC 8017 §A.2.3).
const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
/// id-ecPublicKey (RFC 5480 §2.1.1).
pub(super) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// id-Ed25519 (RFC 8410 §3).
pub(super) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// Kinds of keys that are named and not taken.
const OTHERS: [(&[u8], &str); 5] = [
    (&[0x2b, 0x65, 0x71], "an Ed448 key"),
    (&[0x2b, 0x65, 0x6e], "an X25519 key, which cannot sign"),
    (&[0x2b, 0x65, 0x6f], "an X448 key, which cannot sign"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01], "a DSA key"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x03, 0x01], "a Diffie-Hellman key, which cannot sign"),
];

/// Curves that are named and not taken.
const OTHER_CURVES: [(&[u8], &str); 2] = [
    (&[0x2b, 0x81, 0x04, 0x00, 0x23], "an EC key on P-521"),
    (&[0x2b, 0x81, 0x04, 0x00, 0x0a], "an EC key on secp256k1"),
];

impl Curve {
    /// Its name in DER (RFC 5480 §2.1.1.1).
    pub(super) const fn identifier(self) -> &'static [u8] {
        match self {
            Self::P256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            Self::P384 => &[0x2b, 0x81, 0x04, 0x00, 0x22],
        }
    }
}

/// What PKCS#8 puts around a key.
struct Info<'a> {
    algorithm: &'a [u8],
    parameters: Der<'a>,
    key: &'a [u8],
    public: Option<&'a [u8]>,
}

impl<'a> Info<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let mut info = Der::of_sequence(der)?;
        matches!(info.value(INTEGER)?, [0 | 1]).then_some(())?;
        let mut parameters = info.sequence()?;
        let algorithm = parameters.value(OBJECT_IDENTIFIER)?;
        let key = info.value(OCTET_STRING)?;
        let _attributes = info.value(around(0));
        let public = match info.value(in_place(1)) {
            Some(bits) => Some(whole_bytes(bits)?),
            None => None,
        };
        info.is_over().then_some(Self { algorithm, parameters, key, public })
    }
}

/// `BEGIN PRIVATE KEY`
pub(super) fn pkcs8(der: &[u8]) -> Result<Pair, ConfigError> {
    let Info { algorithm, parameters, key, public } = Info::read(der).ok_or_else(damaged)?;
    match algorithm {
        EC => ec(key, Some(parameters), public),
        RSA => pkcs1(key),
        ED25519 => {
            let mut seed = Der::new(key);
            let inner = seed.value(OCTET_STRING).filter(|_| seed.is_over());
            Pair::ed25519(inner.ok_or_else(damaged)?, public)
        }
        RSA_PSS => Err(refused("an RSA key that may sign by PSS alone", NEW_RSA_KEY)),
        other => Err(refused(named(&OTHERS, other).unwrap_or("a key of an unknown kind"), NEW_KEY)),
    }
}

/// `BEGIN EC PRIVATE KEY`
pub(super) fn sec1(der: &[u8]) -> Result<Pair, ConfigError> {
    ec(der, None, None)
}

/// `ECPrivateKey`, whose curve and public key may be said outside of it.
fn ec(der: &[u8], outside: Option<Der<'_>>, public: Option<&[u8]>) -> Result<Pair, ConfigError> {
    let EcKey { d, parameters, point } = EcKey::read(der).ok_or_else(damaged)?;
    // One that says two curves is none.
    if let (Some(inner), Some(outer)) = (parameters, outside)
        && inner != outer
    {
        return Err(damaged());
    }
    let curve = curve(outside.or(parameters))?;
    match point.or(public) {
        Some(point @ [4, ..]) => Pair::ec(curve, d, point),
        Some([2 | 3, ..]) => Err(refused(
            "an EC key with a compressed public key",
            "write it uncompressed: openssl ec -in FILE -conv_form uncompressed -out new.pem",
        )),
        Some(_) => Err(damaged()),
        None => Err(refused(
            "an EC key without its public key",
            "write it with its public key: openssl ec -in FILE -out new.pem",
        )),
    }
}

struct EcKey<'a> {
    d: &'a [u8],
    parameters: Option<Der<'a>>,
    point: Option<&'a [u8]>,
}

impl<'a> EcKey<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let mut key = Der::of_sequence(der)?;
        matches!(key.value(INTEGER)?, [1]).then_some(())?;
        let d = key.value(OCTET_STRING)?;
        let parameters = key.value(around(0)).map(Der::new);
        let point = match key.value(around(1)) {
            Some(inner) => {
                let mut inner = Der::new(inner);
                Some(inner.bits().filter(|_| inner.is_over())?)
            }
            None => None,
        };
        key.is_over().then_some(Self { d, parameters, point })
    }
}

fn curve(parameters: Option<Der<'_>>) -> Result<Curve, ConfigError> {
    let Some(mut parameters) = parameters else {
        return Err(refused("an EC key that does not say its curve", NEW_KEY));
    };
    if parameters.clone().value(SEQUENCE).is_some() {
        return Err(refused(
            "an EC key with its curve in figures",
            "write the curve by its name: openssl ec -in FILE -param_enc named_curve -out new.pem",
        ));
    }
    let identifier = parameters.value(OBJECT_IDENTIFIER).ok_or_else(damaged)?;
    Curve::ALL.into_iter().find(|curve| curve.identifier() == identifier).ok_or_else(|| {
        refused(named(&OTHER_CURVES, identifier).unwrap_or("an EC key on another curve"), NEW_KEY)
    })
}

/// `BEGIN RSA PRIVATE KEY`
pub(super) fn pkcs1(der: &[u8]) -> Result<Pair, ConfigError> {
    let mut key = Der::of_sequence(der).ok_or_else(damaged)?;
    match key.value(INTEGER) {
        Some([0]) => {}
        Some([1]) => return Err(refused("an RSA key of more than two primes", NEW_RSA_KEY)),
        _ => return Err(damaged()),
    }
    let parts = rsa_parts(&mut key).filter(|_| key.is_over());
    Pair::rsa(parts.ok_or_else(damaged)?)
}

fn rsa_parts<'a>(key: &mut Der<'a>) -> Option<RsaParts<'a>> {
    // In the order in which they stand there.
    Some(RsaParts {
        n: key.unsigned()?,
        e: key.unsigned()?,
        d: key.unsigned()?,
        p: key.unsigned()?,
        q: key.unsigned()?,
        dp: key.unsigned()?,
        dq: key.unsigned()?,
        qi: key.unsigned()?,
    })
}

fn named(names: &[(&[u8], &'static str)], identifier: &[u8]) -> Option<&'static str> {
    names.iter().find(|(known, _)| *known == identifier).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests;
