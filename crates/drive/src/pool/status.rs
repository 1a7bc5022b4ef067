//! What people see of a pool.

use std::fmt;
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
    /// Of these, those that somebody holds although nobody waits for a token of theirs: most often clones that the program keeps.
    pub held_outside: usize,
    /// The token requests being sent, or let go.
    pub in_flight: usize,
    /// The callers that wait for a token.
    pub waiting: usize,
    /// How often a key was found.
    pub hits: u64,
    /// How often it was not; also that of a key for which the program made no client.
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

/// `12 sources, 10 with a token, 1 resting, 2 kept by the program; 0 callers wait; 3 token requests are being sent`.
impl fmt::Display for PoolStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sources, held, resting, held_outside, in_flight, waiting, .. } = self;
        write!(
            f,
            "{sources} sources, {held} with a token, {resting} resting, {held_outside} kept by the program; "
        )?;
        write!(f, "{waiting} callers wait; {in_flight} token requests are being sent")
    }
}
