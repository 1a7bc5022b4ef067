//! Why an authorized call has no answer.

use evergrant_core::{Error, Excerpt};
use std::fmt;

/// An authorized call failed before an answer came.
#[derive(Debug)]
#[non_exhaustive]
pub enum ApiError {
    /// There is no token to attach.
    Token(Error),
    /// The URL's origin is none of those the token may be sent to: nothing was sent.
    Origin(Excerpt),
    /// The request has an Authorization header already: nothing was sent.
    Authorized,
    /// The request could not be built or sent, or its answer not be read.
    Http(reqwest::Error),
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(error) => error.fmt(f),
            Self::Origin(origin) => {
                write!(
                    f,
                    "the token may not be sent to {origin}: add it to the Origins, or use a plain client"
                )
            }
            Self::Authorized => f.write_str(
                "the request has an Authorization header of its own: remove it, or use a plain client",
            ),
            Self::Http(error) => write!(f, "the call failed: {error}"),
        }
    }
}

impl std::error::Error for ApiError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Token(error) => Some(error),
            Self::Http(error) => Some(error),
            Self::Origin(_) | Self::Authorized => None,
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::Token(error)
    }
}

impl From<reqwest::Error> for ApiError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error)
    }
}
