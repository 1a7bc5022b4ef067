//! How long a token lives, from everything that is known about it.

use core::time::Duration;

/// What a response says about the life of its token, measured from the moment the request was SENT.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Lifetime {
    /// The smallest of what is known; `None` when nothing is.
    pub life: Option<Duration>,
    /// When the server wants its token refreshed (`refresh_in`), from the moment of sending.
    pub refresh_in: Option<Duration>,
    /// What became of the JWT's own times.
    pub hint: JwtHint,
}

/// What became of the JWT's own times: a hint can only shorten a life, or stand in for a missing `expires_in`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum JwtHint {
    /// The token is no readable JWT, has no `exp`, or the hint is switched off.
    #[default]
    Absent,
    /// It decided the life.
    Used,
    /// It says more than `expires_in`, which decided.
    Longer,
    /// It says that the token is over while `expires_in` says otherwise: a clock is out of step, and `expires_in`
    /// decided.
    ClockSkew,
}
