//! The members of a token response's body, JSON or form.

use super::{Field, Response};
use crate::error::Malformed;
use crate::json::{self, Raw, Text};
use crate::provider::ErrorFormat;
use crate::seconds;
use alloc::string::String;
use memchr::memchr;
use zeroize::Zeroizing;

/// The longest granted scope that is kept, in bytes: as long as the longest token, which often repeats it.
const MAX_SCOPE: usize = 16 * 1024;

/// A body in one of the two formats that are read.
#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    /// It begins like an object.
    Json(&'a [u8]),
    Form(&'a [u8]),
}

impl<'a> Body<'a> {
    /// # Errors
    /// [`Malformed`] for what is neither a JSON object nor, labelled so, a form; for HTML; for a body that is coded,
    /// cannot be decoded, or is too long.
    pub(super) fn of(response: &'a Response) -> Result<Self, Malformed> {
        if response.is_coded() {
            return Err(Malformed::Coded);
        }
        if response.is_broken() {
            return Err(Malformed::Broken);
        }
        if response.is_too_long() {
            return Err(Malformed::TooLong);
        }
        let body = response.body();
        let label = response.header(Field::ContentType).unwrap_or_default();
        let media_type = memchr(b';', label.as_bytes()).and_then(|end| label.get(..end)).unwrap_or(label);
        let media_type = media_type.trim_matches([' ', '\t']);
        let is = |name: &str| media_type.eq_ignore_ascii_case(name);
        // One byte order mark at most: RFC 8259 §8.1 forbids it, some servers write it.
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        match body.trim_ascii_start().first() {
            Some(b'{') => Ok(Self::Json(body)),
            Some(b'<') => Err(Malformed::Html),
            // Not before: PHP labels whatever it writes as HTML, JSON as well.
            _ if is("text/html") || is("application/xhtml+xml") => Err(Malformed::Html),
            Some(b'[') => Err(Malformed::NotAnObject),
            _ if is("application/x-www-form-urlencoded") || is("text/plain") => {
                Ok(Self::Form(body.trim_ascii()))
            }
            _ => Err(Malformed::NotAnObject),
        }
    }
}

/// The members that decide something; the others are ignored, whatever they are. `None` for a missing one and for
/// `null`, which servers write for it.
#[derive(Default)]
pub(super) struct Members<'a> {
    pub(super) access_token: Option<Value<'a>>,
    pub(super) token_type: Option<Value<'a>>,
    pub(super) expires_in: Option<Value<'a>>,
    pub(super) expires_on: Option<Value<'a>>,
    pub(super) refresh_in: Option<Value<'a>>,
    pub(super) scope: Option<Value<'a>>,
    pub(super) error: Option<Value<'a>>,
    pub(super) error_description: Option<Value<'a>>,
    /// MyParcel.com's alone.
    pub(super) errors: Option<Value<'a>>,
}

pub(super) enum Value<'a> {
    Text(Text<'a>),
    /// Any JSON value but a string.
    Json(Raw<'a>),
}

impl<'a> Members<'a> {
    /// # Errors
    /// [`Malformed`] for a text that is no JSON, and for a duplicate known member.
    pub(super) fn read(body: Body<'a>, errors: ErrorFormat) -> Result<Self, Malformed> {
        match body {
            Body::Json(text) => Self::from_json(text, errors),
            Body::Form(text) => Self::from_form(text),
        }
    }

    /// The text of the token, fit or not.
    pub(super) fn token(&self) -> Option<&str> {
        self.access_token.as_ref().and_then(Value::text)
    }

    fn from_json(body: &'a [u8], errors: ErrorFormat) -> Result<Self, Malformed> {
        let mut known = Known::new(errors);
        for member in json::object(body).map_err(|_| Malformed::Syntax)? {
            let (name, raw) = member.map_err(|_| Malformed::Syntax)?;
            let Some(name) = name else { continue };
            known.set(&name, || (!raw.is_null()).then(|| Value::of(raw)))?;
        }
        Ok(known.members)
    }

    /// application/x-www-form-urlencoded, as some servers answer unless they are asked for JSON, and some even then.
    fn from_form(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut known = Known::new(ErrorFormat::Rfc6749);
        for (name, value) in form_urlencoded::parse(body) {
            known.set(name.as_bytes(), || Some(Value::Text(value.into())))?;
        }
        Ok(known.members)
    }
}

/// Members in the making, and which of them came already.
struct Known<'a> {
    members: Members<'a>,
    seen: [Option<&'static str>; 9],
    errors: ErrorFormat,
}

impl<'a> Known<'a> {
    fn new(errors: ErrorFormat) -> Self {
        Self { members: Members::default(), seen: Default::default(), errors }
    }

    fn set(&mut self, name: &[u8], value: impl FnOnce() -> Option<Value<'a>>) -> Result<(), Malformed> {
        let members = &mut self.members;
        let (name, slot) = match name {
            b"access_token" => ("access_token", &mut members.access_token),
            b"token_type" => ("token_type", &mut members.token_type),
            b"expires_in" => ("expires_in", &mut members.expires_in),
            b"expires_on" => ("expires_on", &mut members.expires_on),
            b"refresh_in" => ("refresh_in", &mut members.refresh_in),
            b"scope" => ("scope", &mut members.scope),
            b"error" => ("error", &mut members.error),
            b"error_description" => ("error_description", &mut members.error_description),
            b"errors" if self.errors == ErrorFormat::MyParcel => ("errors", &mut members.errors),
            _ => return Ok(()),
        };
        let place = self.seen.iter_mut().find(|seen| seen.is_none_or(|seen| seen == name));
        if place.is_some_and(|place| place.replace(name).is_some()) {
            return Err(Malformed::Duplicate(name));
        }
        *slot = value();
        Ok(())
    }
}

impl<'a> Value<'a> {
    pub(super) fn of(raw: Raw<'a>) -> Self {
        raw.text().map_or(Self::Json(raw), Self::Text)
    }

    /// A code: a text without the blanks around it, or a number as it was written.
    pub(super) fn code(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.trim()),
            Self::Json(raw) => raw.number(),
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Json(_) => None,
        }
    }

    pub(super) fn raw(&self) -> Option<Raw<'a>> {
        match self {
            Self::Text(_) => None,
            Self::Json(raw) => Some(*raw),
        }
    }

    /// Whole seconds; `None` for what is no number, or a negative one.
    pub(super) fn seconds(&self) -> Option<u64> {
        match self {
            Self::Text(text) => seconds::of_text(text),
            Self::Json(raw) => seconds::of_number(raw.number()?),
        }
    }

    /// The words of a scope: a text, or an array of texts that may have spaces in them.
    pub(super) fn scope_words(&self) -> Option<Text<'_>> {
        let words = match self {
            Self::Text(text) => Text::There(text),
            Self::Json(raw) => {
                let mut words = Zeroizing::new(String::new());
                for element in raw.elements()? {
                    words.push_str(&element.ok()?.text()?);
                    words.push(' ');
                }
                Text::Anew(words)
            }
        };
        (words.len() <= MAX_SCOPE).then_some(words)
    }
}
