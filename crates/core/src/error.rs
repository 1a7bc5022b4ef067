//! What can go wrong, sorted by who is at fault.
//!
//! [`ConfigError`] is the program's to fix, before anything is sent. [`Refusal`] is why a token request brought no
//! token. [`enum@Error`] is what a caller who wanted a token gets. All are plain data, and none can hold a secret: what
//! comes from outside enters as an [`Excerpt`].
//!
//! # Causes
//! The Display of each error names its cause, and `source()` is then `None`: `{e}` alone is useful in a log, and a reporter
//! that walks the chain (`{e:#}` of anyhow) says nothing twice. [`Error::cause`] and [`Refusal::problem`] give the cause
//! itself. Of the crates above, only an HTTP library's own error is a source, and what wraps it leaves its words out.

mod advice;
mod class;
pub(crate) mod code;
mod config;
mod echo;
mod error_type;
mod excerpt;
mod malformed;
mod metadata;
mod proxy;
mod refusal;
mod transport;
mod unready;
mod unusable;

pub use class::Class;
pub use config::{ConfigError, HeaderFault};
pub use error_type::ErrorType;
pub use excerpt::Excerpt;
pub use malformed::Malformed;
pub use metadata::MetadataFault;
pub use proxy::ProxyFault;
pub(crate) use refusal::Presented;
pub use refusal::{ErrorResponse, Problem, Refusal};
pub use transport::{TransportError, TransportErrorKind};
pub use unready::{SourceError, Unready};
pub use unusable::UnusableToken;

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;
use thiserror::Error;

/// Why there is no token: what became of the last flight.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum Cause {
    /// It was sent, and refused.
    #[error("{0}")]
    Refused(Arc<Refusal>),
    /// It could not be built, from the configuration or from what had to be read for it, or a store was down without which nobody is to ask;
    /// so it was not sent.
    #[error("the token request {became}: {0}", became = .0.what_became())]
    NotSent(Unready),
    /// Nobody reported on it: a panic, or a runtime that was shut down.
    #[error("the token request was abandoned before a response arrived; try again")]
    Abandoned,
    /// It failed earlier, for another holder of the same rest, and no details of it were kept.
    #[error("an earlier token request to this server failed, and its details were not kept; {}", if *permanent { "see the log of that time" } else { "try again later" })]
    Unrecorded {
        /// Whether the client or the request must change before another try can help.
        permanent: bool,
    },
    /// It was never sent: as many as may were being sent for other clients.
    #[error("the token request was held back while those of other clients were being sent; try again later")]
    HeldBack,
}

impl Cause {
    /// Whether the client or the request must change before another try can help.
    ///
    /// ```
    /// use evergrant_core::{Cause, Class, Problem, Refusal};
    ///
    /// let wrong_secret = Refusal::new(Class::Permanent, Some(401), Problem::Status);
    /// assert!(Cause::Refused(wrong_secret.into()).is_permanent());
    /// assert!(!Cause::Abandoned.is_permanent());
    /// ```
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.class == Class::Permanent,
            Self::NotSent(unready) => unready.class() == Class::Permanent,
            Self::Unrecorded { permanent } => *permanent,
            Self::Abandoned | Self::HeldBack => false,
        }
    }

    /// Whether it lies in something that is read for each request, where looking again costs nobody anything.
    pub(crate) fn is_live(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.is_live(),
            Self::NotSent(unready) => unready.is_live(),
            Self::Abandoned | Self::Unrecorded { .. } | Self::HeldBack => false,
        }
    }

    /// Whether it lies in something whose reading costs somebody something.
    pub(crate) fn is_costly(&self) -> bool {
        matches!(self, Self::NotSent(unready) if unready.is_costly())
    }

    /// What happened, in one sentence, without what to do about a refusal: that is [`Refusal::advice`].
    ///
    /// ```
    /// use evergrant_core::{Cause, Class, Problem, Refusal};
    ///
    /// let cause = Cause::Refused(Refusal::new(Class::Transient, Some(503), Problem::Status).into());
    /// assert_eq!(cause.summary().to_string(), "the authorization server answered with http 503");
    /// assert_eq!(
    ///     cause.to_string(),
    ///     "the authorization server answered with http 503; the server is in trouble; try again later"
    /// );
    /// ```
    pub fn summary(&self) -> impl fmt::Display + '_ {
        CauseSummary(self)
    }
}

struct CauseSummary<'a>(&'a Cause);

impl fmt::Display for CauseSummary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Cause::Refused(refusal) => refusal.summary().fmt(f),
            other => other.fmt(f),
        }
    }
}

/// A caller wanted a token and gets none.
///
/// What a server answers to its own callers:
///
/// ```
/// use evergrant_core::Error;
/// # use evergrant_core::Cause;
/// # use core::time::Duration;
///
/// /// The status, and the seconds of Retry-After.
/// fn answer(error: &Error) -> (u16, Option<u64>) {
///     if error.is_permanent() {
///         return (500, None); // an operator must act
///     }
///     (503, Some(error.retry_after().as_secs() + 1))
/// }
///
/// let error = Error::Failed { cause: Cause::Abandoned, retry_after: Duration::from_millis(3500) };
/// assert_eq!(answer(&error), (503, Some(4)));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The last request failed, and waiting for the next one cannot help: the failure is permanent, the caller fails
    /// fast, or its deadline is earlier.
    Failed {
        /// What became of the request.
        cause: Cause,
        /// The time until another one may be sent.
        retry_after: Duration,
    },
    /// The caller's deadline has passed.
    TimedOut {
        /// What became of the last request that ended, if one did since a token was last installed.
        last_error: Option<Cause>,
        /// The time until another one may be sent, or the one that is being sent is abandoned.
        retry_after: Duration,
    },
    /// `max_waiters` callers are already waiting.
    Saturated {
        /// How many that are.
        max_waiters: usize,
        /// The time until another request may be sent, or the one that is being sent is abandoned.
        retry_after: Duration,
    },
    /// This source asks no more: another one has taken its place, or the client is not wanted any more.
    Closed {
        /// Which of them.
        reason: Closed,
    },
}

/// Why a source asks no more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Closed {
    /// The pool has another source for the same key, with another client.
    Replaced,
    /// The pool was told to remove the key.
    Removed,
}

impl Error {
    /// The time until another try makes sense, for a server to pass on to its own callers.
    ///
    /// ```
    /// use core::time::Duration;
    /// use evergrant_core::Error;
    ///
    /// let error = Error::Saturated { max_waiters: 100, retry_after: Duration::from_millis(3500) };
    /// // Retry-After has whole seconds (RFC 9110 §10.2.3): round up, or the next try comes too early.
    /// let wait = error.retry_after();
    /// assert_eq!(wait.as_secs() + u64::from(wait.subsec_nanos() > 0), 4);
    /// ```
    pub const fn retry_after(&self) -> Duration {
        match self {
            Self::Failed { retry_after, .. }
            | Self::TimedOut { retry_after, .. }
            | Self::Saturated { retry_after, .. } => *retry_after,
            // The source that took its place may have a token.
            Self::Closed { .. } => Duration::ZERO,
        }
    }

    /// What became of the last request, if that is known.
    ///
    /// ```
    /// use core::time::Duration;
    /// use evergrant_core::{Cause, Error};
    ///
    /// let retry_after = Duration::from_secs(4);
    /// let error = Error::TimedOut { last_error: Some(Cause::Abandoned), retry_after };
    /// assert_eq!(error.cause(), Some(&Cause::Abandoned));
    /// assert_eq!(Error::Saturated { max_waiters: 100, retry_after }.cause(), None);
    /// ```
    pub const fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Failed { cause, .. } => Some(cause),
            Self::TimedOut { last_error, .. } => last_error.as_ref(),
            Self::Saturated { .. } | Self::Closed { .. } => None,
        }
    }

    /// The authorization server's refusal, if that is the reason.
    ///
    /// ```
    /// use evergrant_core::{Error, Refusal};
    /// # use evergrant_core::{Cause, Class, ErrorResponse, Excerpt, Problem};
    /// # let response = ErrorResponse::new(Excerpt::new("invalid_scope", &[]).ok_or("empty")?);
    /// # let refusal = Refusal::new(Class::Permanent, Some(400), Problem::ErrorResponse(response));
    /// # let error = Error::Failed { cause: Cause::Refused(refusal.into()), retry_after: Default::default() };
    ///
    /// match error.refusal().and_then(Refusal::code) {
    ///     Some("invalid_client") => println!("the client id or its secret is wrong"),
    ///     Some("invalid_scope") => println!("this client may not have that scope"),
    ///     _ => println!("{error}"),
    /// }
    /// # assert_eq!(error.refusal().and_then(Refusal::code), Some("invalid_scope"));
    /// # Ok::<(), &str>(())
    /// ```
    pub fn refusal(&self) -> Option<&Refusal> {
        match self.cause() {
            Some(Cause::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the client or the request must change before another try can help.
    ///
    /// ```
    /// use core::time::Duration;
    /// use evergrant_core::{Cause, ConfigError, Error};
    ///
    /// let error = |cause| Error::Failed { cause, retry_after: Duration::from_secs(10) };
    /// assert!(error(Cause::NotSent(ConfigError::Resource.into())).is_permanent());
    /// assert!(!error(Cause::Abandoned).is_permanent());
    /// ```
    pub fn is_permanent(&self) -> bool {
        self.cause().is_some_and(Cause::is_permanent)
    }
}

impl Error {
    /// The same for callers of a program who do not run it: without the places of what is read for token requests and of a store, and without what a
    /// refused assertion says of itself.
    ///
    /// ```
    /// use evergrant_core::{Ask, Cause, Error, SourceError, Unready};
    ///
    /// let unready = Unready::new(Ask::ClientSecret, SourceError::Missing).read_from("/run/secrets/erp");
    /// let error = Error::Failed { cause: Cause::NotSent(unready), retry_after: Default::default() };
    /// assert!(error.to_string().contains("/run/secrets/erp"));
    /// let outward = "no access token: the token request cannot be built: the client secret cannot be had";
    /// assert_eq!(error.outward().to_string(), outward);
    /// ```
    pub fn outward(&self) -> impl fmt::Display + '_ {
        Outward(self)
    }
}

struct Outward<'a>(&'a Error);

impl fmt::Display for Outward<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, cause) = match self.0 {
            Error::Failed { cause, .. } => ("no access token", cause),
            Error::TimedOut { last_error: Some(cause), .. } => {
                ("no access token before the caller's deadline", cause)
            }
            other => return other.fmt(f),
        };
        match cause {
            Cause::Refused(refusal) => write!(f, "{before}: {}; {}", refusal.summary(), refusal.advice()),
            Cause::NotSent(unready) => match unready.ask() {
                Some(ask) => write!(f, "{before}: the token request cannot be built: {ask} cannot be had"),
                // The store's own words may name a place.
                None if unready.config().is_none() => {
                    write!(
                        f,
                        "{before}: the token request was not sent: the store that processes share is down"
                    )
                }
                None => write!(f, "{before}: {cause}"),
            },
            other => write!(f, "{before}: {other}"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { cause, .. } => write!(f, "no access token: {cause}"),
            Self::TimedOut { last_error: Some(cause), .. } => {
                write!(f, "no access token before the caller's deadline: {cause}")
            }
            Self::TimedOut { last_error: None, .. } => f.write_str(
                "no access token before the caller's deadline; the token request has no response yet",
            ),
            Self::Saturated { max_waiters, .. } => write!(
                f,
                "no access token: {max_waiters} callers are already waiting for one; lower the load or raise max_waiters"
            ),
            Self::Closed { reason: Closed::Replaced } => f.write_str(
                "no access token: the client of this source was replaced; take the source of its key from the pool again",
            ),
            Self::Closed { reason: Closed::Removed } => f.write_str(
                "no access token: this source was removed from its pool, and asks for no token any more",
            ),
        }
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests;
