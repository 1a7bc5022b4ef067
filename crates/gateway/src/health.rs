//! Whether it is ready: each source of its first table has had its first token, and it does not end. Once it is ready another table, whose
//! sources may have none yet, does not change that: who watches would send what is still served elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether it is ready.
#[derive(Debug)]
pub(crate) struct Health {
    has_tokens: AtomicBool,
    is_draining: AtomicBool,
}

impl Health {
    pub(crate) fn new(ready_when_listening: bool) -> Arc<Self> {
        Arc::new(Self {
            has_tokens: AtomicBool::new(ready_when_listening),
            is_draining: AtomicBool::new(false),
        })
    }

    /// Each source has had its first token.
    pub(crate) fn has_tokens(&self) {
        self.has_tokens.store(true, Ordering::Relaxed);
    }

    /// Whether some source has had none so far.
    pub(crate) fn lacks_tokens(&self) -> bool {
        !self.has_tokens.load(Ordering::Relaxed)
    }

    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_ready(&self) -> bool {
        !self.lacks_tokens() && !self.is_draining()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
