//! What a kept token is sealed with, and whom it is bound to.
//!
//! ```text
//! "evergrant-cache\x01" | end, seconds since 1970 (8) | nonce (12) | AES-256-GCM of:
//!     issued, seconds (8), nanoseconds (4) | life, seconds (8), nanoseconds (4) | the token
//! ```
//! Numbers are little endian. The key is HKDF-SHA-256 (RFC 5869) of the client's secret. The associated data is what
//! stands before the nonce, and the identity of the client: a file of another client cannot be opened, even where
//! both have one secret. Its name comes from both, too, so that it tells nothing and two clients never meet in one
//! file.

use evergrant_tokio_reqwest::core::{AccessToken, Wall};
use evergrant_tokio_reqwest::{Client, Stored};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt::Write;
use std::time::Duration;
use zeroize::Zeroizing;

const MAGIC: &[u8; 16] = b"evergrant-cache\x01";
const SALT: &[u8] = b"evergrant disk cache 1";
const HEADER: usize = MAGIC.len() + 8;
const TIMES: usize = 8 + 4 + 8 + 4;
const TAG: usize = 16;
const MIN_LEN: usize = HEADER + NONCE_LEN + TIMES + 1 + TAG;

/// No sealed token is longer, in bytes.
pub(super) const MAX_LEN: usize = HEADER + NONCE_LEN + TIMES + AccessToken::MAX_LEN + TAG;

/// Everything that makes a client this one and no other: what a token request would say, but for the secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Identity(Zeroizing<Vec<u8>>);

/// What a client asks for beside its scope, and with which header fields of its own.
#[derive(Clone, Copy, Default)]
pub(crate) struct Extras<'a> {
    pub(crate) resources: &'a [String],
    pub(crate) audience: Option<&'a str>,
    pub(crate) params: &'a [(String, String)],
    /// Their names in lower case, and their values.
    pub(crate) headers: &'a [(String, Zeroizing<String>)],
}

impl Identity {
    /// The identity of a client that asks with these.
    pub(crate) fn new(client: &Client, extras: &Extras<'_>) -> Self {
        let mut scope: Vec<&str> = client.scope().tokens().collect();
        scope.sort_unstable();
        let params = extras.params.iter().flat_map(|(name, value)| [name.as_str(), value]);
        let headers = extras.headers.iter().flat_map(|(name, value)| [name.as_str(), value]);
        let fields: [&[&str]; 8] = [
            &[client.provider().token_endpoint().url()],
            &[client.client_id()],
            &[client.auth().method()],
            &scope,
            &extras.resources.iter().map(String::as_str).collect::<Vec<_>>(),
            &extras.audience.into_iter().collect::<Vec<_>>(),
            &params.collect::<Vec<_>>(),
            &headers.collect::<Vec<_>>(),
        ];
        // Each number and each length is told, so that no two clients are one row of bytes.
        let mut bytes = Zeroizing::new(Vec::new());
        for field in fields {
            bytes.extend((field.len() as u64).to_le_bytes());
            for text in field {
                bytes.extend((text.len() as u64).to_le_bytes());
                bytes.extend(text.as_bytes());
            }
        }
        Self(bytes)
    }
}

/// The key of one client, and the name of its file.
pub(super) struct Seal {
    identity: Identity,
    key: Option<LessSafeKey>,
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
    pub(super) fn new(identity: &Identity, secret: &str) -> Self {
        let prk = Salt::new(HKDF_SHA256, SALT).extract(secret.as_bytes());
        Self { identity: identity.clone(), key: key(&prk), name: name(&prk, identity).unwrap_or_default() }
    }

    /// The name of the file, without its ending: 32 hexadecimal digits.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn seal(&self, stored: &Stored) -> Result<Vec<u8>, String> {
        const FAILED: &str = "the system has no randomness to encrypt the token with";
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| FAILED)?;
        let token = stored.token().expose();
        let mut content = Zeroizing::new(Vec::with_capacity(TIMES + token.len() + TAG));
        for time in [stored.issued().since_epoch(), stored.life()] {
            content.extend(time.as_secs().to_le_bytes());
            content.extend(time.subsec_nanos().to_le_bytes());
        }
        content.extend(token.as_bytes());
        let header = header(stored.issued().after(stored.life()));
        let aad = Aad::from(self.associated(&header));
        let key = self.key.as_ref().ok_or(FAILED)?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut *content)
            .map_err(|_| FAILED)?;
        Ok([&header[..], &nonce, &content].concat())
    }

    /// What was sealed; or why it cannot be had.
    pub(super) fn open(&self, sealed: &[u8]) -> Result<Stored, &'static str> {
        const FOREIGN: &str = "belongs to another client, or is damaged";
        let long_enough = (MIN_LEN..=MAX_LEN).contains(&sealed.len());
        if !sealed.starts_with(MAGIC) || !long_enough {
            return Err("was not written by this version of evergrant");
        }
        let (header, rest) = sealed.split_at(HEADER);
        let (nonce, content) = rest.split_at(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| FOREIGN)?;
        let mut content = Zeroizing::new(content.to_vec());
        let key = self.key.as_ref().ok_or(FOREIGN)?;
        let content = key
            .open_in_place(nonce, Aad::from(self.associated(header)), &mut content)
            .map_err(|_| FOREIGN)?;
        read(content).ok_or(FOREIGN)
    }

    fn associated(&self, header: &[u8]) -> Vec<u8> {
        [header, self.identity.0.as_slice()].concat()
    }
}

/// When a sealed token ends, which anybody may read: what is over can be cleared away by whoever comes by.
pub(super) fn end(sealed: &[u8]) -> Option<Wall> {
    let seconds = sealed.strip_prefix(MAGIC)?.first_chunk().copied().map(u64::from_le_bytes)?;
    Some(Wall::from_epoch(Duration::from_secs(seconds)))
}

/// What [`end`] needs, in bytes.
pub(super) const END_LEN: usize = HEADER;

/// Whether a client's file may have this name, without its ending.
pub(super) fn is_name(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn header(end: Wall) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..MAGIC.len()].copy_from_slice(MAGIC);
    header[MAGIC.len()..].copy_from_slice(&end.since_epoch().as_secs().to_le_bytes());
    header
}

fn read(content: &[u8]) -> Option<Stored> {
    let (issued, rest) = time(content)?;
    let (life, token) = time(rest)?;
    let token = AccessToken::new(std::str::from_utf8(token).ok()?).ok()?;
    Some(Stored::new(token, Wall::from_epoch(issued), life))
}

fn time(bytes: &[u8]) -> Option<(Duration, &[u8])> {
    let (seconds, rest) = bytes.split_first_chunk()?;
    let (nanos, rest) = rest.split_first_chunk()?;
    let nanos = Some(u32::from_le_bytes(*nanos)).filter(|nanos| *nanos < 1_000_000_000)?;
    Some((Duration::new(u64::from_le_bytes(*seconds), nanos), rest))
}

// A key and a name are as long as HKDF can give: neither fails.
fn key(prk: &Prk) -> Option<LessSafeKey> {
    let key: UnboundKey = prk.expand(&[b"key"], &AES_256_GCM).ok()?.into();
    Some(LessSafeKey::new(key))
}

fn name(prk: &Prk, identity: &Identity) -> Option<String> {
    let mut bytes = [0; 16];
    prk.expand(&[b"name", &identity.0], NameLen).ok()?.fill(&mut bytes).ok()?;
    let mut name = String::with_capacity(32);
    for byte in bytes {
        write!(name, "{byte:02x}").ok()?;
    }
    Some(name)
}

#[cfg(test)]
mod tests;
