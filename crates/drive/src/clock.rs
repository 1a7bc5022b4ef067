//! One reading of both clocks: the only place in the workspace that reads time for the machine.

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod elsewhere;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
mod portable;

#[cfg(not(any(target_os = "linux", target_os = "android")))]
use elsewhere as system;
#[cfg(any(target_os = "linux", target_os = "android"))]
use linux as system;

use evergrant_core::{Mono, Now, Wall};
use portable::wall;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Both clocks. What drives the machine takes care that `mono` never goes back, whatever a clock says.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The monotonic clock, which counts suspended time where the platform can, and the wall clock.
    fn now(&self) -> Now;

    /// The same on clocks that may lag by some milliseconds and cost little. Their monotonic origin may be another;
    /// it may stand still during a suspend, which the wall clock shows.
    fn coarse(&self) -> Now {
        self.now()
    }

    /// Whether one of the coarse clocks has reached its part of `end`: asked for every call that finds a token.
    fn coarse_has_reached(&self, end: Now) -> bool {
        self.coarse().has_reached(end)
    }
}

/// The clocks of the operating system. On Linux and Android suspended time counts (`CLOCK_BOOTTIME`).
///
/// There they are read from the kernel's own page. Where a library was loaded before the C library (`LD_PRELOAD`), as libfaketime
/// is to shift a program's time in tests, all of them are read through the C library: a token's life is shifted with the program.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Now {
        system::now(system::is_interposed())
    }

    fn coarse(&self) -> Now {
        system::coarse(system::is_interposed())
    }

    fn coarse_has_reached(&self, end: Now) -> bool {
        system::coarse_has_reached(system::is_interposed(), end)
    }
}

/// The clocks of one source. Those of the system, which most have, are read without a detour through a trait object: that is
/// done for every call.
#[derive(Clone, Debug)]
pub(crate) enum Clocks {
    System { is_interposed: bool },
    Own(Arc<dyn Clock>),
}

impl Clocks {
    pub(crate) fn system() -> Self {
        Self::System { is_interposed: system::is_interposed() }
    }

    pub(crate) fn now(&self) -> Now {
        match self {
            Self::System { is_interposed } => system::now(*is_interposed),
            Self::Own(clock) => clock.now(),
        }
    }

    pub(crate) fn coarse(&self) -> Now {
        match self {
            Self::System { is_interposed } => system::coarse(*is_interposed),
            Self::Own(clock) => clock.coarse(),
        }
    }

    /// Both clocks, the coarse ones first: what is published by them may then end a moment too early, never too late.
    pub(crate) fn readings(&self) -> Readings {
        Readings { coarse: self.coarse(), now: self.now() }
    }

    #[inline(always)]
    pub(crate) fn coarse_has_reached(&self, end: Now) -> bool {
        match self {
            Self::System { is_interposed } => system::coarse_has_reached(*is_interposed, end),
            Self::Own(clock) => clock.coarse_has_reached(end),
        }
    }
}

/// One reading of all clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readings {
    pub(crate) coarse: Now,
    pub(crate) now: Now,
}

/// A clock that goes when it is told to, for tests. Clones are the same clock.
///
/// While it stands, patience, rests and `min_interval` stand with it; and nobody who waits is woken when it goes on: they look at
/// it when a token arrives, or when the time they wanted to wait has really passed.
///
/// ```
/// use evergrant_drive::{Clock, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(clock.now().mono.since(before.mono), Duration::from_secs(5));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<Now>>);

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl ManualClock {
    /// A clock that shows the system's wall clock of this moment, and stands.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Now::new(Mono::from_origin(Duration::from_secs(1)), wall()))))
    }

    /// Both clocks go on by this.
    pub fn advance(&self, by: Duration) {
        self.change(|now| *now = now.after(by));
    }

    /// The wall clock is set, the other one stays: a step of the time of day.
    pub fn set_wall(&self, wall: Wall) {
        self.change(|now| now.wall = wall);
    }

    fn change(&self, change: impl FnOnce(&mut Now)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
