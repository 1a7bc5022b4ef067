//! The resource API: what a bearer token opens (RFC 6750).

use serde_json::json;

use crate::clock;
use crate::http::Request;
use crate::options::Challenge;
use crate::response::Response;
use crate::state::{Outcome, Shared};
use crate::token::Invalid;

/// The header field that tells which token served a request: 1 for the first that was issued.
const TOKEN_NUMBER: &str = "x-evergrant-mock-token";

/// Answers a request at the resource API.
pub(crate) fn answer(shared: &Shared, request: &Request) -> (Response, Outcome) {
    let state = shared.lock();
    let challenge = &state.settings.challenge;
    let Some(token) = bearer(request) else {
        return (missing(challenge), Outcome::Refused);
    };
    match challenge {
        Challenge::Foreign => return (foreign(), Outcome::Refused),
        Challenge::ForeignScheme => return (foreign_scheme(), Outcome::Refused),
        _ => {}
    }
    let certificate = request.certificate().map(|certificate| certificate.thumbprint.as_str());
    match state.tokens.verify(token, certificate, clock::now(state.settings.clock_offset)) {
        Ok(number) => (serve(request, number), Outcome::Served),
        Err(why) => (refuse(challenge, why), Outcome::Refused),
    }
}

/// The token of the one Authorization header, after exactly `Bearer `: the MyParcel.com API wants it so, and a client
/// that passes here passes where the case of a scheme does not matter (RFC 9110 §11.1).
fn bearer(request: &Request) -> Option<&str> {
    let mut authorizations = request.all("authorization");
    let token = authorizations.next()?.strip_prefix("Bearer ")?;
    if authorizations.next().is_some() || token.is_empty() { None } else { Some(token) }
}

fn serve(request: &Request, number: u64) -> Response {
    let path = request.path();
    let data = if path == "/shipments" && matches!(request.method.as_str(), "GET" | "HEAD") {
        json!([
            { "type": "shipments", "id": "1", "attributes": { "description": "a box of apples" } },
            { "type": "shipments", "id": "2", "attributes": { "description": "a box of pears" } },
        ])
    } else {
        json!(null)
    };
    let body = json!({
        "data": data,
        "meta": {
            "method": request.method,
            "path": path,
            "received_bytes": request.body.len(),
            "token": number,
        },
    });
    Response::new(200)
        .header(TOKEN_NUMBER, number.to_string())
        .body("application/vnd.api+json", body.to_string())
}

/// RFC 6750 §3.1: a request without authentication is told the scheme and no error.
fn missing(challenge: &Challenge) -> Response {
    if *challenge == Challenge::MyParcel {
        return Response::json_api_error(
            401,
            "14003",
            "Missing Token",
            "The request carries no access token.",
        );
    }
    Response::new(401).header("WWW-Authenticate", "Bearer realm=\"evergrant-mock\"")
}

fn foreign() -> Response {
    Response::json_api_error(
        401,
        "13003",
        "Invalid Secret",
        "The carrier refused the secret of the contract.",
    )
}

fn foreign_scheme() -> Response {
    Response::new(401).header("WWW-Authenticate", "Basic realm=\"upstream\"")
}

fn refuse(challenge: &Challenge, why: Invalid) -> Response {
    let why = match why {
        Invalid::Unknown => "the access token is not one of this server's",
        Invalid::Expired => "the access token has expired",
        Invalid::Revoked => "the access token was revoked",
        Invalid::Bound => "the access token is bound to a client certificate, which was not shown",
    };
    match challenge {
        Challenge::Bearer => Response::new(401).header(
            "WWW-Authenticate",
            format!(r#"Bearer realm="evergrant-mock", error="invalid_token", error_description="{why}""#),
        ),
        Challenge::None => Response::new(401),
        Challenge::MyParcel => Response::json_api_error(401, "14002", "Invalid Token", why),
        Challenge::Foreign => foreign(),
        Challenge::ForeignScheme => foreign_scheme(),
        Challenge::Raw { status, headers, body } => {
            Response { status: *status, headers: headers.clone(), body: body.clone() }
        }
    }
}
