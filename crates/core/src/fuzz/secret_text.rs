//! What a file or a command has, read for a token request.

use super::noon;
use crate::ask::Ask;
use crate::attempt::{Attempt, Known, Move, Seed};
use crate::error::{Class, Refusal, SourceError};
use crate::fuzz::jwt_hint;
use crate::jwt;
use crate::machine::Outcome;
use crate::policy::Policy;
use crate::response::Response;
use crate::text::SecretText;
use crate::{AssertionKind, Client, ClientAuth, ConfigError, Provider};
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// `data` is what was read for a client secret, and for a client assertion.
///
/// # Panics
/// It is misread, something else is sent, or what was refused is sent again.
pub fn secret_text(data: &[u8]) {
    let text = SecretText::from_bytes(data);
    assert_eq!(text.as_ref().map(SecretText::expose), plain(data).as_deref());
    let Ok(text) = text else { return };
    told_agrees(text.expose());
    told_agrees(&alloc::format!("a.{}.b", URL_SAFE_NO_PAD.encode(data)));
    for (auth, name) in [
        (ClientAuth::post_live("client"), "client_secret"),
        (ClientAuth::assertion("client", AssertionKind::JWT_BEARER), "client_assertion"),
    ] {
        sent_once(auth, name, &text);
    }
}

/// The same, read in another way.
fn plain(data: &[u8]) -> Result<String, SourceError> {
    if data.len() > SecretText::MAX_BYTES {
        return Err(SourceError::TooLong);
    }
    let text = String::from_utf8(data.into()).map_err(|_| SourceError::NotText)?;
    let mut chars: Vec<char> = text.chars().collect();
    if chars.first() == Some(&'\u{feff}') {
        chars.remove(0);
    }
    if chars.last() == Some(&'\n') {
        chars.pop();
        if chars.last() == Some(&'\r') {
            chars.pop();
        }
    }
    if chars.is_empty() { Err(SourceError::Empty) } else { Ok(chars.into_iter().collect()) }
}

/// Where serde_json reads the claims, they are what is told of them.
fn told_agrees(assertion: &str) {
    let told = jwt::told(assertion);
    let payload = assertion.split('.').nth(1).filter(|_| assertion.matches('.').nth(1).is_some());
    let payload = payload.and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
    let Some(payload) = payload else {
        assert!(told.is_none(), "claims of what is no JWT");
        return;
    };
    let Ok(Value::Object(claims)) = serde_json::from_slice::<Value>(&payload) else { return };
    let Some(told) = told else {
        // serde_json bears more.
        assert!(
            claims.values().any(|value| super::token_response::depth(value) >= 32),
            "claims that nobody reads"
        );
        return;
    };
    let text = |claim: Option<&Value>| claim.and_then(Value::as_str).map(String::from);
    let aud = match claims.get("aud") {
        Some(Value::Array(all)) => {
            let all: Vec<&str> = all.iter().filter_map(Value::as_str).collect();
            Some(all.join(", ")).filter(|all| !all.is_empty())
        }
        one => text(one),
    };
    assert_eq!(told.aud.as_deref().cloned(), aud, "another audience");
    assert_eq!(told.iss.as_deref().cloned(), text(claims.get("iss")), "another issuer");
    assert_eq!(told.sub.as_deref().cloned(), text(claims.get("sub")), "another subject");
    if let Some(exp) = told.exp {
        assert!(jwt_hint::is_time(exp, claims.get("exp")), "another end");
    }
}

/// It is sent as it is or not at all, it is not shown, and once refused it is not sent again.
fn sent_once(auth: Result<ClientAuth, ConfigError>, name: &str, text: &SecretText) {
    let (Ok(auth), Ok(provider)) = (auth, Provider::rfc6749("https://as.example/token")) else {
        unreachable!("an id and a URL")
    };
    let Ok(client) = Client::builder(provider, auth).build() else { unreachable!("no setting") };
    let begin = |known: &Known| match Attempt::begin(&client, Seed::new(noon()), known) {
        Move::Ask(asking) => asking.answer(text.clone()),
        other => panic!("what is live is asked for: {other:?}"),
    };
    let (request, sent) = match begin(&Known::new(&Policy::new())) {
        Move::Send(request, sent) => (request, sent),
        Move::Done(Outcome::NotSent(unready), _) => {
            assert_eq!(unready.class(), Class::Permanent);
            assert!(matches!(unready.ask(), Some(Ask::ClientSecret | Ask::Assertion)));
            assert!(unready.config().is_some());
            return;
        }
        other => panic!("{other:?}"),
    };
    let values: Vec<_> = form_urlencoded::parse(request.body()).filter(|(key, _)| key == name).collect();
    assert!(matches!(&values[..], [(_, value)] if *value == text.expose()), "something else is sent");
    let words = serde_json::json!({ "error": "invalid_client", "error_description": text.expose() });
    let response = Response::new(401).with_body(alloc::format!("{words}").into());
    let Move::Done(Outcome::Refused(refusal), known) = sent.received(&response, noon()) else {
        panic!("a 401 is a refusal")
    };
    assert!(refusal.is_live());
    let echoes = |refusal: &Refusal| {
        let said = refusal.description().map_or("", |said| said.as_str()).replace("[redacted]", "");
        text.expose().len() >= 8 && said.contains(text.expose())
    };
    assert!(!echoes(&refusal), "it is shown");
    let Move::Done(Outcome::HeldBack(kept), _) = begin(&known) else { panic!("it is sent again") };
    assert_eq!(kept, refusal);
}
