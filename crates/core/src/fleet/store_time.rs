//! The clock of a store.

use core::time::Duration;

/// An instant on the clock of a store, in whole milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct StoreTime(u64);

impl StoreTime {
    /// So many milliseconds after 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// The milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This instant moved into the future, by whole milliseconds.
    #[must_use]
    pub const fn after(self, by: Duration) -> Self {
        // A clock of 64 bits of milliseconds ends in 584 million years, and a duration may be longer.
        let millis = by.as_secs().saturating_mul(1000).saturating_add(by.subsec_millis() as u64);
        Self(self.0.saturating_add(millis))
    }

    /// The time from `earlier` to this instant; zero if `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}
