//! Allocations, counted: they repeat exactly, whatever else the machine does.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

/// The system's allocator, which counts what each thread asks of it.
#[derive(Clone, Copy, Debug)]
pub struct Counting;

thread_local! {
    static MADE: Cell<Count> = const { Cell::new(Count { calls: 0, bytes: 0 }) };
}

/// Whether the bytes of the whole process are followed: an atomic that all threads share would slow down what is timed.
static WATCHED: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);

/// What was allocated, a growth being one more allocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// How often.
    pub calls: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// What this thread allocates while it does the job.
pub fn count<T>(job: impl FnOnce() -> T) -> (T, Count) {
    let before = MADE.get();
    let done = job();
    let after = MADE.get();
    (done, Count { calls: after.calls - before.calls, bytes: after.bytes - before.bytes })
}

/// Follows the bytes of the whole process from now on, all threads together, until it is dropped. One at a time.
#[derive(Debug)]
pub struct Watch(());

impl Watch {
    /// Counts from zero.
    pub fn start() -> Self {
        LIVE.store(0, Ordering::SeqCst);
        PEAK.store(0, Ordering::SeqCst);
        WATCHED.store(true, Ordering::SeqCst);
        Self(())
    }

    /// The bytes allocated since the start and not freed; below zero if more was freed.
    pub fn live(&self) -> isize {
        LIVE.load(Ordering::SeqCst)
    }

    /// The most there were at once since the start, or since the last [`reset_peak`](Self::reset_peak).
    pub fn peak(&self) -> isize {
        PEAK.load(Ordering::SeqCst)
    }

    /// The peak is from now on that of what comes.
    pub fn reset_peak(&self) {
        PEAK.store(self.live(), Ordering::SeqCst);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        WATCHED.store(false, Ordering::SeqCst);
    }
}

fn made(bytes: usize) {
    // A thread that is ending has no counter any more.
    let _ended = MADE.try_with(|made| {
        let Count { calls, bytes: before } = made.get();
        made.set(Count { calls: calls + 1, bytes: before + bytes as u64 });
    });
}

fn moved(by: isize) {
    if WATCHED.load(Ordering::Relaxed) {
        let live = LIVE.fetch_add(by, Ordering::Relaxed) + by;
        PEAK.fetch_max(live, Ordering::Relaxed);
    }
}

// SAFETY: every call is handed to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        made(layout.size());
        moved(layout.size().cast_signed());
        // SAFETY: as the caller says.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        made(layout.size());
        moved(layout.size().cast_signed());
        // SAFETY: as the caller says.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        moved(-layout.size().cast_signed());
        // SAFETY: as the caller says.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        made(size);
        moved(size.cast_signed() - layout.size().cast_signed());
        // SAFETY: as the caller says.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
