//! Header fields on their way through: what is for one connection alone, what speaks for the caller, and what would make the API read
//! another request than the one that was checked.

use http::Version;
#[cfg(feature = "server")]
use http::header::CONTENT_TYPE;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED,
    HOST, HeaderMap, HeaderName, HeaderValue, RANGE, SET_COOKIE, TE, TRANSFER_ENCODING, UPGRADE, VIA,
};
use std::fmt;

/// What a route says of the fields that pass.
#[derive(Clone, Debug, Default)]
pub struct FieldRules {
    /// Whether cookies pass, both ways. Default false: they are the caller's own.
    pub cookies: bool,
    /// Whether the verdict on a refused token needs the body of an answer: then only codings pass that can be read.
    pub reads_bodies: bool,
    /// Whether links in the body of an answer are changed: then no coding passes, and no part of a body is asked for.
    pub maps_links: bool,
}

/// Fields for one connection alone (RFC 9110 §7.6.1), beside those that `Connection` names and all that begin with `proxy-`.
const HOP_BY_HOP: [HeaderName; 5] =
    [CONNECTION, HeaderName::from_static("keep-alive"), TE, TRANSFER_ENCODING, UPGRADE];

/// Fields that make a server read another path or method than the one that was checked, or that speak for who called whom.
const STEERING: [HeaderName; 7] = [
    FORWARDED,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-method-override"),
];

/// What proxies say of an answer: each hands on what those before it have said (RFC 9209 §2), and so the caller of two gateways in a row
/// knows that the one behind has answered.
const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// Where our own key is.
pub const KEY: HeaderName = HeaderName::from_static("x-evergrant-key");

/// A Via of ours is there already: the request went through us before (RFC 9110 §7.6.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Looped;

impl fmt::Display for Looped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this request went through this gateway before: its Via has the gateway's name")
    }
}

impl std::error::Error for Looped {}

/// Our own name in `Via` (RFC 9110 §7.6.3), in the values that say it: made once, and not for each request.
#[derive(Clone, Debug)]
pub struct Via {
    name: Box<str>,
    http10: HeaderValue,
    http11: HeaderValue,
    http2: HeaderValue,
}

impl Via {
    /// This name, which has no space; `None` if it cannot stand in a field.
    pub fn new(name: &str) -> Option<Self> {
        let value = |version| HeaderValue::try_from(format!("{version} {name}")).ok();
        let (http10, http11, http2) = (value("1.0")?, value("1.1")?, value("2")?);
        Some(Self { name: name.into(), http10, http11, http2 })
    }

    /// For a request that came in this version.
    fn value(&self, received: Version) -> HeaderValue {
        let value = match received {
            Version::HTTP_10 => &self.http10,
            Version::HTTP_2 => &self.http2,
            _ => &self.http11,
        };
        value.clone()
    }

    /// Whether it is there already.
    pub(crate) fn is_in(&self, fields: &HeaderMap) -> bool {
        members(fields, &VIA).any(|member| is_received_by(member, &self.name))
    }
}

/// Makes the fields of a caller's request those of a request to the API. `Host` and `Authorization` are left out: the upstream's are
/// put in last, by whoever sends it. `received` is the version that the request came in; `via` is our own name, or `None` where the route
/// leaves Via out.
///
/// # Errors
/// The request went through us before.
pub fn to_upstream(
    fields: &mut HeaderMap,
    rules: &FieldRules,
    received: Version,
    via: Option<&Via>,
) -> Result<(), Looped> {
    if via.is_some_and(|via| via.is_in(fields)) {
        return Err(Looped);
    }
    let takes_trailers = members(fields, &TE).any(|coding| coding.eq_ignore_ascii_case(b"trailers"));
    // It is always there, and would make a list of what is removed.
    fields.remove(HOST);
    remove(fields, |name| is_the_callers(name, rules));
    if takes_trailers {
        fields.insert(TE, HeaderValue::from_static("trailers"));
    }
    if rules.maps_links {
        fields.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        fields.remove(RANGE);
    } else if rules.reads_bodies {
        keep_readable_codings(fields);
    }
    if rules.cookies && received >= Version::HTTP_2 {
        join_cookies(fields);
    }
    if let Some(via) = via {
        fields.append(VIA, via.value(received));
    }
    Ok(())
}

/// What speaks for the caller, or steers a server: also with `_` for `-`, which programs behind CGI and its kind read alike.
fn is_the_callers(name: &HeaderName, rules: &FieldRules) -> bool {
    if name.as_str().contains('_') {
        let with_dashes = HeaderName::try_from(name.as_str().replace('_', "-"));
        return with_dashes.is_ok_and(|name| is_hop_by_hop(&name) || is_the_callers(&name, rules));
    }
    [AUTHORIZATION, EXPECT, KEY, PROXY_STATUS].contains(name)
        || STEERING.contains(name)
        || name.as_str().starts_with("x-forwarded-")
        || (*name == COOKIE && !rules.cookies)
}

/// The trailers of a caller's request (RFC 9110 §6.5): what is removed from the fields is removed from these.
#[cfg(feature = "server")]
pub(crate) fn trailers_to_upstream(mut trailers: HeaderMap, rules: &FieldRules) -> HeaderMap {
    remove(&mut trailers, |name| [HOST, VIA, TE].contains(name) || is_the_callers(name, rules));
    trailers
}

/// The trailers of the API's answer.
#[cfg(feature = "server")]
pub(crate) fn trailers_to_caller(mut trailers: HeaderMap, rules: &FieldRules) -> HeaderMap {
    remove(&mut trailers, |name| is_the_apis(name, rules));
    trailers
}

/// What of an answer is for us, or for nobody.
fn is_the_apis(name: &HeaderName, rules: &FieldRules) -> bool {
    *name == AUTHORIZATION || (*name == SET_COOKIE && !rules.cookies)
}

/// Makes the fields of the API's answer those of the answer to the caller. Its challenge stays: an answer about our token is not passed
/// on, but translated.
pub fn to_caller(fields: &mut HeaderMap, rules: &FieldRules) {
    remove(fields, |name| is_the_apis(name, rules));
    // A shared cache in front may keep what was meant for this client: RFC 9111 §3.5 protects answers to requests that had a token,
    // and the caller's had none.
    let knows = ["public", "s-maxage", "must-revalidate", "private", "no-store"];
    let is_said = members(fields, &CACHE_CONTROL).any(|directive| {
        let name = before(directive, b'=');
        knows.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    });
    if !is_said {
        fields.append(CACHE_CONTROL, HeaderValue::from_static("private"));
    }
}

/// The media type of a body without its parameters (RFC 9110 §8.3.1): `None` if nothing is said of it, and empty if it is no text.
#[cfg(feature = "server")]
pub(crate) fn media_type(fields: &HeaderMap) -> Option<&str> {
    let value = fields.get(CONTENT_TYPE)?;
    Some(str::from_utf8(before(value.as_bytes(), b';')).unwrap_or_default())
}

/// The members of a list field (RFC 9110 §5.6.1). They are bytes: one that is no text must not hide the others.
fn members<'a>(fields: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let values = fields.get_all(name).into_iter().map(HeaderValue::as_bytes);
    values
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

/// What of a member is before its parameters or its value.
fn before(member: &[u8], mark: u8) -> &[u8] {
    member.split(|byte| *byte == mark).next().unwrap_or_default().trim_ascii()
}

/// Whether a member of Via is that of this proxy: the protocol, then its name (RFC 9110 §7.6.3).
fn is_received_by(member: &[u8], name: &str) -> bool {
    let mut words = member.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.nth(1).is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
}

/// What is for one connection alone, whatever `Connection` names.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    let is_proxys = name.as_str().starts_with("proxy-") && *name != PROXY_STATUS;
    HOP_BY_HOP.contains(name) || is_proxys
}

/// Removes what is for one connection alone, and these: all are found in one pass, and where there are none nothing is looked up.
fn remove(fields: &mut HeaderMap, is_bad: impl Fn(&HeaderName) -> bool) {
    // RFC 9112 §6.3: a length beside a coding is not passed on.
    if fields.contains_key(TRANSFER_ENCODING) {
        fields.remove(CONTENT_LENGTH);
    }
    // RFC 9110 §8.6: the same length twice goes on as one. HTTP/2 hands both on, and holds the body to the first.
    let mut lengths = fields.get_all(CONTENT_LENGTH).into_iter();
    if let (Some(length), Some(_)) = (lengths.next(), lengths.next()) {
        let length = length.clone();
        fields.insert(CONTENT_LENGTH, length);
    }
    // Most often `keep-alive` or `close`, which no field is called.
    let named = members(fields, &CONNECTION).filter_map(|name| std::str::from_utf8(name).ok());
    let named = named.filter(|name| fields.contains_key(*name));
    let named = named.filter_map(|name| HeaderName::try_from(name).ok());
    let found = fields.keys().filter(|name| is_hop_by_hop(name) || is_bad(name)).cloned();
    let bad: Vec<HeaderName> = named.chain(found).collect();
    for name in bad {
        fields.remove(name);
    }
}

/// A caller of HTTP/2 may send its cookies one by one; an API may know a single field alone (RFC 9113 §8.2.3).
fn join_cookies(fields: &mut HeaderMap) {
    let all: Vec<_> = fields.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if all.len() > 1
        && let Ok(value) = HeaderValue::try_from(all.join(&b"; "[..]))
    {
        fields.insert(COOKIE, value);
    }
}

/// What of `Accept-Encoding` stays where an answer must be read here. Without a field any coding may come, so there is one.
fn keep_readable_codings(fields: &mut HeaderMap) {
    let readable = |member: &&[u8]| {
        let coding = before(member, b';');
        ["gzip", "x-gzip", "deflate", "identity"]
            .iter()
            .any(|known| coding.eq_ignore_ascii_case(known.as_bytes()))
    };
    let kept = members(fields, &ACCEPT_ENCODING).filter(readable).collect::<Vec<_>>().join(&b", "[..]);
    let value = if kept.is_empty() { b"identity".to_vec() } else { kept };
    if let Ok(value) = HeaderValue::try_from(value) {
        fields.insert(ACCEPT_ENCODING, value);
    }
}

#[cfg(test)]
mod tests;
