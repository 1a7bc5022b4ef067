//! What the environment says of secrets.

use super::text::{self, Purpose};
use crate::tell::failure::Failure;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// Where a secret is unless somebody says where.
pub(crate) const VARIABLE: &str = "EVERGRANT_CLIENT_SECRET";

/// Where systemd puts the credentials of a unit (systemd.exec, CREDENTIALS).
pub(super) const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The variables that hold a secret, or lead to one: what no other program shall inherit.
pub(crate) const VARIABLES: [&str; 9] = [
    VARIABLE,
    "EVERGRANT_ASSERTION_FILE",
    "EVERGRANT_CERTIFICATE",
    "EVERGRANT_CERTIFICATE_KEY",
    "EVERGRANT_CLIENT_SECRET_FILE",
    "EVERGRANT_KEY_FILE",
    "EVERGRANT_PARAM",
    "EVERGRANT_PROXY",
    "EVERGRANT_TOKEN_HEADER",
];

/// The variables that profiles and tenants keep secrets in, as far as they were read: the environment is the process's own, and so is what of it
/// is secret.
static OTHERS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// These hold secrets: from now on no program that prints one sees them.
pub(crate) fn hide<'a>(names: impl Iterator<Item = &'a str>) {
    OTHERS.lock().unwrap_or_else(PoisonError::into_inner).extend(names.map(str::to_owned));
}

/// The variables that no program sees which prints a secret.
pub(super) fn hidden() -> Vec<String> {
    let others = OTHERS.lock().unwrap_or_else(PoisonError::into_inner);
    VARIABLES.into_iter().map(str::to_owned).chain(others.iter().cloned()).collect()
}

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
