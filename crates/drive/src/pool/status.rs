//! What people see of a pool.

use std::time::Duration;

/// What a pool holds, and what happened in it. It names no key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct PoolStatus {
    /// The sources there are.
    pub sources: usize,
    /// Of these, those that hold a token that may be used now.
    pub held: usize,
    /// Of these, those that send no request because the last one failed.
    pub resting: usize,
    /// Of these, those of which somebody else holds a share: the program a clone, a call, a request in the air.
    pub held_outside: usize,
    /// The token requests being sent, or let go.
    pub in_flight: usize,
    /// The callers that wait for a token.
    pub waiting: usize,
    /// How often a key was found.
    pub hits: u64,
    /// How often it was not.
    pub misses: u64,
    /// How many sources went because another one needed the place.
    pub evicted_for_capacity: u64,
    /// How many went because nobody used them.
    pub evicted_idle: u64,
    /// How often there was no place.
    pub full: u64,
    /// For how long the source was not used, as far as that is known, that was not used for longest.
    pub oldest_idle: Duration,
}
