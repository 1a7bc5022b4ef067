//! What may never be printed.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
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
pub(crate) fn are_equal(ours: &str, theirs: &str) -> bool {
    let (ours, theirs) = (ours.as_bytes(), theirs.as_bytes());
    let difference = ours.iter().zip(theirs).fold(0, |all, (a, b)| core::hint::black_box(all | (a ^ b)));
    ours.len() == theirs.len() && difference == 0
}

/// The length alone: equal secrets hash alike, and no hash of a secret can be taken away.
pub(crate) fn hash<H: Hasher>(secret: &str, state: &mut H) {
    secret.len().hash(state);
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        are_equal(self.expose(), other.expose())
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
