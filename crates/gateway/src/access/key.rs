//! Keys: what a caller shows, and what the file keeps of them, which is a digest alone.

use crate::fields::KEY;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes of a key, and of a digest. As many random ones cannot be guessed, so that a plain SHA-256 of them keeps them secret.
const LENGTH: usize = 32;

/// The longest name of a key, in bytes: it is a label of metrics, and a tenant's file.
const LONGEST_NAME: usize = 64;

/// The names of keys, with the SHA-256 digests of their texts. Debug shows the names alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys(Box<[Known]>);

#[derive(Clone, PartialEq, Eq)]
struct Known {
    name: Arc<str>,
    digest: [u8; LENGTH],
}

/// Why these cannot be the keys of a listener, or none can be made. No key and no digest is shown.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum KeyError {
    /// A name is not `[a-z0-9][a-z0-9._-]{0,63}`. It is the one at this place, counted from 0; its text is not shown, for it may be
    /// a key that somebody put in the wrong place.
    Name(usize),
    /// Two keys have this name.
    NameTwice(Arc<str>),
    /// The keys of these two names are the same, so that nobody could tell who sent a request.
    SameKey(Arc<str>, Arc<str>),
    /// The digest of this name's key is that of an empty text: a variable that was not set.
    Empty(Arc<str>),
    /// The system has no random bytes to make a key of.
    Random,
}

impl Keys {
    /// Keys by the digests of their texts, each with its name.
    ///
    /// # Errors
    /// A name is not well formed, or repeated; two keys are the same, or one is empty.
    pub fn new(keys: impl IntoIterator<Item = (String, [u8; LENGTH])>) -> Result<Self, KeyError> {
        let empty = digest_of("");
        let mut known: Vec<Known> = Vec::new();
        for (place, (name, digest)) in keys.into_iter().enumerate() {
            if !is_name(&name) {
                return Err(KeyError::Name(place));
            }
            let name: Arc<str> = name.into();
            if known.iter().any(|other| other.name == name) {
                return Err(KeyError::NameTwice(name));
            }
            if let Some(other) = known.iter().find(|other| other.digest == digest) {
                return Err(KeyError::SameKey(other.name.clone(), name));
            }
            if digest == empty {
                return Err(KeyError::Empty(name));
            }
            known.push(Known { name, digest });
        }
        Ok(Self(known.into()))
    }

    /// The names, in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|known| &*known.name)
    }

    /// The name, if it is the one of this key.
    #[cfg(feature = "server")]
    pub(crate) fn find_named(&self, name: &str, key: &str) -> Option<Arc<str>> {
        self.find(key).filter(|known| **known == *name)
    }

    /// Those of them that are among others as well, under the same name.
    #[cfg(feature = "server")]
    pub(crate) fn among(&self, others: &[Self]) -> Self {
        let are_known = |key: &&Known| others.iter().any(|others| others.0.contains(key));
        Self(self.0.iter().filter(are_known).cloned().collect())
    }

    /// Whose key this is. Each is compared, in constant time, whichever it is.
    pub(super) fn find(&self, key: &str) -> Option<Arc<str>> {
        let digest = digest_of(key);
        self.0.iter().fold(None, |found, known| {
            if known.digest.ct_eq(&digest).into() { Some(known.name.clone()) } else { found }
        })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// `[a-z0-9][a-z0-9._-]{0,63}`: never a path, never the same as another one but for the letter case.
pub(crate) fn is_name(name: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= LONGEST_NAME
        && name.bytes().next().is_some_and(alphanumeric)
        && name.bytes().all(|byte| alphanumeric(byte) || matches!(byte, b'.' | b'_' | b'-'))
}

/// A newly made key. Its text is shown once, to whoever is to have it, and wiped; its digest is what is kept.
pub struct Key(Zeroizing<String>);

impl Key {
    /// A key of 32 random bytes: 43 characters of base64url (RFC 4648 §5), without padding.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        SystemRandom::new().fill(&mut *bytes).map_err(|_| KeyError::Random)?;
        Ok(Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()))))
    }

    /// The text, for the caller that is to have it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The SHA-256 digest of the text.
    pub fn digest(&self) -> [u8; LENGTH] {
        digest_of(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key([redacted])")
    }
}

fn digest_of(key: &str) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    // No panic: SHA-256 has as many.
    bytes.copy_from_slice(digest(&SHA256, key.as_bytes()).as_ref());
    bytes
}

/// A key as it came.
pub(super) struct Sent<'a> {
    pub(super) key: &'a str,
    pub(super) by_authorization: bool,
}

/// The key that a request shows; `None` if it shows none, or none that two readers would agree about.
pub(super) fn sent(fields: &HeaderMap) -> Option<Sent<'_>> {
    if fields.contains_key(KEY) {
        return Some(Sent { key: only(fields, KEY)?, by_authorization: false });
    }
    let (scheme, key) = only(fields, AUTHORIZATION)?.split_once(' ')?;
    let key = key.trim_start_matches(' ');
    scheme.eq_ignore_ascii_case("bearer").then_some(Sent { key, by_authorization: true })
}

/// The value of a field that is there once.
fn only(fields: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = fields.get_all(name).into_iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(place) => write!(
                f,
                "the name of key {} must have 1 to {LONGEST_NAME} of a-z, 0-9, dot, underscore and hyphen, and begin with a letter or digit",
                place + 1
            ),
            Self::NameTwice(name) => write!(f, "two keys have the name {name}"),
            Self::SameKey(one, other) => {
                write!(f, "the keys {one} and {other} are the same; make another one for one of them")
            }
            Self::Empty(name) => write!(f, "the digest of key {name} is that of an empty text"),
            Self::Random => f.write_str("the system has no random bytes to make a key of"),
        }
    }
}

impl std::error::Error for KeyError {}
