//! Numbers that differ from process to process.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A seed for a machine's jitter that differs from process to process, and from source to source.
pub fn random_seed() -> u64 {
    // The standard library seeds its hash maps from the system's entropy.
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests;
