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
        let Some(details) = field.and_then(|field| field.split_once(";details=")) else { panic!("{words}") };
        // What an instance is called is in quotation marks if it has one of these.
        let ascii: String =
            problem.detail().chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect();
        let shown =
            field.and_then(|field| field.rfind(";details=").map(|at| &field[at + 9..])).unwrap_or(details.1);
        assert!(unquoted(shown) == Some(ascii.clone()) || ascii.contains(";details="), "{shown}");
    }
}

/// What a string of a structured field says (RFC 8941 §4.2.5); `None` if it is none, or something comes after it.
fn unquoted(text: &str) -> Option<String> {
    let mut characters = text.strip_prefix('"')?.chars();
    let mut said = String::new();
    loop {
        match characters.next()? {
            '\\' => said.push(characters.next().filter(|c| matches!(c, '"' | '\\'))?),
            '"' => return characters.next().is_none().then_some(said),
            character => said.push(character),
        }
    }
}
