//! The times that a JWT names (RFC 7519 §4.1), unverified: a hint, never a fact.
//!
//! No signature is checked, no algorithm trusted, no claim handed out. RFC 9068 §6 asks clients not to look inside an
//! access token, so nothing depends on what is found here; any doubt is "no hint".

use crate::json::{self, Raw};
use crate::seconds;
use crate::secret::Wiped;
use crate::thumbprint::Thumbprint;
use crate::time::Wall;
use alloc::string::String;
use alloc::vec;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use core::time::Duration;
use memchr::memchr;
use zeroize::Zeroizing;

/// 9999-12-31T23:59:59Z. Beyond lies no date but a mistake: milliseconds, for one.
const LAST: u64 = 253_402_300_799;

/// What a JWT says about its life, in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Times {
    /// When it expires, by the server's clock.
    pub(crate) exp: Wall,
    /// When it was issued, by the server's clock.
    pub(crate) iat: Option<Wall>,
}

/// The times of `token`, if it is a JWT in three parts (RFC 7515 §7.1) with a readable `exp`. Total, and bounded by
/// the token's own bound.
pub(crate) fn hint(token: &str) -> Option<Times> {
    let (header, rest) = part(token)?;
    let (payload, signature) = part(rest)?;
    // A fourth part would begin with a dot in the third.
    if !is_encoded(signature) {
        return None;
    }
    let longest = header.len().max(payload.len());
    let mut space = Wiped(vec![0; base64::decoded_len_estimate(longest)]);
    if !is_plain(decoded(header, &mut space)?) {
        return None;
    }
    let [exp, iat, nbf] = claims(decoded(payload, &mut space)?)?;
    let exp = exp?;
    // A token that is over before it begins is a mistake of whoever wrote it.
    let lives = iat.max(nbf).is_none_or(|begin| begin < exp);
    let wall = |seconds| Wall::from_epoch(Duration::from_secs(seconds));
    lives.then(|| Times { exp: wall(exp), iat: iat.map(wall) })
}

/// What a JWT of somebody else says of itself, for people: nothing is decided by it.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) alg: Option<Zeroizing<String>>,
    pub(crate) typ: Option<Zeroizing<String>>,
    pub(crate) kid: Option<Zeroizing<String>>,
    pub(crate) exp: Option<Wall>,
    pub(crate) nbf: Option<Wall>,
    pub(crate) iss: Option<Zeroizing<String>>,
    /// Those that it is for.
    pub(crate) aud: Option<Zeroizing<String>>,
    pub(crate) sub: Option<Zeroizing<String>>,
}

/// What `token` says, if it is a JWT in three parts. Where a claim is repeated, the last one is told.
pub(crate) fn told(token: &str) -> Option<Told> {
    let (header, rest) = part(token)?;
    let (payload, _) = part(rest)?;
    let longest = header.len().max(payload.len());
    let mut space = Wiped(vec![0; base64::decoded_len_estimate(longest)]);
    let mut told = Told::default();
    let of_header = |name: &[u8], header: &[u8]| {
        let value = member(json::object(header).ok()?, name)?.text()?;
        Some(Zeroizing::new(String::from(&*value)))
    };
    if let Some(header) = decoded(header, &mut space) {
        told.alg = of_header(b"alg", header);
        told.typ = of_header(b"typ", header);
        told.kid = of_header(b"kid", header);
    }
    let wall = |value: Raw<'_>| time(value).map(|time| Wall::from_epoch(Duration::from_secs(time)));
    let text = |value: Raw<'_>| value.text().map(|text| Zeroizing::new(String::from(&*text)));
    for member in json::object(decoded(payload, &mut space)?).ok()? {
        let (name, value) = member.ok()?;
        match name.as_deref() {
            Some(b"exp") => told.exp = wall(value),
            Some(b"nbf") => told.nbf = wall(value),
            Some(b"iss") => told.iss = text(value),
            Some(b"sub") => told.sub = text(value),
            Some(b"aud") => told.aud = text(value).or_else(|| several(value)),
            _ => {}
        }
    }
    Some(told)
}

/// The texts of an array, one after the other. Each is a part of the token, which bounds them together.
fn several(value: Raw<'_>) -> Option<Zeroizing<String>> {
    let mut all = Zeroizing::new(String::with_capacity(value.len()));
    for text in value.elements()?.filter_map(Result::ok).filter_map(Raw::text) {
        if !all.is_empty() {
            all.push_str(", ");
        }
        all.push_str(&text);
    }
    (!all.is_empty()).then_some(all)
}

/// The certificate that `token` says it is bound to (RFC 8705 §3.1), if it is a JWT that says so.
pub(crate) fn certificate(token: &str) -> Option<Thumbprint> {
    let (_, rest) = part(token)?;
    let (payload, _) = part(rest)?;
    let mut space = Wiped(vec![0; base64::decoded_len_estimate(payload.len())]);
    let confirmation = member(json::object(decoded(payload, &mut space)?).ok()?, b"cnf")?;
    Thumbprint::parse(&member(confirmation.members()?, b"x5t#S256")?.text()?)
}

/// The value of the member of this name: of several the last one.
fn member<'a>(members: json::Members<'a>, name: &[u8]) -> Option<Raw<'a>> {
    let named = members.filter_map(Result::ok).filter(|(own, _)| own.as_deref() == Some(name));
    named.map(|(_, value)| value).last()
}

/// What stands before the first dot, and what follows it.
fn part(text: &str) -> Option<(&str, &str)> {
    let dot = memchr(b'.', text.as_bytes())?;
    Some((text.get(..dot)?, text.get(dot + 1..)?))
}

/// base64url without padding, white space or stray bits (RFC 7515 §2), decoded into `space`.
fn decoded<'a>(part: &str, space: &'a mut [u8]) -> Option<&'a [u8]> {
    let length = URL_SAFE_NO_PAD.decode_slice(part, space).ok()?;
    space.get(..length)
}

/// Whether [`decoded`] would make something of it: a signature's bytes are of no use here. Only the last group of four
/// can have stray bits, or one character too few or too many.
fn is_encoded(part: &str) -> bool {
    let (groups, last) = part.as_bytes().split_at(part.len().saturating_sub(1) / 4 * 4);
    let is_ours = |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'_');
    // Without stopping at a fault sixteen are looked at in one step.
    !last.is_empty()
        && groups.iter().fold(true, |all, byte| all & is_ours(*byte))
        && URL_SAFE_NO_PAD.decode_slice(last, &mut [0; 3]).is_ok()
}

/// Whether the header is an object that does not say that the payload is something else than it seems: compressed
/// (`zip`), not encoded (`b64`, RFC 7797), or to be understood in a way unknown here (`crit`).
fn is_plain(header: &[u8]) -> bool {
    let Ok(mut members) = json::object(header) else { return false };
    members.all(|member| match member {
        Ok((Some(name), _)) => !matches!(&*name, b"zip" | b"b64" | b"crit"),
        Ok((None, _)) => true,
        Err(_) => false,
    })
}

/// `exp`, `iat` and `nbf` of the payload, at its top level; `None` if one of them is a duplicate or is no time.
fn claims(payload: &[u8]) -> Option<[Option<u64>; 3]> {
    let mut claims = [None; 3];
    let mut seen = [false; 3];
    for member in json::object(payload).ok()? {
        let (name, value) = member.ok()?;
        let name = name.as_deref();
        let place = match name {
            Some(b"exp") => 0,
            Some(b"iat") => 1,
            Some(b"nbf") => 2,
            _ => continue,
        };
        let (claim, seen) = (claims.get_mut(place)?, seen.get_mut(place)?);
        if core::mem::replace(seen, true) {
            return None;
        }
        *claim = Some(time(value)?);
    }
    Some(claims)
}

/// A NumericDate (RFC 7519 §2), rounded down; or a text of one, as some versions of lcobucci/jwt write it.
fn time(value: Raw<'_>) -> Option<u64> {
    let seconds = match value.text() {
        Some(text) => seconds::of_text(&text),
        None => value.number().and_then(seconds::of_number),
    };
    seconds.filter(|seconds| (1..=LAST).contains(seconds))
}

#[cfg(test)]
pub(crate) mod tests;
