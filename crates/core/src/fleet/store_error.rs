//! Why a store gave no reply.

use crate::error::{Excerpt, SourceError, Unready};
use alloc::string::ToString;
use thiserror::Error;

/// A command to a store brought no reply that can be used. Nobody is refused a token because of it: whoever gets it asks
/// the authorization server by itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No reply in time. The command may have been executed.
    #[error("the store did not reply in time; check its load, and the network between")]
    TimedOut,
    /// It cannot be reached, or the connection was lost. The command may have been executed.
    #[error("the store cannot be reached: {0}; check its address, and that it runs")]
    Unreachable(Excerpt),
    /// It replied with an error of its own: a replica that only reads, no memory, no permission.
    #[error("the store refused: {0}; check its configuration, and what its user may do")]
    Refused(Excerpt),
    /// Its reply is none of those that a store gives.
    #[error("the store's reply cannot be read; check that no other program writes its entries")]
    Unreadable,
}

impl StoreError {
    /// It cannot be reached, in these words of whoever tried.
    pub fn unreachable(words: &str) -> Self {
        Self::Unreachable(Excerpt::new(words, &[]).unwrap_or_default())
    }

    /// It refused, in these words of its own.
    pub fn refused(words: &str) -> Self {
        Self::Refused(Excerpt::new(words, &[]).unwrap_or_default())
    }
}

/// No token request is sent without the store, where each one costs somebody something: tried again as any transient failure is.
impl From<StoreError> for Unready {
    fn from(error: StoreError) -> Self {
        Self::alone(SourceError::failed(&error.to_string()))
    }
}

#[cfg(test)]
mod tests;
