//! What seals tokens for a store that many processes reach.
//!
//! ```text
//! "evergrant-store" | version, 01 | nonce (12) | AES-256-GCM of:
//!     00, or 01 for a key, 02 for a certificate, each with its thumbprint (32) | the token
//! ```
//! The associated data is what stands before the nonce, the name of the entry, the fence (8), the end in milliseconds since 1970 (8), the life in
//! milliseconds (8), and what tells the client from others (`Client::key`). Numbers are little endian. So an entry that was moved to another name,
//! or whose times were changed, does not open.
//!
//! The key, the name and the key of prints are HKDF-SHA-256 (RFC 5869) of the store's key and the client secret, each with its length.

use crate::error::{SealError, StoreKeyError};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use evergrant_core::fleet::{Fence, Have, Name, Print, Sealed, StoreTime, Unsealed};
use evergrant_core::{AccessToken, Binding, Client, ClientKey, ConfigError, Thumbprint};
use evergrant_drive::{Sealing, TokenSeal};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;
use std::time::Duration;
use zeroize::Zeroizing;

const MAGIC: &[u8; 16] = b"evergrant-store\x01";
const SALT: &[u8] = b"evergrant store 1";
/// The shortest client secret, in bytes, that whoever reads a store cannot guess.
const SHORTEST_SECRET: usize = 32;
const UNBOUND: u8 = 0;
const KEY: u8 = 1;
const CERTIFICATE: u8 = 2;
const THUMBPRINT: usize = 32;

/// What tokens are sealed with for a store: a key of the store's own, or each client's secret.
///
/// Tokens are encrypted with AES-256-GCM (NIST SP 800-38D) and bound to the name of their entry, the claim that brought them, their end and
/// their life. Names and prints are keyed. So whoever reads the store learns how many clients there are, when their tokens come and end, and how
/// long they are; whoever writes there can delay a process, or hand out an older token of the same client while it lives, and neither read
/// nor make one.
///
/// The client secret is part of the key where the client has one: after a rotation the name is another one, and a process with a wrong
/// secret shares an entry with nobody. Without a key of the store's own it is all of it, and has 32 bytes at least: a shorter one could be guessed
/// by whoever has the store.
///
/// ```
/// use evergrant_core::{Client, ClientAuth, ConfigError, Provider};
/// use evergrant_crypto::StoreKey;
/// use evergrant_drive::Sealing;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let provider = Provider::rfc6749("https://auth.example.com/token")?;
/// let client = Client::builder(provider, ClientAuth::private_key_jwt("my-client-id")?).build()?;
///
/// // openssl rand -base64 32, the same in every process
/// let key = StoreKey::from_text("SPgiYDUv1BGCcyPfyBPSqDYvYEqTnL4PJDMQ0jWzAjc=")?;
/// assert!(key.seal_of(&client, None).is_ok());
/// // A client that signs has no secret.
/// let without = StoreKey::of_client_secrets();
/// assert_eq!(without.seal_of(&client, None).err(), Some(ConfigError::NeedsStoreKey));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct StoreKey(Material);

#[derive(Clone)]
enum Material {
    /// The client's secret, and nothing beside.
    Secrets,
    /// These bytes, and the client's secret, if it has one.
    Own(Zeroizing<[u8; 32]>),
    /// These bytes, whatever the client's secret is.
    Whole(Zeroizing<Vec<u8>>),
}

impl Material {
    /// What tells it from the others where the bytes are the same.
    const fn kind(&self) -> u8 {
        match self {
            Self::Secrets => 0,
            Self::Own(_) => 1,
            Self::Whole(_) => 2,
        }
    }
}

impl StoreKey {
    /// These bytes, which nobody else can know: from a random generator, and the same in every process of the store.
    pub fn new(key: [u8; 32]) -> Self {
        Self(Material::Own(Zeroizing::new(key)))
    }

    /// 32 bytes in base64, as `openssl rand -base64 32` prints them, in base64url, or in hexadecimal, as `openssl rand -hex 32` does. White
    /// space around it is no part of it.
    ///
    /// # Errors
    /// It is none of these. The error has nothing of the text.
    pub fn from_text(text: &str) -> Result<Self, StoreKeyError> {
        let text = text.trim().as_bytes();
        let mut key = Zeroizing::new([0; 32]);
        // One byte more than a key has, so that a longer one is none. It is wiped as the key is.
        let mut room = Zeroizing::new([0; 33]);
        let decoded = match text.len() {
            64 => unhex(text, &mut *key),
            43 | 44 => STANDARD
                .decode_slice(text, &mut *room)
                .or_else(|_| {
                    URL_SAFE_NO_PAD.decode_slice(text.strip_suffix(b"=").unwrap_or(text), &mut *room)
                })
                .ok()
                .filter(|length| *length == key.len())
                .map(|length| key.copy_from_slice(&room[..length])),
            _ => None,
        };
        decoded.map(|()| Self(Material::Own(key))).ok_or(StoreKeyError)
    }

    /// Each client's secret, and nothing beside: for clients by `client_secret_basic` and `client_secret_post` with a secret of 32 bytes or more
    /// that is fixed.
    pub const fn of_client_secrets() -> Self {
        Self(Material::Secrets)
    }

    /// This key material, and nothing of the client's secret: for a program that has the secret by itself, wherever the client reads it, or
    /// that seals with something else. It is parts of fixed lengths in a row, such as 32 random bytes from a file and the thumbprint of the key that the
    /// client signs with. The seal is as strong as the material is hard to guess.
    ///
    /// # Errors
    /// [`SealError::NoMaterial`] if it is empty.
    pub fn of_material(material: &[u8]) -> Result<Self, SealError> {
        if material.is_empty() {
            return Err(SealError::NoMaterial);
        }
        Ok(Self(Material::Whole(Zeroizing::new(material.to_vec()))))
    }
}

/// Nothing of the key.
impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Material::Secrets => "StoreKey(of client secrets)",
            Material::Own(_) | Material::Whole(_) => "StoreKey([redacted])",
        })
    }
}

impl Sealing for StoreKey {
    fn seal_of(&self, client: &Client, shown: Option<Thumbprint>) -> Result<Box<dyn TokenSeal>, ConfigError> {
        let secret = client.auth().expose_secret().unwrap_or_default().as_bytes();
        let (key, secret): (&[u8], _) = match &self.0 {
            Material::Secrets if secret.len() < SHORTEST_SECRET => return Err(ConfigError::NeedsStoreKey),
            Material::Secrets => (&[], secret),
            Material::Own(key) => (&**key, secret),
            Material::Whole(material) => (material, &[]),
        };
        // All room at once: a vector that grows leaves copies behind.
        let mut material = Zeroizing::new(Vec::with_capacity(key.len() + secret.len()));
        material.extend_from_slice(key);
        material.extend_from_slice(secret);
        let prk = Salt::new(HKDF_SHA256, &[SALT, &[self.0.kind()]].concat()).extract(&material);
        // HKDF gives 8160 bytes: nothing here is too long for it.
        let derived = Derived::of(&prk, client.key(), shown);
        derived.map(|derived| Box::new(derived) as Box<dyn TokenSeal>).map_err(|_| ConfigError::NeedsStoreKey)
    }
}

/// What seals the tokens of one client.
struct Derived {
    client: ClientKey,
    name: Name,
    key: LessSafeKey,
    prints: hmac::Key,
}

/// The length of the bytes that a name is made of.
struct NameLen;

impl KeyType for NameLen {
    fn len(&self) -> usize {
        16
    }
}

impl Derived {
    fn of(prk: &Prk, client: ClientKey, shown: Option<Thumbprint>) -> Result<Self, Unspecified> {
        let key: UnboundKey = prk.expand(&[b"key"], &AES_256_GCM)?.into();
        let prints = prk.expand(&[b"print"], hmac::HMAC_SHA256)?.into();
        let shown = shown.map_or([0; THUMBPRINT], |shown| *shown.as_bytes());
        let mut name = [0; 16];
        prk.expand(&[b"name", &shown, client.expose()], NameLen)?.fill(&mut name)?;
        Ok(Self { client, name: Name::new(name), key: LessSafeKey::new(key), prints })
    }

    fn associated(&self, fence: Fence, end: StoreTime, life: Duration) -> Aad<Zeroizing<Vec<u8>>> {
        let life = StoreTime::default().after(life);
        let numbers = [fence.number(), end.as_millis(), life.as_millis()].map(u64::to_le_bytes).concat();
        Aad::from(Zeroizing::new([MAGIC, &self.name.as_bytes()[..], &numbers, self.client.expose()].concat()))
    }
}

impl TokenSeal for Derived {
    fn name(&self) -> Name {
        self.name
    }

    fn print(&self, token: &AccessToken) -> Print {
        let tag = hmac::sign(&self.prints, token.expose().as_bytes());
        let mut print = [0; 8];
        print.iter_mut().zip(tag.as_ref()).for_each(|(print, tag)| *print = *tag);
        Print::new(print)
    }

    fn seal(&self, unsealed: &Unsealed) -> Option<Sealed> {
        let token = unsealed.token();
        let text = token.expose().as_bytes();
        // As long as it becomes: nothing is moved when the tag is appended.
        let mut content = Zeroizing::new(Vec::with_capacity(1 + THUMBPRINT + text.len() + MAX_TAG_LEN));
        let (kind, thumbprint) = match token.binding() {
            Binding::None => (UNBOUND, None),
            Binding::Key(thumbprint) => (KEY, Some(thumbprint)),
            Binding::Certificate(thumbprint) => (CERTIFICATE, Some(thumbprint)),
            // Nobody could tell what else it is bound to.
            _ => return None,
        };
        content.push(kind);
        content.extend(thumbprint.iter().flat_map(Thumbprint::as_bytes));
        content.extend(text);
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let unique = Nonce::assume_unique_for_key(nonce);
        let associated = self.associated(unsealed.fence(), unsealed.end(), unsealed.life());
        self.key.seal_in_place_append_tag(unique, associated, &mut *content).ok()?;
        Some(Sealed::new(&[&MAGIC[..], &nonce, &content].concat()))
    }

    fn open(&self, have: &Have) -> Option<AccessToken> {
        let rest = have.token.as_bytes().strip_prefix(MAGIC)?;
        let (nonce, content) = rest.split_first_chunk::<NONCE_LEN>()?;
        let mut content = Zeroizing::new(content.to_vec());
        let associated = self.associated(have.fence, have.end, have.life);
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let content = self.key.open_in_place(nonce, associated, &mut content).ok()?;
        let (kind, rest) = content.split_first()?;
        let (binding, text) = match *kind {
            UNBOUND => (Binding::None, rest),
            KEY | CERTIFICATE => {
                let (thumbprint, text) = rest.split_first_chunk()?;
                let thumbprint = Thumbprint::new(*thumbprint);
                let is_key = *kind == KEY;
                (if is_key { Binding::Key(thumbprint) } else { Binding::Certificate(thumbprint) }, text)
            }
            _ => return None,
        };
        let token = AccessToken::new(std::str::from_utf8(text).ok()?).ok()?;
        Some(token.with_binding(binding))
    }
}

/// The bytes that these digits stand for, in either case.
fn unhex(text: &[u8], bytes: &mut [u8]) -> Option<()> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = *pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(())
}

#[cfg(test)]
mod tests;
