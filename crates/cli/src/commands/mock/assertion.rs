//! `--print-assertion`: an assertion by hand, for programs that make none themselves.

use super::place::ISSUER;
use super::trust;
use crate::tell::failure::Failure;
use crate::tell::manner::Manner;
use crate::tell::stdout;
use evergrant_mock::{Issuer, Server};
use serde_json::{Value, json};
use std::path::Path;
use zeroize::Zeroizing;

/// A claim and its value as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    name: String,
    json: String,
}

/// Reads one from the command line.
pub(super) fn claim(text: &str) -> Result<Claim, String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("write a name and a value, such as sub=orders")?;
    let json = match serde_json::from_str::<Value>(value) {
        Ok(_) => value.to_owned(),
        Err(_) => Value::from(value).to_string(),
    };
    Ok(Claim { name: name.to_owned(), json })
}

/// Prints an assertion of the client, signed with the key in this file.
pub(super) fn print(
    key: &Path,
    audience: Option<&str>,
    claims: &[Claim],
    manner: Manner,
) -> Result<(), Failure> {
    let audience = match audience {
        Some(audience) => audience.to_owned(),
        None => std::env::var(ISSUER).map_err(|_| {
            Failure::usage(
                format!("--print-assertion needs an audience, and {ISSUER} is not set"),
                "name the issuer of the servers with --assertion-audience",
            )
        })?,
    };
    let pem = Zeroizing::new(trust::text(key, "private key")?);
    let client = Issuer::with_key(Server::CLIENT_ID, &pem, None).map_err(|error| {
        trust::unusable(
            key,
            "private key",
            &error,
            "make one with: openssl genpkey -algorithm ed25519 -out key.pem",
        )
    })?;
    let assertion = claims.iter().fold(client.client_assertion(&audience), |assertion, claim| {
        assertion.claim(&claim.name, &claim.json)
    });
    let signed =
        assertion.signed().map_err(|error| Failure::system("the assertion cannot be signed", &error))?;
    let said =
        if manner.json { stdout::json(&json!({ "assertion": signed })) } else { stdout::plain(&signed) };
    said.and_then(|_| stdout::flush()).map(drop)
}

#[cfg(test)]
mod tests;
