//! What a kept token is sealed with, and whom it is bound to.
//!
//! ```text
//! "evergrant-cache\x01" | end, seconds since 1970 (8) | nonce (12) | AES-256-GCM of:
//!     issued, seconds (8), nanoseconds (4) | life, seconds (8), nanoseconds (4) | the token
//! ```
//! Numbers are little endian. The key is HKDF-SHA-256 (RFC 5869) of the client's secret. The associated data is what
//! stands before the nonce, and what tells the client from others (`Client::key`): a file of another client cannot be opened,
//! even where both have one secret. Its name comes from both, too, so that it tells nothing and two clients never meet in
//! one file.

use evergrant_tokio_reqwest::Stored;
use evergrant_tokio_reqwest::core::{AccessToken, ClientKey, Wall};
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

/// The key of one client, and the name of its file.
pub(super) struct Seal {
    client: ClientKey,
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
    pub(super) fn new(client: ClientKey, secret: &str) -> Self {
        let prk = Salt::new(HKDF_SHA256, SALT).extract(secret.as_bytes());
        Self { key: key(&prk), name: name(&prk, &client).unwrap_or_default(), client }
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

    fn associated(&self, header: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([header, self.client.expose()].concat())
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

fn name(prk: &Prk, client: &ClientKey) -> Option<String> {
    let mut bytes = [0; 16];
    prk.expand(&[b"name", client.expose()], NameLen).ok()?.fill(&mut bytes).ok()?;
    let mut name = String::with_capacity(32);
    for byte in bytes {
        write!(name, "{byte:02x}").ok()?;
    }
    Some(name)
}

#[cfg(test)]
mod tests;
