//! The gateway's own answers.

use crate::{same, vector};
use evergrant_core::{Cause, Class, Error, Problem as Answered, Refusal};
use evergrant_gateway::{AccessDenied, Denied, NoRoute, Problem, ProxyFailure, Sent, UpstreamFault};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

vector! {
    /// What happened, and how it is answered.
    Own {
        problem: Happened,
        method: Option<String>,
        instance: Option<String>,
        #[serde(default)]
        draw: u64,
        expect: Expect,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Happened {
    QueueFull { after_ms: u64 },
    Busy { after_ms: u64 },
    Closing,
    NoToken { kind: Kind, after_ms: u64 },
    Unrepeatable,
    Refused { status: u16, said: Option<String> },
    Unreachable(Fault),
    Proxy(OfProxy),
    TimedOut,
    Closed(Saw),
    TooLarge { limit: u64, sent: Saw },
    Slow,
    Looped,
    Access(Wanted),
    NoRoute(String),
    Denied(Rule),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    TimedOut,
    Transient,
    Permanent,
    Saturated,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fault {
    Refused,
    ConnectTimeout,
    Dns,
    Tls,
    NoRoute,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum OfProxy {
    Refused,
    Timeout,
    Dns,
    Tls,
    Answered(u16),
    Closed,
    Unreadable,
    Socks,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Saw {
    No,
    Perhaps,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    Key,
    Peer,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rule {
    Method,
    MethodOfRoute(Vec<String>),
    Target,
    Host,
    HostNotAllowed,
    Authorization,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    status: u16,
    name: String,
    error: String,
    sent: String,
    retry_after_s: Option<u64>,
    retry_after_ms: Option<u64>,
    rule: Option<String>,
    allow: Option<String>,
}

impl Happened {
    fn problem(&self) -> Problem {
        let after = |ms: &u64| Duration::from_millis(*ms);
        match self {
            Self::QueueFull { after_ms } => Problem::queue_full(after(after_ms)),
            Self::Busy { after_ms } => Problem::busy(after(after_ms)),
            Self::Closing => Problem::closing(),
            Self::NoToken { kind, after_ms } => Problem::no_token(&kind.error(after(after_ms))),
            Self::Unrepeatable => Problem::unrepeatable(StatusCode::UNAUTHORIZED),
            Self::Refused { status, said } => {
                Problem::refused(StatusCode::from_u16(*status).unwrap(), said.as_deref())
            }
            Self::Unreachable(fault) => Problem::unreachable(match fault {
                Fault::Refused => UpstreamFault::Refused,
                Fault::ConnectTimeout => UpstreamFault::ConnectTimeout,
                Fault::Dns => UpstreamFault::Dns,
                Fault::Tls => UpstreamFault::Tls,
                Fault::NoRoute => UpstreamFault::NoRoute,
            }),
            Self::Proxy(of) => {
                let failure = of.failure();
                Problem::unreachable_through(failure, &format!("proxy.example:3128 {failure}"))
            }
            Self::TimedOut => Problem::timed_out(),
            Self::Closed(saw) => Problem::closed(saw.sent()),
            Self::TooLarge { limit, sent } => Problem::too_large(*limit, sent.sent()),
            Self::Slow => Problem::slow(),
            Self::Looped => Problem::looped(),
            Self::Access(Wanted::Key) => Problem::access(AccessDenied::Key),
            Self::Access(Wanted::Peer) => Problem::access(AccessDenied::Peer),
            Self::NoRoute(path) => Problem::no_route(NoRoute::Unknown, path),
            Self::Denied(rule) => Problem::denied(&rule.denied()),
        }
    }
}

impl Kind {
    fn error(&self, retry_after: Duration) -> Error {
        let failed = |class| {
            let refusal = Refusal::new(class, Some(401), Answered::Status);
            Error::Failed { cause: Cause::Refused(refusal.into()), retry_after }
        };
        match self {
            Self::TimedOut => Error::TimedOut { last_error: None, retry_after },
            Self::Transient => failed(Class::Transient),
            Self::Permanent => failed(Class::Permanent),
            Self::Saturated => Error::Saturated { max_waiters: 1024, retry_after },
        }
    }
}

impl OfProxy {
    fn failure(&self) -> ProxyFailure {
        match self {
            Self::Refused => ProxyFailure::Refused,
            Self::Timeout => ProxyFailure::Timeout,
            Self::Dns => ProxyFailure::Dns,
            Self::Tls => ProxyFailure::Tls,
            Self::Answered(status) => ProxyFailure::Answered(StatusCode::from_u16(*status).unwrap()),
            Self::Closed => ProxyFailure::Closed,
            Self::Unreadable => ProxyFailure::Unreadable,
            Self::Socks => ProxyFailure::Socks,
        }
    }
}

impl Saw {
    const fn sent(&self) -> Sent {
        match self {
            Self::No => Sent::No,
            Self::Perhaps => Sent::Perhaps,
        }
    }
}

impl Rule {
    fn denied(&self) -> Denied {
        match self {
            Self::Method => Denied::Method,
            Self::MethodOfRoute(methods) => {
                Denied::MethodOfRoute(methods.iter().map(|name| name.parse().unwrap()).collect())
            }
            Self::Target => Denied::Target,
            Self::Host => Denied::Host,
            Self::HostNotAllowed => Denied::HostNotAllowed,
            Self::Authorization => Denied::Authorization,
        }
    }
}

pub(crate) fn judge(vector: &Own) -> Result<(), String> {
    let (problem, expect) = (vector.problem.problem(), &vector.expect);
    let method: Method = vector.method.as_deref().unwrap_or("GET").parse().unwrap();
    let response = problem.response(vector.instance.as_deref(), vector.draw, &method);
    let field = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    same(&response.status().as_u16(), &expect.status)?;
    same(&problem.rule(), &expect.rule.as_deref())?;
    same(&field("retry-after"), &expect.retry_after_s.map(|seconds| seconds.to_string()))?;
    same(&field("allow"), &expect.allow)?;
    same(&field("cache-control").as_deref(), &Some("no-store"))?;
    same(&field("content-type").as_deref(), &Some("application/problem+json"))?;
    let by = vector.instance.as_ref().map_or_else(|| "evergrant".into(), |name| format!("evergrant-{name}"));
    let begins = format!("{by};error={};details=\"", expect.error);
    let proxy_status = field("proxy-status").unwrap();
    if !proxy_status.starts_with(&begins) || !proxy_status.is_ascii() {
        return Err(format!("{proxy_status} does not begin with {begins}"));
    }
    if method == Method::HEAD {
        return same(&response.body().len(), &0);
    }
    let document: Value = serde_json::from_slice(response.body()).unwrap();
    same(&document["type"], &format!("urn:evergrant:problem:{}", expect.name).into())?;
    same(&document["status"], &expect.status.into())?;
    same(&document["sent"], &expect.sent.as_str().into())?;
    same(&document["detail"], &problem.detail().into())?;
    same(&document["retry_after_ms"].as_u64(), &expect.retry_after_ms)?;
    same(&field("content-length"), &Some(response.body().len().to_string()))
}
