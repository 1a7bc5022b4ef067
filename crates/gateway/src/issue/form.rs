//! The form of a request (`application/x-www-form-urlencoded`), read whole within bounds.

use super::refused::Refused;
use crate::answer::Problem;
use crate::fields::media_type;
use crate::path::hex;
use crate::watch::Watch;
use http::HeaderMap;
use http_body::{Body as _, SizeHint};
use hyper::body::Incoming;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;
use zeroize::Zeroizing;

/// Bytes of a form: more than the longest token, of 16 KiB, takes encoded, and little enough for as many as are read at once
/// ([`Limits::FORMS`](crate::limits::Limits::FORMS)).
pub(super) const LONGEST: usize = 32 * 1024;

/// The fields of a form that were asked for, decoded. It may have a secret or a token in it, and is wiped.
pub(super) struct Form {
    /// Each name twice at most, which is enough to see that it is repeated: one of many short fields would take many times its length.
    fields: Vec<(&'static str, Zeroizing<String>)>,
    /// Its bytes, as they came.
    pub(super) length: usize,
}

impl Form {
    /// Reads it, within so much time, and keeps the fields of these names.
    pub(super) async fn read(
        asked: &[&'static str],
        fields: &HeaderMap,
        body: &mut Incoming,
        watch: &Watch,
        time: Duration,
    ) -> Result<Self, Refused> {
        if !body.is_end_stream() && !is_form(fields) {
            return Err(Refused::request(Problem::form(
                "the body must be a form: Content-Type: application/x-www-form-urlencoded",
            )));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(room(&body.size_hint())));
        let reading = async {
            while let Some(frame) = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
                let frame = frame.map_err(|_| Problem::form("the body breaks HTTP, or broke off"))?;
                let data = frame.data_ref().map_or(&[][..], |data| data);
                if bytes.len() + data.len() > LONGEST {
                    return Err(Problem::form_too_large(LONGEST));
                }
                bytes.extend_from_slice(data);
            }
            Ok(())
        };
        let read = watch.within(time, reading).await.unwrap_or_else(|_| Err(Problem::form_slow()));
        read.map_err(Refused::request)?;
        let wrong = || {
            Refused::request(Problem::form("the body is no form: each field is name=value, encoded as UTF-8"))
        };
        Self::parse(&bytes, asked).ok_or_else(wrong)
    }

    pub(super) fn parse(bytes: &[u8], asked: &[&'static str]) -> Option<Self> {
        let text = str::from_utf8(bytes).ok()?;
        let mut fields: Vec<(&'static str, _)> = Vec::with_capacity(2 * asked.len());
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            let Some(name) = asked.iter().find(|asked| **asked == *name) else { continue };
            if fields.iter().filter(|(known, _)| known == name).count() < 2 {
                fields.push((name, value));
            }
        }
        Some(Self { fields, length: bytes.len() })
    }

    /// The value of a field; one without a value is as if it were not there (RFC 6749 §3.2).
    ///
    /// # Errors
    /// It is there twice.
    pub(super) fn field(&self, name: &str) -> Result<Option<&str>, Refused> {
        let mut values = self.fields.iter().filter(|(known, _)| *known == name);
        match (values.next(), values.next()) {
            (Some(_), Some(_)) => {
                Err(Refused::request(Problem::form("a field is repeated (RFC 6749 section 3.2)")))
            }
            (first, _) => Ok(first.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())),
        }
    }
}

/// Bytes to reserve before a form is read. A buffer that grows leaves a copy of the secret behind that nobody wipes: where the length is
/// not known (chunked, or HTTP/2 without `Content-Length`), it is all that a form may have.
fn room(hint: &SizeHint) -> usize {
    hint.exact().and_then(|length| usize::try_from(length).ok()).unwrap_or(LONGEST).min(LONGEST)
}

/// Whether the body says that it is a form, or says nothing.
fn is_form(fields: &HeaderMap) -> bool {
    media_type(fields)
        .is_none_or(|media_type| media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// What was encoded so; `None` if a percent sign has not two digits behind it, or it is not UTF-8.
pub(super) fn decoded(text: &str) -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(&[rest.next()?, rest.next()?])?,
            other => other,
        });
    }
    str::from_utf8(&bytes).ok().map(|text| Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests;
