//! The sources of tokens that there are now: another file may name others.

use evergrant_tokio_reqwest::Tokens;
use std::sync::{Arc, Mutex, PoisonError};

/// All of them. Clones are one list.
#[derive(Clone, Default)]
pub(super) struct Live(Arc<Mutex<Vec<Tokens>>>);

impl Live {
    pub(super) fn sources(&self) -> Vec<Tokens> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn are(&self, sources: impl Iterator<Item = Tokens>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sources.collect();
    }
}
