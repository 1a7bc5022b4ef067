//! The words of servers that describe an error in other members than `error` and `error_description`.
//!
//! They are words alone: what they say decides nothing. A second one of the same name is no fault, and is not read.

use super::members::{Body, Value};
use crate::json::{self, Broken, Name, Raw};
use alloc::string::String;
use zeroize::Zeroizing;

/// The names that are looked for: Okta, AWS and many others, RFC 9457, Apigee, JSON:API.
const NAMES: [&str; 13] = [
    "message",
    "errorDescription",
    "hint",
    "errorCode",
    "errorSummary",
    "ErrorCode",
    "Error",
    "title",
    "detail",
    "code",
    "fault",
    "faultstring",
    "errors",
];

/// What was found of one object, or of a form.
pub(super) struct Wording<'a>([Option<Value<'a>>; NAMES.len()]);

impl<'a> Wording<'a> {
    /// Of a body whose syntax was checked.
    pub(super) fn of(body: Body<'a>) -> Self {
        let mut wording = Self(Default::default());
        match body {
            Body::Json(text) => wording.read(json::object(text).ok().into_iter().flatten()),
            Body::Form(text) => {
                for (name, value) in form_urlencoded::parse(text) {
                    wording.set(name.as_bytes(), || Value::Text(value.into()));
                }
            }
        }
        wording
    }

    /// Beside an `error` without an `error_description`.
    pub(super) fn beside_error(&self) -> Option<Zeroizing<String>> {
        self.joined(None, "message")
            .or_else(|| self.joined(None, "errorDescription"))
            .or_else(|| self.joined(None, "hint"))
    }

    /// In place of an `error`; `reads_errors` unless the provider has a reader of its own for `errors`.
    pub(super) fn without_error(&self, reads_errors: bool) -> Option<Zeroizing<String>> {
        self.joined(Some("errorCode"), "errorSummary")
            .or_else(|| self.joined(Some("ErrorCode"), "Error"))
            .or_else(|| self.fault())
            .or_else(|| self.joined(Some("title"), "detail"))
            .or_else(|| self.joined(None, "title"))
            .or_else(|| self.joined(Some("code"), "message"))
            .or_else(|| self.joined(Some("errorCode"), "errorDescription"))
            .or_else(|| if reads_errors { self.first_of_errors() } else { None })
    }

    fn object(members: json::Members<'a>) -> Self {
        let mut wording = Self(Default::default());
        wording.read(members);
        wording
    }

    fn read(&mut self, members: impl Iterator<Item = Result<(Option<Name<'a>>, Raw<'a>), Broken>>) {
        for (name, raw) in members.map_while(Result::ok) {
            self.set(name.as_deref().unwrap_or_default(), || Value::of(raw));
        }
    }

    fn set(&mut self, name: &[u8], value: impl FnOnce() -> Value<'a>) {
        let place = NAMES.iter().position(|known| known.as_bytes() == name);
        if let Some(slot) = place.and_then(|place| self.0.get_mut(place)) {
            slot.get_or_insert_with(value);
        }
    }

    fn get(&self, name: &str) -> Option<&Value<'a>> {
        let place = NAMES.iter().position(|known| *known == name)?;
        self.0.get(place)?.as_ref()
    }

    /// The text of this member, with what the server calls it before it.
    fn joined(&self, code: Option<&str>, name: &str) -> Option<Zeroizing<String>> {
        let text = self.get(name)?.text().map(str::trim).filter(|text| !text.is_empty())?;
        let code = code.and_then(|code| self.get(code)).and_then(Value::code);
        let code = code.filter(|code| !code.is_empty() && *code != text);
        let mut joined = Zeroizing::new(String::with_capacity(code.map_or(0, str::len) + 2 + text.len()));
        for part in code.into_iter().flat_map(|code| [code, ": "]).chain([text]) {
            joined.push_str(part);
        }
        Some(joined)
    }

    fn fault(&self) -> Option<Zeroizing<String>> {
        Self::object(self.get("fault")?.raw()?.members()?).joined(None, "faultstring")
    }

    fn first_of_errors(&self) -> Option<Zeroizing<String>> {
        let first = self.get("errors")?.raw()?.elements()?.next()?.ok()?;
        match first.members() {
            Some(members) => Self::object(members).without_error(false),
            None => {
                let text = first.text()?;
                let text = text.trim();
                (!text.is_empty()).then(|| Zeroizing::new(text.into()))
            }
        }
    }
}
