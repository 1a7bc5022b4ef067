//! `--trust-keys`, `--client-keys` and `--client-certificates`: who authenticates otherwise than by the secret.

use crate::tell::failure::Failure;
use evergrant_mock::{Registration, Server, Trust};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// A JWKS has a handful of keys. A device or a pipe that never ends is not read for ever.
const MAX_BYTES: u64 = 1024 * 1024;

/// Assertions by the keys in this file and for this audience, of either type.
pub(super) fn read(path: &Path, audience: &str) -> Result<[Trust; 2], Failure> {
    let keys = text(path, "keys")?;
    let trust = Trust::jwks(&keys, audience).map_err(|error| {
        unusable(
            path,
            "keys",
            &error,
            "name the issuer's public keys as JSON (a JWKS); Kubernetes prints its own with: kubectl get --raw /openid/v1/jwks",
        )
    })?;
    Ok([trust.clone(), trust.assertion_type(Trust::JWT_SPIFFE)])
}

/// The client, with the public keys in this file. Its assertions are for this audience: one of the words that a client has for it, and
/// the issuer where nobody says more.
pub(super) fn client_keys(path: &Path, audience: Option<&str>) -> Result<Registration, Failure> {
    let is_endpoint = match audience {
        None | Some("issuer") => false,
        Some("token-endpoint") => true,
        Some(_) => {
            return Err(Failure::usage(
                "the audience of the assertions of --client-keys is issuer or token-endpoint",
                "write one of the two with --assertion-audience; a text of your own is the issuer that --issuer names",
            ));
        }
    };
    let registration = Registration::private_key_jwt(Server::CLIENT_ID, &text(path, "keys")?).map_err(|error| {
        let next = "name the public key as JWK, JWKS or PEM, which these write: evergrant key --key-file KEY > FILE, or openssl pkey -in KEY \
                    -pubout -out FILE";
        unusable(path, "keys", &error, next)
    })?;
    Ok(if is_endpoint { registration.audience_is_token_endpoint() } else { registration })
}

/// The client, with the certificates in this file.
pub(super) fn client_certificates(path: &Path) -> Result<Registration, Failure> {
    let certificates = text(path, "certificates")?;
    Registration::self_signed_tls_client_auth(Server::CLIENT_ID, &certificates)
        .map_err(|error| unusable(path, "certificates", &error, "name the certificate in PEM"))
}

/// A file of a bounded length.
pub(super) fn text(path: &Path, what: &str) -> Result<String, Failure> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
    read.map_err(|error| {
        Failure::usage(
            format!("the {what} in {} cannot be read: {error}", path.display()),
            "name a file that this user can read",
        )
    })?;
    Ok(text)
}

pub(super) fn unusable(path: &Path, what: &str, error: &io::Error, next: &str) -> Failure {
    Failure::usage(format!("the {what} in {} cannot be used: {error}", path.display()), next)
}
