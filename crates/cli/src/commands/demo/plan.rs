//! The times of a demonstration, all in proportion to its length.

use evergrant_tokio_reqwest::Policy;
use std::time::Duration;

#[derive(Clone, Copy)]
pub(super) struct Plan {
    /// How long it takes.
    pub(super) whole: Duration,
    /// A quarter of a token's life.
    pub(super) unit: Duration,
    /// How long a token lives.
    pub(super) life: Duration,
}

impl Plan {
    pub(super) fn of(seconds: u64) -> Self {
        // A token's life is told in whole seconds.
        let life = Duration::from_secs((seconds / 5).max(1));
        Self { whole: Duration::from_secs(seconds), unit: life / 4, life }
    }

    /// How long tokens are replaced with overlap: what the other phases, some 17 units, leave of the whole.
    pub(super) fn overlap(self) -> Duration {
        self.whole.saturating_sub(self.unit * 17).max(self.unit * 6)
    }

    /// The usual policy, on the scale of tokens that live a few seconds.
    pub(super) fn policy(self) -> Policy {
        Policy::new()
            .with_min_interval(self.unit / 10)
            .with_settle(self.unit / 10)
            // On a machine that is very slow tokens of a second expire on their way: a revocation soon after must not find a closed gate.
            .with_gate(self.unit / 10, self.unit / 10)
            .with_backoff(self.unit / 4, self.unit)
            .with_patience(Duration::from_secs(120))
    }

    /// The most token requests by which tokens are replaced in this time: none before six tenths of its life.
    pub(super) fn refreshes(self, time: Duration) -> u64 {
        u64::try_from(time.as_nanos() / (self.life * 6 / 10).as_nanos().max(1)).unwrap_or(u64::MAX)
    }

    /// The most token requests that the backoff allows in this time of failures, the one that succeeds included.
    pub(super) fn attempts(self, time: Duration) -> u64 {
        let (policy, mut attempts, mut spent) = (self.policy(), 1, Duration::ZERO);
        loop {
            let shortest = (policy.backoff(attempts - 1) / 2).max(policy.min_interval());
            spent += shortest;
            if spent > time {
                return u64::from(attempts) + 1;
            }
            attempts += 1;
        }
    }
}
