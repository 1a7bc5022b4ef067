//! Jitter without state: a draw is a pure function of (seed, flight, purpose).
//!
//! Equal machines after equal inputs stay equal, and a replay of the inputs draws the same numbers.

use core::time::Duration;

/// What a draw is for, so that two draws for one flight are independent.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// How much earlier than necessary a token is refreshed.
    Refresh = 1,
    /// Where in [half, full] a rest ends.
    Rest = 2,
    /// How much is added to a Retry-After.
    RetryAfter = 3,
    /// When a store that said "busy" is asked again.
    Busy = 4,
    /// Where in [half, full] the rest of a fleet ends.
    FleetRest = 5,
}

/// Uniform in [0, `upto`].
pub(crate) fn draw(seed: u64, flight: u64, purpose: Purpose, upto: Duration) -> Duration {
    let upto = u64::try_from(upto.as_nanos()).unwrap_or(u64::MAX);
    let random = mix(mix(seed ^ purpose as u64).wrapping_add(flight));
    // The high half of a 64 x 64 bit product maps the draw onto the range without a modulus.
    let scaled = (u128::from(random) * (u128::from(upto) + 1)) >> 64;
    Duration::from_nanos(u64::try_from(scaled).unwrap_or(upto))
}

/// One step of SplitMix64 (Steele, Lea, Flood 2014), whose output is well mixed even for consecutive inputs.
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
