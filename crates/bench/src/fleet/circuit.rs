//! When a process leaves its store alone. This is drive's, in a few lines: what the simulator needs of it.

use crate::random::Random;
use std::time::Duration;

/// A command that has brought no reply by then has failed.
pub(super) const TIMEOUT: Duration = Duration::from_millis(250);
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);

/// What one process knows of its store. Times count from the start of the fleet.
#[derive(Debug, Default)]
pub(super) struct Circuit {
    /// In a row.
    failures: u32,
    left_alone_until: Duration,
    /// Whether a flight tries it out.
    is_probed: bool,
}

impl Circuit {
    /// Whether a flight may go through the store: after a pause one flight tries it out, and the others ask by themselves meanwhile.
    pub(super) fn admits(&mut self, time: Duration) -> bool {
        if self.failures > 0 {
            if time < self.left_alone_until {
                return false;
            }
            self.is_probed = true;
            self.left_alone_until = time + self.pause();
        }
        true
    }

    pub(super) fn replied(&mut self) {
        *self = Self::default();
    }

    /// Half of the pause to all of it. What was under way when it failed counts once.
    pub(super) fn failed(&mut self, time: Duration, random: &mut Random) {
        if self.failures == 0 || std::mem::take(&mut self.is_probed) {
            self.failures += 1;
            self.left_alone_until = time + self.pause().mul_f64(0.5 + random.share() / 2.0);
        }
    }

    fn pause(&self) -> Duration {
        FIRST.saturating_mul(1 << self.failures.saturating_sub(1).min(8)).min(LONGEST)
    }
}
