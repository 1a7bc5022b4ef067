//! `--trust-keys`: whose assertions the token endpoint accepts.

use crate::tell::failure::Failure;
use evergrant_mock::Trust;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// A JWKS has a handful of keys. A device or a pipe that never ends is not read for ever.
const MAX_BYTES: u64 = 1024 * 1024;

/// Assertions by the keys in this file and for this audience, of either type.
pub(super) fn read(path: &Path, audience: &str) -> Result<[Trust; 2], Failure> {
    let name = path.display();
    let mut keys = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut keys));
    read.map_err(|error| {
        Failure::usage(
            format!("the keys in {name} cannot be read: {error}"),
            "name a file that this user can read",
        )
    })?;
    let trust = Trust::jwks(&keys, audience).map_err(|error| {
        Failure::usage(
            format!("the keys in {name} cannot be used: {error}"),
            "name the issuer's public keys as JSON (a JWKS); Kubernetes prints its own with: kubectl get --raw /openid/v1/jwks",
        )
    })?;
    Ok([trust.clone(), trust.assertion_type(Trust::JWT_SPIFFE)])
}
