//! What is published: a token that every caller may use without the lock.

use crate::token::Token;
use evergrant_core::Now;
use std::fmt;
use std::sync::Arc;

/// A token with its rendered value, and until when it is handed out without asking the machine.
pub struct Snapshot<V> {
    pub(super) token: Token,
    pub(super) value: Arc<V>,
    /// Who waited under this key or one before it holds no place any more.
    pub(super) served: u64,
    /// On the coarse clocks.
    pub(super) quiet_until: Now,
    /// On the coarse clocks.
    pub(super) use_until: Now,
}

impl<V> Snapshot<V> {
    /// The token.
    pub const fn token(&self) -> &Token {
        &self.token
    }

    /// Its rendered `Authorization` value.
    pub fn value(&self) -> &V {
        &self.value
    }
}

/// Without the rendered value, whatever its type would show of it.
impl<V> fmt::Debug for Snapshot<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("token", &self.token).finish_non_exhaustive()
    }
}
