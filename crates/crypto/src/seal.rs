//! What a stored token is sealed with, and whom it is bound to.
//!
//! ```text
//! "evergrant-cache" | version, 01 | end, seconds since 1970 (8) | nonce (12) | AES-256-GCM of:
//!     issued, seconds (8), nanoseconds (4) | life, seconds (8), nanoseconds (4) | the token
//!
//! version 02, of a token that is bound to a key or a certificate, has before the token:
//!     01 for a key, 02 for a certificate | its thumbprint (32)
//! ```
//! Numbers are little endian. The key is HKDF-SHA-256 (RFC 5869) of the key material. The associated data is what
//! stands before the nonce, and what tells the client from others (`Client::key`): what was sealed for another client cannot be
//! opened, even where both have one secret. Its name comes from both, too, so that it tells nothing and two clients never meet
//! under one name.
//!
//! A new format has another version, and what is before its nonce stays: so each release can clear away what any other has sealed.

use crate::error::{OpenError, SealError};
use evergrant_core::{AccessToken, Binding, ClientKey, Stored, Thumbprint, Wall};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt::{self, Write};
use std::time::Duration;
use zeroize::Zeroizing;

const MAGIC: &[u8; 15] = b"evergrant-cache";
const VERSION: u8 = 1;
/// Of a token that is bound. One that is not stays as earlier releases read it.
const BOUND: u8 = 2;
const KEY: u8 = 1;
const CERTIFICATE: u8 = 2;
const SALT: &[u8] = b"evergrant disk cache 1";
const TIMES: usize = 8 + 4 + 8 + 4;
/// What a token is bound to: a byte and a thumbprint.
const BINDING: usize = 1 + 32;
/// All that a sealed token has beside the token, and beside what it is bound to.
const REST: usize = Seal::END_LEN + NONCE_LEN + TIMES + MAX_TAG_LEN;

/// Seals the tokens of one client, and opens them again.
///
/// Tokens are encrypted with AES-256-GCM (NIST SP 800-38D), under a key that HKDF-SHA-256 (RFC 5869) derives from key material. Whoever
/// has a sealed token and not the material has nothing. The client's [key](evergrant_core::Client::key) is authenticated along with
/// the token, so that only a `Seal` of the same client opens it.
///
/// - Two things can be seen without the material: when the token ends, and its length in bytes.
/// - Whoever can write where it is stored can put back an older one of the same client. It opens.
/// - Each has a nonce of 96 random bits from the operating system. So one material is good for 2^32 tokens (SP 800-38D, section 8.3).
/// - What a token is bound to (`Stored::binding`) is sealed with it, and given back with it.
/// - The token is wiped from memory after use; the material is not copied. `ring` does not wipe the key that it derived.
///
/// ```
/// use evergrant_core::{AccessToken, Client, ClientAuth, Provider, Stored, Wall};
/// use evergrant_crypto::{OpenError, Seal};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let provider = Provider::rfc6749("https://auth.example.com/token")?;
/// let auth = ClientAuth::basic("my-client-id", "my-client-secret")?;
/// let client = Client::builder(provider.clone(), auth.clone()).build()?;
/// let seal = Seal::new(&client.key(), b"my-client-secret")?;
///
/// let stored = Stored::new(AccessToken::new("mF_9.B5f-4.1JqM")?, Wall::EPOCH, Duration::from_secs(3600));
/// let sealed = seal.seal(&stored)?;
/// assert_eq!(seal.open(&sealed), Ok(stored));
///
/// // It asks for another token with the same secret, so it is another client.
/// let other = Client::builder(provider, auth).scope("write").build()?;
/// let seal = Seal::new(&other.key(), b"my-client-secret")?;
/// assert_eq!(seal.open(&sealed), Err(OpenError::Foreign));
/// # Ok(()) }
/// ```
pub struct Seal {
    client: ClientKey,
    key: LessSafeKey,
    name: String,
}

/// The length of the bytes that a name is made of.
struct NameLen;

impl KeyType for NameLen {
    fn len(&self) -> usize {
        16
    }
}

impl Seal {
    /// No sealed token is longer, in bytes: read no more of a file than this and one byte.
    pub const MAX_LEN: usize = REST + BINDING + AccessToken::MAX_LEN;

    /// How many of the first bytes of a sealed token [`end`](Self::end) needs.
    pub const END_LEN: usize = MAGIC.len() + 1 + 8;

    /// The seal of this client.
    ///
    /// `material` is a secret: the client's own, or parts of fixed lengths in a row, such as 32 random bytes from a file and the
    /// thumbprint of the key that the client signs with. The seal is as strong as it is hard to guess: whoever has a sealed token can
    /// try out what it may be. Other material makes another key and another [name](Self::name).
    ///
    /// # Errors
    /// [`SealError::NoMaterial`] if it is empty.
    pub fn new(client: &ClientKey, material: &[u8]) -> Result<Self, SealError> {
        if material.is_empty() {
            return Err(SealError::NoMaterial);
        }
        let prk = Salt::new(HKDF_SHA256, SALT).extract(material);
        // HKDF gives 8160 bytes: neither a key nor a name is too long for it.
        let derived = key(&prk).and_then(|key| Ok((key, name(&prk, client)?)));
        let (key, name) = derived.map_err(|_| SealError::NoMaterial)?;
        Ok(Self { client: client.clone(), key, name })
    }

    /// A name for the sealed token of this client and this material, as for a file or a record: 32 hexadecimal digits that tell
    /// nothing about either. It is the same in every release.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether [`name`](Self::name) can give this, for whichever client.
    ///
    /// ```
    /// # use evergrant_crypto::Seal;
    /// assert!(Seal::is_name("40f250feef575e6ca60f76f7318238d3"));
    /// assert!(!Seal::is_name("notes"));
    /// ```
    pub fn is_name(name: &str) -> bool {
        name.len() == 2 * NameLen.len() && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    }

    /// The token, sealed: at most [`MAX_LEN`](Self::MAX_LEN) bytes, other ones each time.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`] if the operating system has none.
    pub fn seal(&self, stored: &Stored) -> Result<Vec<u8>, SealError> {
        let token = stored.token().expose();
        // As long as it becomes: nothing is moved when the tag is appended.
        let mut content = Zeroizing::new(Vec::with_capacity(TIMES + BINDING + token.len() + MAX_TAG_LEN));
        for time in [stored.issued().since_epoch(), stored.life()] {
            content.extend(time.as_secs().to_le_bytes());
            content.extend(time.subsec_nanos().to_le_bytes());
        }
        let bound = match stored.binding() {
            Binding::Key(thumbprint) => Some((KEY, thumbprint)),
            Binding::Certificate(thumbprint) => Some((CERTIFICATE, thumbprint)),
            _ => None,
        };
        if let Some((kind, thumbprint)) = bound {
            content.push(kind);
            content.extend(thumbprint.as_bytes());
        }
        content.extend(token.as_bytes());
        let version = if bound.is_some() { BOUND } else { VERSION };
        let end = stored.issued().after(stored.life());
        self.encrypted(version, end, content).map_err(|_| SealError::NoRandomness)
    }

    /// What was sealed.
    ///
    /// # Errors
    /// Why it cannot be opened. That is a miss and never a reason to stop: request a token instead.
    pub fn open(&self, sealed: &[u8]) -> Result<Stored, OpenError> {
        match sealed.strip_prefix(MAGIC).and_then(<[u8]>::first) {
            Some(&(VERSION | BOUND)) => {}
            Some(_) => return Err(OpenError::Version),
            None => return Err(OpenError::Form),
        }
        if !(REST + 1..=Self::MAX_LEN).contains(&sealed.len()) {
            return Err(OpenError::Form);
        }
        let (header, rest) = sealed.split_at(Self::END_LEN);
        let (nonce, content) = rest.split_at(NONCE_LEN);
        let mut content = Zeroizing::new(content.to_vec());
        let content = Nonce::try_assume_unique_for_key(nonce)
            .and_then(|nonce| self.key.open_in_place(nonce, self.associated(header), &mut content));
        let is_bound = header.get(MAGIC.len()) == Some(&BOUND);
        content.ok().and_then(|content| read(content, is_bound)).ok_or(OpenError::Foreign)
    }

    /// When a sealed token ends, to the second below, whichever version sealed it. Anybody may read that, so that anybody can clear
    /// away what has ended. `None` for bytes that do not begin as a sealed token. Only [`open`](Self::open) finds what was changed.
    ///
    /// ```
    /// # use evergrant_core::{AccessToken, Client, ClientAuth, Provider, Stored, Wall};
    /// # use evergrant_crypto::Seal;
    /// # use std::time::Duration;
    /// # let auth = ClientAuth::basic("my-client-id", "my-client-secret")?;
    /// # let client = Client::builder(Provider::rfc6749("https://auth.example.com/token")?, auth).build()?;
    /// # let seal = Seal::new(&client.key(), b"my-client-secret")?;
    /// let issued = Wall::from_epoch(Duration::from_secs(1_767_225_600));
    /// let stored = Stored::new(AccessToken::new("mF_9.B5f-4.1JqM")?, issued, Duration::from_secs(3600));
    /// let sealed = seal.seal(&stored)?;
    /// assert_eq!(Seal::end(&sealed[..Seal::END_LEN]), Some(issued.after(Duration::from_secs(3600))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn end(sealed: &[u8]) -> Option<Wall> {
        let (_version, rest) = sealed.strip_prefix(MAGIC)?.split_first()?;
        let seconds = u64::from_le_bytes(*rest.first_chunk()?);
        Some(Wall::from_epoch(Duration::from_secs(seconds)))
    }

    /// This content, encrypted in place, behind a header with this end.
    fn encrypted(
        &self,
        version: u8,
        end: Wall,
        mut content: Zeroizing<Vec<u8>>,
    ) -> Result<Vec<u8>, Unspecified> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce)?;
        let end = end.since_epoch().as_secs().to_le_bytes();
        let header = [&MAGIC[..], &[version], &end].concat();
        let unique = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(unique, self.associated(&header), &mut *content)?;
        Ok([&header[..], &nonce, &content].concat())
    }

    fn associated(&self, header: &[u8]) -> Aad<Zeroizing<Vec<u8>>> {
        Aad::from(Zeroizing::new([header, self.client.expose()].concat()))
    }
}

/// The name, and nothing of the key.
impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").field("name", &self.name).finish_non_exhaustive()
    }
}

fn read(content: &[u8], is_bound: bool) -> Option<Stored> {
    let (issued, rest) = time(content)?;
    let (life, rest) = time(rest)?;
    let (binding, token) = if is_bound { binding(rest)? } else { (Binding::None, rest) };
    let token = AccessToken::new(std::str::from_utf8(token).ok()?).ok()?;
    Some(Stored::new(token, Wall::from_epoch(issued), life).with_binding(binding))
}

fn binding(bytes: &[u8]) -> Option<(Binding, &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    let (thumbprint, rest) = rest.split_first_chunk()?;
    let thumbprint = Thumbprint::new(*thumbprint);
    match *kind {
        KEY => Some((Binding::Key(thumbprint), rest)),
        CERTIFICATE => Some((Binding::Certificate(thumbprint), rest)),
        _ => None,
    }
}

fn time(bytes: &[u8]) -> Option<(Duration, &[u8])> {
    let (seconds, rest) = bytes.split_first_chunk()?;
    let (nanos, rest) = rest.split_first_chunk()?;
    // More than a second of them could overflow.
    let nanos = Some(u32::from_le_bytes(*nanos)).filter(|nanos| *nanos < 1_000_000_000)?;
    Some((Duration::new(u64::from_le_bytes(*seconds), nanos), rest))
}

fn key(prk: &Prk) -> Result<LessSafeKey, Unspecified> {
    let key: UnboundKey = prk.expand(&[b"key"], &AES_256_GCM)?.into();
    Ok(LessSafeKey::new(key))
}

fn name(prk: &Prk, client: &ClientKey) -> Result<String, Unspecified> {
    let mut bytes = [0; 16];
    prk.expand(&[b"name", client.expose()], NameLen)?.fill(&mut bytes)?;
    let mut name = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(name, "{byte:02x}").map_err(|_| Unspecified)?;
    }
    Ok(name)
}

#[cfg(test)]
mod tests;
