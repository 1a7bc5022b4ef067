//! The codes of error responses whose meaning is known.

use super::{Class, ErrorResponse};

/// A code, and what it alone tells about asking again.
const KNOWN: [(&str, Class); 11] = [
    ("temporarily_unavailable", Class::Transient),
    ("server_error", Class::Transient),
    ("slow_down", Class::Transient),
    ("invalid_client", Class::Permanent),
    ("unauthorized_client", Class::Permanent),
    ("invalid_scope", Class::Permanent),
    ("invalid_request", Class::Permanent),
    ("invalid_grant", Class::Permanent),
    ("unsupported_grant_type", Class::Permanent),
    ("invalid_target", Class::Permanent),
    ("access_denied", Class::Permanent),
];

impl ErrorResponse {
    /// The codes whose meaning is known: those of RFC 6749 §5.2 and RFC 8707 §2, and those of RFC 6749 §4.1.2.1 and
    /// RFC 8628 §3.5 that servers use here as well.
    pub const CODES: [&'static str; KNOWN.len()] = {
        let mut codes = [""; KNOWN.len()];
        let mut place = 0;
        while place < KNOWN.len() {
            codes[place] = KNOWN[place].0;
            place += 1;
        }
        codes
    };
}

/// The code as it is known, and what it alone tells about asking again; `None` for any other one.
pub(crate) fn known(code: &str) -> Option<(&'static str, Class)> {
    KNOWN.into_iter().find(|(known, _)| *known == code)
}
