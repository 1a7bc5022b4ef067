//! A token response: status, media type and body -> [`Grant`] or [`Refusal`](crate::Refusal).

mod members;
mod rate_limit;
mod reader;
mod retry_after;
mod wording;
mod words;

pub(crate) use reader::Reader;
pub(crate) use retry_after::retry_after;
pub(crate) use words::Words;

use crate::binding::Binding;
use crate::date;
use crate::lifetime::Lifetime;
use crate::scope::Scope;
use crate::secret::Wiped;
use crate::time::Wall;
use crate::token::AccessToken;
use alloc::vec::Vec;
use core::fmt;
use core::mem;
use core::num::{IntErrorKind, ParseIntError};
use core::time::Duration;

/// The response of a token endpoint, as an adapter hands it in.
///
/// Its body is wiped from memory with it; Debug shows the status and the body's length.
pub struct Response {
    status: u16,
    headers: [Header; FIELDS.len()],
    body: Wiped,
    /// The body was coded, and cannot be decoded.
    is_broken: bool,
}

/// How a body is coded (RFC 9110 §8.4.1), whatever was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Coding {
    /// It is not.
    Identity,
    /// `gzip` or `x-gzip` (RFC 1952).
    Gzip,
    /// `deflate` (RFC 1950); some servers send RFC 1951 without its wrapper.
    Deflate,
    /// Another one, one that nobody knows, or several.
    Other,
}

/// What servers write into Content-Encoding although it is no coding: `identity`, which only a request may say, nothing, and
/// words about characters, which belong elsewhere.
const NO_CODINGS: [&str; 11] =
    ["", "identity", "none", "utf-8", "utf8", "ascii", "us-ascii", "iso-8859-1", "7bit", "8bit", "binary"];

/// A header that decides something.
#[derive(Clone, Copy)]
pub(crate) enum Field {
    ContentType,
    Date,
    Age,
    RetryAfter,
    Location,
    ContentLength,
    ContentEncoding,
    RateLimit,
    RateLimitReset,
    XRateLimitReset,
    /// As Okta writes it.
    XRateLimitResetHyphenated,
}

const FIELDS: [&str; 11] = [
    "content-type",
    "date",
    "age",
    "retry-after",
    "location",
    "content-length",
    "content-encoding",
    "ratelimit",
    "ratelimit-reset",
    "x-ratelimit-reset",
    "x-rate-limit-reset",
];

/// What came of one header.
#[derive(Clone, Default)]
enum Header {
    #[default]
    Absent,
    Once(Vec<u8>),
    /// Too long, or there twice: each of these may stand once (RFC 9110 §5.3), and of two nobody knows which counts.
    Unusable,
}

impl Response {
    /// The longest body that is read, in bytes: a token response is below 32 KiB in practice. An adapter stops
    /// reading one byte later; what it then hands in reads as [`Malformed::TooLong`](crate::Malformed::TooLong).
    pub const MAX_BODY: usize = 256 * 1024;

    /// The longest value of a header that is kept, in bytes: common limits for one begin at 8 KiB.
    const MAX_HEADER: usize = 8 * 1024;

    /// An answer with this status, without headers and body.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Default::default(), body: Wiped::default(), is_broken: false }
    }

    /// The same with one more header, its name in any letter case. All of an answer's headers may be handed in:
    /// Content-Type, Content-Length, Content-Encoding, Date, Age, Retry-After, Location and what says when a rate limit ends
    /// (RateLimit, RateLimit-Reset, X-RateLimit-Reset, X-Rate-Limit-Reset) are kept. Several lines of Content-Encoding are one
    /// list (RFC 9110 §5.3); of the others, one that comes twice does not count.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &[u8]) -> Self {
        let place = FIELDS.iter().position(|field| field.eq_ignore_ascii_case(name));
        if let Some(header) = place.and_then(|place| self.headers.get_mut(place)) {
            let is_list = place == Some(Field::ContentEncoding as usize);
            *header = match mem::take(header) {
                Header::Absent if value.len() <= Self::MAX_HEADER => Header::Once(value.into()),
                Header::Once(mut lines) if is_list && lines.len() + value.len() < Self::MAX_HEADER => {
                    lines.push(b',');
                    lines.extend(value);
                    Header::Once(lines)
                }
                _ => Header::Unusable,
            };
        }
        self
    }

    /// The same with this body, whole, or cut after [`MAX_BODY`](Self::MAX_BODY) + 1 bytes. If it was coded and is
    /// decoded, Content-Encoding is not handed in.
    #[must_use]
    pub fn with_body(mut self, body: Vec<u8>) -> Self {
        self.body = Wiped(body);
        self
    }

    /// The same for a body that was coded as [`coding`](Self::coding) says and cannot be decoded: it is damaged, cut off,
    /// or followed by something else. Content-Encoding is not handed in then, either.
    #[must_use]
    pub fn with_broken_body(self) -> Self {
        Self { is_broken: true, ..self }
    }

    /// The status (RFC 9110 §15).
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Whether the body can say anything, once the headers are handed in. An adapter reads no byte of one that cannot: of
    /// a redirect or of another status without a token, of what Content-Length announces as too long, of what
    /// Content-Encoding says is coded: one that can decode it asks before it hands that header in.
    pub fn needs_body(&self) -> bool {
        !(202..=399).contains(&self.status) && !self.is_too_long() && !self.is_coded()
    }

    /// Whether the body is longer than [`MAX_BODY`](Self::MAX_BODY), or announced so (RFC 9110 §8.6).
    pub(crate) fn is_too_long(&self) -> bool {
        let announced = self.header(Field::ContentLength).map_or(Ok(0), str::parse::<usize>);
        // A number too big for `usize` is too long as well; what is no number, the HTTP library has refused.
        let beyond = |error: ParseIntError| *error.kind() == IntErrorKind::PosOverflow;
        self.body.len() > Self::MAX_BODY || announced.map_or_else(beyond, |length| length > Self::MAX_BODY)
    }

    /// How the body is coded, by the Content-Encoding that was handed in (RFC 9110 §8.4). A word that is no coding, such
    /// as `utf-8`, `none` or `identity`, says nothing; of several codings nobody here takes off more than one.
    pub fn coding(&self) -> Coding {
        if let Some(Header::Absent) = self.headers.get(Field::ContentEncoding as usize) {
            return Coding::Identity;
        }
        let Some(words) = self.header(Field::ContentEncoding) else { return Coding::Other };
        let is_coding = |word: &&str| !NO_CODINGS.iter().any(|no| word.eq_ignore_ascii_case(no));
        let mut codings = words.split(',').map(|word| word.trim_matches([' ', '\t'])).filter(is_coding);
        let is = |word: &str, name: &str| word.eq_ignore_ascii_case(name);
        match (codings.next(), codings.next()) {
            (None, _) => Coding::Identity,
            (Some(one), None) if is(one, "gzip") || is(one, "x-gzip") => Coding::Gzip,
            (Some(one), None) if is(one, "deflate") => Coding::Deflate,
            _ => Coding::Other,
        }
    }

    /// Whether the body is coded (RFC 9110 §8.4), although `identity` was asked for, and nobody has decoded it.
    pub(crate) fn is_coded(&self) -> bool {
        self.coding() != Coding::Identity
    }

    /// Whether the body was coded, and cannot be decoded.
    pub(crate) const fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// The body.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The headers that were kept, as they came.
    pub(crate) fn kept(&self) -> impl Iterator<Item = (&str, &[u8])> {
        FIELDS.iter().zip(&self.headers).filter_map(|(name, header)| match header {
            Header::Once(value) => Some((*name, &**value)),
            Header::Absent | Header::Unusable => None,
        })
    }

    /// A header's value without the white space around it, if it came once and is a text.
    pub(crate) fn header(&self, field: Field) -> Option<&str> {
        core::str::from_utf8(self.value(field)?).ok().map(|text| text.trim_matches([' ', '\t']))
    }

    fn value(&self, field: Field) -> Option<&[u8]> {
        match self.headers.get(field as usize)? {
            Header::Once(value) => Some(value),
            Header::Absent | Header::Unusable => None,
        }
    }

    /// When it was written, by its server's clock.
    pub(crate) fn date(&self) -> Option<Wall> {
        let value = self.value(Field::Date)?;
        // As nearly every server writes it, without a look at anything twice: it is asked for with every answer.
        date::imf_fixdate(value).or_else(|| self.header(Field::Date).and_then(date::read))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A successful token response (RFC 6749 §5.1).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Grant {
    pub(crate) token: AccessToken,
    pub(crate) lifetime: Lifetime,
    narrowed: Option<Scope>,
}

impl Grant {
    /// A token with this life from the moment its request was sent; `None` when nothing is known of it.
    pub fn new(token: AccessToken, life: Option<Duration>) -> Self {
        let lifetime = Lifetime { life, ..Lifetime::default() };
        Self { token, lifetime, narrowed: None }
    }

    /// The same, with when the server wants it refreshed, from the moment of sending.
    #[must_use]
    pub fn with_refresh_in(mut self, refresh_in: Duration) -> Self {
        self.lifetime.refresh_in = Some(refresh_in);
        self
    }

    /// The same, bound to this.
    #[must_use]
    pub fn with_binding(self, binding: Binding) -> Self {
        Self { token: self.token.with_binding(binding), ..self }
    }

    /// What whoever uses the token has to prove beside it; [`Binding::None`] where nothing is known of it.
    pub fn binding(&self) -> Binding {
        self.token.binding()
    }

    /// The token.
    pub const fn token(&self) -> &AccessToken {
        &self.token
    }

    /// What is known of its life.
    pub const fn lifetime(&self) -> &Lifetime {
        &self.lifetime
    }

    /// The scope that the server says it granted; `None` when it says nothing readable, which stands for the scope
    /// that was asked for (RFC 6749 §5.1). [`Token::scope`](crate::Token::scope) says the same.
    pub fn scope(&self) -> Option<&Scope> {
        self.token.scope()
    }

    /// The scope tokens that were asked for and are not among those the server says it granted; `None` if there is
    /// none. `*` asks for whatever the client may have: no answer to it is narrower.
    pub const fn narrowed_scope(&self) -> Option<&Scope> {
        self.narrowed.as_ref()
    }

    fn with_scope(self, scope: Option<Scope>, asked: &Scope) -> Self {
        let narrowed = scope.as_ref().and_then(|granted| asked.missing_from(granted));
        Self { token: self.token.with_scope(scope), narrowed, ..self }
    }
}

#[cfg(test)]
mod tests;
