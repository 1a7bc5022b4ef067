//! What a request needed, and could not be had.

use super::{Class, ConfigError, Excerpt};
use crate::ask::Ask;
use alloc::sync::Arc;
use core::fmt;
use thiserror::Error;

/// Why a secret could not be read from where it is. Nothing that was read is in it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// There is no such file or variable: whoever writes it may be a second late.
    #[error("it is not there; check that something writes it there")]
    Missing,
    /// The user of this process may not read it.
    #[error("this user may not read it; let the user of this process read it")]
    Denied,
    /// The system could not read it, for this reason.
    #[error("{0}; check what is at that place, and what this process may open")]
    Unreadable(Excerpt),
    /// It did not come within the time of one attempt: a mount that hangs, a pipe that nobody writes, a command that does not end.
    #[error("it did not come in time; check what it waits for, or allow more time for each attempt")]
    TimedOut,
    /// The command ended with this status; none if a signal ended it.
    #[error(
        "it ended with {}; run it by hand: it must print the text alone, and end with status 0",
        match .0 { Some(status) => Said::Status(*status), None => Said::Signal }
    )]
    ExitStatus(Option<i32>),
    /// There is nothing in it: whoever writes it may not be done.
    #[error("it is empty; check that something writes it there")]
    Empty,
    /// It has more than 64 KiB.
    #[error("it is longer than 64 KiB; name one that has this text and nothing else")]
    TooLong,
    /// It is not UTF-8.
    #[error(
        "it is not UTF-8 text, but of another encoding, such as UTF-16, or in a binary format, such as PKCS#12; write it as plain text in UTF-8"
    )]
    NotText,
    /// It cannot be what it should be.
    #[error("{0}")]
    Unusable(ConfigError),
    /// Anything else, in words of whoever read it.
    #[error("{0}")]
    Failed(Excerpt),
}

impl From<ConfigError> for SourceError {
    fn from(error: ConfigError) -> Self {
        Self::Unusable(error)
    }
}

/// How a command ended.
enum Said {
    Status(i32),
    Signal,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::Signal => f.write_str("a signal"),
        }
    }
}

impl SourceError {
    /// Anything else that went wrong, in words for people: what was read does not belong there.
    pub fn failed(words: &str) -> Self {
        Self::Failed(Excerpt::new(words, &[]).unwrap_or_default())
    }

    /// Whether another try can help while nobody writes another text.
    pub const fn class(&self) -> Class {
        match self {
            Self::TooLong | Self::NotText | Self::Unusable(_) => Class::Permanent,
            _ => Class::Transient,
        }
    }
}

/// A token request could not be built: what it needs could not be had, or cannot work.
///
/// ```
/// use evergrant_core::{Ask, Class, SourceError, Unready};
///
/// let unready = Unready::new(Ask::ClientSecret, SourceError::Missing).read_from("/run/secrets/erp");
/// assert_eq!(unready.class(), Class::Transient); // whoever writes it may be a second late
/// assert_eq!(
///     unready.to_string(),
///     "the client secret cannot be read from /run/secrets/erp: it is not there; check that something writes it there"
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Unready(
    /// One word: a machine, of which there may be a million, has room for the cause of its last failure.
    Arc<Lacking>,
);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Lacking {
    ask: Option<Ask>,
    source: Option<Excerpt>,
    problem: SourceError,
    is_costly: bool,
}

impl Unready {
    /// What was asked for could not be had.
    pub fn new(ask: Ask, problem: SourceError) -> Self {
        Self(Arc::new(Lacking { ask: Some(ask), source: None, problem, is_costly: false }))
    }

    /// Nothing was asked for, and it cannot be built all the same.
    pub(crate) fn alone(problem: SourceError) -> Self {
        Self(Arc::new(Lacking { ask: None, source: None, problem, is_costly: false }))
    }

    /// The same, which would have come from there: a path, or the name of a program.
    #[must_use]
    pub fn read_from(self, source: &str) -> Self {
        self.with_source(Excerpt::new(source, &[]))
    }

    /// The same, where each read costs something: see [`SecretText::costly`](crate::SecretText::costly).
    #[must_use]
    pub fn costly(mut self) -> Self {
        Arc::make_mut(&mut self.0).is_costly = true;
        self
    }

    pub(crate) fn with_source(mut self, source: Option<Excerpt>) -> Self {
        Arc::make_mut(&mut self.0).source = source;
        self
    }

    /// What was asked for; `None` if the configuration alone cannot work.
    pub fn ask(&self) -> Option<&Ask> {
        self.0.ask.as_ref()
    }

    /// What became of the request.
    pub(crate) fn what_became(&self) -> &'static str {
        match (&self.0.ask, &self.0.problem) {
            // Nothing was wanting of it.
            (None, SourceError::Failed(_)) => "was not sent",
            _ => "cannot be built",
        }
    }

    /// Where it would have come from.
    pub fn source_name(&self) -> Option<&Excerpt> {
        self.0.source.as_ref()
    }

    /// What was wrong.
    pub fn problem(&self) -> &SourceError {
        &self.0.problem
    }

    /// Whether another try can help while nobody changes anything.
    pub fn class(&self) -> Class {
        self.0.problem.class()
    }

    /// What is wrong with the configuration, if that is the reason.
    pub fn config(&self) -> Option<&ConfigError> {
        match &self.0.problem {
            SourceError::Unusable(error) => Some(error),
            _ => None,
        }
    }

    pub(crate) fn is_costly(&self) -> bool {
        self.0.is_costly
    }

    /// Whether looking again costs nobody anything: what is there may have been corrected.
    pub(crate) fn is_live(&self) -> bool {
        self.0.ask.is_some() && !self.0.is_costly
    }
}

impl From<ConfigError> for Unready {
    fn from(error: ConfigError) -> Self {
        Self::alone(SourceError::Unusable(error))
    }
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lacking { ask, source, problem, .. } = &*self.0;
        match (ask, source) {
            (None, _) => problem.fmt(f),
            // A key service gives no key, and what can be read may still be of no use.
            (Some(ask), Some(source)) => match problem {
                SourceError::Failed(_) | SourceError::TimedOut if *ask == Ask::Signature => {
                    write!(f, "the signature cannot be had from {source}: {problem}")
                }
                SourceError::Unusable(_) => write!(f, "{ask} in {source} cannot be used: {problem}"),
                SourceError::Failed(_) => write!(f, "{ask} cannot be had from {source}: {problem}"),
                _ => write!(f, "{ask} cannot be read from {source}: {problem}"),
            },
            (Some(ask), None) => match problem {
                SourceError::Unusable(_) => write!(f, "{ask} cannot be used: {problem}"),
                _ => write!(f, "{ask} cannot be had: {problem}"),
            },
        }
    }
}

impl core::error::Error for Unready {}

#[cfg(test)]
mod tests;
