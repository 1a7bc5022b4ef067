//! The answers that are the gateway's own: what happened, who is at fault, what to do next, and whether the API saw the request.
//!
//! They are problem documents (RFC 9457) with a `Proxy-Status` (RFC 9209); an answer without that field is the API's.

mod detail;
mod kind;
#[cfg(feature = "server")]
mod local;
mod sent;
mod tenant;
mod text;
mod upstream;

pub use sent::Sent;
pub use tenant::TenantFault;
pub use upstream::{ProxyFailure, UpstreamFault};

use crate::access::AccessDenied;
use crate::fields::Looped;
use crate::route::NoRoute;
use crate::rules::{Denied, METHODS};
use bytes::Bytes;
use detail::Detail;
use evergrant_core::{Error, Excerpt};
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
};
use http::{Method, Response, StatusCode};
use kind::Kind;
use std::time::Duration;

const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// When what stood in the way is likely to be gone soon, and nobody said when.
const SOON: Duration = Duration::from_secs(1);

/// What to do then.
const LATER: &str = "send it again later";

/// An answer of the gateway's own.
///
/// No part of a query and no value of a header field is ever in it; a path, and the words of an API, are escaped and bounded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    kind: Kind,
    /// In a box: an answer is handed on as the error of many a function.
    detail: Box<Detail>,
    sent: Sent,
    rule: Option<&'static str>,
    more: More,
}

/// What only some answers have.
#[derive(Clone, PartialEq, Eq, Debug)]
enum More {
    Nothing,
    RetryAfter(Duration),
    /// The status that the API answered with, where it refused the token; and when to send the request again, if that helps.
    Received(StatusCode, Option<Duration>),
    /// The methods that are allowed, for 405.
    Allow(Box<[Method]>),
}

impl Problem {
    /// Nobody may send this head, or not by this route: 400, 403 or 405.
    pub fn denied(denied: &Denied) -> Self {
        let allow = match denied {
            Denied::Method => More::Allow(METHODS.into()),
            Denied::MethodOfRoute(methods) => More::Allow(methods.as_slice().into()),
            _ => More::Nothing,
        };
        Self { more: allow, ..Self::by_rule(kind::denied(denied), denied.as_str(), denied.to_string()) }
    }

    /// Who sent it may not use this listener: 403.
    pub fn access(denied: AccessDenied) -> Self {
        Self::by_rule(kind::access(denied), denied.as_str(), denied.to_string())
    }

    /// The path leads nowhere, 404, or must not be sent where it leads, 400.
    pub fn no_route(reason: NoRoute, path: &str) -> Self {
        let path = text::path(path);
        let detail = match reason {
            NoRoute::Unknown => {
                format!(
                    "no route leads to {path}; check the path, or add a route for it to the gateway's file"
                )
            }
            NoRoute::Fault(fault) => format!("{fault}: {path}"),
        };
        Self::by_rule(kind::no_route(reason), reason.as_str(), detail)
    }

    /// The request went through this gateway before: 508.
    pub fn looped() -> Self {
        let detail = format!("{Looped}; check upstream of its route, which leads back here");
        Self::by_rule(kind::LOOP, "loop", detail)
    }

    /// The queue for an access token is full: 503.
    pub fn queue_full(after: Duration) -> Self {
        Self::unsent(kind::QUEUE_FULL, "the queue for an access token is full (max_waiters)", Some(LATER))
            .after(after)
    }

    /// The limit of requests in the gateway, or at the API, is reached: 503.
    pub fn busy(after: Duration) -> Self {
        let happened = "the gateway has reached its limit of requests, in all or for this API";
        Self::unsent(kind::BUSY, happened, Some(LATER)).after(after)
    }

    /// The gateway is about to end: 503.
    pub fn closing() -> Self {
        let next = "send it again on a new connection";
        Self::unsent(kind::CLOSING, "the gateway is shutting down", Some(next)).after(SOON)
    }

    /// As many tenants are being served as there may be: 503.
    pub fn tenants_full(after: Duration) -> Self {
        let happened = "the gateway serves as many tenants at once as it may";
        Self::unsent(kind::QUEUE_FULL, happened, Some(LATER)).after(after)
    }

    /// The client of this caller cannot be used: 500, or 503 if it may be used soon.
    pub fn tenant(fault: TenantFault) -> Self {
        let happened = format!("{fault}; the operator of the gateway must act");
        match fault {
            TenantFault::Late => Self::unsent(kind::TENANT_LATE, &happened, None).after(SOON),
            _ => Self::unsent(kind::TENANT, &happened, None),
        }
    }

    /// There is no access token to send the request with: 503.
    pub fn no_token(error: &Error) -> Self {
        let kind = match error {
            // A place may be free at any moment, whenever the next token request is.
            Error::Saturated { .. } => return Self::queue_full(SOON),
            // A caller whose deadline passed may find a token later, whatever the last answer was.
            Error::Failed { .. } if error.is_permanent() => kind::CLIENT_REFUSED,
            _ => kind::NO_TOKEN,
        };
        let whose = if kind == kind::CLIENT_REFUSED { "; the operator of the gateway must act" } else { "" };
        Self::unsent(kind, &format!("{}{whose}", error.outward()), None).after(error.retry_after())
    }

    /// The API refused the access token with this status, and the request cannot be sent a second time from here: 503.
    pub fn unrepeatable(status: StatusCode) -> Self {
        let detail = "the API refused the access token, and the body of this request was too long to be kept for a second try (replay_body); a new token was requested; send the request again";
        Self::refused_once(status, detail)
    }

    /// The API refused the access token with this status, which is so new that it may not know it yet, and the request may not wait any
    /// longer: 503.
    pub fn unsettled(status: StatusCode) -> Self {
        let detail = "the API refused the access token, which is new, and this request could not wait any longer for a second try (patience); send the request again";
        Self::refused_once(status, detail)
    }

    /// The API refused the access token with this status, and none may be requested in its place so soon after the last: 503.
    pub fn gated(status: StatusCode, after: Duration) -> Self {
        let detail = "the API refused the access token, which was replaced a short while ago for the same reason, or cannot be replaced at the moment; send the request again later; if the API refuses every token, the operator of the gateway must check what the client may do there";
        let more = More::Received(status, Some(after));
        Self { more, ..Self::new(kind::TOKEN_REFUSED_ONCE, detail.into(), Sent::Refused) }
    }

    /// The same of a request that was sent before, which was refused or of which nothing is known: of this try alone it says that nothing
    /// was sent.
    #[must_use]
    pub fn of_another_try(self, before: Sent) -> Self {
        if self.sent != Sent::No {
            return self;
        }
        Self { sent: before, detail: Box::new(self.detail.with(before)), ..self }
    }

    fn refused_once(status: StatusCode, detail: &str) -> Self {
        let more = More::Received(status, Some(SOON));
        Self { more, ..Self::new(kind::TOKEN_REFUSED_ONCE, detail.into(), Sent::Refused) }
    }

    /// The API refused a new access token as well, or would refuse any: 502. `said` is the API's own explanation.
    ///
    /// An API may repeat the token in its words: mask it, with [`Excerpt::new`], before they get here.
    pub fn refused(status: StatusCode, said: Option<&str>) -> Self {
        let said = said.and_then(|words| Excerpt::new(words, &[]));
        let said = said.map(|words| format!("; it says: {words}")).unwrap_or_default();
        let detail = format!(
            "the API refused the access token of this gateway with http {}; the operator of the gateway must check what the client may do there{said}",
            status.as_u16()
        );
        Self { more: More::Received(status, None), ..Self::new(kind::TOKEN_REFUSED, detail, Sent::Refused) }
    }

    /// There is no connection to the API: 502.
    pub fn unreachable(fault: UpstreamFault) -> Self {
        let next = "send it again later; if this persists, the operator of the gateway must check upstream in its file";
        Self::unsent(kind::unreachable(fault), &fault.to_string(), Some(next)).after(SOON)
    }

    /// The proxy on the way to the API opened no connection to it: 502. `said` names the proxy, without its user and password, and what it did.
    pub fn unreachable_through(fault: ProxyFailure, said: &str) -> Self {
        let next = "send it again later; if this persists, the operator of the gateway must check the proxy";
        Self::unsent(kind::unreachable_through(fault), &format!("the proxy {said}"), Some(next)).after(SOON)
    }

    /// The API did not answer in time: 504.
    pub fn timed_out() -> Self {
        let detail = format!("the API did not answer within answer_timeout; {}", Sent::Perhaps.advice());
        Self::new(kind::TIMED_OUT, detail, Sent::Perhaps)
    }

    /// The connection to the API ended before its answer: 502.
    pub fn closed(sent: Sent) -> Self {
        let happened = "the API closed the connection before it answered";
        let detail = match sent {
            Sent::No => Detail::of(happened, sent, Some("send it again")),
            _ => format!("{happened}; {}", sent.advice()).into(),
        };
        Self::of(kind::CLOSED, detail, sent)
    }

    /// The body of the request breaks HTTP, or broke off: 400.
    pub fn broken_body() -> Self {
        let detail = "the body of this request breaks HTTP/1.1, or broke off; the API may have got a part of it; send it again whole, on a new connection";
        Self::new(kind::BROKEN_BODY, detail.into(), Sent::Perhaps)
    }

    /// The API's answer breaks HTTP: 502.
    pub fn unreadable() -> Self {
        let detail = format!("the answer of the API breaks HTTP/1.1; {}", Sent::Perhaps.advice());
        Self::new(kind::UNREADABLE, detail, Sent::Perhaps)
    }

    /// The head of the API's answer has more than 100 fields, or is longer than 64 KiB: 502.
    pub fn head_too_long() -> Self {
        let detail = format!(
            "the head of the API's answer has more than 100 fields, or more than 64 KiB; {}",
            Sent::Perhaps.advice()
        );
        Self::new(kind::HEAD_TOO_LONG, detail, Sent::Perhaps)
    }

    /// The body of the request is longer than `limit` bytes: 413.
    pub fn too_large(limit: u64, sent: Sent) -> Self {
        let happened = format!("the body of this request is longer than {limit} bytes");
        let next = "the route may allow more with max_body";
        Self::of(kind::TOO_LARGE, Detail::of(&happened, sent, Some(next)), sent)
    }

    /// The body of the request stopped coming: 408.
    pub fn slow() -> Self {
        let detail = format!("the body of this request stopped coming; {}", Sent::Perhaps.advice());
        Self::new(kind::SLOW, detail, Sent::Perhaps)
    }

    /// The status of the answer.
    pub const fn status(&self) -> StatusCode {
        self.kind.status
    }

    /// The last part of its type, `urn:evergrant:problem:NAME`.
    pub const fn name(&self) -> &'static str {
        self.kind.name
    }

    /// The rule that denied the request, in one lower-case word, if one did: for logs and metrics.
    pub const fn rule(&self) -> Option<&'static str> {
        self.rule
    }

    /// Whether the API saw the request; of all that there are today it is known.
    pub const fn sent(&self) -> Option<Sent> {
        Some(self.sent)
    }

    /// What happened, who is at fault, and what to do next.
    pub fn detail(&self) -> &str {
        self.detail.as_str()
    }

    /// The same for callers who send nothing to an API.
    #[cfg(feature = "server")]
    pub(crate) fn detail_without_api(&self) -> Box<str> {
        self.detail.without_api()
    }

    /// The answer to a request with this method; one to HEAD has no body.
    ///
    /// `instance` is this gateway's name among others. `draw` is a random number: by up to a quarter more than what is known is added
    /// to Retry-After, so that those who are told to come back do not come back together.
    pub fn response(&self, instance: Option<&str>, draw: u64, method: &Method) -> Response<Bytes> {
        let wait = self.more.retry_after().map(|after| drawn(after, draw));
        let body = Bytes::from(self.document(wait));
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = self.kind.status;
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        fields.insert(CONTENT_LENGTH, body.len().into());
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(value) = HeaderValue::try_from(self.proxy_status(instance)) {
            fields.insert(PROXY_STATUS, value);
        }
        if let Some(wait) = wait {
            // Whole seconds (RFC 9110 §10.2.3): one more as often as the rest of a second is long, so that short times are spread as well.
            let one_more = wait % 1000 + (draw >> 32) % 1000 >= 1000;
            fields.insert(RETRY_AFTER, (wait / 1000 + u64::from(one_more)).into());
        }
        if let More::Allow(methods) = &self.more {
            let names: Vec<_> = methods.iter().map(Method::as_str).collect();
            if let Ok(value) = HeaderValue::try_from(names.join(", ")) {
                fields.insert(ALLOW, value);
            }
        }
        if method != Method::HEAD {
            *response.body_mut() = body;
        }
        response
    }

    fn new(kind: Kind, detail: String, sent: Sent) -> Self {
        Self::of(kind, detail.into(), sent)
    }

    /// The API saw nothing of it.
    fn unsent(kind: Kind, happened: &str, next: Option<&str>) -> Self {
        Self::of(kind, Detail::of(happened, Sent::No, next), Sent::No)
    }

    fn of(kind: Kind, detail: Detail, sent: Sent) -> Self {
        Self { kind, detail: Box::new(detail), sent, rule: None, more: More::Nothing }
    }

    fn by_rule(kind: Kind, rule: &'static str, detail: String) -> Self {
        Self { rule: Some(rule), ..Self::new(kind, detail, Sent::No) }
    }

    fn after(self, after: Duration) -> Self {
        Self { more: More::RetryAfter(after), ..self }
    }

    /// RFC 9457, with `sent` and `retry_after_ms` beside its own members.
    fn document(&self, wait: Option<u64>) -> String {
        let Kind { name, title, status, .. } = self.kind;
        let (status, detail, sent) = (status.as_u16(), text::json(self.detail()), self.sent.as_str());
        let wait = wait.map(|wait| format!(r#","retry_after_ms":{wait}"#)).unwrap_or_default();
        let title = text::json(title);
        format!(
            "{{\"type\":\"urn:evergrant:problem:{name}\",\"title\":{title},\"status\":{status},\"detail\":{detail},\"sent\":\"{sent}\"{wait}}}\n"
        )
    }

    /// RFC 9209, a structured field (RFC 8941).
    fn proxy_status(&self, instance: Option<&str>) -> String {
        let name = instance.map_or_else(|| "evergrant".into(), |instance| format!("evergrant-{instance}"));
        let (name, error, details) = (text::item(&name), self.kind.error, text::quoted(self.detail()));
        let received = match self.more {
            More::Received(status, _) => format!(";received-status={}", status.as_u16()),
            _ => String::new(),
        };
        format!("{name};error={error}{received};details={details}")
    }
}

impl More {
    const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RetryAfter(after) => Some(*after),
            Self::Received(_, after) => *after,
            Self::Nothing | Self::Allow(_) => None,
        }
    }
}

/// How long to wait, in milliseconds: whole seconds, at least one, and up to a quarter more.
fn drawn(after: Duration, draw: u64) -> u64 {
    let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0)).max(1);
    let known = seconds.saturating_mul(1000);
    known.saturating_add(draw % (known / 4 + 1))
}

#[cfg(test)]
mod tests;
