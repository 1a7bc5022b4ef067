//! Header fields on their way through.

use crate::{Line, fields_of, lines, same, vector};
use evergrant_gateway::{FieldRules, Looped, Via, relocate, to_caller, to_upstream};
use http::Version;
use serde::Deserialize;

vector! {
    /// The fields of a request.
    Requested {
        headers: Vec<Line>,
        #[serde(default)]
        cookies: bool,
        #[serde(default)]
        reads_bodies: bool,
        #[serde(default)]
        maps_links: bool,
        via: Option<String>,
        received: Option<String>,
        expect: Requests,
    }
}

vector! {
    /// The fields of an answer.
    Answered {
        headers: Vec<Line>,
        #[serde(default)]
        cookies: bool,
        expect: Headers,
    }
}

vector! {
    /// A link in an answer.
    Linked {
        upstream: String,
        base: String,
        header: Line,
        expect: String,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Headers {
    headers: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Requests {
    Sent(Headers),
    Not(Not),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Not {
    Looped,
}

pub(crate) fn request(vector: &Requested) -> Result<(), String> {
    let mut fields = fields_of(&vector.headers);
    let received = match vector.received.as_deref() {
        None | Some("1.1") => Version::HTTP_11,
        Some("1.0") => Version::HTTP_10,
        Some("2") => Version::HTTP_2,
        Some(other) => return Err(format!("no version: {other}")),
    };
    let via = vector.via.as_deref().and_then(Via::new);
    let Requested { cookies, reads_bodies, maps_links, .. } = *vector;
    let rules = FieldRules { cookies, reads_bodies, maps_links };
    let sent = to_upstream(&mut fields, &rules, received, via.as_ref());
    match (sent, &vector.expect) {
        (Ok(()), Requests::Sent(expected)) => same(&lines(&fields), &sorted(&expected.headers)),
        (Err(Looped), Requests::Not(Not::Looped)) => Ok(()),
        (actual, _) => Err(format!("{actual:?}")),
    }
}

pub(crate) fn answer(vector: &Answered) -> Result<(), String> {
    let mut fields = fields_of(&vector.headers);
    to_caller(&mut fields, &FieldRules { cookies: vector.cookies, ..FieldRules::default() });
    same(&lines(&fields), &sorted(&vector.expect.headers))
}

pub(crate) fn location(vector: &Linked) -> Result<(), String> {
    let mut fields = fields_of(std::slice::from_ref(&vector.header));
    relocate(&mut fields, &vector.upstream, &vector.base);
    let (name, _) = &vector.header;
    same(&lines(&fields), &vec![(name.clone(), vector.expect.clone())])
}

fn sorted(headers: &[Line]) -> Vec<Line> {
    lines(&fields_of(headers))
}
