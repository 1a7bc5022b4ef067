//! Clocks are values: the core never reads one, it is given readings.
//!
//! Two clocks are needed because neither can be trusted alone. A monotonic clock may stand still while the
//! machine is suspended; a wall clock may be stepped in either direction. A lease is over as soon as EITHER
//! says so; every other deadline is monotonic alone.

use core::time::Duration;

/// An instant on a clock that never goes back, as the time since an origin of the caller's choice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Mono(Duration);

/// An instant on the wall clock, as the time since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Wall(Duration);

/// ONE reading of both clocks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Now {
    /// The monotonic clock. It must never go back from one input of a machine to the next.
    pub mono: Mono,
    /// The wall clock. It may jump.
    pub wall: Wall,
}

impl Mono {
    /// The origin of the clock.
    pub const ZERO: Self = Self(Duration::ZERO);
    /// The last instant that can be expressed.
    pub const MAX: Self = Self(Duration::MAX);

    /// The instant `since_origin` after the origin.
    pub const fn from_origin(since_origin: Duration) -> Self {
        Self(since_origin)
    }

    /// The time since the origin.
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// This instant moved `by` into the future, or [`Mono::MAX`].
    #[must_use]
    pub const fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by))
    }

    /// The time from `earlier` to this instant; zero if `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Wall {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(Duration::ZERO);
    /// The last instant that can be expressed.
    pub const MAX: Self = Self(Duration::MAX);

    /// The instant `since_epoch` after 1970-01-01T00:00:00Z.
    pub const fn from_epoch(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// The time since 1970-01-01T00:00:00Z.
    pub const fn since_epoch(self) -> Duration {
        self.0
    }

    /// This instant moved `by` into the future, or [`Wall::MAX`].
    #[must_use]
    pub const fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by))
    }

    /// The time from `earlier` to this instant; zero if `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Now {
    /// Both readings.
    pub const fn new(mono: Mono, wall: Wall) -> Self {
        Self { mono, wall }
    }

    /// Both clocks moved `by` into the future.
    #[must_use]
    pub const fn after(self, by: Duration) -> Self {
        Self { mono: self.mono.after(by), wall: self.wall.after(by) }
    }

    /// Whether EITHER clock has reached its half of `end`.
    pub fn has_reached(self, end: Self) -> bool {
        self.mono >= end.mono || self.wall >= end.wall
    }

    /// On each clock, the earlier of the two.
    pub(crate) fn min_each(self, other: Self) -> Self {
        Self { mono: self.mono.min(other.mono), wall: self.wall.min(other.wall) }
    }

    /// The time until the FIRST of the two clocks reaches its half of `end`.
    pub fn until(self, end: Self) -> Duration {
        end.mono.since(self.mono).min(end.wall.since(self.wall))
    }
}
