//! What was found in the input, for people and for programs.

use super::claims::Members;
use crate::tell::failure::Failure;
use crate::tell::when;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evergrant_tokio_reqwest::core::AccessToken;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// What a token says about itself.
#[derive(Debug)]
pub(super) struct Report {
    form: Form,
    /// Of the token, in characters.
    length: usize,
    /// The life that the token response around it names.
    expires_in: Option<Value>,
    issued: Option<Duration>,
    not_before: Option<Duration>,
    expires: Option<Duration>,
    notes: Vec<String>,
}

#[derive(Debug)]
enum Form {
    /// RFC 7519: a header and claims, both readable.
    Jwt {
        header: Members,
        claims: Members,
        signed: bool,
    },
    /// RFC 7516: a readable header around something that is not.
    Encrypted {
        header: Members,
    },
    Opaque,
}

impl Report {
    /// Reads a token: alone, in an Authorization header line, or in a token response.
    pub(super) fn of(input: &[u8]) -> Result<Self, Failure> {
        let next = "pipe a token, an Authorization header line, or a token response";
        let text =
            std::str::from_utf8(input).map_err(|_| Failure::usage("the input is not text", next))?.trim();
        if text.is_empty() {
            return Err(Failure::usage("the input is empty", next));
        }
        if text.starts_with('{') {
            return Self::of_response(text);
        }
        let token = ["authorization:", "bearer "].iter().fold(text, |text, word| without(text, word));
        Self::of_token(token, "the input")
    }

    fn of_response(text: &str) -> Result<Self, Failure> {
        let next = "pipe a token response of RFC 6749 §5.1, or the token alone";
        let Some(response) = Members::parse(text.as_bytes()) else {
            return Err(Failure::usage("the input begins like JSON, but is not valid JSON", next));
        };
        let Some(Value::String(token)) = response.values.get("access_token") else {
            let happened = match response.shown(&["error"]) {
                Some(code) => format!("the input is an error response: {code}"),
                None => "the input has no access_token".into(),
            };
            return Err(Failure::usage(happened, next));
        };
        let report = Self::of_token(token, "access_token")?;
        Ok(Self { expires_in: response.values.get("expires_in").cloned(), ..report })
    }

    fn of_token(token: &str, name: &str) -> Result<Self, Failure> {
        if AccessToken::new(token).is_err() {
            let happened = match token.bytes().position(|byte| !byte.is_ascii_graphic()) {
                _ if token.len() > AccessToken::MAX_LEN => {
                    format!("{name} is longer than {} characters", AccessToken::MAX_LEN)
                }
                Some(byte) => {
                    format!("{name} is not an access token: byte {byte} is not allowed in a header")
                }
                None => {
                    format!(
                        "{name} is not an access token: it is empty, or has one of the characters \" , ; \\"
                    )
                }
            };
            return Err(Failure::usage(happened, "pipe one token and nothing else"));
        }
        let mut notes = Vec::new();
        let form = Form::of(token, &mut notes);
        let mut report = Self {
            form,
            length: token.len(),
            expires_in: None,
            issued: None,
            not_before: None,
            expires: None,
            notes,
        };
        report.read_times();
        Ok(report)
    }

    fn read_times(&mut self) {
        let Form::Jwt { header, claims, signed } = &self.form else { return };
        let mut odd: Vec<(&str, Vec<&str>)> = Vec::new();
        let mut time = |name| {
            let (time, what) = claims.time(name);
            if let Some(what) = what {
                match odd.iter_mut().find(|(known, _)| *known == what) {
                    Some((_, names)) => names.push(name),
                    None => odd.push((what, vec![name])),
                }
            }
            time
        };
        (self.issued, self.not_before, self.expires) = (time("iat"), time("nbf"), time("exp"));
        self.notes.extend(odd.iter().map(|(what, names)| {
            let are = if names.len() == 1 { "is" } else { "are each" };
            format!("{} {are} {what}", names.join(", "))
        }));
        for name in header.twice.iter().chain(&claims.twice) {
            let name = evergrant_tokio_reqwest::core::Excerpt::new(name, &[]).unwrap_or_default();
            self.notes.push(format!("duplicate claim {name}: readers will disagree about it"));
        }
        if !signed {
            self.notes.push("it has no signature: anybody may have changed it".into());
        }
        if let (Some(begin), Some(end)) = (self.issued.max(self.not_before), self.expires)
            && begin >= end
        {
            self.notes.push("it ends before it begins".into());
        }
    }

    pub(super) fn text(&self, now: Duration) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                let bold = anstyle::Style::new().bold();
                // Writing to a String cannot fail.
                let _written = writeln!(text, "{bold}{name:<12}{bold:#}{value}");
            }
        };
        line("kind", Some(self.kind()));
        if let Form::Jwt { header, .. } | Form::Encrypted { header } = &self.form {
            line("type", header.shown(&["typ"]));
            line("algorithm", header.shown(&["alg"]));
            line("encryption", header.shown(&["enc"]));
            line("key", header.shown(&["kid"]));
        }
        if let Form::Jwt { claims, .. } = &self.form {
            line("issuer", claims.shown(&["iss"]));
            line("subject", claims.shown(&["sub"]));
            line("client", claims.shown(&["client_id", "azp", "cid"]));
            line("audience", claims.shown(&["aud"]));
            line("scope", claims.shown(&["scope", "scopes", "scp"]));
            line("bound", claims.bound());
        }
        let told = |then: Option<Duration>| {
            let then = then?;
            Some(format!("{}, {}", when::utc(then)?, when::relative(then, now)))
        };
        line("issued", told(self.issued));
        line("valid from", told(self.not_before));
        match (&self.form, self.expires) {
            (_, Some(end)) if end <= now => line("expired", told(Some(end))),
            (_, Some(end)) => line("expires", told(Some(end))),
            (Form::Jwt { .. }, None) => line("expires", Some("it does not say when".into())),
            _ => {}
        }
        if let Some(life) = &self.expires_in {
            line("expires_in", Some(format!("{life}, the response says, counted from when it was sent")));
        }
        for note in &self.notes {
            line("note", Some(note.clone()));
        }
        line("unverified", Some("nothing was checked: any of this may be false".into()));
        text.truncate(text.trim_end().len());
        text
    }

    /// Whether the token cannot be used at this time, by its own claims.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        self.expires.is_some_and(|end| end <= now) || self.not_before.is_some_and(|begin| begin > now)
    }

    pub(super) fn json(&self, now: Duration) -> Value {
        let (header, claims) = match &self.form {
            Form::Jwt { header, claims, .. } => (Some(&header.values), Some(&claims.values)),
            Form::Encrypted { header } => (Some(&header.values), None),
            Form::Opaque => (None, None),
        };
        let left = |end: Duration| end.as_secs() as i64 - now.as_secs() as i64;
        json!({
            "kind": match &self.form {
                Form::Jwt { .. } => "jwt",
                Form::Encrypted { .. } => "jwe",
                Form::Opaque => "opaque",
            },
            "verified": false,
            "length": self.length,
            "header": header,
            "claims": claims,
            "issued_at": self.issued.and_then(when::rfc3339),
            "not_before": self.not_before.and_then(when::rfc3339),
            "expires_at": self.expires.and_then(when::rfc3339),
            "expires_in": self.expires.map(left),
            "expired": self.expires.map(|end| end <= now),
            "response_expires_in": self.expires_in,
            "notes": self.notes,
        })
    }

    fn kind(&self) -> String {
        let length = self.length;
        match &self.form {
            Form::Jwt { .. } => format!("JWT, {length} characters"),
            Form::Encrypted { .. } => {
                format!("encrypted (JWE), {length} characters: only the API can read it")
            }
            Form::Opaque => format!("opaque, {length} characters: only the server can read it"),
        }
    }
}

impl Form {
    fn of(token: &str, notes: &mut Vec<String>) -> Self {
        let parts: Vec<&str> = token.split('.').collect();
        match parts[..] {
            [header, claims, signature] => match (object(header), object(claims)) {
                (Some(header), Some(claims)) => Self::Jwt { header, claims, signed: !signature.is_empty() },
                (header, _) => {
                    let part = if header.is_none() { "header" } else { "claims" };
                    notes.push(format!("it has three parts like a JWT, but its {part} cannot be read"));
                    Self::Opaque
                }
            },
            [header, _, _, _, _] => match object(header) {
                Some(header) => Self::Encrypted { header },
                None => Self::Opaque,
            },
            _ => Self::Opaque,
        }
    }
}

/// A part of a compact serialization (RFC 7515 §7.1) that is a JSON object.
fn object(part: &str) -> Option<Members> {
    Members::parse(&URL_SAFE_NO_PAD.decode(part).ok()?)
}

/// The text after `word`, in any letter case, if it begins with it.
fn without<'a>(text: &'a str, word: &str) -> &'a str {
    match text.split_at_checked(word.len()) {
        Some((first, rest)) if first.eq_ignore_ascii_case(word) => rest.trim_start(),
        _ => text,
    }
}

#[cfg(test)]
mod tests;
