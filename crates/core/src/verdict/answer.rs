//! What a verdict is given about, and what it may be.

use crate::challenge::Challenge;
use alloc::vec::Vec;
use core::fmt;

/// The longest prefix of a body that is read for a verdict, in bytes: an error document is far shorter.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// What an answer means for the token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// The token is refused: another one may be accepted.
    TokenRefused,
    /// Somebody else's credentials are refused: a proxy's, a carrier's. Another token changes nothing.
    NotOurs,
    /// The token is good, and allows too little: another one of the same scope changes nothing.
    InsufficientScope,
    /// Nothing is said against the token.
    Fine,
}

/// As people read it.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TokenRefused => "the access token was refused",
            Self::NotOurs => "other credentials than the access token were refused",
            Self::InsufficientScope => "the access token's scope is not sufficient",
            Self::Fine => "the access token was not refused",
        })
    }
}

/// A resource server's answer, as far as a verdict may need it.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    status: u16,
    headers: &'a [(&'a str, &'a [u8])],
    body_prefix: Option<&'a [u8]>,
}

impl<'a> Answer<'a> {
    /// An answer with its status, all of its headers that [`VerdictRule::reads`](super::VerdictRule::reads), line by line and
    /// names in any letter case, and the first bytes
    /// of its body, [`VerdictRule::MAX_BODY`](super::VerdictRule::MAX_BODY) at most, where [`VerdictRule::needs_body`](super::VerdictRule::needs_body) asks for them.
    pub const fn new(status: u16, headers: &'a [(&'a str, &'a [u8])], body_prefix: Option<&'a [u8]>) -> Self {
        Self { status, headers, body_prefix }
    }

    /// The status (RFC 9110 §15).
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The values of this header, line by line.
    pub fn header(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let headers = self.headers.iter();
        headers.filter(move |(ours, _)| ours.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The challenges of all its WWW-Authenticate lines (RFC 9110 §11.6.1).
    pub fn challenges(&self) -> Vec<Challenge> {
        Challenge::read(self.header("www-authenticate"))
    }

    /// The first bytes of its body, decoded, if they were asked for and could be read.
    pub const fn body_prefix(&self) -> Option<&'a [u8]> {
        self.body_prefix
    }
}

/// The status alone: headers and body may hold what is nobody's business.
impl fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}
