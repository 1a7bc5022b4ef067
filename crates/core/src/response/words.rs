//! What a server says is wrong, and whether that is for good.

use super::members::{Body, Members, Value};
use super::wording::Wording;
use crate::error::{Class, code};
use crate::provider::ErrorFormat;
use alloc::string::String;
use zeroize::Zeroizing;

/// A server's own words.
pub(crate) enum Words {
    /// It says nothing.
    None,
    /// There is an error whose code cannot be read.
    Unreadable,
    Said {
        /// It may repeat a secret, as the description may: both are wiped.
        code: Zeroizing<String>,
        description: Option<Zeroizing<String>>,
        /// What the code alone tells about asking again, if it is a known one.
        class: Option<Class>,
    },
}

/// The class of an answer with this status, whose code alone tells this.
pub(super) fn class(status: u16, code: Option<Class>) -> Class {
    match (status, code) {
        (408 | 425 | 429, _) => Class::Transient,
        (400..=499, Some(Class::Transient)) => Class::Transient,
        (400..=499, _) | (501, None) => Class::Permanent,
        // Every other 5xx, however permanent its code (a failing back end must not switch the client off), and what
        // is no final status at all (RFC 9110 §15).
        _ => Class::Transient,
    }
}

impl Words {
    pub(crate) fn class(&self) -> Option<Class> {
        match self {
            Self::Said { class, .. } => *class,
            Self::None | Self::Unreadable => None,
        }
    }
}

/// RFC 6749 §5.2. Null, false, zero and anything empty are how servers write "no error".
pub(super) fn rfc6749(members: &Members<'_>, body: Body<'_>) -> Words {
    match &members.error {
        None => Words::None,
        Some(Value::Text(code)) if matches!(code.trim(), "" | "0") => Words::None,
        Some(Value::Text(code)) => Words::Said {
            code: Zeroizing::new(String::from(&**code)),
            class: code::known(code).map(|(_, class)| class),
            description: description(members).or_else(|| Wording::of(body).beside_error()),
        },
        Some(Value::Json(raw)) if raw.is_nothing() => Words::None,
        Some(Value::Json(_)) => Words::Unreadable,
    }
}

/// What a server says where no code can be read.
pub(super) fn without_code(
    members: &Members<'_>,
    body: Body<'_>,
    errors: ErrorFormat,
) -> Option<Zeroizing<String>> {
    description(members).or_else(|| Wording::of(body).without_error(errors == ErrorFormat::Rfc6749))
}

fn description(members: &Members<'_>) -> Option<Zeroizing<String>> {
    let text = members.error_description.as_ref().and_then(Value::text)?;
    (!text.trim().is_empty()).then(|| Zeroizing::new(text.into()))
}
