//! What the server says of itself (RFC 8414 §2, OpenID Connect Discovery §3).

use serde_json::{Map, Value, json};

use crate::http::Request;
use crate::jwk::Key;
use crate::registration::Registration;
use crate::response::Response;
use crate::state::{Outcome, Settings, Shared};
use crate::trust::Trust;

/// Answers a request for the metadata.
pub(crate) fn answer(shared: &Shared, request: &Request) -> (Response, Outcome) {
    let settings = &shared.lock().settings;
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return (Response::new(405).header("Allow", "GET, HEAD"), Outcome::Refused);
    }
    if !settings.site.has_metadata(request.path()) {
        return (Response::new(404), Outcome::Refused);
    }
    (Response::new(200).body("application/json", metadata(settings).to_string()), Outcome::Served)
}

fn metadata(settings: &Settings) -> Value {
    let mut metadata = json!({
        "issuer": settings.site.issuer(),
        "token_endpoint": settings.site.token_endpoint(),
        "grant_types_supported": ["client_credentials"],
        // Required, and there is no authorization endpoint.
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": methods(settings),
    });
    if let Some(endpoint) = settings.site.mtls_token_endpoint() {
        // RFC 8705 §5 and §3.3.
        metadata["mtls_endpoint_aliases"] = json!({ "token_endpoint": endpoint });
        metadata["tls_client_certificate_bound_access_tokens"] = true.into();
    }
    let algorithms = algorithms(settings);
    if !algorithms.is_empty() {
        metadata["token_endpoint_auth_signing_alg_values_supported"] = algorithms.into();
    }
    metadata
}

/// How clients authenticate, each method once.
fn methods(settings: &Settings) -> Vec<&'static str> {
    let mut methods = Vec::new();
    if settings.clients.secrets().any(|secret| !secret.is_empty()) {
        methods.extend(["client_secret_basic", "client_secret_post"]);
    }
    if settings.clients.secrets().any(str::is_empty) {
        methods.push("none");
    }
    let trusted = settings.trusts.iter().any(|trust| trust.assertion_type == Trust::JWT_BEARER);
    methods.extend(trusted.then_some("private_key_jwt"));
    methods.extend(settings.registrations.iter().map(Registration::method_name));
    each_once(methods)
}

fn algorithms(settings: &Settings) -> Vec<&'static str> {
    let trusted = settings.trusts.iter().filter(|trust| trust.assertion_type == Trust::JWT_BEARER);
    let keys = trusted.flat_map(|trust| &trust.keys);
    let keys = keys.chain(settings.registrations.iter().flat_map(Registration::keys));
    each_once(keys.flat_map(Key::algorithms).map(|alg| alg.name()).collect())
}

fn each_once(names: Vec<&'static str>) -> Vec<&'static str> {
    let mut once = Vec::new();
    for name in names {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    once
}

/// A JSON object in which this member is written as it stands, or left out; what is no object stays as it is.
pub(crate) fn with_member(object: &[u8], name: &str, json: Option<&str>) -> Vec<u8> {
    let Ok(mut members) = serde_json::from_slice::<Map<String, Value>>(object) else {
        return object.to_vec();
    };
    members.remove(name);
    let mut written: Vec<String> =
        members.iter().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str()))).collect();
    written.extend(json.map(|json| format!("{}:{json}", Value::from(name))));
    format!("{{{}}}", written.join(",")).into_bytes()
}

#[cfg(test)]
mod tests;
