//! What may never be printed.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::{Deref, DerefMut};
use zeroize::{Zeroize, Zeroizing};

/// A text that is wiped when the last copy is dropped, compared in constant time, and never printed.
///
/// Cloning shares the one allocation: there is one place in memory to wipe.
#[derive(Clone)]
pub(crate) struct Secret(Arc<Zeroizing<Box<str>>>);

impl Secret {
    pub(crate) fn new(text: &str) -> Self {
        Self(Arc::new(Zeroizing::new(text.into())))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// Bytes that are wiped when they are dropped, all of their allocation at once: zeroize goes through what a vector holds
/// byte by byte, and through what it has room for at full speed.
#[derive(Default)]
pub(crate) struct Wiped(pub(crate) Vec<u8>);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.clear();
        self.0.zeroize();
    }
}

impl Deref for Wiped {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

/// Whether two secrets are equal, in time that depends on their lengths alone.
pub(crate) fn are_equal(ours: &[u8], theirs: &[u8]) -> bool {
    let difference = ours.iter().zip(theirs).fold(0, |all, (a, b)| core::hint::black_box(all | (a ^ b)));
    ours.len() == theirs.len() && difference == 0
}

/// Which of two secrets comes first, byte by byte; every byte is looked at, wherever they differ.
pub(crate) fn compare(ours: &[u8], theirs: &[u8]) -> Ordering {
    let bytes = ours.iter().zip(theirs);
    let first = bytes.fold(Ordering::Equal, |first, (a, b)| core::hint::black_box(first.then(a.cmp(b))));
    first.then(ours.len().cmp(&theirs.len()))
}

/// The length alone: equal secrets hash alike, and no hash of a secret can be taken away.
pub(crate) fn hash<H: Hasher>(secret: &str, state: &mut H) {
    secret.len().hash(state);
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        are_equal(self.expose().as_bytes(), other.expose().as_bytes())
    }
}

impl Eq for Secret {}

impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(self.expose(), state);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests;
