//! What the system says of what cannot be read.

use evergrant_core::{Excerpt, SourceError};
use std::io;

/// Why the system did not let it be read: none came in time, or in its own words, which quote nothing. Words of a library may quote what
/// they were given.
pub(super) fn unread(error: &io::Error) -> SourceError {
    match error.kind() {
        io::ErrorKind::NotFound => SourceError::Missing,
        io::ErrorKind::TimedOut => SourceError::TimedOut,
        io::ErrorKind::PermissionDenied => SourceError::Denied,
        _ if error.raw_os_error().is_some() => {
            SourceError::Unreadable(Excerpt::new(&error.to_string(), &[]).unwrap_or_default())
        }
        kind => SourceError::Unreadable(Excerpt::new(&kind.to_string(), &[]).unwrap_or_default()),
    }
}
