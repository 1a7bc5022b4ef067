//! A client assertion, checked (RFC 7521 §4.2, RFC 7523 §3; JWT-SVID §4 for those of SPIFFE).

use std::collections::{HashSet, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::clock::SECOND;
use crate::jwk::Key;
use crate::trust::{ClientId, Trust};

/// Values of `jti` that are remembered.
const MAX_USED: usize = 100_000;

/// An assertion as a request has it.
pub(crate) struct Presented {
    pub(crate) assertion_type: String,
    pub(crate) text: String,
    pub(crate) client_id: Option<String>,
}

/// What an assertion says that passed its checks.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) sub: String,
    /// Its issuer and its `jti`, when it may be used once.
    pub(crate) once: Option<(String, String)>,
}

/// Which check failed, in the order of the checks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Flaw {
    Untrusted,
    Type,
    ClientIdMissing,
    ClientIdPresent,
    NoJwt,
    Unsigned,
    Algorithm,
    KidUnknown,
    KidMissing,
    Crit,
    Typ,
    Signature,
    Issuer,
    Subject,
    SpiffeId,
    Audience,
    NoEnd,
    Expired,
    NotYetValid,
    NoId,
    ClientUnknown,
    Unchanged,
    UsedTwice,
}

impl Flaw {
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Untrusted => "this server trusts no client assertions",
            Self::Type => "the client_assertion_type is not accepted",
            Self::ClientIdMissing => "client_id is missing beside the assertion",
            Self::ClientIdPresent => "client_id must not be sent beside the assertion",
            Self::NoJwt => "the assertion is no signed JWT",
            Self::Unsigned => "the alg of the assertion is none",
            Self::Algorithm => "the alg of the assertion is that of no trusted key",
            Self::KidUnknown => "the kid of the assertion is that of no trusted key",
            Self::KidMissing => "the assertion has no kid, and several keys are trusted",
            Self::Crit => "the crit of the assertion names an extension that is not understood",
            Self::Typ => "the typ of the assertion is neither JWT nor JOSE",
            Self::Signature => "the signature of the assertion is not valid",
            Self::Issuer => "the iss of the assertion is missing or not the expected one",
            Self::Subject => "the sub of the assertion is missing or not the expected one",
            Self::SpiffeId => "the sub of the assertion is no SPIFFE ID",
            Self::Audience => "the aud of the assertion is not the expected one alone",
            Self::NoEnd => "the exp of the assertion is missing or not a number",
            Self::Expired => "the assertion has expired",
            Self::NotYetValid => "the assertion is not valid yet, or its nbf is not a number",
            Self::NoId => "the jti of the assertion is missing",
            Self::ClientUnknown => {
                "client_id is neither a client of this server nor the sub of the assertion"
            }
            Self::Unchanged => "the assertion is refused until it changes",
            Self::UsedTwice => "the jti of the assertion was used before",
        }
    }
}

/// What the assertion says, when somebody trusts it at the time `now`. Otherwise the flaw that the one who read furthest
/// found.
pub(crate) fn judge(trusts: &[Trust], presented: &Presented, now: i64) -> Result<Accepted, Flaw> {
    let mut flaw = Flaw::Untrusted;
    for trust in trusts {
        match check(trust, presented, now) {
            Ok(accepted) => return Ok(accepted),
            Err(found) => flaw = flaw.max(found),
        }
    }
    Err(flaw)
}

fn check(trust: &Trust, presented: &Presented, now: i64) -> Result<Accepted, Flaw> {
    if presented.assertion_type != trust.assertion_type {
        return Err(Flaw::Type);
    }
    match (trust.client_id, &presented.client_id) {
        (ClientId::Required, None) => return Err(Flaw::ClientIdMissing),
        (ClientId::Refused, Some(_)) => return Err(Flaw::ClientIdPresent),
        _ => {}
    }
    let claims = verified(trust, &presented.text)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let is_spiffe = trust.assertion_type == Trust::JWT_SPIFFE;
    let iss = match (text("iss"), &trust.issuer) {
        (Some(iss), Some(issuer)) if iss == issuer => iss,
        (Some(iss), None) => iss,
        (None, None) if is_spiffe => "",
        _ => return Err(Flaw::Issuer),
    };
    let sub = text("sub").ok_or(Flaw::Subject)?;
    if trust.subject.as_ref().is_some_and(|subject| subject != sub) {
        return Err(Flaw::Subject);
    }
    if is_spiffe && !sub.starts_with("spiffe://") {
        return Err(Flaw::SpiffeId);
    }
    if !is_for(trust, claims.get("aud")) {
        return Err(Flaw::Audience);
    }
    check_times(trust, &claims, now)?;
    let once = match text("jti") {
        Some(jti) if trust.once => Some((iss.to_owned(), jti.to_owned())),
        None if trust.once => return Err(Flaw::NoId),
        _ => None,
    };
    Ok(Accepted { sub: sub.to_owned(), once })
}

/// The claims, of a JWT in the compact serialization (RFC 7515 §3.1) that a trusted key signed.
fn verified(trust: &Trust, jwt: &str) -> Result<Map<String, Value>, Flaw> {
    let (signed, signature) = jwt.rsplit_once('.').ok_or(Flaw::NoJwt)?;
    let (header, claims) = signed.split_once('.').ok_or(Flaw::NoJwt)?;
    let (header, claims) = (object(header)?, object(claims)?);
    let alg = header.get("alg").and_then(Value::as_str).ok_or(Flaw::NoJwt)?;
    if alg == "none" {
        return Err(Flaw::Unsigned);
    }
    let key = key(&trust.keys, alg, header.get("kid"))?;
    // RFC 7515 §4.1.11: whatever it names, we do not know it.
    if header.contains_key("crit") {
        return Err(Flaw::Crit);
    }
    let typ = header.get("typ").map(|typ| typ.as_str().unwrap_or_default());
    if trust.assertion_type == Trust::JWT_SPIFFE && !matches!(typ, None | Some("JWT" | "JOSE")) {
        return Err(Flaw::Typ);
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Flaw::Signature)?;
    if key.verifies(signed.as_bytes(), &signature) { Ok(claims) } else { Err(Flaw::Signature) }
}

fn object(part: &str) -> Result<Map<String, Value>, Flaw> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| Flaw::NoJwt)?;
    serde_json::from_slice(&json).map_err(|_| Flaw::NoJwt)
}

/// The key of this name, or the only one.
fn key<'a>(keys: &'a [Key], alg: &str, kid: Option<&Value>) -> Result<&'a Key, Flaw> {
    let mut keys = keys.iter().filter(|key| key.signs_with(alg)).peekable();
    keys.peek().ok_or(Flaw::Algorithm)?;
    match kid {
        Some(kid) => {
            keys.find(|key| key.kid().is_some() && key.kid() == kid.as_str()).ok_or(Flaw::KidUnknown)
        }
        None => {
            let only = keys.next().ok_or(Flaw::Algorithm)?;
            if keys.next().is_some() { Err(Flaw::KidMissing) } else { Ok(only) }
        }
    }
}

fn is_for(trust: &Trust, aud: Option<&Value>) -> bool {
    match aud {
        Some(Value::String(aud)) => *aud == trust.audience,
        Some(Value::Array(all)) => {
            (all.len() == 1 || trust.among_others) && all.iter().any(|aud| *aud == *trust.audience)
        }
        _ => false,
    }
}

/// RFC 7519 §4.1.4 and §4.1.5.
fn check_times(trust: &Trust, claims: &Map<String, Value>, now: i64) -> Result<(), Flaw> {
    let now = now as f64 / SECOND as f64;
    let leeway = trust.leeway.as_secs_f64();
    let exp = claims.get("exp").and_then(Value::as_f64).ok_or(Flaw::NoEnd)?;
    if now >= exp + leeway {
        return Err(Flaw::Expired);
    }
    let nbf = claims.get("nbf").map_or(Some(f64::MIN), Value::as_f64).ok_or(Flaw::NotYetValid)?;
    if now < nbf - leeway { Err(Flaw::NotYetValid) } else { Ok(()) }
}

/// The `jti` of each assertion that may be used once and was, with its issuer.
#[derive(Default)]
pub(crate) struct Used {
    known: HashSet<(String, String)>,
    order: VecDeque<(String, String)>,
}

impl Used {
    /// Whether it is used for the first time.
    pub(crate) fn is_first(&mut self, id: (String, String)) -> bool {
        if !self.known.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > MAX_USED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests;
