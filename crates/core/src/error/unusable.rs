//! What is no access token.

use thiserror::Error;

/// The text is no access token: empty, longer than [`AccessToken::MAX_LEN`](crate::AccessToken::MAX_LEN), or with a byte that does not belong.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Error)]
#[error(
    "an access token is 1 to 16384 visible ASCII characters without quote, comma, semicolon and backslash"
)]
#[non_exhaustive]
pub struct UnusableToken;
