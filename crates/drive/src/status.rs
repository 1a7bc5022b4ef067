//! What a source holds, what happened, and what comes next: for people, dashboards and health checks.

#[cfg(feature = "serde")]
mod serialize;

use crate::observer::EventKind;
use crate::sites::Sites;
use evergrant_core::{Cause, Fetch, Generation, Landing, Machine, Mono, Now, Origin, Reason, Scope, Span};
use std::fmt;
use std::time::Duration;

/// What a source holds, what happened, and what comes next. It contains no secret.
///
/// Its Display is one line for people, and so is that of its parts. With the feature `serde` it can be serialized; the
/// names are those of its fields, times are seconds, and what never comes is null:
///
/// ```json
/// {"held":{"token":3,"used_for":41.5,"refresh_in":12.0},"set_aside":null,"narrowed_scope":null,
///  "request":{"state":"resting","next_in":4.0,"error":"..","permanent":false},"next_request_in":4.0,
///  "last_request":{"reason":"early","ago":9.1},"last_outcome":{"outcome":"failed","error":"..","permanent":false,"ago":9.0},
///  "requests":4,"waiting":0,"deepest_queue":7,"no_progress":0}
/// ```
///
/// ```
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let tokens = story::granting()?;
/// let status = tokens.shared().status();
/// assert_eq!(status.to_string(), "no token; 0 callers wait; 0 token requests so far, none is being sent");
/// tokens.token(None)?;
/// let status = tokens.shared().status();
/// assert!(status.held.is_some_and(|held| held.used_for > held.refresh_in));
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The token that every caller may use at this moment.
    pub held: Option<Held>,
    /// A token that some origin refused, and which is used at the others once the request that is to replace it has failed.
    pub set_aside: Option<SetAside>,
    /// What was asked for and not granted with that token (RFC 6749 §3.3), if its server said so.
    pub narrowed_scope: Option<Scope>,
    /// The token request that is under way, or why none is.
    pub request: RequestStatus,
    /// The time until the next token request, if nothing else happens; [`Duration::MAX`] if there is none.
    pub next_request_in: Duration,
    /// Why the last request was made, and how long ago.
    pub last_request: Option<(Reason, Duration)>,
    /// What became of the last request that ended, and how long ago.
    pub last_outcome: Option<(LastOutcome, Duration)>,
    /// The token requests made so far.
    pub requests: u64,
    /// The callers that wait for a token at this moment.
    pub waiting: usize,
    /// The most callers that waited at once so far.
    pub deepest_queue: usize,
    /// How often in a row the server handed out the held token again.
    pub no_progress: u32,
}

/// The token that is used at this moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Held {
    /// Which token of this source it is.
    pub generation: Generation,
    /// How long it is still used; [`Duration::MAX`] for one that never ends.
    pub used_for: Duration,
    /// How long until its replacement is due; zero if it is, [`Duration::MAX`] if it never is.
    pub refresh_in: Duration,
}

/// A token that was refused, kept until its replacement comes.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SetAside {
    /// Which token of this source it is.
    pub generation: Generation,
    /// How long it may still be used.
    pub used_for: Duration,
    /// The origins that refused it. Beyond the first 64 of a source they are not known by name.
    pub refused_by: Vec<Origin>,
}

/// The token request at this moment.
///
/// ```
/// use evergrant_drive::RequestStatus;
///
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let tokens = story::source(story::Canned(401, r#"{"error":"invalid_client"}"#))?;
/// let _ = tokens.token(None);
/// // For a dashboard: is the source in trouble, and who can fix it?
/// match tokens.shared().status().request {
///     RequestStatus::Resting(_, cause) if cause.is_permanent() => println!("{cause}"), // an operator must act
///     RequestStatus::Resting(left, _) => println!("asks again in {left:?}"),
///     _ => println!("all is well"),
/// }
/// # assert!(matches!(tokens.shared().status().request, RequestStatus::Resting(_, cause) if cause.is_permanent()));
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RequestStatus {
    /// None is under way.
    Idle,
    /// One is under way, and given up in so long.
    InFlight(Duration),
    /// The last one failed, and none is sent for so long.
    Resting(Duration, Cause),
}

/// What became of a request.
///
/// ```
/// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let tokens = story::granting()?;
/// tokens.token(None)?;
/// let (outcome, ago) = tokens.shared().status().last_outcome.ok_or("no request yet")?;
/// assert_eq!(outcome.to_string(), "token 1 arrived");
/// println!("{outcome}, {} s ago", ago.as_secs());
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LastOutcome {
    /// It brought the token of this generation.
    Installed(Generation),
    /// It failed.
    Failed(Cause),
    /// It brought nothing new.
    NoProgress,
}

/// `token 3: used for 41 s, renewed in 12 s`.
impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token {}: ", self.generation.number())?;
        if self.used_for == Duration::MAX {
            return f.write_str("never expires");
        }
        let used_for = Span(self.used_for);
        match self.refresh_in {
            Duration::ZERO => write!(f, "used for {used_for} more, due for renewal"),
            Duration::MAX => write!(f, "used for {used_for}, never renewed"),
            due => write!(f, "used for {used_for}, renewed in {}", Span(due)),
        }
    }
}

/// `token 3: refused by https://api.example.com; if no new one arrives, used elsewhere for 41 s`.
impl fmt::Display for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token {}: refused", self.generation.number())?;
        for (place, origin) in self.refused_by.iter().enumerate() {
            write!(f, "{}{origin}", if place == 0 { " by " } else { ", " })?;
        }
        write!(f, "; if no new one arrives, used elsewhere for {}", Span(self.used_for))
    }
}

/// `none is sent for 4 s: the authorization server answered with http 503`.
impl fmt::Display for RequestStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("none is being sent"),
            Self::InFlight(left) => write!(f, "one is being sent, for {} at most", Span(*left)),
            Self::Resting(left, cause) => write!(f, "none is sent for {}: {}", Span(*left), cause.summary()),
        }
    }
}

impl fmt::Display for LastOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed(generation) => write!(f, "token {} arrived", generation.number()),
            Self::Failed(cause) => cause.summary().fmt(f),
            Self::NoProgress => f.write_str("the server sent a token that ends no later than the held one"),
        }
    }
}

/// `token 3: used for 41 s, renewed in 12 s; 0 callers wait; 4 token requests so far, none is being sent`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.held, &self.set_aside) {
            (Some(held), _) => held.fmt(f)?,
            (None, Some(aside)) => aside.fmt(f)?,
            (None, None) => f.write_str("no token")?,
        }
        let Self { request, requests, waiting, .. } = self;
        let callers = if *waiting == 1 { "caller waits" } else { "callers wait" };
        let so_far = if *requests == 1 { "token request" } else { "token requests" };
        write!(f, "; {waiting} {callers}; {requests} {so_far} so far, {request}")
    }
}

impl Status {
    pub(crate) fn of(machine: &Machine, journal: &Journal, sites: &Sites, now: Now) -> Self {
        let ago = |then: Mono| now.mono.since(then);
        // What never ends, such as a fixed token, has no distance from now.
        let left = |end: Now| if end.mono == Mono::MAX { Duration::MAX } else { now.until(end) };
        let held = machine.held(now);
        let wake = machine.next_wake(now);
        Self {
            narrowed_scope: held.and(journal.narrowed.clone()),
            held: held.map(|token| Held {
                generation: token.generation(),
                used_for: left(token.use_until()),
                refresh_in: left(token.refresh_at()),
            }),
            set_aside: machine.set_aside(now).map(|aside| SetAside {
                generation: aside.token().generation(),
                used_for: left(aside.token().use_until()),
                refused_by: sites.origins(aside.refused_by()),
            }),
            request: match machine.fetch(now) {
                Fetch::Idle => RequestStatus::Idle,
                Fetch::InFlight { deadline } => RequestStatus::InFlight(deadline.since(now.mono)),
                // A rest may be over before the shortest distance between two requests is.
                Fetch::Resting { until, cause } => {
                    let until = if wake == Mono::MAX { until } else { until.max(wake) };
                    RequestStatus::Resting(until.since(now.mono), cause.clone())
                }
                // A state that this crate does not know yet sends nothing.
                _ => RequestStatus::Idle,
            },
            next_request_in: if wake == Mono::MAX { Duration::MAX } else { wake.since(now.mono) },
            last_request: journal.sent.map(|(reason, then)| (reason, ago(then))),
            last_outcome: journal.landed.clone().map(|(outcome, then)| (outcome, ago(then))),
            requests: journal.requests,
            waiting: machine.waiters(),
            deepest_queue: journal.deepest_queue,
            no_progress: machine.no_progress(),
        }
    }
}

/// What is remembered for the status: a fixed number of words, whatever happens.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    requests: u64,
    sent: Option<(Reason, Mono)>,
    landed: Option<(LastOutcome, Mono)>,
    /// Of the scope that the last installed token was asked for with, what it does not have.
    narrowed: Option<Scope>,
    deepest_queue: usize,
}

impl Journal {
    /// An event of this source.
    pub(crate) fn note(&mut self, now: Mono, kind: &EventKind) {
        match kind {
            EventKind::Sent { reason, .. } => {
                self.requests += 1;
                self.sent = Some((*reason, now));
            }
            EventKind::Landed { landing, narrowed, .. } => {
                if let Landing::Installed { .. } = landing {
                    self.narrowed = narrowed.clone();
                }
                self.landed(landing, now);
            }
            EventKind::Abandoned { landing, .. } => self.landed(landing, now),
            EventKind::Restored { taken: true } => self.narrowed = None,
            _ => {}
        }
    }

    /// What became of a flight; nothing, if it did not count: the last one that did is what people want to know of.
    fn landed(&mut self, landing: &Landing, now: Mono) {
        let outcome = match (landing, landing.cause()) {
            (Landing::Installed { generation, .. }, _) => LastOutcome::Installed(*generation),
            (Landing::NoProgress { .. }, _) => LastOutcome::NoProgress,
            (_, Some(cause)) => LastOutcome::Failed(cause.clone()),
            (_, None) => return,
        };
        self.landed = Some((outcome, now));
    }

    pub(crate) const fn requests(&self) -> u64 {
        self.requests
    }

    pub(crate) fn waiting(&mut self, depth: usize) {
        self.deepest_queue = self.deepest_queue.max(depth);
    }
}

#[cfg(test)]
mod tests;
