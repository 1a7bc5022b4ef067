//! The identity of a client as bytes: what the entries of a cache or of a shared store are named after.
//!
//! ```text
//! 01 | token endpoint | client id | authentication method | scope | resources | audience
//!    | names of parameters | names of header fields | values of parameters | values of header fields
//! ```
//! Each part is a list of texts: their number, then for each text its length in bytes and the text in UTF-8. Numbers have
//! eight bytes and are little endian. These bytes can be read in one way only, so no two identities are the same bytes.
//!
//! The values come last: they may be secrets, and what is before them may be hashed.

use crate::secret::{self, Wiped};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

/// The first byte. It changes with the encoding, so that a new encoding names new entries.
const VERSION: u8 = 1;

/// What tells a client from every other, without its secret: clients with equal keys ask for the same token. Made by
/// [`Client::key`](crate::Client::key).
///
/// - **It proves nothing.** The client secret is no part of it, so that a replaced secret leaves it as it is. Where others
///   bring their own secrets, whoever knows a client id would find the token of whoever knows its secret: compare the
///   secret as well, or make it part of the name.
/// - **Values of extra parameters and of header fields are part of it, and may be secrets.** Debug shows nothing, the bytes
///   are wiped from memory with the last clone, and comparing two keys looks at every byte. Make a name that others can
///   read (of a file, of a record in a shared store) from [`expose`](Self::expose) by a keyed function, such as HMAC
///   (RFC 2104) or HKDF (RFC 5869): from a plain digest a short value can be guessed.
///
/// Hash takes the lengths of values in place of the values. Where many clients differ in a value alone, a `BTreeMap` is
/// faster than a hash map.
#[derive(Clone)]
pub struct ClientKey {
    bytes: Arc<Wiped>,
    /// How many bytes come before the values.
    public: usize,
}

/// What a key is made of: sorted wherever order means nothing, and each text once.
pub(crate) struct Identity<'a> {
    pub(crate) token_endpoint: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) method: &'a str,
    pub(crate) scope: BTreeSet<&'a str>,
    pub(crate) resources: BTreeSet<&'a str>,
    pub(crate) audience: Option<&'a str>,
    pub(crate) params: BTreeMap<&'a str, &'a str>,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<&'a str, &'a str>,
}

impl ClientKey {
    pub(crate) fn new(identity: &Identity<'_>) -> Self {
        let public: [Vec<&str>; 8] = [
            Vec::from([identity.token_endpoint]),
            Vec::from([identity.client_id]),
            Vec::from([identity.method]),
            identity.scope.iter().copied().collect(),
            identity.resources.iter().copied().collect(),
            identity.audience.into_iter().collect(),
            identity.params.keys().copied().collect(),
            identity.headers.keys().copied().collect(),
        ];
        let values: [Vec<&str>; 2] =
            [identity.params.values().copied().collect(), identity.headers.values().copied().collect()];
        // Bytes that outgrew their allocation would leave a copy of the values behind.
        let mut bytes = Wiped(Vec::with_capacity(1 + length(&public) + length(&values)));
        bytes.push(VERSION);
        write(&mut bytes, &public);
        let public = bytes.len();
        write(&mut bytes, &values);
        Self { bytes: Arc::new(bytes), public }
    }

    /// The bytes. The first is the version of the encoding: while it is the same, a client has the same bytes in every release.
    ///
    /// Values that may be secrets are among them: neither log these bytes nor store a plain digest of them.
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }
}

/// How many bytes [`write`](fn@write) makes of these lists.
fn length(lists: &[Vec<&str>]) -> usize {
    lists.iter().map(|list| 8 + list.iter().map(|text| 8 + text.len()).sum::<usize>()).sum()
}

fn write(bytes: &mut Vec<u8>, lists: &[Vec<&str>]) {
    for list in lists {
        bytes.extend((list.len() as u64).to_le_bytes());
        for text in list {
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text.as_bytes());
        }
    }
}

impl PartialEq for ClientKey {
    fn eq(&self, other: &Self) -> bool {
        secret::are_equal(self.expose(), other.expose())
    }
}

impl Eq for ClientKey {}

/// The order of the bytes. It means nothing beyond that.
impl Ord for ClientKey {
    fn cmp(&self, other: &Self) -> Ordering {
        secret::compare(self.expose(), other.expose())
    }
}

impl PartialOrd for ClientKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for ClientKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.get(..self.public).hash(state);
        self.bytes.len().hash(state);
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey([redacted])")
    }
}

#[cfg(test)]
mod tests;
