//! What is known of the token request: under way, resting after a failure, or neither.

use crate::error::Cause;
use crate::time::Mono;

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Fetching {
    Idle,
    InFlight { id: u64, deadline: Mono },
    Resting(Rest),
}

/// Why, and until when, no request is sent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Rest {
    pub(super) until: Mono,
    /// The end of the server's own Retry-After, which not even a rotation undercuts.
    pub(super) told: Option<Mono>,
    /// Whether callers without a token fail at once.
    pub(super) permanent: bool,
    /// Whether the last request failed, and no other credentials came since.
    pub(super) has_failed: bool,
    pub(super) cause: Cause,
}

/// Failures in a row, by kind: the exponents of the rests.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Failures {
    pub(super) transient: u32,
    pub(super) permanent: u32,
    pub(super) abandoned: u32,
}

impl Fetching {
    /// The rest, unless it has ended.
    pub(super) fn rest(&self, now: Mono) -> Option<&Rest> {
        match self {
            Self::Resting(rest) if now < rest.until => Some(rest),
            _ => None,
        }
    }

    /// From when on it holds no request back.
    pub(super) fn free_from(&self) -> Mono {
        match self {
            Self::Idle => Mono::ZERO,
            Self::InFlight { deadline, .. } => *deadline,
            Self::Resting(rest) => rest.until,
        }
    }

    /// What the change of the credentials leaves of it: the time that the server asked for.
    pub(super) fn rotated(self) -> Self {
        match self {
            // Ended or not: a rest that has ended holds nothing back.
            Self::Resting(Rest { told: Some(told), cause, .. }) => Self::Resting(Rest {
                until: told,
                told: Some(told),
                permanent: false,
                has_failed: false,
                cause,
            }),
            _ => Self::Idle,
        }
    }
}
