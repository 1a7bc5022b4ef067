//! A client assertion, checked (RFC 7521 §4.2, RFC 7523 §3; JWT-SVID §4 for those of SPIFFE).

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::clock::SECOND;
use crate::jwk::Key;
use crate::registration::{Audience, Registration};
use crate::trust::{ClientId, Trust};

/// How far `exp` may be ahead where nothing says when the assertion was made: Keycloak's bound.
const WITHOUT_IAT: Duration = Duration::from_secs(60);
/// Values of `jti` that are remembered.
const MAX_USED: usize = 100_000;

/// An assertion as a request has it.
pub(crate) struct Presented {
    pub(crate) assertion_type: String,
    pub(crate) text: String,
    pub(crate) client_id: Option<String>,
}

/// What the server is called.
pub(crate) struct Names {
    pub(crate) issuer: String,
    pub(crate) token_endpoint: String,
}

/// What an assertion says that passed its checks.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) sub: String,
    /// What a client must change when its credential is refused: the assertion if somebody else made it, its key if it did.
    pub(crate) credential: String,
    /// Its issuer and its `jti`, when it may be used once.
    pub(crate) once: Option<(String, String)>,
}

/// Which check failed, in the order of the checks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Flaw {
    Untrusted,
    Unregistered,
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
    ClientIdOther,
    SpiffeId,
    Audience,
    AudienceArray,
    AudienceNotIssuer,
    AudienceNotEndpoint,
    NoEnd,
    Expired,
    TooLong,
    TooLongWithoutIat,
    NotYetValid,
    IssuedLater,
    NoId,
    ClientUnknown,
    Unchanged,
    UsedTwice,
}

impl Flaw {
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Untrusted => "this server trusts no client assertions",
            Self::Unregistered => {
                "neither client_id nor the sub of the assertion is a client with a registered key"
            }
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
            Self::ClientIdOther => "client_id is not the iss and sub of the assertion",
            Self::SpiffeId => "the sub of the assertion is no SPIFFE ID",
            Self::Audience => "the aud of the assertion is not the expected one alone",
            Self::AudienceArray => "the aud of the assertion is not one string",
            Self::AudienceNotIssuer => "the aud of the assertion is not the issuer of this server",
            Self::AudienceNotEndpoint => "the aud of the assertion is not the token endpoint of this server",
            Self::NoEnd => "the exp of the assertion is missing or not a number",
            Self::Expired => "the assertion has expired",
            Self::TooLong => "the exp of the assertion is too far ahead",
            Self::TooLongWithoutIat => "the exp of the assertion is more than 60 s ahead, and it has no iat",
            Self::NotYetValid => "the assertion is not valid yet, or its nbf is not a number",
            Self::IssuedLater => "the iat of the assertion is in the future, or not a number",
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
    let is_spiffe = trust.assertion_type == Trust::JWT_SPIFFE;
    let Verified { header, claims, .. } = verified(&trust.keys, &presented.text)?;
    let typ = header.get("typ").map(|typ| typ.as_str().unwrap_or_default());
    if is_spiffe && !matches!(typ, None | Some("JWT" | "JOSE")) {
        return Err(Flaw::Typ);
    }
    let text = |name| text(&claims, name);
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
    Ok(Accepted { sub: sub.to_owned(), credential: presented.text.clone(), once })
}

/// A client's own assertion, when it is as the registration of this client demands at the time `now`.
pub(crate) fn judge_own(
    registration: &Registration,
    names: &Names,
    presented: &Presented,
    now: i64,
) -> Result<Accepted, Flaw> {
    if presented.assertion_type != Trust::JWT_BEARER {
        return Err(Flaw::Type);
    }
    let Verified { claims, key, .. } = verified(registration.keys(), &presented.text)?;
    let id = registration.id.as_str();
    for (name, flaw) in [("iss", Flaw::Issuer), ("sub", Flaw::Subject)] {
        if text(&claims, name) != Some(id) {
            return Err(flaw);
        }
    }
    if presented.client_id.as_ref().is_some_and(|given| given != id) {
        return Err(Flaw::ClientIdOther);
    }
    check_audience(registration, names, claims.get("aud"))?;
    check_own_times(registration, &claims, now)?;
    let jti = text(&claims, "jti").ok_or(Flaw::NoId)?;
    Ok(Accepted {
        sub: id.to_owned(),
        credential: key.thumbprint(),
        once: Some((id.to_owned(), jti.to_owned())),
    })
}

/// The client that an assertion says it is of, before anything of it is believed.
pub(crate) fn claimed_client(jwt: &str) -> Option<String> {
    let claims = object(jwt.split('.').nth(1)?).ok()?;
    text(&claims, "sub").map(str::to_owned)
}

/// What a trusted key signed.
struct Verified<'a> {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    key: &'a Key,
}

/// What is in a JWT in the compact serialization (RFC 7515 §3.1) that one of these keys signed.
fn verified<'a>(keys: &'a [Key], jwt: &str) -> Result<Verified<'a>, Flaw> {
    let (signed, signature) = jwt.rsplit_once('.').ok_or(Flaw::NoJwt)?;
    let (header, claims) = signed.split_once('.').ok_or(Flaw::NoJwt)?;
    let (header, claims) = (object(header)?, object(claims)?);
    let alg = header.get("alg").and_then(Value::as_str).ok_or(Flaw::NoJwt)?;
    if alg == "none" {
        return Err(Flaw::Unsigned);
    }
    let key = key(keys, alg, header.get("kid"))?;
    let alg = key.algorithm(alg).ok_or(Flaw::Algorithm)?;
    // RFC 7515 §4.1.11: whatever it names, we do not know it.
    if header.contains_key("crit") {
        return Err(Flaw::Crit);
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Flaw::Signature)?;
    if key.verifies(alg, signed.as_bytes(), &signature) {
        Ok(Verified { header, claims, key })
    } else {
        Err(Flaw::Signature)
    }
}

/// A member that is a text with something in it.
fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn object(part: &str) -> Result<Map<String, Value>, Flaw> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| Flaw::NoJwt)?;
    serde_json::from_slice(&json).map_err(|_| Flaw::NoJwt)
}

/// The key of this name, or the only one.
fn key<'a>(keys: &'a [Key], alg: &str, kid: Option<&Value>) -> Result<&'a Key, Flaw> {
    let mut keys = keys.iter().filter(|key| key.algorithm(alg).is_some()).peekable();
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

/// One string, or an array where that is allowed.
fn check_audience(registration: &Registration, names: &Names, aud: Option<&Value>) -> Result<(), Flaw> {
    let (expected, other) = match registration.audience {
        Audience::Issuer => (&names.issuer, Flaw::AudienceNotIssuer),
        Audience::TokenEndpoint => (&names.token_endpoint, Flaw::AudienceNotEndpoint),
    };
    let is_expected = match aud {
        Some(Value::String(aud)) => aud == expected,
        Some(Value::Array(all)) if registration.among_others => {
            all.iter().any(|aud| aud == expected.as_str())
        }
        _ => return Err(Flaw::AudienceArray),
    };
    if is_expected { Ok(()) } else { Err(other) }
}

/// RFC 7519 §4.1.4 to §4.1.6, and the bounds of servers.
fn check_own_times(registration: &Registration, claims: &Map<String, Value>, now: i64) -> Result<(), Flaw> {
    let now = now as f64 / SECOND as f64;
    let time = |name: &str| claims.get(name).map(Value::as_f64);
    let exp = time("exp").flatten().ok_or(Flaw::NoEnd)?;
    if now >= exp {
        return Err(Flaw::Expired);
    }
    let not_after = |time: Option<Option<f64>>, ahead: Duration, flaw| match time {
        Some(Some(time)) if time <= now + ahead.as_secs_f64() => Ok(()),
        None => Ok(()),
        Some(_) => Err(flaw),
    };
    let iat = time("iat");
    let longest = if iat.is_some() {
        (registration.ahead, Flaw::TooLong)
    } else {
        (registration.ahead.min(WITHOUT_IAT), Flaw::TooLongWithoutIat)
    };
    not_after(Some(Some(exp)), longest.0, longest.1)?;
    not_after(time("nbf"), registration.nbf_ahead, Flaw::NotYetValid)?;
    not_after(iat, registration.iat_ahead, Flaw::IssuedLater)
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
