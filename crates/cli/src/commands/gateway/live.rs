//! The sources of tokens that there are now: another file may name others.

use evergrant_tokio_reqwest::{Tokens, TokensPool};
use std::sync::{Arc, Mutex, PoisonError};

/// All of them. Clones are one list.
#[derive(Clone, Default)]
pub(super) struct Live(Arc<Mutex<Sources>>);

#[derive(Default)]
struct Sources {
    single: Vec<Tokens>,
    /// Those of tenants.
    pool: Option<TokensPool<String>>,
}

impl Live {
    pub(super) fn sources(&self) -> Vec<Tokens> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).single.clone()
    }

    pub(super) fn are(&self, sources: impl Iterator<Item = Tokens>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).single = sources.collect();
    }

    pub(super) fn pool(&self) -> Option<TokensPool<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pool.clone()
    }

    pub(super) fn has_pool(&self, pool: TokensPool<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pool = Some(pool);
    }
}
