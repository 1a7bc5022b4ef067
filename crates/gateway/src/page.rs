//! Pages in a browser: which of them may send a request, and what they may read of its answer (the CORS protocol of the Fetch standard).
//!
//! A page may only do so where its route lists its origin. Nothing that an API says of pages holds here: they call us, not the API.

use crate::authority;
use evergrant_core::Origin;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue,
    ORIGIN, VARY,
};
use http::request::Parts;
use http::uri::Uri;
use http::{Method, Response, StatusCode};

/// A page of the internet asks for what is on this machine (Private Network Access).
const REQUEST_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// What a page may read beside what every page may: when to come back, by which clock, and who answered.
const EXPOSED: HeaderValue = HeaderValue::from_static("Retry-After, Date, Proxy-Status");

/// How long a browser keeps the answer to a preflight, in seconds: a route that changes is followed by then.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

const TRUE: HeaderValue = HeaderValue::from_static("true");

/// A page in a browser whose origin is listed by the route of its request: what it may read of answers, and what its preflights are
/// answered (the CORS protocol, Fetch standard §3.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    origin: HeaderValue,
    cookies: bool,
}

impl Page {
    /// The page that sent a request with these fields, if it is of one of these origins. `cookies` says whether its cookies pass.
    pub fn listed(fields: &HeaderMap, origins: &[Origin], cookies: bool) -> Option<Self> {
        let mut named = fields.get_all(ORIGIN).into_iter();
        let (Some(origin), None) = (named.next(), named.next()) else { return None };
        let is_listed = origin.to_str().ok().and_then(origin_of).is_some_and(|page| origins.contains(&page));
        is_listed.then(|| Self { origin: origin.clone(), cookies })
    }

    /// The answer to a preflight: a browser asks whether the page may send a request, with a request that carries neither its fields nor a
    /// key. `None` if this is no preflight. `methods` are those of the route.
    pub fn preflight(&self, parts: &Parts, methods: &[Method]) -> Option<Response<()>> {
        if parts.method != Method::OPTIONS || !parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let mut answer = Response::new(());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let fields = answer.headers_mut();
        self.may_read(fields);
        let methods: Vec<_> = methods.iter().map(Method::as_str).collect();
        if let Ok(methods) = HeaderValue::try_from(methods.join(", ")) {
            fields.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        if let Some(names) = parts.headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            fields.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        }
        if parts.headers.contains_key(REQUEST_PRIVATE_NETWORK) {
            fields.insert(ALLOW_PRIVATE_NETWORK, TRUE);
        }
        fields.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        Some(answer)
    }

    /// Lets the page read an answer with these fields.
    pub fn may_read(&self, fields: &mut HeaderMap) {
        fields.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.origin.clone());
        if self.cookies {
            fields.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        fields.append(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        vary(fields);
    }
}

/// What an API says of pages is removed from its answer, but for the names of fields that they may read; and whoever keeps the answer keeps
/// it for pages of one origin.
#[cfg(feature = "server")]
pub(crate) fn to_caller(fields: &mut HeaderMap) {
    let is_the_apis = |name: &&HeaderName| {
        name.as_str().starts_with("access-control-") && **name != ACCESS_CONTROL_EXPOSE_HEADERS
    };
    let theirs: Vec<HeaderName> = fields.keys().filter(is_the_apis).cloned().collect();
    for name in theirs {
        fields.remove(name);
    }
    vary(fields);
}

fn vary(fields: &mut HeaderMap) {
    let origin = HeaderValue::from_static("Origin");
    if !fields.get_all(VARY).iter().any(|value| *value == origin) {
        fields.append(VARY, origin);
    }
}

/// The origin of a page. `null` is that of nobody.
fn origin_of(text: &str) -> Option<Origin> {
    // It would be left out, and the rest be read.
    if text.contains('#') {
        return None;
    }
    let uri: Uri = text.parse().ok()?;
    let is_alone = uri.path_and_query().is_none_or(|rest| rest.as_str() == "/") && !text.ends_with('/');
    if !is_alone {
        return None;
    }
    authority::origin(uri.scheme_str()?, uri.authority()?.as_str())
}

#[cfg(test)]
mod tests;
