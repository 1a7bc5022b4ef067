//! A token as callers get it: core's, with its end in the standard library's types.

use evergrant_core::Wall;
use std::ops::Deref;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A token that may be used now. It has all that core's [`Token`](evergrant_core::Token) says of itself, such as
/// [`value`](evergrant_core::Token::value), and its end on the system's wall clock.
///
/// ```
/// use std::time::Duration;
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let tokens = story::granting()?;
/// let token = tokens.token(None)?;
/// assert_eq!((token.value().expose(), token.generation().number()), ("abc", 1));
/// assert!(token.expires_in() > Some(Duration::from_secs(3000)));
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Token(evergrant_core::Token);

impl Token {
    /// When it is used no more, already less the policy's leeway (30 s, or a tenth of its life if that is less). `None` for one
    /// that never ends, such as a fixed token.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let tokens = story::granting()?;
    /// // Granted for 3600 s, of which 30 s are left for what is on its way.
    /// let end = tokens.token(None)?.expires_at().ok_or("it never ends")?;
    /// assert!(end <= SystemTime::now() + Duration::from_secs(3570));
    /// # Ok(()) }
    /// ```
    pub fn expires_at(&self) -> Option<SystemTime> {
        let end = self.0.use_until().wall;
        if end == Wall::MAX { None } else { UNIX_EPOCH.checked_add(end.since_epoch()) }
    }

    /// The time from now, on the system's wall clock, until it is used no more: zero once that has come. `None` for one that
    /// never ends.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let tokens = story::granting()?;
    /// let left = tokens.token(None)?.expires_in();
    /// if left < Some(Duration::from_secs(600)) {
    ///     println!("too short for an upload of ten minutes");
    /// }
    /// # assert!(left > Some(Duration::from_secs(3000)));
    /// # Ok(()) }
    /// ```
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
