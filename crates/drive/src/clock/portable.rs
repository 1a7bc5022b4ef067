//! The standard library's clocks, which are everywhere.

use evergrant_core::Wall;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

/// The standard library's clock, from its first reading here.
pub(super) fn since_first() -> Duration {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed()
}

pub(super) fn wall() -> Wall {
    Wall::from_epoch(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}
