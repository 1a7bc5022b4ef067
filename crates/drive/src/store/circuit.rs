//! When a store is left alone: one that failed is not asked again by each flight.

use evergrant_core::Mono;
use evergrant_core::fleet::StoreError;
use std::mem;
use std::time::Duration;

/// How long it is left alone after the first failure, and at most.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);

/// Whether a store answers, to this process.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Circuit {
    /// In a row.
    failures: u32,
    left_alone_until: Mono,
    /// Why it failed last.
    error: Option<StoreError>,
    /// Whether a flight tries it out.
    is_probed: bool,
}

/// What a command has changed of it, for whoever tells people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    Failing,
    Back,
}

impl Circuit {
    /// Whether a flight may go through the store. Of one that failed the first flight after the pause may, and the others do without it
    /// until that one knows.
    pub(super) fn admits(&mut self, now: Mono) -> bool {
        if self.failures == 0 {
            return true;
        }
        let is_probe = now >= self.left_alone_until;
        if is_probe {
            self.is_probed = true;
            // Nobody may ever hear of it.
            self.left_alone_until = now.after(pause(self.failures));
        }
        is_probe
    }

    /// It replied.
    pub(super) fn replied(&mut self) -> Option<Change> {
        let failures = mem::take(self).failures;
        (failures > 0).then_some(Change::Back)
    }

    /// Why it is left alone, while it is.
    pub(super) const fn error(&self) -> Option<&StoreError> {
        self.error.as_ref()
    }

    /// It did not, and is left alone: for half of the pause, and so many thousandths of the other half. What was under way when it failed
    /// fails with it, and counts once.
    pub(super) fn failed(&mut self, now: Mono, error: &StoreError, spread: u16) -> Option<Change> {
        self.error = Some(error.clone());
        let is_news = self.failures == 0;
        if is_news || mem::take(&mut self.is_probed) {
            self.failures = self.failures.saturating_add(1);
            let half = pause(self.failures) / 2;
            self.left_alone_until = now.after(half + half * u32::from(spread.min(1000)) / 1000);
        }
        is_news.then_some(Change::Failing)
    }
}

/// The pause after so many failures in a row.
fn pause(failures: u32) -> Duration {
    FIRST.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(LONGEST)
}

#[cfg(test)]
mod tests;
