//! What a resource server's answer means for the token it was sent with.

use crate::challenge::Challenge;
use crate::json;
use crate::response::myparcel_code;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// What an answer means for the token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
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

/// A resource server's answer, as far as a verdict may need it.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    status: u16,
    headers: &'a [(&'a str, &'a [u8])],
    body_prefix: Option<&'a [u8]>,
}

impl<'a> Answer<'a> {
    /// An answer with its status, all of its headers, line by line and names in any letter case, and the first bytes
    /// of its body, [`VerdictRule::MAX_BODY`] at most, where [`VerdictRule::needs_body`] asks for them.
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

/// How the answers of an API are judged.
///
/// # `Rfc6750`, first row that fits
/// | answer                                                       | verdict             |
/// |--------------------------------------------------------------|---------------------|
/// | 400, 401, 403 with Bearer `error="insufficient_scope"`       | `InsufficientScope` |
/// | 400, 401, 403 with Bearer `error="invalid_token"`            | `TokenRefused`      |
/// | 401 with another Bearer challenge, or with no challenge      | `TokenRefused`      |
/// | 401 with challenges for other schemes only; 407; 431         | `NotOurs`           |
/// | any other                                                    | `Fine`              |
///
/// # `MyParcel`, first row that fits; any other answer as `Rfc6750`
/// | answer                                                       | verdict             |
/// |--------------------------------------------------------------|---------------------|
/// | 401 with code 14002 or 14003, or without a readable code     | `TokenRefused`      |
/// | 401 with other codes only                                    | `NotOurs`           |
/// | 403 with code 14004                                          | `InsufficientScope` |
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum VerdictRule {
    /// By status and WWW-Authenticate (RFC 6750 §3).
    Rfc6750,
    /// By the codes of MyParcel.com's JSON:API errors, which come without a challenge.
    MyParcel,
    /// By a function of the user's own.
    Custom(CustomRule),
}

impl VerdictRule {
    /// The longest prefix of a body that is read for a verdict, in bytes: an error document is far shorter.
    pub const MAX_BODY: usize = 64 * 1024;

    /// A rule that sees status and headers.
    pub fn custom(judge: impl Fn(&Answer<'_>) -> Verdict + Send + Sync + 'static) -> Self {
        Self::custom_with_body(|_| false, judge)
    }

    /// A rule that sees a prefix of the body as well, at the statuses for which `needs_body` says so: reading it
    /// delays the answer until the prefix has come.
    pub fn custom_with_body(
        needs_body: impl Fn(u16) -> bool + Send + Sync + 'static,
        judge: impl Fn(&Answer<'_>) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        Self::Custom(CustomRule { judge: Arc::new(judge), needs_body: Arc::new(needs_body) })
    }

    /// The verdict.
    pub fn judge(&self, answer: &Answer<'_>) -> Verdict {
        match self {
            Self::Rfc6750 => rfc6750(answer),
            Self::MyParcel => myparcel(answer),
            Self::Custom(rule) => (rule.judge)(answer),
        }
    }

    /// Whether a prefix of the body is needed for the verdict on an answer with this status.
    pub fn needs_body(&self, status: u16) -> bool {
        match self {
            Self::Rfc6750 => false,
            Self::MyParcel => matches!(status, 401 | 403),
            Self::Custom(rule) => (rule.needs_body)(status),
        }
    }

    /// Whether the verdict on an answer with this status may be anything but [`Verdict::Fine`]: if not, its headers
    /// need not be looked at.
    pub const fn concerns(&self, status: u16) -> bool {
        match self {
            Self::Rfc6750 | Self::MyParcel => matches!(status, 400 | 401 | 403 | 407 | 431),
            Self::Custom(_) => true,
        }
    }
}

/// A user's own rule: see [`VerdictRule::custom`]. Two are equal when one is a clone of the other.
#[derive(Clone)]
pub struct CustomRule {
    judge: Arc<dyn Fn(&Answer<'_>) -> Verdict + Send + Sync>,
    needs_body: Arc<dyn Fn(u16) -> bool + Send + Sync>,
}

impl PartialEq for CustomRule {
    fn eq(&self, other: &Self) -> bool {
        // Without its table of methods, of which there may be more than one for the same function. The other function
        // was made with this one.
        core::ptr::addr_eq(Arc::as_ptr(&self.judge), Arc::as_ptr(&other.judge))
    }
}

impl fmt::Debug for CustomRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomRule")
    }
}

fn rfc6750(answer: &Answer<'_>) -> Verdict {
    let status = answer.status;
    if matches!(status, 407 | 431) {
        return Verdict::NotOurs;
    }
    if !matches!(status, 400 | 401 | 403) {
        return Verdict::Fine;
    }
    let challenges = answer.challenges();
    let bearer = || challenges.iter().filter(|challenge| challenge.scheme() == "bearer");
    let says = |error| bearer().any(|challenge| challenge.param("error") == Some(error));
    if says("insufficient_scope") {
        Verdict::InsufficientScope
    } else if says("invalid_token") {
        Verdict::TokenRefused
    } else if status != 401 {
        Verdict::Fine
    } else if challenges.is_empty() || bearer().next().is_some() {
        Verdict::TokenRefused
    } else {
        Verdict::NotOurs
    }
}

fn myparcel(answer: &Answer<'_>) -> Verdict {
    if !matches!(answer.status, 401 | 403) {
        return rfc6750(answer);
    }
    let codes = answer.body_prefix.map(myparcel_codes).unwrap_or_default();
    let has = |code: &str| codes.iter().any(|ours| ours == code);
    match answer.status {
        401 if codes.is_empty() || has("14002") || has("14003") => Verdict::TokenRefused,
        401 => Verdict::NotOurs,
        _ if has("14004") => Verdict::InsufficientScope,
        _ => rfc6750(answer),
    }
}

/// The codes of `{"errors":[{"code"},..]}`, as far as the prefix goes.
fn myparcel_codes(prefix: &[u8]) -> Vec<String> {
    let prefix = prefix.get(..VerdictRule::MAX_BODY).unwrap_or(prefix);
    let mut codes = Vec::new();
    let members = json::object(prefix).ok().into_iter().flatten().map_while(Result::ok);
    for (_, errors) in members.filter(|(name, _)| name.as_deref() == Some(b"errors")) {
        for error in errors.elements().into_iter().flatten().map_while(Result::ok) {
            let members = error.members().into_iter().flatten().map_while(Result::ok);
            codes.extend(members.filter_map(|(name, value)| {
                if name.as_deref() == Some(b"code") { myparcel_code(value) } else { None }
            }));
        }
    }
    codes
}

#[cfg(test)]
mod tests;
