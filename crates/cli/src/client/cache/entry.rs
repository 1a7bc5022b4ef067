//! A kept token, as far as it can be read without its client's secret.

use evergrant_tokio_reqwest::core::Wall;
use evergrant_tokio_reqwest::{Clock, SystemClock};

/// A kept token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The name of its file, without the ending.
    pub(crate) name: String,
    /// When it ends.
    pub(crate) end: Wall,
    /// How long the file is.
    pub(crate) bytes: u64,
}

impl Entry {
    pub(crate) fn has_ended(&self) -> bool {
        self.end < SystemClock.now().wall
    }
}
