//! Second readers, by which the first is judged: serde's derived structs, a form decoder of their own, httpdate,
//! http-auth, and the URL reader of the web.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::{Duration, UNIX_EPOCH};

/// The members of a token response that decide whether it is a grant.
#[derive(Deserialize)]
pub(crate) struct Members {
    pub(crate) access_token: Option<Value>,
    pub(crate) token_type: Option<Value>,
    pub(crate) error: Option<Value>,
}

/// The life that it states. A struct of its own: a number beyond every double loses it, and the members above must
/// stay.
#[derive(Deserialize)]
struct Stated {
    expires_in: Option<Value>,
}

/// The times of a JWT.
#[derive(Deserialize)]
pub(crate) struct Claims {
    exp: Option<Value>,
    iat: Option<Value>,
}

/// JSON, in which what is no UTF-8 stands for nothing: in a name that nobody knows, for one.
fn json<T: DeserializeOwned>(text: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_str(&String::from_utf8_lossy(text))
}

impl Members {
    /// Of a JSON object or a form.
    pub(crate) fn of(body: &[u8]) -> Result<Self, String> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        if body.trim_ascii_start().starts_with(b"{") {
            return json(body).map_err(|error| error.to_string());
        }
        let pairs = form(body.trim_ascii());
        let member = |name: &str| {
            let mut values = pairs.iter().filter(|(ours, _)| ours == name).map(|(_, value)| value.clone());
            match (values.next(), values.next()) {
                (_, Some(_)) => Err(format!("duplicate {name}")),
                (value, None) => Ok(value.map(Value::from)),
            }
        };
        Ok(Self {
            access_token: member("access_token")?,
            token_type: member("token_type")?,
            error: member("error")?,
        })
    }
}

/// The whole seconds of `expires_in`, if there are any and they can be told exactly.
pub(crate) fn stated_life(body: &[u8]) -> Option<u64> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let value = match body.trim_ascii_start().first() {
        Some(b'{') => json::<Stated>(body).ok()?.expires_in?,
        _ => form(body.trim_ascii()).into_iter().find(|(name, _)| name == "expires_in")?.1.into(),
    };
    // From 2001 on a number may be a point in time, which says less.
    seconds(&value).filter(|seconds| (1..1_000_000_000).contains(seconds))
}

/// A number or a text of one, rounded down.
fn seconds(value: &Value) -> Option<u64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => {
            let text = text.trim_matches([' ', '\t']);
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
            (digits(whole) && digits(fraction)).then(|| text.parse().ok())??
        }
        _ => return None,
    };
    (number >= 0.0).then_some(number as u64)
}

impl Claims {
    pub(crate) fn of(payload: &[u8]) -> Option<Self> {
        json(payload).ok()
    }

    /// How long the token lives by its own times: since its `iat`, or without one since `sent`.
    pub(crate) fn life(&self, sent: u64) -> Option<u64> {
        let begin = self.iat.as_ref().map_or(Some(sent), seconds)?;
        Some(seconds(self.exp.as_ref()?)?.saturating_sub(begin))
    }
}

/// application/x-www-form-urlencoded, as the standard of the web has it.
pub(crate) fn form(body: &[u8]) -> Vec<(String, String)> {
    let decoded = |text: &[u8]| {
        let (mut bytes, mut rest) = (Vec::new(), text);
        while let Some((first, behind)) = rest.split_first() {
            let digits = behind.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
            let escaped =
                digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
            (bytes, rest) = match (first, escaped) {
                (b'%', Some(byte)) => ([bytes, vec![byte]].concat(), &behind[2..]),
                (b'+', _) => ([bytes, vec![b' ']].concat(), behind),
                (byte, _) => ([bytes, vec![*byte]].concat(), behind),
            };
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            (decoded(&pair[..equals]), decoded(pair.get(equals + 1..).unwrap_or_default()))
        })
        .collect()
}

/// The seconds since 1970 of an HTTP date. A wrong name of the day and a leap second, which httpdate refuses, are
/// mended before; the byte between date and time in the form of RFC 850, at which it does not look, has to be a
/// space.
pub(crate) fn date(text: &str) -> Option<u64> {
    let read = |text: &str| {
        let time = httpdate::parse_http_date(text).ok()?;
        time.duration_since(UNIX_EPOCH).ok().as_ref().map(Duration::as_secs)
    };
    let leap = text.replace(":60 ", ":59 ");
    let (text, more) = if leap == text { (text, 0) } else { (leap.as_str(), 1) };
    let (name, rest) = text.split_once(' ')?;
    if name.len() > 4 && rest.as_bytes().get(9) != Some(&b' ') {
        return None;
    }
    if let Some(seconds) = read(text) {
        return Some(seconds + more);
    }
    let (short, long) = (
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    );
    let bare = name.strip_suffix(',').unwrap_or(name);
    let names = if short.contains(&bare) {
        &short
    } else if long.contains(&bare) {
        &long
    } else {
        return None;
    };
    names.iter().find_map(|day| read(&format!("{day}{} {rest}", &name[bare.len()..]))).map(|time| time + more)
}

/// A challenge: its scheme, and its parameters without quotes, names in lower case.
pub(crate) type Challenge = (String, Vec<(String, String)>);

/// The challenges of a line that http-auth accepts.
pub(crate) fn challenges(line: &str) -> Option<Vec<Challenge>> {
    let read = http_auth::parse_challenges(line).ok()?;
    let owned = read.iter().map(|challenge| {
        let params = challenge.params.iter();
        let params = params.map(|(name, value)| (name.to_ascii_lowercase(), value.to_unescaped()));
        (challenge.scheme.to_ascii_lowercase(), params.collect())
    });
    Some(owned.collect())
}
