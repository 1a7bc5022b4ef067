//! Why an authorized call has no answer.

/// An authorized call failed before a response came.
pub type ApiError = evergrant_http::ApiError<reqwest::Error>;
