//! A key on a card or in a module, over PKCS#11: an EC key on P-256, found by its label.
//!
//! With SoftHSM, on Debian (apt install softhsm2 opensc):
//!
//!     softhsm2-util --init-token --free --label erp --pin 1234 --so-pin 4321
//!     pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label erp --login --pin 1234 \
//!         --keypairgen --key-type EC:prime256v1 --label token-client
//!     PKCS11_PIN=1234 cargo run -p evergrant-crypto --example pkcs11 -- /usr/lib/softhsm/libsofthsm2.so erp token-client
//!
//! It prints the public key as a JWK, for the server, and an assertion that it verified by that key.

// An example shows what it does.
#![allow(clippy::print_stdout)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as Pkcs11Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use evergrant_core::{
    Algorithm, Attempt, Client, ClientAuth, KeyInfo, Known, Mono, Move, Now, Policy, Provider, Seed,
    Signature, SourceError, Thumbprint, Wall,
};
use evergrant_drive::Signer;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use std::env;
use std::error::Error;
use std::time::{Instant, SystemTime};

/// A key in a token of PKCS#11.
struct CardKey {
    module: Pkcs11,
    slot: Slot,
    pin: AuthPin,
    label: String,
    info: KeyInfo,
}

impl Signer for CardKey {
    fn key(&self) -> KeyInfo {
        self.info.clone()
    }

    fn sign(&self, _: Algorithm, input: &[u8]) -> Result<Signature, SourceError> {
        // Each signature has a session of its own: a card that was put back, or a module that was restarted, is found again.
        let sign = || -> Result<Vec<u8>, Box<dyn Error>> {
            let session = session(&self.module, self.slot, &self.pin)?;
            let key = object(&session, ObjectClass::PRIVATE_KEY, &self.label)?;
            // Of the algorithms that sign, every module knows the one that takes a digest. It gives r and s as they are.
            Ok(session.sign(&Mechanism::Ecdsa, key, digest(&SHA256, input).as_ref())?)
        };
        sign()
            .map(Signature::new)
            .map_err(|error| SourceError::failed(&format!("the card gives no signature: {error}")))
    }
}

impl CardKey {
    /// The key with this label in the token with that one, and its public key: 4, x, y.
    fn open(module: &str, token: &str, pin: AuthPin, label: &str) -> Result<(Self, Vec<u8>), Box<dyn Error>> {
        let module = Pkcs11::new(module)?;
        module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
        let is_it = |slot: &Slot| module.get_token_info(*slot).is_ok_and(|info| info.label() == token);
        let slot = module
            .get_slots_with_token()?
            .into_iter()
            .find(is_it)
            .ok_or("there is no token with that label")?;
        let session = session(&module, slot, &pin)?;
        let public = object(&session, ObjectClass::PUBLIC_KEY, label)?;
        let attributes = session.get_attributes(public, &[AttributeType::EcPoint])?;
        let Some(Attribute::EcPoint(point)) = attributes.into_iter().next() else {
            return Err("the key is no EC key".into());
        };
        // In an octet string, as PKCS#11 says, or without one, as some modules give it.
        let point = point.strip_prefix(&[4, 65]).unwrap_or(&point).to_vec();
        let json = jwk(&point)?;
        let thumbprint = digest(&SHA256, json.as_bytes());
        let thumbprint = Thumbprint::new(thumbprint.as_ref().try_into()?);
        let info =
            KeyInfo::new([Algorithm::Es256]).with_id(&thumbprint.to_string()).with_thumbprint(thumbprint);
        drop(session);
        Ok((Self { module, slot, pin, label: label.into(), info }, point))
    }
}

/// The public key as RFC 7638 digests it.
fn jwk(point: &[u8]) -> Result<String, Box<dyn Error>> {
    let coordinates =
        point.strip_prefix(&[4]).filter(|rest| rest.len() == 64).ok_or("the key is not on P-256")?;
    let (x, y) = coordinates.split_at(32);
    let [x, y] = [x, y].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
    Ok(format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#))
}

fn session(module: &Pkcs11, slot: Slot, pin: &AuthPin) -> Result<Session, Pkcs11Error> {
    let session = module.open_ro_session(slot)?;
    match session.login(UserType::User, Some(pin)) {
        // The program has another session, which did.
        Ok(()) | Err(Pkcs11Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
        Err(error) => Err(error),
    }
}

fn object(session: &Session, class: ObjectClass, label: &str) -> Result<ObjectHandle, Box<dyn Error>> {
    let found = session.find_objects(&[Attribute::Class(class), Attribute::Label(label.into())])?;
    found.into_iter().next().ok_or_else(|| format!("there is no {class} with the label {label}").into())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [module, token, label] = &arguments[..] else {
        return Err("usage: PKCS11_PIN=PIN pkcs11 MODULE TOKEN KEY".into());
    };
    let (key, point) = CardKey::open(module, token, AuthPin::new(env::var("PKCS11_PIN")?.into()), label)?;
    println!("{}", jwk(&point)?);

    let provider =
        Provider::rfc6749("https://auth.example.com/token")?.with_issuer("https://auth.example.com")?;
    let client = Client::builder(provider, ClientAuth::private_key_jwt("erp")?).build()?;
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
    println!("signed in {:?}", begun.elapsed());

    let (input, signature) = assertion.expose().rsplit_once('.').ok_or("it is a JWT")?;
    let verified = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(input.as_bytes(), &URL_SAFE_NO_PAD.decode(signature)?);
    verified.map_err(|_| "the signature is not by this key")?;
    println!("{}", assertion.expose());
    Ok(())
}
