//! What is counted of tokens that were given out, or taken back, on a listener for programs of this machine.

use std::sync::atomic::{AtomicU64, Ordering};

/// What was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Endpoint {
    Token,
    Authorize,
    Reject,
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// A token was given out.
    Issued,
    /// The token will be replaced.
    Rejected,
    /// The token stays, or had been replaced before.
    Unchanged,
    /// Whoever asked may not.
    Denied,
    /// Nobody could be given that.
    Invalid,
    /// There was no token in time, or no place to wait for one.
    Unavailable,
}

impl Endpoint {
    pub(crate) const ALL: [Self; 3] = [Self::Token, Self::Authorize, Self::Reject];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Authorize => "authorize",
            Self::Reject => "reject",
        }
    }
}

impl Outcome {
    pub(crate) const ALL: [Self; 6] =
        [Self::Issued, Self::Rejected, Self::Unchanged, Self::Denied, Self::Invalid, Self::Unavailable];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Rejected => "rejected",
            Self::Unchanged => "unchanged",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::Unavailable => "unavailable",
        }
    }
}

/// How often what came of what, at one worker.
#[derive(Debug, Default)]
pub(crate) struct Ledger([[AtomicU64; Outcome::ALL.len()]; Endpoint::ALL.len()]);

/// The same, added up.
pub(crate) type Sums = [[u64; Outcome::ALL.len()]; Endpoint::ALL.len()];

impl Ledger {
    pub(crate) fn count(&self, endpoint: Endpoint, outcome: Outcome) {
        if let Some(count) = self.0.get(endpoint as usize).and_then(|counts| counts.get(outcome as usize)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn add_to(&self, sums: &mut Sums) {
        for (sums, counts) in sums.iter_mut().zip(&self.0) {
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count.load(Ordering::Relaxed);
            }
        }
    }
}

/// Each count that is not zero, with its two words.
pub(crate) fn lines(sums: &Sums) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
    Endpoint::ALL.iter().zip(sums).flat_map(|(endpoint, sums)| {
        let counts = Outcome::ALL.iter().zip(sums).filter(|(_, count)| **count > 0);
        counts.map(|(outcome, count)| (endpoint.as_str(), outcome.as_str(), *count))
    })
}
