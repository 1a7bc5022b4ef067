//! A token as callers get it: core's, with its end in the standard library's types.

use evergrant_core::Wall;
use std::ops::Deref;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A token that may be used now. It has all that core's [`Token`](evergrant_core::Token) says of itself, such as
/// [`value`](evergrant_core::Token::value), and its end on the system's wall clock.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Token(evergrant_core::Token);

impl Token {
    /// When it is used no more, already less the policy's leeway (30 s, or a tenth of its life if that is less). `None` for one
    /// that never ends, such as a fixed token.
    pub fn expires_at(&self) -> Option<SystemTime> {
        let end = self.0.use_until().wall;
        if end == Wall::MAX { None } else { UNIX_EPOCH.checked_add(end.since_epoch()) }
    }

    /// The time from now, on the system's wall clock, until it is used no more: zero once that has come. `None` for one that
    /// never ends.
    pub fn expires_in(&self) -> Option<Duration> {
        Some(self.expires_at()?.duration_since(SystemTime::now()).unwrap_or_default())
    }
}

impl From<evergrant_core::Token> for Token {
    fn from(token: evergrant_core::Token) -> Self {
        Self(token)
    }
}

impl Deref for Token {
    type Target = evergrant_core::Token;

    fn deref(&self) -> &evergrant_core::Token {
        &self.0
    }
}

#[cfg(test)]
mod tests;
