//! Why a pool has no source for a key.

use evergrant_core::ConfigError;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// An error of the program's own.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a pool has no source for a key. It is kept for nobody: who asks again is answered anew.
#[derive(Debug)]
#[non_exhaustive]
pub enum PoolError {
    /// The program made no client for the key: its own error.
    Client(BoxError),
    /// A source for that client cannot be made.
    Config(ConfigError),
    /// All sources are busy, and there are as many as may be.
    Full(PoolFull),
}

/// All sources of a pool are busy, and there are as many as may be. Counted at most once a second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PoolFull {
    /// When it makes sense to ask again.
    pub retry_after: Duration,
    /// How many sources there are.
    pub sources: usize,
    /// Token requests being sent.
    pub in_flight: usize,
    /// Callers that wait for a token.
    pub waiting: usize,
    /// Sources that somebody holds although nobody waits for a token of theirs: most often clones that the program keeps. If that is
    /// nearly all of them, waiting does not help: drop the clones, and take them from the pool when they are needed.
    pub held_outside: usize,
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) => write!(f, "no client for this key: {error}"),
            Self::Config(error) => error.fmt(f),
            Self::Full(full) => full.fmt(f),
        }
    }
}

impl fmt::Display for PoolFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sources, in_flight, waiting, held_outside, .. } = self;
        write!(
            f,
            "the pool is full: all {sources} sources are busy ({in_flight} token requests are being sent, {waiting} callers wait, \
             {held_outside} sources are kept by the program); "
        )?;
        f.write_str(if *held_outside > sources / 2 {
            "drop clones that are not in use, or raise max_sources"
        } else {
            "try again later, or raise max_sources"
        })
    }
}

impl Error for PoolError {}

impl Error for PoolFull {}

impl From<ConfigError> for PoolError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

#[cfg(test)]
mod tests;
