//! What a resource server's answer means for the token it was sent with.

mod answer;
pub(crate) mod rfc6750;

pub(crate) use answer::MAX_BODY;
pub use answer::{Answer, Verdict};

use crate::provider::myparcel::verdict as myparcel;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

/// How the answers of an API are judged.
///
/// # `Rfc6750`, first row that fits
/// | answer                                                       | verdict             |
/// |--------------------------------------------------------------|---------------------|
/// | 400, 401, 403 with Bearer `error="insufficient_scope"`       | `InsufficientScope` |
/// | 400, 401, 403 with `error="invalid_token"`, of any scheme    | `TokenRefused`      |
/// | 401 with any other challenges, or with none                  | `TokenRefused`      |
/// | 407; 431                                                     | `NotOurs`           |
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
    pub const MAX_BODY: usize = MAX_BODY;

    /// How long that prefix is waited for, where the HTTP library lets an adapter bound it: 5 s. The verdict is then given
    /// by what has come.
    pub const MAX_BODY_TIME: Duration = Duration::from_secs(5);

    /// A rule that sees status and headers.
    pub fn custom(judge: impl Fn(&Answer<'_>) -> Verdict + Send + Sync + 'static) -> Self {
        Self::custom_with_body(|_| false, judge)
    }

    /// A rule that sees a prefix of the body as well, at the statuses for which `needs_body` says so: reading it
    /// delays the answer until the prefix has come, for [`MAX_BODY_TIME`](Self::MAX_BODY_TIME) at most.
    pub fn custom_with_body(
        needs_body: impl Fn(u16) -> bool + Send + Sync + 'static,
        judge: impl Fn(&Answer<'_>) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        Self::Custom(CustomRule { judge: Arc::new(judge), needs_body: Arc::new(needs_body) })
    }

    /// The verdict.
    pub fn judge(&self, answer: &Answer<'_>) -> Verdict {
        match self {
            Self::Rfc6750 => rfc6750::judge(answer),
            Self::MyParcel => myparcel::judge(answer),
            Self::Custom(rule) => (rule.judge)(answer),
        }
    }

    /// Whether a prefix of the body is needed for the verdict on an answer with this status.
    pub fn needs_body(&self, status: u16) -> bool {
        match self {
            Self::Rfc6750 => false,
            Self::MyParcel => myparcel::needs_body(status),
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

    /// Whether the verdict may depend on this header, its name in any letter case: no other one need be handed in.
    pub fn reads(&self, header: &str) -> bool {
        match self {
            Self::Rfc6750 | Self::MyParcel => header.eq_ignore_ascii_case("www-authenticate"),
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

#[cfg(test)]
mod tests;
