//! What became of the call.

use crate::tell::failure::{Failure, PROXY, of_the_command};
use crate::tell::stderr;
use evergrant_http::{open_files_error, tls_error};
use evergrant_tokio_reqwest::core::{Answer, Excerpt, Refusal, Span, TransportErrorKind};
use evergrant_tokio_reqwest::{ApiError, Proxy, Token, Verdict, VerdictRule};
use reqwest::header::{HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use std::time::Duration;

/// What the answer means for the command's own status. An API may repeat a token that it got. `stays`: how long the cache keeps that
/// token, even if the API refused it.
pub(super) fn ended(
    answer: &Response,
    rule: &VerdictRule,
    tokens: &[Token],
    stays: Option<Duration>,
) -> Result<(), Failure> {
    let status = answer.status();
    let masks: Vec<&str> = tokens.iter().map(|token| token.value().expose()).collect();
    let field = |name| {
        let value: &HeaderValue = answer.headers().get(name)?;
        // The query of a URL may hold what is nobody's business.
        let shown = value.to_str().ok()?.split(['?', '#']).next()?;
        Excerpt::new(shown, &masks)
    };
    if status.is_redirection() {
        if let Some(elsewhere) = field(LOCATION) {
            stderr::note(format_args!("the API points to {elsewhere}, which is not followed"));
        }
        return Ok(());
    }
    if !(status.is_client_error() || status.is_server_error()) {
        return Ok(());
    }
    let happened = format!("the API answered http {status}");
    if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        // No API answers so (RFC 9110 §15.5.8).
        let happened = format!("a proxy answered http {status}");
        return Err(Failure::api(4, happened, PROXY, "check the user and password of the proxy"));
    }
    // What a server has not implemented it will not have later (RFC 9110 §15.6.2).
    let lasting = [StatusCode::NOT_IMPLEMENTED, StatusCode::HTTP_VERSION_NOT_SUPPORTED].contains(&status);
    let transient = (status.is_server_error() && !lasting)
        || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS]
            .contains(&status);
    if transient {
        let next = match field(RETRY_AFTER) {
            Some(wait) => format!("try again; its Retry-After says {wait}"),
            None => "try again later".into(),
        };
        return Err(Failure::api(4, happened, "the API", &next));
    }
    // What a challenge says (RFC 6750 §3) tells more than the status.
    let lines: Vec<_> =
        answer.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let seen = Answer::new(status.as_u16(), &lines, None);
    let challenges = seen.challenges();
    let said = |name| challenges.iter().find_map(|challenge| Excerpt::new(challenge.param(name)?, &masks));
    let happened = match (said("error"), said("error_description")) {
        (Some(error), Some(words)) => format!("{happened}: {error}: {words}"),
        (Some(error), None) => format!("{happened}: {error}"),
        (None, _) => happened,
    };
    let next = match (rule.judge(&seen), status, stays) {
        (Verdict::InsufficientScope, ..) => match said("scope") {
            Some(scope) => {
                format!("request a token with the scope {scope}, or ask the API's operator to allow it")
            }
            None => {
                "request a token with a scope that allows it, or ask the API's operator to allow it".into()
            }
        },
        (Verdict::TokenRefused, _, Some(left)) => format!(
            "the kept token came a moment ago, and one so new is not replaced: try again in {}, or now with --cache=refresh; if a new \
             one is refused too, {ACCEPTED}",
            Span(left.max(Duration::from_secs(1)))
        ),
        (Verdict::TokenRefused, ..) | (_, StatusCode::UNAUTHORIZED, _) => ACCEPTED.into(),
        (_, StatusCode::FORBIDDEN, _) => {
            "ask for a scope that allows it, or the API's operator to allow it".into()
        }
        _ => "change the request; the answer's body may say how".to_owned(),
    };
    Err(Failure::api(3, happened, "the request", &next))
}

/// What is to be done about an API that refuses each token.
const ACCEPTED: &str =
    "check that this API accepts tokens of this authorization server, and for this audience or resource";

/// What an answer of this status means, which was not what the file was for. One that has not changed (304) is there.
pub(super) fn unwritten(status: StatusCode) -> Result<(), Failure> {
    if status == StatusCode::NOT_MODIFIED {
        return Ok(());
    }
    let happened = format!("the API answered http {status}, and nothing was written to --output");
    Err(Failure::api(3, happened, "the request", "follow the redirect with --location"))
}

/// Of a call through this proxy, if one is known to be on its way.
pub(super) fn failure(error: ApiError, proxy: Option<&Proxy>) -> Failure {
    match error {
        ApiError::Token(error) => error.into(),
        ApiError::Http(error) => broken(error, proxy),
        other => Failure::api(4, other.to_string(), "the API, or the connection to it", "try again"),
    }
}

/// In words, from the outside in, without the URL: its query may hold what is nobody's business.
pub(super) fn broken(error: reqwest::Error, proxy: Option<&Proxy>) -> Failure {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        cause = inner.source();
    }
    // The words of the token request, where it would have failed like this.
    if let Some(known) = open_files_error(&error).or_else(|| tls_error(&error)) {
        let at_fault = match known.kind() {
            TransportErrorKind::NoFile => "this machine",
            _ => "the API's TLS, or this machine's trusted roots",
        };
        let happened = of_the_command(format!("the call failed: {known}"));
        return Failure::api(4, happened, at_fault, Refusal::from(known).advice());
    }
    if let Some((_, tunnel)) = words.split_once("tunnel error: ") {
        let which = proxy.map_or("the system's proxy".into(), |proxy| format!("the proxy {proxy}"));
        let tunnel = Excerpt::new(tunnel, &[]).unwrap_or_default();
        return Failure::api(
            4,
            format!("the call failed: {which} did not open a connection: {tunnel}"),
            PROXY,
            "check the proxy's address, its user and password, and whether it lets the API through",
        );
    }
    let words = Excerpt::new(&words, &[]).unwrap_or_default();
    Failure::api(
        4,
        format!("the call failed: {words}"),
        "the API, or the connection to it",
        "check the host and the port, and try again",
    )
}
