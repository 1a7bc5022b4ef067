//! A token request with any values in it.

use super::noon;
use crate::auth::ClientAuth;
use crate::client::Client;
use crate::error::ConfigError;
use crate::field;
use crate::provider::Provider;
use crate::request::{BodyFormat, Request};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// `data` has lines: the client id, its secret, the audience, and the value of one more parameter.
///
/// # Panics
/// Another implementation does not find in a request what was put into it.
pub fn form(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (id, secret, audience, value) = (line(), line(), line(), line());
    for format in [BodyFormat::Form, BodyFormat::Json] {
        for (auth, encoded) in [
            (ClientAuth::basic(id, secret), Some(true)),
            (ClientAuth::basic_raw(id, secret), Some(false)),
            (ClientAuth::post(id, secret), None),
        ] {
            match auth {
                Ok(auth) => {
                    let Some(request) = request(auth, format, audience, value) else {
                        let seen = [audience, value].map(|text| field::check(text, "").is_ok());
                        assert!(seen.contains(&false), "plain texts");
                        continue;
                    };
                    if let Some(encoded) = encoded {
                        basic(&request, id, secret, encoded);
                    }
                    let credentials: &[_] =
                        if encoded.is_none() { &[("client_id", id), ("client_secret", secret)] } else { &[] };
                    let rest = [("scope", "a b"), ("audience", audience), ("more", value)];
                    let put =
                        [("grant_type", "client_credentials")].into_iter().chain(credentials.iter().copied());
                    let put = put.chain(rest).filter(|(_, value)| !value.is_empty());
                    let put: Vec<(String, String)> =
                        put.map(|(name, value)| (name.into(), value.into())).collect();
                    assert_eq!(found(format, request.body()), put);
                    let length = format!("{}", request.body().len());
                    assert!(request.headers().any(|header| header == ("content-length", length.as_str())));
                }
                Err(ConfigError::Empty { .. }) => assert!(id.is_empty() || secret.is_empty()),
                Err(ConfigError::ControlCharacter { .. }) => {
                    assert!(id.contains(char::is_control) || secret.contains(char::is_control));
                }
                Err(ConfigError::InvisibleCharacter { .. }) => {
                    assert!(!id.is_ascii() || !secret.is_ascii());
                }
                Err(ConfigError::ColonInClientId) => assert!(encoded == Some(false) && id.contains(':')),
                Err(other) => panic!("{other}"),
            }
        }
    }
}

fn request(auth: ClientAuth, format: BodyFormat, audience: &str, value: &str) -> Option<Request> {
    let Ok(provider) = Provider::rfc6749("https://as.example/token") else { unreachable!("a URL") };
    let builder = Client::builder(provider.with_body(format), auth).scope("a b");
    let client = builder.audience(audience).param("more", value).build().ok()?;
    let shown = format!("{client:?}");
    let is_shown_anyway = audience.contains(value) || client.client_id().contains(value);
    assert!(
        value.len() < 40 || is_shown_anyway || !shown.contains(value),
        "the value of a parameter is shown"
    );
    let Ok(request) = client.request(noon()) else { unreachable!("nothing is signed") };
    Some(request)
}

/// What others read in the body, in its order.
fn found(format: BodyFormat, body: &[u8]) -> Vec<(String, String)> {
    let pairs = match format {
        BodyFormat::Form => {
            form_urlencoded::parse(body).map(|(name, value)| (name.into(), value.into())).collect::<Vec<_>>()
        }
        BodyFormat::Json => {
            let Ok(Value::Object(members)) = serde_json::from_slice(body) else { panic!("no JSON object") };
            let text = |value: Value| value.as_str().map(String::from).unwrap_or_default();
            members.into_iter().map(|(name, value)| (name, text(value))).collect()
        }
    };
    // serde_json sorts; the order is that of the form.
    let order = ["grant_type", "client_id", "client_secret", "scope", "audience", "more"];
    let mut pairs = pairs;
    pairs.sort_by_key(|(name, _)| order.iter().position(|ours| ours == name));
    pairs
}

/// RFC 7617, and where it is `encoded`, RFC 6749 §2.3.1.
fn basic(request: &Request, id: &str, secret: &str, encoded: bool) {
    let Some((_, value)) = request.headers().find(|(name, _)| *name == "authorization") else {
        panic!("none")
    };
    let pair = value.strip_prefix("Basic ").and_then(|pair| STANDARD.decode(pair).ok());
    let pair = pair.and_then(|pair| String::from_utf8(pair).ok()).unwrap_or_default();
    let Some((first, second)) = pair.split_once(':') else { panic!("no colon") };
    let decoded = |part: &str| {
        if !encoded {
            return Some(String::from(part));
        }
        let form = format!("v={part}");
        form_urlencoded::parse(form.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    assert_eq!((decoded(first).as_deref(), decoded(second).as_deref()), (Some(id), Some(secret)));
}
