//! What failed, as a label for metrics and traces.

use super::{Cause, Problem, Refusal, TransportErrorKind};
use core::fmt;

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
pub struct ErrorType(Kind);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Kind {
    Word(&'static str),
    Status(u16),
}

/// OpenTelemetry's word for what is in no list.
const OTHER: Kind = Kind::Word("_OTHER");

impl Cause {
    /// What failed, in one word of a closed list: for metrics and traces.
    pub fn error_type(&self) -> ErrorType {
        ErrorType(match self {
            Self::Refused(refusal) => return refusal.error_type(),
            Self::NotSent(_) | Self::Abandoned => OTHER,
        })
    }
}

impl Refusal {
    /// What failed, in one word of a closed list: for metrics and traces.
    pub fn error_type(&self) -> ErrorType {
        let code = self.code().and_then(super::code::known);
        ErrorType(match (self.problem(), code, self.status()) {
            (Problem::Transport(error), ..) => Kind::Word(on_the_way(error.kind())),
            (_, Some((code, _)), _) => Kind::Word(code),
            (_, None, Some(status @ 300..=599)) => Kind::Status(status),
            _ => OTHER,
        })
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
        TransportErrorKind::Other => "_OTHER",
    }
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Word(word) => f.write_str(word),
            Kind::Status(status) => status.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
