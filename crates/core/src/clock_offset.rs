//! How far two clocks are from each other.

use crate::span::Span;
use core::fmt;
use core::time::Duration;

/// A clock that is off by no more is right enough: answers take their time, and Date has whole seconds.
pub(crate) const NEGLIGIBLE: Duration = Duration::from_secs(30);

/// How far the clock of the authorization server is from this machine's wall clock, where that is more than 30 s.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ClockOffset {
    /// This machine's clock is behind by that much.
    Behind(Duration),
    /// This machine's clock is ahead by that much.
    Ahead(Duration),
}

impl ClockOffset {
    /// How far it is off.
    pub const fn by(self) -> Duration {
        match self {
            Self::Behind(by) | Self::Ahead(by) => by,
        }
    }

    /// Whether both say the same, as far as a clock can be read.
    pub(crate) fn is_like(self, other: Self) -> bool {
        match (self, other) {
            (Self::Behind(one), Self::Behind(other)) | (Self::Ahead(one), Self::Ahead(other)) => {
                one.abs_diff(other) <= NEGLIGIBLE
            }
            _ => false,
        }
    }
}

/// As people read it: "2 min 20 s behind the server's".
impl fmt::Display for ClockOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Behind(by) => write!(f, "{} behind the server's", Span(*by)),
            Self::Ahead(by) => write!(f, "{} ahead of the server's", Span(*by)),
        }
    }
}
