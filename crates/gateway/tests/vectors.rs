//! The published vectors of `tests/vectors/gateway`, judged in process, over `http` types. `tests/vectors/README.md` says what they are.
// A failed unwrap is a failed test, in its helpers too.
#![allow(clippy::unwrap_used)]

#[path = "vectors/access.rs"]
mod access;
#[path = "vectors/answer.rs"]
mod answer;
#[path = "vectors/fields.rs"]
mod fields;
#[path = "vectors/head.rs"]
mod head;
#[path = "vectors/links.rs"]
mod links;
#[path = "vectors/path.rs"]
mod path;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;

/// A name and a value.
type Line = (String, String);

/// Declares a kind of vector: what all have, and what it has of its own.
macro_rules! vector {
    ($(#[$doc:meta])* $kind:ident { $($fields:tt)* }) => {
        $(#[$doc])*
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $kind {
            #[serde(rename = "name")]
            _name: String,
            #[serde(rename = "why")]
            _why: Option<String>,
            #[serde(rename = "rows")]
            _rows: Vec<String>,
            #[serde(rename = "conforms", default)]
            _conforms: Vec<String>,
            $($fields)*
        }
    };
}
pub(crate) use vector;

/// What tells vectors apart.
#[derive(Deserialize)]
struct Heading {
    name: String,
}

/// Judges each vector of a file; `judge` says what came of it that should not have.
fn judge<V: DeserializeOwned>(file: &str, judge: impl Fn(&V) -> Result<(), String>) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/gateway").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let headings: Vec<Heading> =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let vectors: Vec<V> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert!(!vectors.is_empty(), "there is no vector in {file}");
    let named = headings.iter().zip(&vectors);
    let faults: Vec<String> = named
        .filter_map(|(heading, vector)| Some(format!("{}: {}", heading.name, judge(vector).err()?)))
        .collect();
    assert!(faults.is_empty(), "{} vectors of {file} fail:\n{}", faults.len(), faults.join("\n"));
}

/// The vector says one thing and the gateway another.
fn same<T: PartialEq + std::fmt::Debug>(actual: &T, expected: &T) -> Result<(), String> {
    if actual == expected { Ok(()) } else { Err(format!("\n  expected {expected:?}\n  actual   {actual:?}")) }
}

fn fields_of(lines: &[Line]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in lines {
        fields.append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
    }
    fields
}

/// The fields, in the order of their names; those of one name in their own.
fn lines(fields: &HeaderMap) -> Vec<Line> {
    let line =
        |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), value.to_str().unwrap().to_owned());
    let mut lines: Vec<Line> = fields.iter().map(line).collect();
    lines.sort_by(|(one, _), (other, _)| one.cmp(other));
    lines
}

#[test]
fn every_head_passes_or_is_refused_as_it_is_written() {
    judge("heads.json", head::judge);
}

#[test]
fn every_path_is_read_as_it_is_written() {
    judge("paths.json", path::read);
}

#[test]
fn every_path_leads_where_it_is_written() {
    judge("routes.json", path::route);
}

#[test]
fn everybody_is_admitted_or_not_as_it_is_written() {
    judge("access.json", access::judge);
}

#[test]
fn the_fields_of_every_request_become_those_that_are_written() {
    judge("request-fields.json", fields::request);
}

#[test]
fn the_fields_of_every_answer_become_those_that_are_written() {
    judge("answer-fields.json", fields::answer);
}

#[test]
fn every_link_leads_where_it_is_written() {
    judge("locations.json", fields::location);
}

#[test]
fn the_links_of_every_body_lead_where_it_is_written() {
    judge("links.json", links::judge);
}

#[test]
fn every_answer_of_our_own_is_the_one_that_is_written() {
    judge("own-answers.json", answer::judge);
}
