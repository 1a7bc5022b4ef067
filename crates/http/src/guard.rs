//! Where a token may go, and what an answer means for it.

use crate::error::Refused;
use crate::unpack::Unpacker;
use evergrant_core::{Answer, Excerpt, Origin, Origins, Response, Verdict, VerdictRule};
use http::header::{AUTHORIZATION, CONTENT_ENCODING};
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The origins a token may go to, and the rule by which their answers are judged. Clones share the origins.
///
/// - before a send: [`admit`](Self::admit), or [`admit_parts`](Self::admit_parts) where a URL is no [`Uri`]
/// - after it: [`judge`](Self::judge), with a prefix of the body where [`needs_body`](Self::needs_body) asks for one
///
/// An answer of another origin than the admitted one, where a redirect led without the token, says nothing about the
/// token: it is not judged. [`origin`] tells.
#[derive(Clone, Debug)]
pub struct Guard {
    origins: Arc<Origins>,
    rule: VerdictRule,
}

impl Guard {
    /// A guard of these origins, whose answers are judged by this rule.
    pub fn new(origins: Origins, rule: VerdictRule) -> Self {
        Self { origins: Arc::new(origins), rule }
    }

    /// The same with another rule for what a refused token looks like.
    #[must_use]
    pub fn with_verdict(self, rule: VerdictRule) -> Self {
        Self { rule, ..self }
    }

    /// The origin that a token may go to with this request.
    ///
    /// # Errors
    /// [`Refused`]: the request has an Authorization header, which is never overwritten, or a user name in its URL, which
    /// becomes one; its URL is not an absolute http or https URL; its origin is not among the allowed ones.
    pub fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Result<Origin, Refused> {
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(Refused::Authorized);
        }
        let shown = || Excerpt::origin(uri.scheme_str(), uri.host(), uri.port_u16());
        self.allow(origin(uri), shown, headers)
    }

    /// The same for a URL that another library parsed, and of which it made the user name a header. `port` is `None` where the URL has none, or has the scheme's own.
    ///
    /// # Errors
    /// As [`admit`](Self::admit).
    pub fn admit_parts(
        &self,
        scheme: &str,
        host: Option<&str>,
        port: Option<u16>,
        headers: &HeaderMap,
    ) -> Result<Origin, Refused> {
        let origin = host.and_then(|host| Origin::from_parts(scheme, host, port));
        self.allow(origin, || Excerpt::origin(Some(scheme), host, port), headers)
    }

    fn allow(
        &self,
        origin: Option<Origin>,
        shown: impl FnOnce() -> Excerpt,
        headers: &HeaderMap,
    ) -> Result<Origin, Refused> {
        if headers.contains_key(AUTHORIZATION) {
            return Err(Refused::Authorized);
        }
        let origin = origin.ok_or(Refused::Url)?;
        if self.origins.contains(&origin) { Ok(origin) } else { Err(Refused::Origin(shown())) }
    }

    /// Whether an answer with this status can say anything about the token. If not, it is [`Verdict::Fine`].
    pub const fn concerns(&self, status: StatusCode) -> bool {
        self.rule.concerns(status.as_u16())
    }

    /// Whether [`judge`](Self::judge) wants the first bytes of the body of an answer with this status:
    /// [`VerdictRule::MAX_BODY`] of them at most. They stay in the body that the caller reads.
    pub fn needs_body(&self, status: StatusCode) -> bool {
        self.concerns(status) && self.rule.needs_body(status.as_u16())
    }

    /// What an answer of an admitted origin means for the token it was sent with. `body` is `None` where it was not asked
    /// for or cannot be looked into. If it is still packed, as a Content-Encoding of gzip or deflate says that an HTTP library
    /// leaves in place where it does not unpack, the rule sees it unpacked, as far as the prefix goes.
    pub fn judge(&self, status: StatusCode, headers: &HeaderMap, body: Option<&[u8]>) -> Verdict {
        if !self.concerns(status) {
            return Verdict::Fine;
        }
        let lines = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let lines: Vec<_> = lines.filter(|(name, _)| self.rule.reads(name)).collect();
        let unpacked = body.and_then(|body| unpacked(headers, body));
        let body = unpacked.as_ref().map_or(body, |unpacked| Some(unpacked));
        self.rule.judge(&Answer::new(status.as_u16(), &lines, body))
    }
}

/// The beginning of a body that these headers say is packed.
fn unpacked(headers: &HeaderMap, body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let codings = headers.get_all(CONTENT_ENCODING).iter();
    let answer = codings.fold(Response::new(0), |answer, value| {
        answer.with_header(CONTENT_ENCODING.as_str(), value.as_bytes())
    });
    Unpacker::beginning(answer.coding(), body, VerdictRule::MAX_BODY)
}

/// The origin of an absolute http or https URL; `None` for any other, for a host that readers of URLs disagree about, and
/// for a port that is no number from 1 to 65535.
pub fn origin(uri: &Uri) -> Option<Origin> {
    Origin::from_parts(uri.scheme_str()?, uri.host()?, port(uri).ok()?)
}

/// The port that a URL names; `None` where it names none, which stands for the scheme's own.
///
/// # Errors
/// [`Refused::Url`]: what stands there is no number from 1 to 65535. A [`Uri`] keeps it and then says that it has no port.
pub fn port(uri: &Uri) -> Result<Option<u16>, Refused> {
    let authority = uri.authority().map(Authority::as_str).unwrap_or_default();
    let host = uri.host().unwrap_or_default();
    let after_host =
        authority.rsplit('@').next().and_then(|place| place.get(host.len()..)).unwrap_or_default();
    match uri.port_u16() {
        Some(0) => Err(Refused::Url),
        None if !matches!(after_host, "" | ":") => Err(Refused::Url),
        port => Ok(port),
    }
}

#[cfg(test)]
mod tests;
