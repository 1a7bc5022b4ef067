//! Why a call failed.

use evergrant_http::causes;
use std::error::Error;

/// An error with its causes: what the HTTP library says is in those.
pub(super) fn why(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
