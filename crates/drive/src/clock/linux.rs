//! Linux and Android: all clocks from the kernel's own page, or all through the C library.

use super::portable::{since_first, wall};
use evergrant_core::{Mono, Now, Wall};
use nix::time::ClockId as Library;
use rustix::time::ClockId as Kernel;
use std::env;
use std::sync::OnceLock;
use std::time::Duration;

/// Whether something was loaded before the C library: libfaketime is, to shift a program's time. The standard library and the
/// runtimes read through the C library, so these clocks then do so as well; it costs some nanoseconds for every call.
pub(super) fn is_interposed() -> bool {
    static INTERPOSED: OnceLock<bool> = OnceLock::new();
    *INTERPOSED
        .get_or_init(|| env::var_os("LD_PRELOAD").is_some_and(|loaded| may_shift(&loaded.to_string_lossy())))
}

/// Valgrind loads something of its own, which shifts nothing: what is counted under it is what a program without it does.
fn may_shift(loaded: &str) -> bool {
    let mut names = loaded.split([':', ' ']).filter_map(|path| path.rsplit('/').next());
    names.any(|name| !name.is_empty() && !name.starts_with("vgpreload"))
}

/// Where the time is read.
pub(super) trait Clocks: Copy {
    const BOOT: Self;
    const WALL: Self;
    const MONO_COARSE: Self;
    const WALL_COARSE: Self;

    /// Seconds and nanoseconds; `None` where the clock cannot be read: in 32 bits of seconds, from 2038 on.
    fn read(self) -> Option<(i64, i64)>;
}

impl Clocks for Kernel {
    const BOOT: Self = Self::Boottime;
    const WALL: Self = Self::Realtime;
    const MONO_COARSE: Self = Self::MonotonicCoarse;
    const WALL_COARSE: Self = Self::RealtimeCoarse;

    #[inline(always)]
    fn read(self) -> Option<(i64, i64)> {
        let time = rustix::time::clock_gettime(self);
        Some((widened(time.tv_sec), widened(time.tv_nsec)))
    }
}

impl Clocks for Library {
    const BOOT: Self = Self::CLOCK_BOOTTIME;
    const WALL: Self = Self::CLOCK_REALTIME;
    const MONO_COARSE: Self = Self::CLOCK_MONOTONIC_COARSE;
    const WALL_COARSE: Self = Self::CLOCK_REALTIME_COARSE;

    fn read(self) -> Option<(i64, i64)> {
        let time = nix::time::clock_gettime(self).ok()?;
        Some((widened(time.tv_sec()), widened(time.tv_nsec())))
    }
}

/// Their width is the platform's.
#[inline(always)]
fn widened(number: impl Into<i64>) -> i64 {
    number.into()
}

fn now_of<C: Clocks>() -> Now {
    reading(C::BOOT, C::WALL)
}

fn coarse_of<C: Clocks>() -> Now {
    reading(C::MONO_COARSE, C::WALL_COARSE)
}

#[inline(always)]
fn coarse_has_reached_of<C: Clocks>(end: Now) -> bool {
    has_reached(C::MONO_COARSE, end.mono.since_origin())
        || has_reached(C::WALL_COARSE, end.wall.since_epoch())
}

#[inline(always)]
pub(super) fn now(is_interposed: bool) -> Now {
    if is_interposed { now_of::<Library>() } else { now_of::<Kernel>() }
}

#[inline(always)]
pub(super) fn coarse(is_interposed: bool) -> Now {
    if is_interposed { coarse_of::<Library>() } else { coarse_of::<Kernel>() }
}

#[inline(always)]
pub(super) fn coarse_has_reached(is_interposed: bool, end: Now) -> bool {
    if is_interposed { interposed_has_reached(end) } else { coarse_has_reached_of::<Kernel>(end) }
}

/// Apart, so that the usual path stays small.
#[cold]
#[inline(never)]
fn interposed_has_reached(end: Now) -> bool {
    coarse_has_reached_of::<Library>(end)
}

fn reading<C: Clocks>(mono: C, wall_clock: C) -> Now {
    let mono = Mono::from_origin(mono.read().map_or_else(since_first, duration));
    Now::new(mono, wall_clock.read().map_or_else(wall, |time| Wall::from_epoch(duration(time))))
}

/// Neither is negative on these clocks, unless the wall clock is set to before 1970.
fn duration((seconds, nanos): (i64, i64)) -> Duration {
    let nanos = u32::try_from(nanos).unwrap_or(0);
    Duration::new(u64::try_from(seconds).unwrap_or(0), nanos.min(999_999_999))
}

/// Compared as the system tells it: for every call that finds a token, the time is not worth a `Duration` of its own.
///
/// A clock that cannot be read has reached everything: whoever asks looks at the exact ones then.
#[inline(always)]
fn has_reached(clock: impl Clocks, end: Duration) -> bool {
    let Some((seconds, nanos)) = clock.read() else { return true };
    // Negative before 1970 alone, where nothing has ended.
    let Ok(seconds) = u64::try_from(seconds) else { return false };
    is_from(seconds, nanos, end)
}

/// Whether so many seconds and nanoseconds are `end`, or later.
#[inline(always)]
fn is_from(seconds: u64, nanos: i64, end: Duration) -> bool {
    seconds > end.as_secs() || (seconds == end.as_secs() && nanos >= i64::from(end.subsec_nanos()))
}

#[cfg(test)]
mod tests;
