//! Access tokens: issued, given out again, verified, revoked.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::error::Unspecified;
use ring::hmac;
use ring::rand::SystemRandom;
use serde_json::Value;

use crate::clock::{SECOND, micros};
use crate::options::{JwtTimes, TokenStyle};

/// Tokens remembered. A bench asks for millions; older ones than these are refused as unknown.
const MAX_TOKENS: usize = 100_000;

pub(crate) struct Tokens {
    key: hmac::Key,
    remembered: VecDeque<Issued>,
    numbers: HashMap<String, u64>,
    /// How many were forgotten: the first one remembered has the next number.
    forgotten: u64,
    /// Tokens up to this number are revoked.
    revoked_up_to: u64,
    sticky: Option<Sticky>,
}

struct Issued {
    text: String,
    /// The end of its life on the server's clock, whatever the token or `expires_in` said.
    ends: i64,
    revoked: bool,
    /// The certificate that it is bound to, by its thumbprint.
    binding: Option<String>,
}

struct Sticky {
    client: String,
    scope: String,
    binding: Option<String>,
    number: u64,
}

/// Who a token is for, and for what.
#[derive(Clone, Copy)]
pub(crate) struct Whose<'a> {
    pub(crate) client: &'a str,
    pub(crate) scope: &'a str,
    /// The certificate that it is bound to, by its thumbprint.
    pub(crate) binding: Option<&'a str>,
}

/// A token for a response.
pub(crate) struct Granted {
    pub(crate) text: String,
    /// What is left of its life, in whole seconds.
    pub(crate) seconds: i64,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Invalid {
    Unknown,
    Expired,
    Revoked,
    /// It is bound to another certificate.
    Bound,
}

impl Tokens {
    pub(crate) fn new() -> Result<Self, Unspecified> {
        Ok(Self {
            key: hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())?,
            remembered: VecDeque::new(),
            numbers: HashMap::new(),
            forgotten: 0,
            revoked_up_to: 0,
            sticky: None,
        })
    }

    /// A token for this client, scope and certificate: a new one, unless the style says that an older one will do.
    pub(crate) fn grant(
        &mut self,
        style: TokenStyle,
        lifetime: Duration,
        whose: Whose<'_>,
        now: i64,
    ) -> Granted {
        if style == TokenStyle::Sticky
            && let Some(sticky) = &self.sticky
            && (sticky.client.as_str(), sticky.scope.as_str()) == (whose.client, whose.scope)
            && sticky.binding.as_deref() == whose.binding
            && let Some(issued) = self.issued(sticky.number)
            && self.judge(sticky.number, now).is_ok()
        {
            return Granted { text: issued.text.clone(), seconds: (issued.ends - now) / SECOND };
        }
        let number = self.forgotten + self.remembered.len() as u64 + 1;
        let lifetime = micros(lifetime);
        let text = match style {
            TokenStyle::Jwt(times) => self.jwt(number, times, lifetime, whose, now),
            TokenStyle::Opaque => format!("opaque-{}", self.unique(number)),
            TokenStyle::Sticky => {
                self.sticky = Some(Sticky {
                    client: whose.client.to_owned(),
                    scope: whose.scope.to_owned(),
                    binding: whose.binding.map(str::to_owned),
                    number,
                });
                self.jwt(number, JwtTimes::Float, lifetime, whose, now)
            }
        };
        let ends = now.saturating_add(lifetime);
        let binding = whose.binding.map(str::to_owned);
        self.remember(number, Issued { text: text.clone(), ends, revoked: false, binding });
        Granted { text, seconds: lifetime / SECOND + i64::from(lifetime % SECOND > 0) }
    }

    /// The number of the token, when it is one of ours and in force, and comes with the certificate that it is bound to.
    pub(crate) fn verify(&self, text: &str, certificate: Option<&str>, now: i64) -> Result<u64, Invalid> {
        let number = match text.rsplit_once('.') {
            Some((signed, signature)) => self.number_of_jwt(signed, signature),
            None => self.numbers.get(text).copied(),
        };
        let number = number.ok_or(Invalid::Unknown)?;
        self.judge(number, now)?;
        let binding = self.issued(number).and_then(|issued| issued.binding.as_deref());
        if binding.is_some() && binding != certificate { Err(Invalid::Bound) } else { Ok(number) }
    }

    pub(crate) fn revoke(&mut self, text: &str) {
        let index = self.numbers.get(text).and_then(|number| self.index(*number));
        if let Some(issued) = index.and_then(|index| self.remembered.get_mut(index)) {
            issued.revoked = true;
        }
    }

    pub(crate) fn revoke_all(&mut self) {
        self.revoked_up_to = self.forgotten + self.remembered.len() as u64;
    }

    /// The tokens remembered, oldest first.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.remembered.iter().map(|issued| issued.text.clone()).collect()
    }

    fn judge(&self, number: u64, now: i64) -> Result<(), Invalid> {
        let issued = self.issued(number).ok_or(Invalid::Unknown)?;
        if issued.revoked || number <= self.revoked_up_to {
            return Err(Invalid::Revoked);
        }
        if now >= issued.ends { Err(Invalid::Expired) } else { Ok(()) }
    }

    fn index(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.forgotten + 1)?).ok()
    }

    fn issued(&self, number: u64) -> Option<&Issued> {
        self.remembered.get(self.index(number)?)
    }

    fn remember(&mut self, number: u64, issued: Issued) {
        if self.remembered.len() == MAX_TOKENS
            && let Some(oldest) = self.remembered.pop_front()
        {
            self.numbers.remove(&oldest.text);
            self.forgotten += 1;
        }
        self.numbers.insert(issued.text.clone(), number);
        self.remembered.push_back(issued);
    }

    /// The number, and what nobody else can guess: two servers never issue the same token.
    fn unique(&self, number: u64) -> String {
        let tag = hmac::sign(&self.key, &number.to_be_bytes());
        format!("{number}-{}", URL_SAFE_NO_PAD.encode(&tag.as_ref()[..16]))
    }

    fn jwt(&self, number: u64, times: JwtTimes, lifetime: i64, whose: Whose<'_>, now: i64) -> String {
        // RFC 8705 §3.1.
        let cnf = whose.binding.map(|print| format!(r#""cnf":{{"x5t#S256":"{print}"}},"#));
        let cnf = cnf.unwrap_or_default();
        let claims = format!(
            r#"{{"iss":"evergrant-mock","sub":{},"jti":"{}",{}{cnf}"scope":{}}}"#,
            Value::from(whose.client),
            self.unique(number),
            time_claims(times, lifetime, now),
            Value::from(whose.scope),
        );
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = hmac::sign(&self.key, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// What is signed is believed, and nothing is believed before.
    fn number_of_jwt(&self, signed: &str, signature: &str) -> Option<u64> {
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        hmac::verify(&self.key, signed.as_bytes(), &signature).ok()?;
        let (_, claims) = signed.split_once('.')?;
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        claims.get("jti")?.as_str()?.split_once('-')?.0.parse().ok()
    }
}

/// `iat`, `nbf` and `exp`, each with its comma. `exp` is never later than the truth.
fn time_claims(times: JwtTimes, lifetime: i64, now: i64) -> String {
    let float = |time: i64| format!("{}.{:06}", time / SECOND, time % SECOND);
    let ends = now.saturating_add(lifetime);
    let integer = |time: i64| (time / SECOND).to_string();
    let exp = if lifetime % SECOND == 0 { integer(ends) } else { float(ends) };
    let (iat, exp) = match times {
        JwtTimes::Float => (float(now), float(ends)),
        JwtTimes::Integer => (integer(now), exp),
        JwtTimes::Text => (format!("\"{}\"", integer(now)), format!("\"{exp}\"")),
        JwtTimes::Absent => return String::new(),
    };
    format!(r#""iat":{iat},"nbf":{iat},"exp":{exp},"#)
}

#[cfg(test)]
mod tests;
