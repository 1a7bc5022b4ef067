//! What goes into the machine and what comes out.

use crate::decimal::decimal;
use crate::error::{Cause, Error, Refusal, Unready};
use crate::lent::Lent;
use crate::lifetime::JwtHint;
use crate::response::Grant;
use crate::time::{Mono, Now};
use crate::token::{Generation, Token};
use core::fmt;
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
    /// No token before the deadline, or waiting cannot help.
    Fail(Error),
}

/// The right to send ONE token request: consumed by `complete` or `abandon`.
#[must_use = "a flight that nobody reports on delays all others until its deadline"]
#[cfg_attr(any(test, feature = "fuzz"), derive(Clone, Hash))]
#[derive(PartialEq, Eq, Debug)]
pub struct Flight {
    /// The seed of its machine: a flight of another one has no effect.
    pub(super) seed: u64,
    pub(super) id: u64,
    pub(super) deadline: Mono,
    pub(super) sent_at: Now,
    pub(super) reason: Reason,
}

impl Flight {
    /// The seed of its machine.
    pub(crate) const fn seed(&self) -> u64 {
        self.seed
    }

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
#[non_exhaustive]
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

/// As people read it, after "a token is requested: ".
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "there was none yet",
            Self::Early => "the current one expires soon",
            Self::Expired => "the last one has expired",
            Self::Rejected => "an API refused the last one",
            Self::Rotated => "the client's credentials have changed",
            Self::Retry => "the last request failed",
        })
    }
}

impl Rejection {
    /// One lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Replaced => "replaced",
            Self::Settling(_) => "settling",
            Self::Refused => "refused",
        }
    }
}

/// As people read it: what follows for the caller.
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dropped => "the refused token is set aside, and another one is asked for",
            Self::Replaced => "the refused token is not the current one; retry with the current one",
            Self::Settling(_) => {
                "the token is so new that the API may not know it yet; retry with the same one later"
            }
            Self::Refused => {
                "the token is kept: a new one cannot be requested now, or would be refused as well"
            }
        })
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
    pub(super) site: Option<Site>,
    pub(super) holds_place: bool,
    pub(super) held_back: bool,
}

impl Call {
    /// A call that waits until `deadline`, through transient failures too.
    pub const fn new(deadline: Mono) -> Self {
        Self { deadline, fail_fast: false, site: None, holds_place: false, held_back: false }
    }

    /// A call that takes the first outcome, good or bad, but for a refusal that is [excused by the clock](crate::Refusal::clock): there is one
    /// at most until a token is granted, and the next request has the right times.
    #[must_use]
    pub const fn fail_fast(mut self, fail_fast: bool) -> Self {
        self.fail_fast = fail_fast;
        self
    }

    /// Whether a transient failure of this cause ends it.
    pub(super) fn takes(&self, cause: &Cause) -> bool {
        let is_excused = matches!(cause, Cause::Refused(refusal) if refusal.clock().is_some());
        self.fail_fast && !is_excused
    }

    /// Says for which site the token is wanted, or that it is for none in particular. It may change between polls.
    ///
    /// A token that another site refused serves this one while it cannot be replaced.
    pub const fn at(&mut self, site: Option<Site>) {
        self.site = site;
    }

    /// Says whether a request must not be sent for it now, for a reason of the caller's own, such as too many that are being sent
    /// already. It may change between polls.
    ///
    /// A token that may be used is used all the same. Without one the call waits as if a request of unknown length were in the air.
    /// A poll of one that is not held back would `Send` as soon as [`next_wake`](super::Machine::next_wake) has come.
    pub const fn hold_back(&mut self, held_back: bool) {
        self.held_back = held_back;
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
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// A token.
    Granted(Grant),
    /// An answer without a usable token, or none.
    Refused(Refusal),
    /// The request could not be built: what it needs cannot be had, or cannot work.
    NotSent(Unready),
    /// Nothing was sent: the credential is the one that the server refused like this, and its time to be tried once more has not come.
    HeldBack(Refusal),
    /// Nothing was sent: another process of the fleet has asked, and this is its token. Its end counts as an assumption, which an answer
    /// of the server may correct.
    Shared(Lent),
    /// Nothing was sent: another process of the fleet was about to ask, and has not. Nothing is counted, and the next poll may send as
    /// soon as `min_interval` allows.
    Elsewhere,
}

/// What the machine made of an outcome, or of a flight that nobody will report on.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Landing {
    /// The token is the one to use from now on.
    Installed {
        /// Its generation.
        generation: Generation,
        /// Its life from the moment its flight was sent, after all bounds.
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
    /// Nothing was sent, since the credential is still the one that was refused: no request until then. A held token stays.
    HeldBack {
        /// The end of the rest.
        until: Mono,
        /// What the refusal was.
        cause: Cause,
    },
    /// The server handed out the held token again, or one that ends no later: the held one stays.
    NoProgress {
        /// How often in a row.
        count: u32,
    },
    /// Abandoned for the first time in a row: no rest, and the next poll may send as soon as `min_interval` allows.
    Idle,
    /// Nothing was sent, and nothing failed: no rest, and the next poll may send as soon as `min_interval` allows.
    Elsewhere,
    /// It has no effect: a newer flight was sent, a rotation came between, or it is a flight of another machine.
    Superseded,
}

impl Landing {
    /// Why there is no new token, if the flight failed.
    pub const fn cause(&self) -> Option<&Cause> {
        static ABANDONED: Cause = Cause::Abandoned;
        match self {
            Self::Resting { cause, .. } | Self::HeldBack { cause, .. } => Some(cause),
            Self::Idle => Some(&ABANDONED),
            Self::Installed { .. } | Self::NoProgress { .. } | Self::Elsewhere | Self::Superseded => None,
        }
    }

    /// One lower-case word: `installed`, `no_progress`, `transient`, `permanent`, `not_sent`, `held_back`, `abandoned`,
    /// `elsewhere` or `superseded`.
    pub fn as_str(&self) -> &'static str {
        match (self, self.cause()) {
            (Self::Installed { .. }, _) => "installed",
            (Self::NoProgress { .. }, _) => "no_progress",
            (Self::HeldBack { .. }, _) => "held_back",
            (Self::Elsewhere, _) => "elsewhere",
            (_, Some(Cause::Abandoned)) => "abandoned",
            (_, Some(Cause::NotSent(_))) => "not_sent",
            (_, Some(cause)) if cause.is_permanent() => "permanent",
            (_, Some(_)) => "transient",
            (_, None) => "superseded",
        }
    }
}

/// What `reject` made of a refused token, and what the caller does next.
///
/// ```
/// use evergrant_core::Rejection;
///
/// /// Whether a call whose token was refused is worth another try.
/// fn is_worth_another_try(rejection: Rejection) -> bool {
///     match rejection {
///         Rejection::Dropped | Rejection::Replaced => true, // with another token
///         Rejection::Settling(_) => true,                   // with the same one, at that time
///         Rejection::Refused => false,                      // hand the answer on
///     }
/// }
/// # assert!(!is_worth_another_try(Rejection::Refused));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Rejection {
    /// It is set aside, and no call for this site gets it again: wait for the new one and send once more.
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

/// Which origin: its place among those that tokens of this machine are sent to, whoever sends them.
///
/// All callers of one machine must number the origins alike: two lists with numbers of their own would share gates by
/// accident.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Site(pub(crate) u16);

impl Site {
    /// Sites with a place of their own. More distinct origins behind one client are rare, and the memory must be
    /// bounded.
    pub const OWN: usize = 64;
    /// The one site that all from [`OWN`](Self::OWN) on share.
    pub const SHARED: Self = Self(Self::OWN as u16);

    /// The site at this place, counted from 0; [`SHARED`](Self::SHARED) from [`OWN`](Self::OWN) on.
    pub const fn new(place: u16) -> Self {
        if place < Self::SHARED.0 { Self(place) } else { Self::SHARED }
    }

    /// Its place, counted from 0; [`OWN`](Self::OWN) for the one that is shared.
    pub const fn place(self) -> u16 {
        // `Origins` numbers its places without a bound.
        Self::new(self.0).0
    }

    /// Its place in decimal, from `0` to `64`: for a label of metrics.
    pub fn as_str(self) -> &'static str {
        decimal(self.place()).unwrap_or("64")
    }
}

/// What is known of the token request.
#[non_exhaustive]
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
