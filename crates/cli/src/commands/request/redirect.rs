//! Redirects of the API (RFC 9110 §15.4), followed as browsers do.

use super::reach::unambiguous;
use crate::tell::failure::Failure;
use reqwest::header::{HeaderMap, HeaderName, LOCATION};
use reqwest::{Method, Request, StatusCode, Url};

/// How many are followed: as reqwest does, and more than any API needs.
pub(super) const MOST: usize = 10;

const AT_FAULT: &str = "the API";

/// The request that follows an answer with this head to `sent`; `None` if the answer is no redirect.
pub(super) fn next(
    status: StatusCode,
    headers: &HeaderMap,
    mut sent: Request,
) -> Result<Option<Request>, Failure> {
    let Some(becomes_get) = becomes_get(status, sent.method()) else { return Ok(None) };
    let Some(location) = headers.get(LOCATION) else { return Ok(None) };
    let (from, to) = (sent.url().clone(), target(sent.url(), location.as_bytes())?);
    *sent.url_mut() = to.clone();
    if becomes_get {
        if sent.method() != Method::HEAD {
            *sent.method_mut() = Method::GET;
        }
        *sent.body_mut() = None;
        retain(sent.headers_mut(), |name| !is_of_the_body(name));
    }
    if to.origin() != from.origin() {
        // A field may hold a key for the API that was named; the other one is told what it needs to answer.
        retain(sent.headers_mut(), |name| name.as_str().starts_with("accept") || is_of_the_body(name));
    }
    Ok(Some(sent))
}

/// Whether the next request is a GET without a body; `None` for a status that does not redirect.
fn becomes_get(status: StatusCode, method: &Method) -> Option<bool> {
    match status {
        StatusCode::SEE_OTHER => Some(true),
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => Some(method == Method::POST),
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => Some(false),
        _ => None,
    }
}

/// Where `Location` points to, which may be relative to the URL that was called.
fn target(from: &Url, location: &[u8]) -> Result<Url, Failure> {
    let text = std::str::from_utf8(location).ok();
    let to = text.and_then(|text| from.join(text).ok());
    let Some(to) = to.filter(Url::has_host) else {
        return Err(refused("the API redirects to an address that is no http or https URL"));
    };
    if text.is_some_and(|text| unambiguous(text).is_err()) {
        return Err(refused("the API redirects to a host that programs read in different ways"));
    }
    if !to.username().is_empty() || to.password().is_some() {
        return Err(refused("the API redirects to a URL with a user name or password in it"));
    }
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(refused("the API redirects from https to a URL that is not https"));
    }
    Ok(to)
}

fn refused(happened: &str) -> Failure {
    let next = "look at its Location with -i and without --location, and report it to the API's operator";
    Failure::api(3, happened.to_owned(), AT_FAULT, next)
}

/// What a request without a body must not say (RFC 9110 §15.4).
fn is_of_the_body(name: &HeaderName) -> bool {
    name.as_str().starts_with("content-")
}

fn retain(headers: &mut HeaderMap, keep: impl Fn(&HeaderName) -> bool) {
    let gone: Vec<HeaderName> = headers.keys().filter(|name| !keep(name)).cloned().collect();
    for name in gone {
        headers.remove(name);
    }
}

/// The redirect leads where the token may not go.
pub(super) fn barred(failure: Failure) -> Failure {
    let (happened, next) = failure.parts();
    Failure::usage(format!("the API redirects, and {happened}"), next)
}

/// There is always another one.
pub(super) fn endless() -> Failure {
    let next = "call the final URL; with -i and without --location, each response shows its Location";
    Failure::api(3, format!("the API redirects more than {MOST} times"), AT_FAULT, next)
}

#[cfg(test)]
mod tests;
