//! What one input lets go of, for whoever holds another lock.

use super::outside::Outside;
use std::fmt;

/// What a source lets go of, and whom it wakes: when this is dropped, which is to be without any lock.
#[must_use]
pub(crate) struct Parting<V>(Option<Outside<V>>);

impl<V> Parting<V> {
    pub(super) const fn of(outside: Outside<V>) -> Self {
        Self(Some(outside))
    }
}

impl<V> fmt::Debug for Parting<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parting")
    }
}

impl<V> Drop for Parting<V> {
    fn drop(&mut self) {
        if let Some(outside) = self.0.take() {
            outside.release();
        }
    }
}
