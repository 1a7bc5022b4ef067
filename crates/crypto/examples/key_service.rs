//! A key that never leaves a key service: twenty lines make a `Signer` of it.
//!
//!     cargo run -p evergrant-crypto --example key_service
//!
//! The service is a stand-in here. It takes 200 ms for a signature, as those of clouds do, and answers in DER, as those of AWS and Google do;
//! Azure Key Vault gives r and s as they are, which is what `Signature::new` takes. The client library of a cloud is async most often: its
//! call stands in `Handle::block_on` of the program's tokio runtime then, since a signer that is not quick is asked on a thread of its own.

// An example shows what it does.
#![allow(clippy::print_stdout)]

use evergrant_core::{
    Algorithm, Attempt, Client, ClientAuth, KeyInfo, Known, Mono, Move, Now, Policy, Provider, Seed,
    Signature, SourceError, Wall,
};
use evergrant_drive::Signer;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use std::borrow::Cow;
use std::error::Error;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// A key in the key service, by the name that it has there.
struct ServiceKey {
    service: KeyService,
    name: String,
}

impl Signer for ServiceKey {
    fn key(&self) -> KeyInfo {
        // With the thumbprint of its public key, if the service gives that, a refused key is asked for again only when it is another one.
        KeyInfo::new([Algorithm::Es256]).with_id("2026-11")
    }

    fn sign(&self, algorithm: Algorithm, input: &[u8]) -> Result<Signature, SourceError> {
        let der = self.service.sign(&self.name, input);
        let der = der
            .map_err(|error| SourceError::failed(&format!("the key service gives no signature: {error}")))?;
        Signature::from_der(algorithm, &der)
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(&self.name))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let key = ServiceKey { service: KeyService::start()?, name: "projects/erp/keys/token-client/1".into() };

    let provider =
        Provider::rfc6749("https://auth.example.com/token")?.with_issuer("https://auth.example.com")?;
    let client = Client::builder(provider, ClientAuth::private_key_jwt("erp")?).build()?;
    // What an adapter does with it: the attempt asks for a signature, and goes on with a token request.
    let now =
        Now::new(Mono::ZERO, Wall::from_epoch(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?));
    let Move::Ask(asking) = Attempt::begin(&client, Seed::new(now), &Known::new(&Policy::new())) else {
        return Err("a client that signs asks for a signature".into());
    };
    let unsigned = asking.unsigned().ok_or("it has what to sign")?;
    let mut jti = [0; 16];
    SystemRandom::new().fill(&mut jti).map_err(|_| "the system has no randomness")?;
    let begun = Instant::now();
    let input = unsigned.for_key(&key.key(), jti)?;
    let signature = key.sign(input.algorithm(), input.as_bytes())?;
    let assertion = input.signed(&signature)?;
    println!("signed in {} ms by {}", begun.elapsed().as_millis(), key.name);
    match asking.answer(assertion) {
        Move::Send(request, _) => {
            println!("{} {}, {} bytes", request.method(), request.url(), request.body().len());
        }
        other => return Err(format!("no request: {other:?}").into()),
    }
    Ok(())
}

/// Stands for a key service and its client library.
struct KeyService {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl KeyService {
    fn start() -> Result<Self, Box<dyn Error>> {
        let (algorithm, random) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|_| "no randomness")?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).map_err(|_| "no key")?;
        Ok(Self { pair, random })
    }

    fn sign(&self, _name: &str, input: &[u8]) -> Result<Vec<u8>, &'static str> {
        thread::sleep(Duration::from_millis(200));
        let signature = self.pair.sign(&self.random, input);
        signature.map(|signature| signature.as_ref().to_vec()).map_err(|_| "it has no randomness")
    }
}
