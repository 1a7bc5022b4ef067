//! What an HTTP library's error says of this machine, whichever library it is.

use evergrant_core::{TransportError, TransportErrorKind};
use std::error::Error as StdError;
use std::io;

/// What the system answers to a process, and to a machine, with too many open files.
#[cfg(unix)]
const TOO_MANY: [i32; 2] = [24, 23];
/// The same of Windows' sockets.
#[cfg(not(unix))]
const TOO_MANY: [i32; 1] = [10_024];

/// What is said of too many open files, and what to do about them.
pub const TOO_MANY_OPEN_FILES: &str = "too many open files: raise this process's limit (ulimit -n; LimitNOFILE of \
                                       systemd), or close files that it no longer needs";

/// An error and its causes, from the outside in, also those that an `io::Error` wraps: it leaves them out of its sources.
pub fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |cause| {
        let cause: &'a (dyn StdError + 'static) = *cause;
        match cause.downcast_ref::<io::Error>() {
            Some(error) => error.get_ref().map(|inner| inner as &(dyn StdError + 'static)),
            None => cause.source(),
        }
    })
}

/// The error where the reason is that this process, or this machine, has too many open files: that is neither a name that
/// cannot be resolved nor a server that cannot be reached, whatever was tried.
pub fn open_files_error(error: &(dyn StdError + 'static)) -> Option<TransportError> {
    let mut errors = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    errors
        .any(is_out_of_files)
        .then(|| TransportError::ours(TransportErrorKind::NoFile, "too many open files"))
}

/// Whether the system says that this process, or this machine, may open no more files.
pub fn is_out_of_files(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| TOO_MANY.contains(&code))
}

/// Whether this is the resolver's: a name that it does not know, or could not ask for. The standard library has no kind of
/// its own for it.
pub fn is_resolving(error: &io::Error) -> bool {
    match error.raw_os_error() {
        // WSAHOST_NOT_FOUND, WSATRY_AGAIN, WSANO_RECOVERY, WSANO_DATA.
        Some(code) => cfg!(windows) && (11_001..=11_004).contains(&code),
        // What getaddrinfo says elsewhere is no error of the system, and has no number.
        None => error.to_string().starts_with("failed to lookup address"),
    }
}

#[cfg(test)]
mod tests;
