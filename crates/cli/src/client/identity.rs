//! The certificate that a listener shows, and its key: two files in PEM, as certbot, cert-manager and step write them.

use crate::client::within::within;
use crate::tell::failure::Failure;
use evergrant_gateway::{Identity, IdentityError};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// A chain has a few thousand bytes, and a key fewer; a larger file is another file.
const MAX_BYTES: u64 = 1024 * 1024;

const CERTIFICATE: &str = "the certificate of the listener";
const KEY: &str = "the private key of the listener";

/// What there is in two files at the moment.
pub(crate) struct Pem {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Pem {
    /// Reads them. A pipe has this long.
    pub(crate) fn read(certificate: &Path, key: &Path, limit: Duration) -> Result<Self, Failure> {
        Ok(Self {
            certificate: whole(certificate, CERTIFICATE, limit)?.to_vec(),
            key: whole(key, KEY, limit)?,
        })
    }

    /// As the library shows it.
    pub(crate) fn identity(&self) -> Result<Identity, Failure> {
        Identity::from_pem(&self.certificate, &self.key).map_err(|error| failure(&error))
    }
}

fn whole(path: &Path, what: &'static str, limit: Duration) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let of = path.to_owned();
    let late = || {
        Failure::usage(
            format!("{what} did not arrive from {} within {limit:?}", path.display()),
            "check that something writes it there",
        )
    };
    within(limit, move || bytes(&of, what), late)
}

fn bytes(path: &Path, what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let unread = |error: &dyn std::fmt::Display| {
        Failure::usage(
            format!("{what} {} cannot be read: {error}", path.display()),
            "name a file that this user can read",
        )
    };
    // The buffer is not moved while it grows, so that no part of a key stays behind.
    let mut content = Zeroizing::new(Vec::with_capacity(64 * 1024));
    let file = File::open(path).map_err(|error| unread(&error))?;
    let length = file.take(MAX_BYTES + 1).read_to_end(&mut content).map_err(|error| unread(&error))?;
    if length as u64 > MAX_BYTES {
        return Err(unread(&format_args!("it is longer than {MAX_BYTES} bytes")));
    }
    Ok(content)
}

fn failure(error: &IdentityError) -> Failure {
    let (happened, next) = match error {
        IdentityError::Certificate => (
            "the certificate of the listener is not in its file".to_owned(),
            "name the PEM file of the certificate, with those of its authorities behind it (-----BEGIN CERTIFICATE-----)",
        ),
        IdentityError::Key => (
            "the private key of the listener is not in its file".to_owned(),
            "name the PEM file of the key, without a passphrase (-----BEGIN PRIVATE KEY-----)",
        ),
        other => (other.to_string(), "name a certificate, and the key that it was issued for"),
    };
    Failure::usage(happened, next)
}
