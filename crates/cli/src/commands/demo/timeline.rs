//! What happened when: the lives of the tokens, what the server did to them, and what the workers noticed of it.

use super::tally::Tally;
use evergrant_tokio_reqwest::Status;
use evergrant_tokio_reqwest::core::Generation;
use std::time::{Duration, Instant};

/// Every time in it is counted from its start.
#[derive(Debug)]
pub(crate) struct Timeline {
    start: Instant,
    /// One for each [`STEP`], in order.
    samples: Vec<Sample>,
    /// The sample of this moment.
    open: Sample,
    lives: Vec<Life>,
    troubles: Vec<Trouble>,
    phases: Vec<(&'static str, Duration)>,
    held: Option<Generation>,
}

/// What a sample covers: short enough that a refresh would show.
pub(crate) const STEP: Duration = Duration::from_millis(200);

/// What the workers noticed in one step.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    /// The calls that ended.
    pub(crate) calls: u64,
    /// The most calls that waited for a token at once.
    pub(crate) queue: usize,
    /// The longest time that one of the calls took.
    pub(crate) longest_wait: Duration,
}

/// One token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) from: Duration,
    /// When calls were no longer sent with it; the end of the demonstration at the latest.
    pub(crate) used_until: Option<Duration>,
    /// When the server no longer takes it: it has expired, or was revoked.
    pub(crate) valid_until: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The token endpoint answers 503.
    Down,
    /// Every token there was is refused, and the new one has not arrived.
    Revoked,
}

/// What the server did to the client, and how long it lasted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trouble {
    pub(crate) what: What,
    pub(crate) from: Duration,
    /// `None` while it lasts.
    pub(crate) until: Option<Duration>,
}

impl Timeline {
    pub(crate) fn begin() -> Self {
        Self {
            start: Instant::now(),
            samples: Vec::new(),
            open: Sample::default(),
            lives: Vec::new(),
            troubles: Vec::new(),
            phases: Vec::new(),
            held: None,
        }
    }

    // Inputs.

    pub(crate) fn phase(&mut self, name: &'static str) {
        self.phases.push((name, self.elapsed()));
    }

    /// What is the case now. It is looked at often, and no sample is left out.
    pub(crate) fn look(&mut self, status: &Status, tally: &Tally) {
        let now = self.elapsed();
        self.step(now, tally);
        self.open.queue = self.open.queue.max(status.waiting);
        let held = status.held.map(|held| held.generation);
        if held != self.held {
            self.held = held;
            self.lay_down(now);
            if let Some(held) = status.held {
                self.lives.push(Life {
                    from: now,
                    used_until: None,
                    valid_until: now.saturating_add(held.used_for),
                });
                self.over(What::Revoked, now);
            }
        }
    }

    pub(crate) fn revoked(&mut self) {
        let now = self.elapsed();
        self.troubles.push(Trouble { what: What::Revoked, from: now, until: None });
        for life in &mut self.lives {
            life.valid_until = life.valid_until.min(now);
        }
    }

    pub(crate) fn down(&mut self) {
        self.troubles.push(Trouble { what: What::Down, from: self.elapsed(), until: None });
    }

    pub(crate) fn up(&mut self) {
        self.over(What::Down, self.elapsed());
    }

    /// The demonstration is over.
    pub(crate) fn end(&mut self, tally: &Tally) {
        let now = self.elapsed();
        self.step(now, tally);
        self.lay_down(now);
        for what in [What::Down, What::Revoked] {
            self.over(what, now);
        }
    }

    fn step(&mut self, now: Duration, tally: &Tally) {
        let steps = usize::try_from(now.as_millis() / STEP.as_millis()).unwrap_or(usize::MAX);
        let (calls, longest_wait) = tally.news();
        let passed = steps.saturating_sub(self.samples.len());
        if passed > 1 {
            // A machine that is very slow has looked on too late: the calls were made in all of that time.
            let share = calls / passed as u64;
            self.open.calls += calls - share * (passed as u64 - 1);
            self.samples.push(Sample { longest_wait: self.open.longest_wait.max(longest_wait), ..self.open });
            let late = Sample { calls: share, longest_wait, ..self.open };
            self.samples.extend(std::iter::repeat_n(late, passed - 1));
            self.open = Sample::default();
            return;
        }
        self.open.calls += calls;
        self.open.longest_wait = self.open.longest_wait.max(longest_wait);
        if passed == 1 {
            self.samples.push(std::mem::take(&mut self.open));
        }
    }

    /// The token of before is no longer used.
    fn lay_down(&mut self, now: Duration) {
        if let Some(life) = self.lives.last_mut() {
            life.used_until.get_or_insert(now);
        }
    }

    fn over(&mut self, what: What, now: Duration) {
        for trouble in self.troubles.iter_mut().filter(|trouble| trouble.what == what) {
            trouble.until.get_or_insert(now);
        }
    }

    // Questions.

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn samples(&self) -> &[Sample] {
        &self.samples
    }

    pub(crate) fn lives(&self) -> &[Life] {
        &self.lives
    }

    pub(crate) fn troubles(&self) -> &[Trouble] {
        &self.troubles
    }

    /// The phases in order, each with its beginning.
    pub(crate) fn phases(&self) -> &[(&'static str, Duration)] {
        &self.phases
    }

    /// What the server does at this moment.
    pub(crate) fn trouble(&self) -> Option<What> {
        self.troubles.iter().rev().find(|trouble| trouble.until.is_none()).map(|trouble| trouble.what)
    }
}

#[cfg(test)]
mod tests;
