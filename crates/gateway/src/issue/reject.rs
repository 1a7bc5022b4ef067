//! A token that an API refused, as its front says: it is compared with the one that is held, and only that one is replaced.

use super::desk::Profile;
use super::form::Form;
use super::refused::Refused;
use crate::answer::Problem;
use bytes::Bytes;
use evergrant_core::Rejection;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use std::time::Duration;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It is used no more, and a new one is requested.
    Rejected,
    /// It is not the one that is used: that was done before.
    Replaced,
    /// It is so new that the API may not know it yet: it stays, and is to be tried again.
    Settling,
    /// It stays: another one was requested for the same reason a short while ago, or none can be, before this time.
    Kept(Option<Duration>),
}

/// The field of a form that this looks at.
pub(super) const FIELD: &str = "token";

/// The token that is said to have been refused: in `Authorization: Bearer`, or as `token` in the form.
///
/// # Errors
/// There is none, or one in each place.
pub(super) fn refused_token(fields: &HeaderMap, form: &Form) -> Result<Zeroizing<String>, Refused> {
    let in_form = form.field(FIELD)?;
    let mut values = fields.get_all(AUTHORIZATION).into_iter();
    let found = match (values.next(), values.next(), in_form) {
        (Some(value), None, None) => value.to_str().ok().and_then(bearer),
        (None, None, Some(token)) => Some(token),
        _ => None,
    };
    let missing = "name the token that was refused once: in Authorization: Bearer, or in the form as token";
    found
        .map(|token| Zeroizing::new(token.to_owned()))
        .ok_or_else(|| Refused::request(Problem::form(missing)))
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}

/// Compares, then acts. The gate of the source bounds how often a token is replaced, whoever asks.
pub(super) fn reject(profile: &Profile, refused: &str) -> Fate {
    let shared = profile.tokens.source().shared();
    let Some(held) = shared.try_token() else { return Fate::Replaced };
    if !bool::from(held.value().expose().as_bytes().ct_eq(refused.as_bytes())) {
        return Fate::Replaced;
    }
    // One that is fixed has no origin, and no successor.
    let Some(origin) = &profile.origin else { return Fate::Kept(None) };
    match shared.reject(held.generation(), origin) {
        Rejection::Dropped => Fate::Rejected,
        Rejection::Replaced => Fate::Replaced,
        Rejection::Settling(_) => Fate::Settling,
        Rejection::Refused => Fate::Kept(shared.replaceable_in(origin)),
    }
}

impl Fate {
    /// A small JSON object.
    pub(super) fn body(self) -> Bytes {
        let result = match self {
            Self::Rejected => "rejected",
            Self::Replaced => "replaced",
            Self::Settling => "settling",
            Self::Kept(_) => "kept",
        };
        let wait = match self {
            Self::Kept(Some(wait)) => format!(",\"retry_after_ms\":{}", wait.as_millis()),
            _ => String::new(),
        };
        format!("{{\"result\":\"{result}\"{wait}}}\n").into()
    }
}
