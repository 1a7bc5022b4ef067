//! What is reported, and to whom: everything that happens to a source is an [`Event`], made in one place and told to every
//! [`Observer`].

mod log;
mod report;
mod span;

pub(crate) use report::{Audience, Report};
pub(crate) use span::FlightSpan;

use evergrant_core::fleet::StoreError;
use evergrant_core::{
    ClockOffset, Endpoint, Error, Generation, Landing, Origin, Reason, Rejection, Rotation, Scope, Site, Wall,
};
use std::time::Duration;

/// Hears what happens to a source of tokens: for metrics, an audit log, an alarm.
///
/// It is called after the lock of the source was released and after everyone who waited was woken, never on the way of a call
/// that finds a token. It runs on the thread of whoever caused the event, so it should be quick: count, or hand the event on.
/// A panic in it is caught, and nobody who waits for a token notices.
///
/// Events of one source can arrive in another order than they happened, from two threads at once.
///
/// ```
/// use evergrant_drive::{Event, EventKind, Observer};
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// #[derive(Default)]
/// struct Replays(AtomicU64);
///
/// impl Observer for Replays {
///     fn event(&self, event: &Event<'_>) {
///         if let EventKind::Replayed { .. } = event.kind {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}

/// Something that happened to a source. It contains no secret.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The name of the source ([`Settings::name`](crate::Settings::name)). In a pool it is the
    /// [label](crate::PoolSettings::label) of its key, or the name of the pool.
    pub source: &'a str,
    /// What happened.
    pub kind: &'a EventKind,
}

/// What happened to a source.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// A token request is sent.
    #[non_exhaustive]
    Sent {
        /// Which request of this source, counted from 1.
        flight: u64,
        /// Why it is made.
        reason: Reason,
        /// Where it is sent to. Its Display leaves the query out.
        endpoint: Endpoint,
    },
    /// A token request ended, or a store made it unnecessary.
    #[non_exhaustive]
    Landed {
        /// Which request of this source, counted from 1.
        flight: u64,
        /// What became of it.
        landing: Landing,
        /// The time from when it was sent.
        took: Duration,
        /// The time until the next request may be sent.
        rest: Duration,
        /// The scope that was asked for and not granted (RFC 6749 §3.3), if the server said so.
        narrowed: Option<Scope>,
        /// Whether the authorization server was asked. If not, a store had the token, or knew that another process was refused one.
        asked: bool,
    },
    /// A token request ended, and nobody knows how: a panic in the HTTP library, or a runtime that was shut down.
    #[non_exhaustive]
    Abandoned {
        /// Which request of this source, counted from 1.
        flight: u64,
        /// What follows from it.
        landing: Landing,
        /// The time from when it was sent.
        took: Duration,
        /// The time until the next request may be sent.
        rest: Duration,
    },
    /// A resource server refused a token.
    #[non_exhaustive]
    Rejected {
        /// Which token of this source.
        generation: Generation,
        /// The resource server.
        origin: Origin,
        /// Its place among those that refused a token of this source.
        site: Site,
        /// What follows from it.
        rejection: Rejection,
    },
    /// The client's credentials were replaced.
    #[non_exhaustive]
    Rotated {
        /// What becomes of the held token.
        rotation: Rotation,
    },
    /// A stored token was offered.
    #[non_exhaustive]
    Restored {
        /// Whether it is used.
        taken: bool,
    },
    /// A caller that could not be served at once is done.
    #[non_exhaustive]
    Waited {
        /// How long it waited; zero for one that failed at once.
        waited: Duration,
        /// What it got.
        result: WaitResult,
    },
    /// A call was sent once more.
    #[non_exhaustive]
    Replayed {
        /// Why.
        reason: ReplayReason,
    },
    /// A source was put away by its pool: the next call for its key makes it anew.
    #[non_exhaustive]
    Evicted {
        /// Why.
        reason: EvictionReason,
    },
    /// A pool had no place for a source: all are busy.
    #[non_exhaustive]
    PoolFull {},
    /// What is read for each token request is another text than the last time.
    #[non_exhaustive]
    SourceChanged {
        /// What it is for: "the client secret", "the client assertion", "the client certificate", "the parameter NAME".
        what: String,
        /// Where it is read, by the name that its source has.
        from: Option<String>,
    },
    /// The clock of the authorization server and this machine's are more than 30 s apart, by the Date of its answers.
    #[non_exhaustive]
    ClockOff {
        /// By how much, and which way.
        offset: ClockOffset,
    },
    /// The authorization server's metadata was fetched, and it is the first one, another than the last, or there again after a failure.
    #[non_exhaustive]
    MetadataFetched {
        /// The token endpoint that it names.
        token_endpoint: Endpoint,
        /// That of clients which show a certificate, if it is another one.
        mtls_token_endpoint: Option<Endpoint>,
    },
    /// The authorization server's metadata could not be fetched again. The last one is used until it can be.
    #[non_exhaustive]
    MetadataFailing {
        /// Since when.
        since: Wall,
    },
    /// The store that many processes share has failed, and is left alone for a while. Told once, until it is back.
    #[non_exhaustive]
    StoreFailing {
        /// Why.
        error: StoreError,
    },
    /// The store that had failed replies again.
    StoreBack {},
    /// A token in the store cannot be opened: it is damaged, or another program writes there. It is replaced. A process with another key of
    /// the store is not told of so: names are keyed, and it has entries of its own.
    StoreUnopened {},
    /// The client secret is so short that it is easily guessed.
    #[non_exhaustive]
    ShortSecret {
        /// Whose it is.
        client_id: String,
    },
}

/// What a caller got that could not be served at once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum WaitResult {
    /// A token.
    Served,
    /// [`Error::Failed`].
    Failed,
    /// [`Error::TimedOut`].
    TimedOut,
    /// [`Error::Saturated`].
    Saturated,
}

impl WaitResult {
    /// One lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Saturated => "saturated",
        }
    }
}

impl From<&Error> for WaitResult {
    fn from(error: &Error) -> Self {
        match error {
            Error::TimedOut { .. } => Self::TimedOut,
            Error::Saturated { .. } => Self::Saturated,
            _ => Self::Failed,
        }
    }
}

/// Why a pool put a source away.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum EvictionReason {
    /// Another one needed the place.
    Capacity,
    /// Nobody used it for a while.
    Idle,
}

impl EvictionReason {
    /// One lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Idle => "idle",
        }
    }
}

/// Why a call was sent once more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ReplayReason {
    /// With another token: the first one was refused.
    Token,
    /// With the same token: it was so new that the resource server may not have known it yet.
    Settled,
}

impl ReplayReason {
    /// One lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Settled => "settled",
        }
    }
}

#[cfg(test)]
mod tests;
