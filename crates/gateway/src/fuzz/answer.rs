//! Answers with a caller's words in them.

use crate::answer::Problem;
use crate::route::NoRoute;
use http::{Method, StatusCode};
use serde_json::Value;

pub(super) fn judge(words: &str) {
    let query = words.split_once('?').map(|(_, query)| query).filter(|query| query.len() > 8);
    let no_route = Problem::no_route(NoRoute::Unknown, words);
    if let Some(query) = query {
        assert!(!no_route.detail().contains(query), "{}", no_route.detail());
    }
    for problem in [no_route, Problem::refused(StatusCode::UNAUTHORIZED, Some(words))] {
        let response = problem.response(Some(words), 0, &Method::GET);
        let document: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        assert_eq!(document["detail"], problem.detail(), "{words}");
        assert!(problem.detail().chars().count() < 1200, "{}", problem.detail());
        let field = response.headers().get("proxy-status").and_then(|value| value.to_str().ok());
        let ascii = |c: char| if matches!(c, ' '..='~') { c } else { '?' };
        let expected: String = problem.detail().chars().map(ascii).collect();
        assert_eq!(field.and_then(details), Some(expected), "{field:?}");
    }
}

/// The details of a Proxy-Status, whose name is a token or a string.
fn details(field: &str) -> Option<String> {
    let rest = string(field).map(|(_, rest)| rest).or_else(|| field.find(';').map(|at| &field[at..]))?;
    let (error, details) = rest.split_once(";details=")?;
    let (said, rest) = string(details)?;
    (error.starts_with(";error=") && rest.is_empty()).then_some(said)
}

/// What a string of a structured field says, and what comes after it (RFC 8941 §4.2.5).
fn string(text: &str) -> Option<(String, &str)> {
    let mut characters = text.strip_prefix('"')?.chars();
    let mut said = String::new();
    loop {
        match characters.next()? {
            '\\' => said.push(characters.next().filter(|c| matches!(c, '"' | '\\'))?),
            '"' => return Some((said, characters.as_str())),
            character => said.push(character),
        }
    }
}
