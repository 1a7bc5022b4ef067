//! What the workers count.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What they count in the phase of the moment, and since the last look.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    requests: AtomicU64,
    failed: AtomicU64,
    longest_wait_us: AtomicU64,
    first_failure: Mutex<Option<String>>,
    new_requests: AtomicU64,
    new_longest_wait_us: AtomicU64,
}

/// What a phase came to.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    pub(crate) longest_wait: Duration,
    pub(crate) first_failure: Option<String>,
}

impl Tally {
    pub(crate) fn count(&self, waited: Duration, failed: Option<&str>) {
        let waited = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.new_requests.fetch_add(1, Ordering::Relaxed);
        self.longest_wait_us.fetch_max(waited, Ordering::Relaxed);
        self.new_longest_wait_us.fetch_max(waited, Ordering::Relaxed);
        if let Some(why) = failed {
            self.failed.fetch_add(1, Ordering::Relaxed);
            let mut first = self.first_failure.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| why.to_owned());
        }
    }

    /// The calls that ended in the phase of the moment.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The calls that ended since this was asked last, and the longest wait of one of them.
    pub(crate) fn news(&self) -> (u64, Duration) {
        let waited = self.new_longest_wait_us.swap(0, Ordering::Relaxed);
        (self.new_requests.swap(0, Ordering::Relaxed), Duration::from_micros(waited))
    }

    /// What the phase came to; the next one begins with nothing.
    pub(crate) fn take(&self) -> Sum {
        let first_failure = self.first_failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        Sum {
            requests: self.requests.swap(0, Ordering::Relaxed),
            failed: self.failed.swap(0, Ordering::Relaxed),
            longest_wait: Duration::from_micros(self.longest_wait_us.swap(0, Ordering::Relaxed)),
            first_failure,
        }
    }
}
