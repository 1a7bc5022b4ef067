//! What came of what an attempt asked for.

use evergrant_core::{SecretText, SourceError};

/// What was read, or signed.
pub(crate) struct Arrived {
    pub(crate) text: Result<SecretText, SourceError>,
    /// It is another text, or by another key, than the last one.
    pub(crate) is_news: bool,
}
