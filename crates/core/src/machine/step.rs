//! What goes into the machine and what comes out.

use crate::error::{Cause, ConfigError, Error, Refusal};
use crate::lifetime::JwtHint;
use crate::response::Grant;
use crate::time::{Mono, Now};
use crate::token::{Generation, Token};
use core::time::Duration;

/// What a caller does next.
#[must_use]
#[derive(PartialEq, Eq, Debug)]
pub enum Step {
    /// Use this token.
    Use(Token),
    /// Send one token request, see to it that its outcome is reported, and poll again at once.
    Send(Flight),
    /// Poll again then, or as soon as the machine got another input.
    Wait(Mono),
    /// There is none, and waiting is pointless or over.
    Fail(Error),
}

/// The right to send ONE token request: consumed by `complete` or `abandon`.
#[must_use = "a flight that nobody reports on delays all others until its deadline"]
#[cfg_attr(any(test, feature = "fuzz"), derive(Clone, Hash))]
#[derive(PartialEq, Eq, Debug)]
pub struct Flight {
    pub(super) id: u64,
    pub(super) deadline: Mono,
    pub(super) sent_at: Now,
    pub(super) reason: Reason,
}

impl Flight {
    /// Its number, counted from 1 for each machine.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// When the machine stops waiting for it: `attempt_timeout` plus a second of grace after it was sent.
    pub const fn deadline(&self) -> Mono {
        self.deadline
    }

    /// When it was sent: where the life of its token begins.
    pub const fn sent_at(&self) -> Now {
        self.sent_at
    }

    /// Why it was sent, for people: nothing is decided by it.
    pub const fn reason(&self) -> Reason {
        self.reason
    }
}

/// Why a token request is made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// There never was a token.
    First,
    /// The held token is used on while its replacement is fetched.
    Early,
    /// The last token ended.
    Expired,
    /// A resource server refused the last token.
    Rejected,
    /// The client's credentials changed.
    Rotated,
    /// The last request failed.
    Retry,
}

impl Reason {
    /// One lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Early => "early",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::Rotated => "rotated",
            Self::Retry => "retry",
        }
    }
}

/// One caller's stay: how long it waits, whether it fails fast, and its place among the waiters.
///
/// A call that got `Wait` holds a place until it gets `Use` or `Fail`, or until it is given to `leave`. Dropping it
/// while it holds one loses the place.
#[cfg_attr(any(test, feature = "fuzz"), derive(Clone, Hash))]
#[derive(PartialEq, Eq, Debug)]
pub struct Call {
    pub(super) deadline: Mono,
    pub(super) fail_fast: bool,
    pub(super) holds_place: bool,
}

impl Call {
    /// A call that waits until `deadline`, through transient failures too.
    pub const fn new(deadline: Mono) -> Self {
        Self { deadline, fail_fast: false, holds_place: false }
    }

    /// A call that takes the first outcome, good or bad.
    #[must_use]
    pub const fn fail_fast(mut self, fail_fast: bool) -> Self {
        self.fail_fast = fail_fast;
        self
    }

    /// When its patience ends.
    pub const fn deadline(&self) -> Mono {
        self.deadline
    }

    /// Whether it holds a place among the waiters.
    pub const fn holds_place(&self) -> bool {
        self.holds_place
    }
}

/// What became of a flight.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// A token.
    Granted(Grant),
    /// An answer without a usable token, or none.
    Refused(Refusal),
    /// The request could not be built.
    NotSent(ConfigError),
}

/// What the machine made of an outcome.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Landing {
    /// The token is the one to use from now on.
    Installed {
        /// Its generation.
        generation: Generation,
        /// Its life from the moment its request was sent, after all bounds.
        life: Duration,
        /// What became of the JWT's own times.
        hint: JwtHint,
    },
    /// It failed: no request until then. A held token stays.
    Resting {
        /// The end of the rest.
        until: Mono,
        /// What became of the request.
        cause: Cause,
    },
    /// The server handed out the held token again, or one that ends no later: the held one stays.
    NoProgress {
        /// How often in a row.
        count: u32,
    },
    /// A newer flight, or a rotation, made it meaningless.
    Superseded,
}

/// What `reject` made of a refused token, and what the caller does next.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Rejection {
    /// It is thrown away: wait for the new one and replay once.
    Dropped,
    /// It is not the current one any more: take that, or wait for it, and replay once.
    Replaced,
    /// It is so young that the resource server may not know it yet: replay once then.
    Settling(Mono),
    /// It stays, since it cannot be replaced now or is as fresh as it can be: hand the answer on.
    Refused,
}

/// What becomes of the held token when the credentials change.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Rotation {
    /// It is used on until the first token of the new credentials comes.
    Keep,
    /// It is never used again: the old credentials leaked.
    Drop,
}

/// Which of the user's origins: its place in their list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Site(pub u16);

/// What is known of the token request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fetch<'a> {
    /// None is under way, and one may be sent.
    Idle,
    /// One is under way.
    InFlight {
        /// When the machine stops waiting for it.
        deadline: Mono,
    },
    /// The last one failed, and none is sent until then.
    Resting {
        /// The end of the rest.
        until: Mono,
        /// What became of the last one.
        cause: &'a Cause,
    },
}
