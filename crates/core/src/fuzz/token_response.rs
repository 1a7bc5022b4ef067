//! A token response of any kind.

use super::{noon, split};
use crate::auth::ClientAuth;
use crate::client::Client;
use crate::error::{Class, Excerpt, Malformed, Problem, Refusal};
use crate::provider::{Provider, myparcel};
use crate::response::{Grant, Response};
use crate::token::AccessToken;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use serde_json::Value;

/// No word of ours has this in it.
const SECRET: &str = "Zq9+/ %Zq9-Zq9~Zq9";

/// `data` is an answer as one would write it down: the status, `myparcel` after it for that provider's errors, headers
/// line by line, an empty line, the body. Without an empty line it is the JSON body of a 200.
///
/// # Panics
/// The answer is misread.
pub fn token_response(data: &[u8]) {
    let (head, body) = match split(data, b"\n\n") {
        (head, Some(body)) => (head, body),
        (body, None) => (&b"200\ncontent-type: application/json"[..], body),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let (status, kind) = split(first, b" ");
    let status = core::str::from_utf8(status).ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let headers: Vec<(String, &[u8])> = lines
        .map(|line| split(line, b": "))
        .filter_map(|(name, value)| Some((String::from_utf8(name.into()).ok()?, value?)))
        .collect();
    let answer = || {
        let response = Response::new(status).with_body(body.into());
        headers.iter().fold(response, |response, (name, value)| response.with_header(name, value))
    };
    let is_myparcel = kind == Some(b"myparcel");
    let read = |hint| client(is_myparcel, hint).read(&answer(), noon());
    let (hinted, unhinted) = (read(true), read(false));
    assert_eq!(hinted, read(true), "the same answer is read in the same way");
    match (&hinted, &unhinted) {
        (Ok(hinted), Ok(unhinted)) => {
            granted(status, hinted);
            hint_shortens_at_most(hinted, unhinted);
        }
        (Err(hinted), Err(unhinted)) => {
            assert_eq!(hinted, unhinted, "the hint decides about a life alone");
            refused(status, hinted, body);
        }
        _ => panic!("the hint decides about a life alone"),
    }
    let label = label(&headers);
    if matches!(status, 200 | 201) && !is_myparcel && body.len() <= Response::MAX_BODY {
        if body.trim_ascii_start().starts_with(b"{") {
            json_agrees(&unhinted, &headers, &label, body);
        } else {
            form_agrees(&unhinted, body);
        }
    }
}

fn client(is_myparcel: bool, hint: bool) -> Client {
    let (provider, auth) = if is_myparcel {
        (myparcel::production(), ClientAuth::post("client", SECRET))
    } else {
        let Ok(provider) = Provider::rfc6749("https://as.example/token") else { unreachable!("a URL") };
        (provider, ClientAuth::basic("client", SECRET))
    };
    let Ok(auth) = auth else { unreachable!("no control character") };
    let Ok(client) = Client::builder(provider, auth).scope("a b").jwt_hint(hint).build() else {
        unreachable!("a scope")
    };
    client
}

fn granted(status: u16, grant: &Grant) {
    assert!(matches!(status, 200 | 201), "a token at {status}");
    let token = grant.token().expose();
    let is_safe = |byte: u8| matches!(byte, 0x21..=0x7e) && !matches!(byte, b'"' | b',' | b';' | b'\\');
    assert!(!token.is_empty() && token.len() <= AccessToken::MAX_LEN && token.bytes().all(is_safe), "unsafe");
    for scope in [grant.scope(), grant.narrowed_scope()].into_iter().flatten() {
        let words = format!("{scope}");
        assert!(
            !words.contains(SECRET) && (token.len() < 8 || !words.contains(token)),
            "a secret in the scope"
        );
    }
    let shown = format!("{grant:?}");
    assert!(!shown.contains(SECRET) && (token.len() < 30 || !shown.contains(token)), "a secret is shown");
}

fn hint_shortens_at_most(hinted: &Grant, unhinted: &Grant) {
    let (with, without) = (hinted.lifetime(), unhinted.lifetime());
    assert!(without.life.is_none() || with.life.is_some_and(|life| Some(life) <= without.life), "lengthened");
    assert_eq!(with.refresh_in, without.refresh_in);
    assert_eq!((hinted.token(), hinted.scope()), (unhinted.token(), unhinted.scope()));
}

fn refused(status: u16, refusal: &Refusal, body: &[u8]) {
    let shown = format!("{refusal} {refusal:?}");
    assert!(!shown.contains(SECRET), "the secret is shown");
    assert_eq!(refusal.status(), Some(status));
    if matches!(status, 408 | 425 | 429 | 500 | 502..=599) {
        assert_eq!(refusal.class(), Class::Transient, "{status}");
    }
    let target = match refusal.problem() {
        Problem::Redirect { target } => target.as_ref(),
        _ => None,
    };
    let code = match refusal.problem() {
        Problem::ErrorResponse(said) => Some(said.code()),
        _ => None,
    };
    let token = serde_json::from_slice::<Value>(body).ok();
    let token = token.as_ref().and_then(|value| value.get("access_token")?.as_str());
    for excerpt in [code, refusal.description(), target].into_iter().flatten() {
        let words = excerpt.as_str();
        assert!(words.chars().count() <= Excerpt::MAX_CHARS && !words.contains(char::is_control));
        // A known code is shown, whatever the token is. The marks of what was left out are our words.
        let echoes =
            |token: &str| token.len() >= 16 && words.contains(token) && !token.contains("[redacted]");
        let is_known =
            Some(excerpt) == code && words.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(is_known || !token.is_some_and(echoes), "the token is shown");
    }
}

fn label(headers: &[(String, &[u8])]) -> String {
    let is_label = |name: &str| name.eq_ignore_ascii_case("content-type");
    let value = headers.iter().find(|(name, _)| is_label(name)).map_or(&b""[..], |(_, value)| value);
    String::from_utf8_lossy(value).to_ascii_lowercase()
}

/// serde_json takes the last of two members of a name, and no text that is not UTF-8: where it reads an answer, it
/// reads what we read.
fn json_agrees(ours: &Result<Grant, Refusal>, headers: &[(String, &[u8])], label: &str, body: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        if let Ok(grant) = ours
            && !body.contains(&b'\\')
        {
            assert!(String::from_utf8_lossy(body).contains(grant.token().expose()), "a token from nowhere");
        }
        return;
    };
    let member = |name: &str| value.get(name).filter(|value| !value.is_null());
    let token = member("access_token").and_then(Value::as_str).and_then(|text| AccessToken::new(text).ok());
    match ours {
        Ok(grant) => {
            assert_eq!(Some(grant.token()), token.as_ref(), "another token");
            let is_aged = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("age"));
            if let Some(seconds) = member("expires_in").and_then(Value::as_u64)
                && !is_aged
                // From here on it may be a point in time.
                && seconds < 1_000_000_000
            {
                let life = (seconds > 0).then(|| Duration::from_secs(seconds));
                assert_eq!(grant.lifetime().life, life, "another life");
            }
        }
        Err(refusal) => {
            let is_bearer = member("token_type").is_none_or(|value| {
                value.as_str().is_some_and(|word| word.is_empty() || word.eq_ignore_ascii_case("bearer"))
            });
            let is_error = member("error").is_some_and(|value| {
                *value != Value::Bool(false) && value.as_str().is_none_or(|code| !code.trim().is_empty())
            });
            // What serde_json does not see: a duplicate name, and a depth that it can still bear.
            let unseen = Malformed::Duplicate("access_token");
            let unseen = match refusal.problem() {
                Problem::Malformed(Malformed::Duplicate(_)) => true,
                Problem::Malformed(Malformed::Syntax) => depth(&value) > 32,
                problem => *problem == Problem::Malformed(unseen),
            };
            let is_html = label.contains("html");
            // What a coding says is for whoever unpacks it: here nobody does.
            let is_coded = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
            let is_grant = token.is_some() && is_bearer && !is_error && !is_html && !is_coded && !unseen;
            assert!(!is_grant, "a token is thrown away: {refusal}");
        }
    }
}

pub(super) fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn form_agrees(ours: &Result<Grant, Refusal>, body: &[u8]) {
    let Ok(grant) = ours else { return };
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    if body.starts_with(b"{") {
        return;
    }
    let mut tokens = form_urlencoded::parse(body).filter(|(name, _)| name == "access_token");
    let token = tokens.next().map(|(_, value)| value);
    assert_eq!(token.as_deref(), Some(grant.token().expose()), "another token");
    assert!(tokens.next().is_none(), "two tokens");
}
