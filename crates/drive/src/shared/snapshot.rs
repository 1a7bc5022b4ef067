//! What is published: a token that every caller may use without the lock.

use crate::identity::CertifiedKey;
use crate::token::Token;
use evergrant_core::Now;
use std::fmt;
use std::sync::Arc;

/// A token with its rendered value, and until when it is handed out without asking the machine.
pub struct Snapshot<V> {
    pub(super) token: Token,
    pub(super) value: Arc<V>,
    /// What the connection showed that brought the token, or what a restored one is bound to.
    pub(super) identity: Option<CertifiedKey>,
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

    /// The certificate that the connection showed which brought the token, where it showed one: the token may be bound to it (RFC 8705 §3), so
    /// an API is to be shown the same.
    pub const fn identity(&self) -> Option<&CertifiedKey> {
        self.identity.as_ref()
    }
}

/// Without the rendered value, whatever its type would show of it.
impl<V> fmt::Debug for Snapshot<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("token", &self.token).finish_non_exhaustive()
    }
}
