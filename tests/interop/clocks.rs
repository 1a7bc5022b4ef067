//! A machine whose clock is wrong, and time that passes at once.

use evergrant_tokio_reqwest::core::{Now, Wall};
use evergrant_tokio_reqwest::{Clock, SystemClock};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The clocks of the system, of which that on the wall is wrong, and which go on when they are told to. Clones are the same clocks.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnClock {
    /// In seconds, behind or ahead.
    wrong: i64,
    passed: Arc<AtomicU64>,
}

impl OwnClock {
    /// So many seconds behind the server's.
    pub(crate) fn behind(seconds: i64) -> Self {
        Self { wrong: -seconds, ..Self::default() }
    }

    /// So many seconds ahead of it.
    pub(crate) fn ahead(seconds: i64) -> Self {
        Self { wrong: seconds, ..Self::default() }
    }

    /// So much time is over. The clock on the wall stays with the server's.
    pub(crate) fn pass(&self, time: Duration) {
        self.passed.fetch_add(time.as_secs(), Ordering::Relaxed);
    }
}

impl Clock for OwnClock {
    fn now(&self) -> Now {
        let now = SystemClock.now();
        let mono = now.mono.after(Duration::from_secs(self.passed.load(Ordering::Relaxed)));
        let off = Duration::from_secs(self.wrong.unsigned_abs());
        let wall = if self.wrong < 0 {
            Wall::from_epoch(now.wall.since_epoch().saturating_sub(off))
        } else {
            now.wall.after(off)
        };
        Now::new(mono, wall)
    }
}
