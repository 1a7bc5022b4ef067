//! Private keys, for the assertions of an issuer.

use std::io;

use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PSS_SHA256,
};

use crate::algorithm::Algorithm;
use crate::algorithm::Kind;
use crate::pem::{self, Block};

pub(crate) enum Private {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(rsa::KeyPair),
    Hmac(Vec<u8>),
}

impl Private {
    /// A new key for ES256.
    pub(crate) fn generate(random: &SystemRandom) -> io::Result<Self> {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, random).map_err(|_| no_randomness())?;
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), random);
        key.map(Self::P256).map_err(|_| no_randomness())
    }

    /// The first private key of a text in PEM, unless no key of it can be used.
    pub(crate) fn read(text: &str, random: &SystemRandom) -> Option<Self> {
        let blocks = pem::blocks(text)?;
        let Block { label, der } = blocks.iter().find(|block| block.label.ends_with("PRIVATE KEY"))?;
        let ecdsa = |algorithm| EcdsaKeyPair::from_pkcs8(algorithm, der, random);
        match *label {
            "PRIVATE KEY" => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .map(Self::P256)
                .or_else(|_| ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING).map(Self::P384))
                // OpenSSL writes the private key alone, without the public one.
                .or_else(|_| Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Self::Ed25519))
                .or_else(|_| rsa::KeyPair::from_pkcs8(der).map(Self::Rsa))
                .ok(),
            "RSA PRIVATE KEY" => rsa::KeyPair::from_der(der).map(Self::Rsa).ok(),
            _ => None,
        }
    }

    /// What verifies its signatures.
    pub(crate) fn public(&self) -> Kind {
        match self {
            Self::P256(key) => Kind::P256(key.public_key().as_ref().to_vec()),
            Self::P384(key) => Kind::P384(key.public_key().as_ref().to_vec()),
            Self::Ed25519(key) => Kind::Ed25519(key.public_key().as_ref().to_vec()),
            Self::Rsa(key) => {
                let rsa::PublicKeyComponents { n, e } =
                    rsa::PublicKeyComponents::<Vec<u8>>::from(key.public());
                Kind::Rsa { n, e }
            }
            Self::Hmac(secret) => Kind::Hmac(secret.clone()),
        }
    }

    /// A signature by this algorithm, which is one of the key's.
    pub(crate) fn sign(&self, alg: Algorithm, message: &[u8], random: &SystemRandom) -> io::Result<Vec<u8>> {
        Ok(match self {
            Self::P256(key) | Self::P384(key) => {
                key.sign(random, message).map_err(|_| no_randomness())?.as_ref().to_vec()
            }
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Self::Hmac(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
            }
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                let signed = match alg {
                    Algorithm::Ps256 => key.sign(&RSA_PSS_SHA256, random, message, &mut signature),
                    Algorithm::Rs384 => key.sign(&RSA_PKCS1_SHA384, random, message, &mut signature),
                    _ => key.sign(&RSA_PKCS1_SHA256, random, message, &mut signature),
                };
                signed.map_err(|_| no_randomness())?;
                signature
            }
        })
    }
}

pub(crate) fn no_randomness() -> io::Error {
    io::Error::other("the system gives no randomness")
}
