//! What the environment says of secrets.

use super::text::{self, Purpose};
use crate::tell::failure::Failure;
use std::ffi::OsString;
use zeroize::Zeroizing;

pub(super) const VARIABLE: &str = "EVERGRANT_CLIENT_SECRET";

/// Where systemd puts the credentials of a unit (systemd.exec, CREDENTIALS).
pub(super) const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The variables that hold a secret, or lead to one: what no other program shall inherit.
pub(crate) const VARIABLES: [&str; 6] = [
    VARIABLE,
    "EVERGRANT_ASSERTION_FILE",
    "EVERGRANT_CLIENT_SECRET_FILE",
    "EVERGRANT_PARAM",
    "EVERGRANT_PROXY",
    "EVERGRANT_TOKEN_HEADER",
];

/// What is said beside the name of a variable that is not set.
pub(super) fn unset(name: &str) -> &'static str {
    if std::env::var_os(name).is_some_and(|value| !value.is_empty()) { "" } else { " (not set)" }
}

/// The text of this variable, if it is set.
pub(super) fn variable(name: &str, purpose: &Purpose) -> Result<Option<Zeroizing<String>>, Failure> {
    match std::env::var_os(name).map(OsString::into_string) {
        Some(Ok(secret)) if !secret.is_empty() => Ok(Some(Zeroizing::new(secret))),
        Some(Err(_)) => Err(text::not_text(name, purpose)),
        Some(Ok(_)) | None => Ok(None),
    }
}
