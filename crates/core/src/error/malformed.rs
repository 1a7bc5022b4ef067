//! A successful answer that cannot be read.

use thiserror::Error;

/// Why a successful answer cannot be read. It never holds a piece of the body.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[non_exhaustive]
pub enum Malformed {
    /// More than 256 KiB.
    #[error("the body is longer than 256 KiB")]
    TooLong,
    /// Content-Encoding names a coding that is not decoded, or several, although `identity` was requested.
    #[error("the body has a Content-Encoding that was not requested")]
    Coded,
    /// The body came as gzip or deflate, although `identity` was requested, and cannot be decoded.
    #[error("the body's gzip or deflate data is damaged, incomplete, or followed by other data")]
    Broken,
    /// Neither JSON nor a form.
    #[error("the body is neither a JSON object nor a form")]
    NotAnObject,
    /// HTML: a login page, a proxy, a wrong path.
    #[error("the body is an HTML page")]
    Html,
    /// The JSON is broken, nested deeper than 32, or has trailing bytes.
    #[error("the body is not valid JSON")]
    Syntax,
    /// A known member is there twice.
    #[error("duplicate member {0}")]
    Duplicate(&'static str),
    /// No `access_token`.
    #[error("there is no access_token")]
    NoAccessToken,
    /// An `access_token` that no header can carry.
    #[error("access_token is not a string of 1 to 16384 visible ASCII characters")]
    AccessToken,
    /// An `error` next to which no code can be read.
    #[error("the member error is not a string")]
    ErrorMember,
    /// A `token_type` other than Bearer.
    #[error("token_type is not Bearer")]
    TokenType,
    /// A 2xx other than 200 and 201.
    #[error("the status is a success, but there is no token")]
    Status,
}
