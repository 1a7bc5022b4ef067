//! A key as ring has it, made of its parts, and what it signs.

use super::refused::{NEW_RSA_KEY, damaged, inconsistent, no_randomness, refused};
use evergrant_core::{Algorithm, ConfigError, Thumbprint};
use ring::digest::{SHA256, digest};
use ring::error::Unspecified;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// The curves of ECDSA that are signed with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
}

impl Curve {
    pub(super) const ALL: [Self; 2] = [Self::P256, Self::P384];

    /// Its name in a JWK (RFC 7518 §6.2.1.1).
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        }
    }

    /// How many bytes a coordinate and a private key have.
    pub(super) const fn len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    const fn algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
        }
    }

    fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        }
    }
}

/// The parts of an RSA key, each without leading zeros.
#[derive(Clone, Copy)]
pub(super) struct RsaParts<'a> {
    pub(super) n: &'a [u8],
    pub(super) e: &'a [u8],
    pub(super) d: &'a [u8],
    pub(super) p: &'a [u8],
    pub(super) q: &'a [u8],
    pub(super) dp: &'a [u8],
    pub(super) dq: &'a [u8],
    pub(super) qi: &'a [u8],
}

/// What everybody may know of a key.
#[derive(PartialEq, Eq)]
pub(super) enum Public<'a> {
    Ec {
        curve: Curve,
        x: &'a [u8],
        y: &'a [u8],
    },
    Ed25519(&'a [u8]),
    Rsa {
        n: &'a [u8],
        e: &'a [u8],
    },
    /// What tells the secret of an HMAC from another.
    Hmac(Thumbprint),
}

/// A key that signs. What it is made of is wiped by whoever read it; what ring makes of that is not.
pub(super) enum Pair {
    Ec(Curve, Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
    Rsa(Box<Rsa>),
    Hmac(Box<hmac::Key>, Thumbprint),
}

/// With the parts of its public key in one place each.
pub(super) struct Rsa {
    pair: RsaKeyPair,
    n: Vec<u8>,
    e: Vec<u8>,
}

/// The shortest secret of an HMAC, in bytes (RFC 7518 §3.2).
const SHORTEST_SECRET: usize = 32;

impl Pair {
    /// `point` is uncompressed (SEC 1 §2.3.3): 4, x, y.
    pub(super) fn ec(curve: Curve, d: &[u8], point: &[u8]) -> Result<Self, ConfigError> {
        let d = fixed(d, curve.len()).ok_or_else(damaged)?;
        let pair =
            EcdsaKeyPair::from_private_key_and_public_key(curve.signing(), &d, point, &SystemRandom::new());
        Ok(Self::Ec(curve, Box::new(pair.map_err(|_| inconsistent())?)))
    }

    /// Its public key is compared, where it is given.
    pub(super) fn ed25519(seed: &[u8], public: Option<&[u8]>) -> Result<Self, ConfigError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| damaged())?;
        if public.is_some_and(|public| public != pair.public_key().as_ref()) {
            return Err(inconsistent());
        }
        Ok(Self::Ed25519(Box::new(pair)))
    }

    pub(super) fn rsa(parts: RsaParts<'_>) -> Result<Self, ConfigError> {
        let RsaParts { n, e, d, p, q, dp, dq, qi } = parts;
        let bits = 8 * n.len() - n.first().map_or(0, |first| first.leading_zeros() as usize);
        // ring takes primes whose bits are a multiple of 512.
        if !matches!(bits, 2048 | 3072 | 4096) {
            return Err(refused(&format!("an RSA key of {bits} bits"), NEW_RSA_KEY));
        }
        if !is_taken(e) {
            return Err(refused("an RSA key with an unusual public exponent", NEW_RSA_KEY));
        }
        let components =
            KeyPairComponents { public_key: PublicKeyComponents { n, e }, d, p, q, dP: dp, dQ: dq, qInv: qi };
        let pair = RsaKeyPair::from_components(&components).map_err(|_| inconsistent())?;
        Ok(Self::Rsa(Box::new(Rsa { pair, n: n.into(), e: e.into() })))
    }

    pub(super) fn hmac(secret: &[u8]) -> Result<Self, ConfigError> {
        if secret.len() < SHORTEST_SECRET {
            return Err(ConfigError::SecretTooShort);
        }
        let thumbprint = told_apart(secret)?;
        Ok(Self::Hmac(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)), thumbprint))
    }

    /// A new one on P-256.
    pub(super) fn generate() -> Result<Self, ConfigError> {
        let (signing, random) = (Curve::P256.signing(), SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(signing, &random);
        let pair = pkcs8.and_then(|pkcs8| {
            EcdsaKeyPair::from_pkcs8(signing, pkcs8.as_ref(), &random).map_err(|_| Unspecified)
        });
        Ok(Self::Ec(Curve::P256, Box::new(pair.map_err(|_| no_randomness())?)))
    }

    /// How it can sign, the best way first.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        match self {
            Self::Ec(curve, _) => vec![curve.algorithm()],
            Self::Ed25519(_) => vec![Algorithm::EdDsa],
            Self::Rsa(_) => vec![Algorithm::Ps256, Algorithm::Rs256, Algorithm::Rs384],
            Self::Hmac(..) => vec![Algorithm::Hs256],
        }
    }

    pub(super) fn public(&self) -> Public<'_> {
        match self {
            Self::Ec(curve, pair) => {
                // ring gives the point uncompressed.
                let coordinates = pair.public_key().as_ref().split_first().map_or(&[][..], |(_, rest)| rest);
                let (x, y) = coordinates.split_at_checked(curve.len()).unwrap_or_default();
                Public::Ec { curve: *curve, x, y }
            }
            Self::Ed25519(pair) => Public::Ed25519(pair.public_key().as_ref()),
            Self::Rsa(rsa) => Public::Rsa { n: &rsa.n, e: &rsa.e },
            Self::Hmac(_, thumbprint) => Public::Hmac(*thumbprint),
        }
    }

    /// The signature, by one of its algorithms.
    pub(super) fn sign(&self, algorithm: Algorithm, input: &[u8]) -> Result<Vec<u8>, Unspecified> {
        match self {
            Self::Ec(_, pair) => Ok(pair.sign(&SystemRandom::new(), input)?.as_ref().into()),
            Self::Ed25519(pair) => Ok(pair.sign(input).as_ref().into()),
            Self::Rsa(rsa) => {
                let encoding: &'static dyn RsaEncoding = match algorithm {
                    Algorithm::Rs256 => &RSA_PKCS1_SHA256,
                    Algorithm::Rs384 => &RSA_PKCS1_SHA384,
                    Algorithm::Ps256 => &RSA_PSS_SHA256,
                    _ => return Err(Unspecified),
                };
                let mut signature = vec![0; rsa.pair.public().modulus_len()];
                rsa.pair.sign(encoding, &SystemRandom::new(), input, &mut signature)?;
                Ok(signature)
            }
            Self::Hmac(key, _) => Ok(hmac::sign(key, input).as_ref().into()),
        }
    }
}

/// Whether ring takes this public exponent: an odd one from 65537 on, of at most 33 bits.
fn is_taken(e: &[u8]) -> bool {
    let number = e.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    e.len() <= 8 && number % 2 == 1 && (65537..1 << 33).contains(&number)
}

/// A number as so many bytes, with leading zeros as it needs them; `None` if it is longer.
pub(super) fn fixed(number: &[u8], length: usize) -> Option<Zeroizing<Vec<u8>>> {
    let number = unsigned(number);
    let zeros = length.checked_sub(number.len())?;
    let mut fixed = Zeroizing::new(Vec::with_capacity(length));
    fixed.resize(zeros, 0);
    fixed.extend(number);
    Some(fixed)
}

/// A number without leading zeros.
pub(super) fn unsigned(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// What tells this secret from another, in this process. A plain digest, of which RFC 7638 §7 warns, would let whoever sees it try out
/// secrets that somebody made up: this one is keyed by random bytes that are nowhere else.
fn told_apart(secret: &[u8]) -> Result<Thumbprint, ConfigError> {
    static KEY: OnceLock<hmac::Key> = OnceLock::new();
    let key = match KEY.get() {
        Some(key) => key,
        None => {
            let mut random = Zeroizing::new([0; 32]);
            SystemRandom::new().fill(&mut *random).map_err(|_| no_randomness())?;
            KEY.get_or_init(|| hmac::Key::new(hmac::HMAC_SHA256, &*random))
        }
    };
    let tag = hmac::sign(key, secret);
    <[u8; 32]>::try_from(tag.as_ref()).map(Thumbprint::new).map_err(|_| no_randomness())
}

/// The SHA-256 digest of these bytes.
pub(super) fn sha256(bytes: &[u8]) -> Thumbprint {
    let mut value = [0; 32];
    value.copy_from_slice(digest(&SHA256, bytes).as_ref());
    Thumbprint::new(value)
}
