//! What a server says is wrong, and whether that is for good.

use super::members::{Members, Value};
use crate::error::Class;
use crate::json::Raw;
use crate::provider::ErrorFormat;
use alloc::string::String;

/// A server's own words.
pub(super) enum Words {
    /// It says nothing.
    None,
    /// There is an error whose code cannot be read.
    Unreadable,
    Said {
        code: String,
        description: Option<String>,
        /// What the code alone tells about asking again, if it is a known one.
        class: Option<Class>,
    },
}

/// What a code alone tells about asking again: RFC 6749 §5.2, RFC 8707 §2, and the codes of RFC 6749 §4.1.2.1 and
/// RFC 8628 §3.5 that servers use here as well. `None` for any other code.
fn class_of(code: &str) -> Option<Class> {
    match code {
        "temporarily_unavailable" | "server_error" | "slow_down" => Some(Class::Transient),
        "invalid_client"
        | "unauthorized_client"
        | "invalid_scope"
        | "invalid_request"
        | "invalid_grant"
        | "unsupported_grant_type"
        | "invalid_target"
        | "access_denied" => Some(Class::Permanent),
        _ => None,
    }
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
    pub(super) fn of(members: &Members<'_>, errors: ErrorFormat) -> Self {
        let own = match errors {
            ErrorFormat::Rfc6749 => Self::None,
            ErrorFormat::MyParcel => {
                members.errors.as_ref().and_then(Value::raw).map_or(Self::None, json_api)
            }
        };
        match own {
            Self::None => rfc6749(members),
            own => own,
        }
    }

    pub(super) fn class(&self) -> Option<Class> {
        match self {
            Self::Said { class, .. } => *class,
            Self::None | Self::Unreadable => None,
        }
    }
}

/// RFC 6749 §5.2. Null, false and an empty text are how servers write "no error".
fn rfc6749(members: &Members<'_>) -> Words {
    match &members.error {
        None => Words::None,
        Some(Value::Text(code)) if code.trim().is_empty() => Words::None,
        Some(Value::Text(code)) => Words::Said {
            code: String::from(&**code),
            class: class_of(code),
            description: members.error_description.as_ref().and_then(Value::text).map(String::from),
        },
        Some(Value::Json(raw)) if raw.is_false() => Words::None,
        Some(Value::Json(_)) => Words::Unreadable,
    }
}

/// MyParcel.com's errors: the first whose code is known, else the first that has one. What follows a fault in the
/// array is not read.
fn json_api(errors: Raw<'_>) -> Words {
    let mut words = Words::Unreadable;
    let mut errors = errors.elements().into_iter().flatten().map_while(Result::ok).peekable();
    if errors.peek().is_none() {
        return Words::None;
    }
    for said in errors.filter_map(json_api_error) {
        if said.class().is_some() {
            return said;
        }
        if matches!(words, Words::Unreadable) {
            words = said;
        }
    }
    words
}

fn json_api_error(error: Raw<'_>) -> Option<Words> {
    let (mut code, mut title, mut detail) = (None, None, None);
    for (name, value) in error.members()?.map_while(Result::ok) {
        match name.as_deref() {
            Some(b"code") => code = myparcel_code(value),
            Some(b"title") => title = value.text(),
            Some(b"detail") => detail = value.text(),
            _ => {}
        }
    }
    let code = code?;
    let (code, class) = match code.as_str() {
        "14000" => ("invalid_client", Some(Class::Permanent)),
        "14001" => ("invalid_scope", Some(Class::Permanent)),
        "10011" => ("throttled", Some(Class::Transient)),
        // 14050 among them: it stands for any other error of OAuth, and its status tells which.
        other => (other, None),
    };
    let description = detail.or(title).map(|text| String::from(&*text));
    Some(Words::Said { code: code.into(), description, class })
}

/// A MyParcel.com error's code: a number, or a text of it.
pub(crate) fn myparcel_code(value: Raw<'_>) -> Option<String> {
    let text = value.text().map(|text| String::from(text.trim()));
    text.or_else(|| value.number().map(String::from)).filter(|code| !code.is_empty())
}
