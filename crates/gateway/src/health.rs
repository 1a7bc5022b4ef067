//! Whether it is ready: each source has had its first token, and it does not end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether it is ready.
#[derive(Debug)]
pub(crate) struct Health {
    /// Which sources have had no token yet.
    lacking: Vec<AtomicBool>,
    is_draining: AtomicBool,
}

impl Health {
    pub(crate) fn new(sources: usize, ready_when_listening: bool) -> Arc<Self> {
        let lacking = (0..sources).map(|_| AtomicBool::new(!ready_when_listening)).collect();
        Arc::new(Self { lacking, is_draining: AtomicBool::new(false) })
    }

    pub(crate) fn has_token(&self, source: usize) {
        if let Some(lacking) = self.lacking.get(source) {
            lacking.store(false, Ordering::Relaxed);
        }
    }

    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_ready(&self) -> bool {
        let lacks = self.lacking.iter().any(|lacking| lacking.load(Ordering::Relaxed));
        !lacks && !self.is_draining()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
