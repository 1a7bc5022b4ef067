//! One reading of both clocks: the only place in the workspace that reads time for the machine.

use evergrant_core::{Mono, Now, Wall};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

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
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Clock for SystemClock {
    fn now(&self) -> Now {
        Now::new(Mono::from_origin(read(rustix::time::ClockId::Boottime)), wall())
    }

    fn coarse(&self) -> Now {
        use rustix::time::ClockId::{MonotonicCoarse, RealtimeCoarse};
        Now::new(Mono::from_origin(read(MonotonicCoarse)), Wall::from_epoch(read(RealtimeCoarse)))
    }

    #[inline(always)]
    fn coarse_has_reached(&self, end: Now) -> bool {
        use rustix::time::ClockId::{MonotonicCoarse, RealtimeCoarse};
        has_reached(MonotonicCoarse, end.mono.since_origin())
            || has_reached(RealtimeCoarse, end.wall.since_epoch())
    }
}

/// Compared as the system tells it: for every call that finds a token, the time is not worth a `Duration` of its own.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline(always)]
fn has_reached(clock: rustix::time::ClockId, end: Duration) -> bool {
    let time = rustix::time::clock_gettime(clock);
    // Negative before 1970 alone, where nothing has ended.
    let Ok(seconds) = u64::try_from(time.tv_sec) else { return false };
    is_from(seconds, time.tv_nsec, end)
}

/// Whether so many seconds and nanoseconds are `end`, or later.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline(always)]
fn is_from(seconds: u64, nanos: i64, end: Duration) -> bool {
    seconds > end.as_secs() || (seconds == end.as_secs() && nanos >= i64::from(end.subsec_nanos()))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn read(clock: rustix::time::ClockId) -> Duration {
    let time = rustix::time::clock_gettime(clock);
    // Neither is negative on these clocks, unless the wall clock is set to before 1970.
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanos.min(999_999_999))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl Clock for SystemClock {
    fn now(&self) -> Now {
        static ORIGIN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        Now::new(Mono::from_origin(ORIGIN.get_or_init(std::time::Instant::now).elapsed()), wall())
    }
}

fn wall() -> Wall {
    Wall::from_epoch(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

/// The clocks of one source. Those of the system, which most have, are read without a detour through a trait object: that is
/// done for every call.
#[derive(Clone, Debug)]
pub(crate) enum Clocks {
    System,
    Own(Arc<dyn Clock>),
}

impl Clocks {
    pub(crate) fn now(&self) -> Now {
        match self {
            Self::System => SystemClock.now(),
            Self::Own(clock) => clock.now(),
        }
    }

    pub(crate) fn coarse(&self) -> Now {
        match self {
            Self::System => SystemClock.coarse(),
            Self::Own(clock) => clock.coarse(),
        }
    }

    #[inline(always)]
    pub(crate) fn coarse_has_reached(&self, end: Now) -> bool {
        match self {
            Self::System => SystemClock.coarse_has_reached(end),
            Self::Own(clock) => clock.coarse_has_reached(end),
        }
    }
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
