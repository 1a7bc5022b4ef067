//! Why an authorized call has no answer.

use evergrant_core::{Error, Excerpt};
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// An authorized call failed before a response came. `E` is the HTTP library's own error.
///
/// In a chain of causes nothing is said twice: [`Token`](Self::Token) speaks with the words of the error in it, and
/// [`Http`](Self::Http) leaves the HTTP library's words to its [`source`](StdError::source).
///
/// # Finding it again
/// A program that passes errors on as `Box<dyn Error>` or `anyhow::Error` finds it by `downcast_ref`, also below
/// errors that were put around it:
///
/// ```
/// use evergrant_http::ApiError;
/// use std::error::Error;
/// # use evergrant_core::Excerpt;
///
/// fn api_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a ApiError<std::io::Error>> {
///     std::iter::successors(Some(error), |cause| (**cause).source()).find_map(|cause| cause.downcast_ref())
/// }
///
/// # fn call() -> Result<(), ApiError<std::io::Error>> { Err(ApiError::Authorized) }
/// let error: Box<dyn Error> = call().unwrap_err().into();
/// assert!(matches!(api_error(&*error), Some(ApiError::Authorized)));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ApiError<E> {
    /// There is no token to attach: nothing was sent to the API.
    Token(Error),
    /// The URL's origin is none of those the token may be sent to: nothing was sent.
    Origin(Excerpt),
    /// The URL is not an absolute http or https URL with a host and a port that all readers of URLs agree about: nothing
    /// was sent.
    Url,
    /// The request has an Authorization header already, or a user name in its URL: nothing was sent.
    Authorized,
    /// The request could not be built or sent, or its answer not be read. Where a request was sent, nothing that a redirect said is
    /// in it: whoever has seen the token may have written it there.
    Http(E),
}

/// The token may not go with this request. Becomes an [`ApiError`] by `?`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Refused {
    /// The URL's origin is none of those the token may be sent to.
    Origin(Excerpt),
    /// The URL is not an absolute http or https URL.
    Url,
    /// The request has an Authorization header already, or a user name in its URL.
    Authorized,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(origin) => origin_refused(f, origin),
            Self::Url => no_url(f),
            Self::Authorized => authorized_already(f),
        }
    }
}

impl StdError for Refused {}

impl<E> ApiError<E> {
    /// How long until another token request may be sent: of [`Token`](Self::Token) alone.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Token(error) => Some(error.retry_after()),
            _ => None,
        }
    }
}

impl<E> fmt::Display for ApiError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(error) => error.fmt(f),
            Self::Origin(origin) => origin_refused(f, origin),
            Self::Url => no_url(f),
            Self::Authorized => authorized_already(f),
            Self::Http(_) => f.write_str("the HTTP request failed"),
        }
    }
}

fn origin_refused(f: &mut fmt::Formatter<'_>, origin: &Excerpt) -> fmt::Result {
    write!(f, "the token may not be sent to {origin}: add it to the Origins, or use a plain HTTP client")
}

fn no_url(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("the URL is not an absolute http or https URL with a plain host and port: write it as https://api.example.com/things")
}

fn authorized_already(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("the request already has an Authorization header, or a user name in its URL: remove it, or use a plain HTTP client")
}

impl<E: StdError + 'static> StdError for ApiError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            // Its words are ours already.
            Self::Token(error) => error.source(),
            Self::Http(error) => Some(error),
            Self::Origin(_) | Self::Url | Self::Authorized => None,
        }
    }
}

impl<E> From<Error> for ApiError<E> {
    fn from(error: Error) -> Self {
        Self::Token(error)
    }
}

impl<E> From<Refused> for ApiError<E> {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Origin(origin) => Self::Origin(origin),
            Refused::Url => Self::Url,
            Refused::Authorized => Self::Authorized,
        }
    }
}

#[cfg(test)]
mod tests;
