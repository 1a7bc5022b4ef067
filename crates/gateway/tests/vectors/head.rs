//! Heads of requests, as bytes.

use crate::{Line, lines, same, vector};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use evergrant_core::Origin;
use evergrant_gateway::{
    Denied, FieldRules, Hosts, METHODS, NoRoute, OwnAuthorization, Problem, RoutePath, Routes, Slashes,
    allowed, head, own_authorization, to_upstream,
};
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Method, Request, Uri, Version};
use serde::Deserialize;

/// As many as the server lets one head have.
const MAX_FIELDS: usize = 100;

vector! {
    /// A head, for a listener on port 8484 and its only route, which reaches a whole origin.
    Head {
        head: Option<Text>,
        head_base64: Option<String>,
        hosts: Option<Listed>,
        methods: Option<Vec<String>>,
        #[serde(default)]
        origins: Vec<String>,
        authorization: Option<Own>,
        expect: Expect,
    }
}

/// A text, or pieces of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Pieces(Vec<Piece>),
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Piece {
    Plain(String),
    Repeated { repeat: String, times: usize },
}

/// The hosts that the listener answers to beside those of loopback; `any` behind a key or a peer.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Listed {
    These(Vec<String>),
    Any(Any),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Any {
    Any,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Own {
    Drop,
}

impl Own {
    pub(crate) const fn or_refuse(own: Option<Self>) -> OwnAuthorization {
        match own {
            Some(Self::Drop) => OwnAuthorization::Drop,
            None => OwnAuthorization::Refuse,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Expect {
    Sent { sent: Sent },
    Refused(Refused),
}

/// What the API sees.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    method: String,
    target: String,
    headers: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    status: u16,
    /// None where the HTTP server refuses the head, before any rule.
    rule: Option<String>,
    allow: Option<String>,
}

struct WholeOrigin;

impl Slashes for WholeOrigin {
    fn may_be_odd(&self) -> bool {
        true
    }
}

impl Text {
    fn whole(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Pieces(pieces) => pieces.iter().map(Piece::whole).collect(),
        }
    }
}

impl Piece {
    fn whole(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Repeated { repeat, times } => repeat.repeat(*times),
        }
    }
}

impl Head {
    fn bytes(&self) -> Vec<u8> {
        match (&self.head, &self.head_base64) {
            (Some(text), None) => text.whole().into_bytes(),
            (None, Some(coded)) => STANDARD.decode(coded).unwrap(),
            _ => panic!("a vector has one head"),
        }
    }

    fn hosts(&self) -> Hosts {
        match &self.hosts {
            None => Hosts::loopback(8484, []),
            Some(Listed::These(hosts)) => Hosts::loopback(8484, hosts.iter().map(String::as_str)),
            Some(Listed::Any(Any::Any)) => Hosts::Any,
        }
    }

    fn methods(&self) -> Vec<Method> {
        let listed = self.methods.as_ref();
        listed.map_or_else(
            || METHODS.to_vec(),
            |names| names.iter().map(|name| name.parse().unwrap()).collect(),
        )
    }

    /// What the API would see.
    fn passed(&self, parts: &mut Parts) -> Result<Line, Problem> {
        let denied = |denied: Denied| Problem::denied(&denied);
        let found = head(parts, &self.hosts()).map_err(denied)?;
        let routes = Routes::new(vec![(RoutePath::parse("/").unwrap(), WholeOrigin)]).unwrap();
        routes.find(&found.path).map_err(|reason: NoRoute| Problem::no_route(reason, found.path.as_str()))?;
        let target = found.query.map(|query| format!("?{query}")).unwrap_or_default();
        let target = format!("{}{target}", found.path.as_str());
        let origins: Vec<Origin> = self.origins.iter().map(|origin| Origin::parse(origin).unwrap()).collect();
        allowed(parts, &self.methods(), &origins).map_err(denied)?;
        own_authorization(&parts.headers, false, Own::or_refuse(self.authorization)).map_err(denied)?;
        to_upstream(&mut parts.headers, &FieldRules::default(), Version::HTTP_11, None)
            .map_err(|_| Problem::looped())?;
        // The body is framed anew.
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.remove(TRANSFER_ENCODING);
        Ok((parts.method.to_string(), target))
    }
}

/// As hyper reads a head; `None` for one that it refuses.
fn parse(bytes: &[u8]) -> Option<Parts> {
    let mut slots = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut parsed = httparse::Request::new(&mut slots);
    if !parsed.parse(bytes).ok()?.is_complete() {
        return None;
    }
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = Method::from_bytes(parsed.method?.as_bytes()).ok()?;
    parts.uri = Uri::try_from(parsed.path?).ok()?;
    parts.version = if parsed.version? == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    for field in parsed.headers {
        let value = HeaderValue::from_bytes(field.value).ok()?;
        parts.headers.append(HeaderName::from_bytes(field.name.as_bytes()).ok()?, value);
    }
    has_one_length(&parts).then_some(parts)
}

/// RFC 9112 §6.3, as hyper holds it: digits, and one number; no coding in HTTP/1.0.
fn has_one_length(parts: &Parts) -> bool {
    if parts.headers.contains_key(TRANSFER_ENCODING) {
        return parts.version != Version::HTTP_10;
    }
    let values = parts.headers.get_all(CONTENT_LENGTH).into_iter();
    let lengths: Vec<&str> = values.flat_map(|value| value.to_str().unwrap_or_default().split(',')).collect();
    let digits = |length: &&str| length.trim().bytes().all(|byte| byte.is_ascii_digit());
    let read: Option<Vec<u64>> =
        lengths.iter().map(|length| Some(*length).filter(digits)?.trim().parse().ok()).collect();
    read.is_some_and(|lengths| lengths.windows(2).all(|pair| pair[0] == pair[1]))
}

pub(crate) fn judge(vector: &Head) -> Result<(), String> {
    let parsed = parse(&vector.bytes());
    let Some(mut parts) = parsed else {
        return match &vector.expect {
            Expect::Refused(Refused { rule: None, .. }) => Ok(()),
            _ => Err("the HTTP server refuses the head".into()),
        };
    };
    match (vector.passed(&mut parts), &vector.expect) {
        (Ok(seen), Expect::Sent { sent }) => {
            same(&seen, &(sent.method.clone(), sent.target.clone()))?;
            same(&lines(&parts.headers), &sent.headers)
        }
        (Err(problem), Expect::Refused(refused)) => {
            let response = problem.response(None, 0, &Method::GET);
            let allow = response.headers().get("allow").map(|value| value.to_str().unwrap().to_owned());
            let actual = (problem.status().as_u16(), problem.rule(), allow);
            same(
                &actual,
                &(
                    refused.status,
                    refused.rule.as_deref(),
                    refused.allow.clone().or_else(|| actual.2.clone()),
                ),
            )
        }
        (Ok(seen), Expect::Refused(_)) => Err(format!("it passes: {seen:?}")),
        (Err(problem), Expect::Sent { .. }) => Err(format!("it is refused: {problem:?}")),
    }
}
