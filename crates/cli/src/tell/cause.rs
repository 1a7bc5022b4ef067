//! Why the system did not do something, and whose fault that is.

use crate::tell::failure::Failure;
use evergrant_http::is_out_of_files;
use std::fmt;
use std::io::{self, ErrorKind};

/// How tempfile's errors go on after the system's own words: it keeps those to itself.
const OF_TEMPORARY: &str = " at path \"";

/// The reason alone, without the name of a temporary file, which says nothing to anybody.
pub(crate) struct Cause<'a>(pub(crate) &'a io::Error);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = self.0.to_string();
        f.write_str(said.split_once(OF_TEMPORARY).map_or(said.as_str(), |(reason, _)| reason))
    }
}

/// A file cannot be written: `happened` says which, by the name that the user gave. Where this machine has no room for it, nor
/// may it be any longer, another name would not help; else `next` says what to name.
pub(crate) fn unwritten(happened: &str, error: &io::Error, next: &str) -> Failure {
    use ErrorKind::{FileTooLarge, NotFound, QuotaExceeded, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => Failure::system(happened, &Cause(error)),
        _ if is_out_of_files(error) => Failure::system(happened, &Cause(error)),
        // The file itself need not be there.
        NotFound => Failure::usage(format!("{happened}: the folder does not exist"), next),
        _ => Failure::usage(format!("{happened}: {}", Cause(error)), next),
    }
}

#[cfg(test)]
mod tests;
