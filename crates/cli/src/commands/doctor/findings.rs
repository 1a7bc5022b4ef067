//! What a doctor has found.

use crate::tell::escaped::Line;
use crate::tell::failure::{Failure, of_the_command};
use crate::tell::stdout;
use serde_json::json;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Good,
    Warning,
    Fault,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }
}

struct Finding {
    about: &'static str,
    state: State,
    says: String,
    next: Vec<String>,
}

/// What was found so far.
pub(super) struct Findings {
    /// Whether each is told at once.
    told: bool,
    all: Vec<Finding>,
}

impl Findings {
    /// None yet. `told`: whether each is told on stdout at once.
    pub(super) const fn new(told: bool) -> Self {
        Self { told, all: Vec::new() }
    }

    pub(super) fn add(
        &mut self,
        about: &'static str,
        state: State,
        says: String,
        next: impl Into<Vec<String>>,
    ) -> Result<(), Failure> {
        // It may be the library's, which advises programs.
        let says = of_the_command(says);
        let next: Vec<String> = next.into().into_iter().map(of_the_command).collect();
        if self.told {
            let mut text = format!("{:<8} {about:<14} {}", state.name(), Line(&says));
            for step in &next {
                text.push_str("\n         next: ");
                text.push_str(&Line(step).to_string());
            }
            self.all.push(Finding { about, state, says, next });
            return stdout::plain(&text).map(drop);
        }
        self.all.push(Finding { about, state, says, next });
        Ok(())
    }

    /// The same of something that failed.
    pub(super) fn fault(&mut self, about: &'static str, failure: &Failure) -> Result<(), Failure> {
        let (happened, next) = failure.parts();
        self.add(about, State::Fault, happened.to_owned(), [next.to_owned()])
    }

    pub(super) fn has_fault(&self) -> bool {
        self.all.iter().any(|finding| finding.state == State::Fault)
    }

    pub(super) fn verdict(&self, works: bool) -> &'static str {
        let warned = self.all.iter().any(|finding| finding.state == State::Warning);
        match (works, warned) {
            (true, false) => "it works",
            (true, true) => "it works; see the warnings",
            (false, _) => "it does not work",
        }
    }

    pub(super) fn json(&self, verdict: &str) -> serde_json::Value {
        let findings = self.all.iter().map(|Finding { about, state, says, next }| {
            json!({ "about": about, "state": state.name(), "says": says, "next": next })
        });
        json!({ "verdict": verdict, "findings": findings.collect::<Vec<_>>() })
    }
}
