//! What an assertion costs that the client signs, beside the bare signature of the same bytes.
#![allow(clippy::unwrap_used)] // A bench that cannot be set up has nothing to measure.

use evergrant_bench::subjects::noon_and;
use evergrant_bench::{Group, Side, run};
use evergrant_core::{
    Attempt, Client, ClientAuth, Known, Move, Policy, Provider, SecretText, Seed, SourceError,
    UnsignedAssertion,
};
use evergrant_crypto::Key;
use evergrant_drive::Signer;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use std::hint::black_box;

/// Keys of the tests, in PKCS#8.
macro_rules! key {
    ($name:literal) => {
        include_bytes!(concat!("../../crypto/src/key/tests/keys/", $name, ".pem"))
    };
}

const SECRET: &[u8] = b"a secret of more than 32 bytes in all";

fn main() {
    run(&[
        group(
            "an assertion, ES256",
            || Key::from_pem(key!("p256")).unwrap(),
            || {
                let (pair, random) = (es256(), SystemRandom::new());
                Box::new(move |input| pair.sign(&random, input).unwrap().as_ref().len())
            },
        ),
        group(
            "an assertion, EdDSA",
            || Key::from_pem(key!("ed25519")).unwrap(),
            || {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der(key!("ed25519"))).unwrap();
                Box::new(move |input| pair.sign(input).as_ref().len())
            },
        ),
        group(
            "an assertion, RS256 with 2048 bits",
            || Key::from_pem(key!("rsa2048")).unwrap(),
            || rsa(key!("rsa2048")),
        ),
        group(
            "an assertion, RS256 with 4096 bits",
            || Key::from_pem(key!("rsa4096")).unwrap(),
            || rsa(key!("rsa4096")),
        ),
        group(
            "an assertion, HS256",
            || Key::hmac(SECRET).unwrap(),
            || {
                let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
                Box::new(move |input| hmac::sign(&key, input).as_ref().len())
            },
        ),
        reading(),
    ]);
}

type Bare = Box<dyn Fn(&[u8]) -> usize + Send>;

/// The bare signature of what is signed for this key, and all from an unsigned assertion to its text.
fn group(title: &'static str, key: fn() -> Key, bare: fn() -> Bare) -> Group {
    Group::new(
        title,
        [
            Side::new("ring's bare signature of its bytes", move || {
                let (key, bare) = (key(), bare());
                let input = unsigned(&key).for_key(&key.key(), [7; 16]).unwrap();
                move || bare(black_box(input.as_bytes()))
            }),
            Side::new("from `UnsignedAssertion` to its text", move || {
                let key = key();
                let unsigned = unsigned(&key);
                move || signed(&unsigned, &key)
            }),
        ],
    )
}

fn signed(unsigned: &UnsignedAssertion, key: &Key) -> Result<SecretText, SourceError> {
    let input = unsigned.for_key(&key.key(), [7; 16])?;
    let signature = key.sign(input.algorithm(), input.as_bytes())?;
    input.signed(&signature)
}

/// What has to be signed of a client with an issuer.
fn unsigned(key: &Key) -> UnsignedAssertion {
    let auth = match key.public_jwk() {
        Some(_) => ClientAuth::private_key_jwt("a-client-of-some-kind"),
        None => ClientAuth::client_secret_jwt("a-client-of-some-kind"),
    };
    let provider = Provider::rfc6749("https://auth.example.com/token").unwrap();
    let provider = provider.with_issuer("https://auth.example.com").unwrap();
    let client = Client::builder(provider, auth.unwrap()).build().unwrap();
    match Attempt::begin(&client, Seed::new(noon_and(0)), &Known::new(&Policy::new())) {
        Move::Ask(asking) => asking.unsigned().unwrap().clone(),
        other => panic!("a client that signs asks for a signature: {other:?}"),
    }
}

/// What is done for each token request with a key in a file.
fn reading() -> Group {
    Group::new(
        "a key, read",
        [
            Side::new("EC P-256, PKCS#8: ring's own reader, of DER", || es256),
            Side::new("EC P-256, PKCS#8", || || Key::from_pem(key!("p256"))),
            Side::new("Ed25519, PKCS#8", || || Key::from_pem(key!("ed25519"))),
            Side::new("RSA 2048, PKCS#8", || || Key::from_pem(key!("rsa2048"))),
            Side::new("RSA 4096, PKCS#8", || || Key::from_pem(key!("rsa4096"))),
        ],
    )
}

fn es256() -> EcdsaKeyPair {
    let pkcs8 = include_bytes!("../../crypto/src/key/tests/keys/p256.der");
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &SystemRandom::new()).unwrap()
}

fn rsa(pem: &[u8]) -> Bare {
    let (pair, random) = (RsaKeyPair::from_pkcs8(&der(pem)).unwrap(), SystemRandom::new());
    Box::new(move |input| {
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &random, input, &mut signature).unwrap();
        signature.len()
    })
}

/// The bytes of a key in PEM.
fn der(pem: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let lines = std::str::from_utf8(pem).unwrap().lines().filter(|line| !line.starts_with('-'));
    base64::engine::general_purpose::STANDARD.decode(lines.collect::<String>()).unwrap()
}
