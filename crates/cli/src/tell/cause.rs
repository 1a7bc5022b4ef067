//! Why the system did not do something.

use std::error::Error;
use std::fmt;
use std::io;

/// The reason alone, without the name of a temporary file, which says nothing to anybody.
pub(crate) struct Cause<'a>(pub(crate) &'a io::Error);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.get_ref().and_then(Error::source) {
            Some(reason) => write!(f, "{reason}"),
            None => write!(f, "{}", self.0),
        }
    }
}
