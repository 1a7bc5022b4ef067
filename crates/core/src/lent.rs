//! A token that another process asked for.

use crate::binding::Binding;
use crate::token::AccessToken;
use core::time::Duration;

/// A token that another process of the fleet asked for, as a store gave it: see
/// [`Outcome::Shared`](crate::Outcome::Shared). Times count from when the flight that it ends was sent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Lent {
    pub(crate) token: AccessToken,
    pub(crate) left: Duration,
    pub(crate) due_in: Duration,
    pub(crate) life: Duration,
}

impl Lent {
    /// A token that ends `left` after the flight was sent, whose replacement is due `due_in` after that, and which lives
    /// for `life` in all, from the moment its own request was sent.
    pub const fn new(token: AccessToken, left: Duration, due_in: Duration, life: Duration) -> Self {
        Self { token, left, due_in, life }
    }

    /// The same, bound to this.
    #[must_use]
    pub fn with_binding(self, binding: Binding) -> Self {
        Self { token: self.token.with_binding(binding), ..self }
    }

    /// The token.
    pub const fn token(&self) -> &AccessToken {
        &self.token
    }

    /// What is left of its life, from when the flight was sent.
    pub const fn left(&self) -> Duration {
        self.left
    }

    /// When its replacement is due, from when the flight was sent.
    pub const fn due_in(&self) -> Duration {
        self.due_in
    }

    /// Its whole life, from the moment its own request was sent.
    pub const fn life(&self) -> Duration {
        self.life
    }
}
