//! The rests of sources that were put away: whoever makes one anew goes on with its rest.

use evergrant_core::{Mono, RestNote};
use std::time::Duration;

/// How many notes one key can choose from.
const WAYS: usize = 8;

/// Notes in 16 bytes each, as many as sources. One more takes the place of that whose rest ends first, of the few that it can
/// choose from.
///
/// A note is kept under a hash of the key and of the whole client, by a seed of the pool's own: a client with another secret never has
/// the rest of this one. Two of one hash, one in 2^64, may share a rest, and share nothing else.
#[derive(Debug, Default)]
pub(super) struct Notes {
    capacity: usize,
    /// Empty until the first note comes.
    notes: Vec<Note>,
}

/// What it is kept under; and when the rest ends in milliseconds, whether it is a permanent one, and the failures in a row.
#[derive(Clone, Copy, Default, Debug)]
struct Note {
    hash: u64,
    rest: u64,
}

const FAILURES_BITS: u32 = 5;
const MOST_FAILURES: u32 = (1 << FAILURES_BITS) - 1;

impl Note {
    fn new(hash: u64, note: &RestNote) -> Self {
        // Rounded up: a rest is not cut short.
        let until = note.until().since_origin().as_nanos().div_ceil(1_000_000);
        let until = u64::try_from(until).unwrap_or(u64::MAX).min(u64::MAX >> (FAILURES_BITS + 1));
        let failures = u64::from(note.failures().min(MOST_FAILURES));
        Self {
            hash,
            rest: (until << (FAILURES_BITS + 1))
                | (u64::from(note.is_permanent()) << FAILURES_BITS)
                | failures,
        }
    }

    fn rest(self) -> RestNote {
        let until = Mono::from_origin(Duration::from_millis(self.rest >> (FAILURES_BITS + 1)));
        let failures = u32::try_from(self.rest & u64::from(MOST_FAILURES)).unwrap_or(MOST_FAILURES);
        RestNote::new(until, self.rest >> FAILURES_BITS & 1 == 1, failures)
    }
}

impl Notes {
    /// For so many notes; rounded up to a few.
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.div_ceil(WAYS) * WAYS, notes: Vec::new() }
    }

    fn choice(&mut self, hash: u64) -> Option<&mut [Note]> {
        let ways = (self.notes.len() / WAYS) as u64;
        // The low bits have chosen the shard, and the high ones the place in its table.
        let first = usize::try_from((hash >> 16).checked_rem(ways)?).ok()? * WAYS;
        self.notes.get_mut(first..first + WAYS)
    }

    /// Of a source that was put away.
    pub(super) fn keep(&mut self, hash: u64, rest: &RestNote) {
        if self.notes.is_empty() {
            self.notes = vec![Note::default(); self.capacity];
        }
        let Some(choice) = self.choice(hash) else { return };
        let same = choice.iter_mut().position(|note| note.hash == hash);
        let earliest = || (0..WAYS).min_by_key(|at| choice.get(*at).map_or(0, |note| note.rest)).unwrap_or(0);
        let at = same.unwrap_or_else(earliest);
        if let Some(note) = choice.get_mut(at) {
            *note = Note::new(hash, rest);
        }
    }

    /// Takes out the note for this hash.
    pub(super) fn take(&mut self, hash: u64) -> Option<RestNote> {
        let choice = self.choice(hash)?;
        let note = choice.iter_mut().find(|note| note.hash == hash && note.rest != 0)?;
        Some(std::mem::take(note).rest())
    }
}

#[cfg(test)]
mod tests;
