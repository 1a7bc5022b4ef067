//! A token response: status, media type and body -> [`Grant`] or [`Refusal`](crate::Refusal).

use crate::lifetime::Lifetime;
use crate::token::AccessToken;
use core::time::Duration;

/// A successful token response (RFC 6749 §5.1).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Grant {
    pub(crate) token: AccessToken,
    pub(crate) lifetime: Lifetime,
}

impl Grant {
    /// A token with this life from the moment its request was sent; `None` when nothing is known of it.
    pub fn new(token: AccessToken, life: Option<Duration>) -> Self {
        Self { token, lifetime: Lifetime { life, ..Lifetime::default() } }
    }

    /// The same, with when the server wants it refreshed, from the moment of sending.
    #[must_use]
    pub fn with_refresh_in(mut self, refresh_in: Duration) -> Self {
        self.lifetime.refresh_in = Some(refresh_in);
        self
    }

    /// The token.
    pub const fn token(&self) -> &AccessToken {
        &self.token
    }

    /// What is known of its life.
    pub const fn lifetime(&self) -> &Lifetime {
        &self.lifetime
    }
}
