//! What failed, as a label for metrics and traces.

use super::{Cause, ErrorResponse, Problem, Refusal, TransportErrorKind};
use crate::decimal::decimal;
use core::fmt;
use core::ops::RangeInclusive;

/// What failed, in one word of a closed list: OpenTelemetry's `error.type`, for metrics and traces.
///
/// It is the code of the server's error response, if that is one of [`CODES`](crate::ErrorResponse::CODES); else the status
/// of the response, from 300 to 599 (`503`); else what failed on the way: `resolve`, `connect`, `tls`, `proxy`, `timeout`,
/// `closed`, `protocol`, `no_runtime`, `no_thread`, `no_file`; else `_OTHER`. Nothing that a server says freely is in it.
///
/// ```
/// use evergrant_core::{Cause, Class, Problem, Refusal};
///
/// let refusal = Refusal::new(Class::Transient, Some(503), Problem::Status);
/// assert_eq!(Cause::Refused(refusal.into()).error_type().to_string(), "503");
/// assert_eq!(Cause::Abandoned.error_type().to_string(), "_OTHER");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ErrorType(&'static str);

/// OpenTelemetry's word for what is in no list.
const OTHER: &str = "_OTHER";

/// What can fail on the way.
const KINDS: [TransportErrorKind; 11] = [
    TransportErrorKind::Resolve,
    TransportErrorKind::Connect,
    TransportErrorKind::Tls,
    TransportErrorKind::Proxy,
    TransportErrorKind::Timeout,
    TransportErrorKind::Closed,
    TransportErrorKind::Protocol,
    TransportErrorKind::NoRuntime,
    TransportErrorKind::NoThread,
    TransportErrorKind::NoFile,
    TransportErrorKind::Other,
];

/// The statuses of responses that are no success.
const STATUSES: RangeInclusive<u16> = 300..=599;

impl ErrorType {
    /// Every word of the list, each once.
    pub fn all() -> impl Iterator<Item = &'static str> {
        let statuses = STATUSES.filter_map(decimal);
        ErrorResponse::CODES.into_iter().chain(statuses).chain(KINDS.map(on_the_way))
    }

    /// The word.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl Cause {
    /// What failed, in one word of a closed list: for metrics and traces.
    pub fn error_type(&self) -> ErrorType {
        match self {
            Self::Refused(refusal) => refusal.error_type(),
            Self::NotSent(_) | Self::Abandoned | Self::Unrecorded { .. } | Self::HeldBack => ErrorType(OTHER),
        }
    }
}

impl Refusal {
    /// What failed, in one word of a closed list: for metrics and traces.
    pub fn error_type(&self) -> ErrorType {
        if let Problem::Transport(error) = self.problem() {
            return ErrorType(on_the_way(error.kind()));
        }
        let code = self.code().and_then(super::code::known).map(|(code, _)| code);
        let status = || self.status().filter(|status| STATUSES.contains(status)).and_then(decimal);
        ErrorType(code.or_else(status).unwrap_or(OTHER))
    }
}

const fn on_the_way(kind: TransportErrorKind) -> &'static str {
    match kind {
        TransportErrorKind::Resolve => "resolve",
        TransportErrorKind::Connect => "connect",
        TransportErrorKind::Tls => "tls",
        TransportErrorKind::Proxy => "proxy",
        TransportErrorKind::Timeout => "timeout",
        TransportErrorKind::Closed => "closed",
        TransportErrorKind::Protocol => "protocol",
        TransportErrorKind::NoRuntime => "no_runtime",
        TransportErrorKind::NoThread => "no_thread",
        TransportErrorKind::NoFile => "no_file",
        TransportErrorKind::Other => OTHER,
    }
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests;
