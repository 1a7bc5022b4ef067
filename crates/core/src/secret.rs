//! What may never be printed.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::hash::{Hash, Hasher};
use zeroize::Zeroizing;

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

/// In time that depends on the lengths alone.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.expose().as_bytes(), other.expose().as_bytes());
        let difference = ours.iter().zip(theirs).fold(0, |all, (a, b)| core::hint::black_box(all | (a ^ b)));
        ours.len() == theirs.len() && difference == 0
    }
}

impl Eq for Secret {}

impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The length alone: equal secrets hash alike, and no hash of a secret can be taken away.
        self.expose().len().hash(state);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests;
