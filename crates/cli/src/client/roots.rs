//! Certificates of authorities that are trusted beside this machine's own: a file as a private authority hands it out.

use crate::client::guard::{self, CERTIFICATES};
use crate::client::within::within;
use crate::tell::failure::Failure;
use reqwest::ClientBuilder;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

/// The bundles of whole systems have a quarter of it; a larger file is another file.
const MAX_BYTES: u64 = 1024 * 1024;

/// The certificates of a file. Each can be read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Roots(Vec<CertificateDer<'static>>);

impl Roots {
    /// Those of this file, in PEM (RFC 7468): one at least. A pipe has this long.
    pub(crate) fn read(path: &Path, limit: Duration) -> Result<Self, Failure> {
        let of = path.to_owned();
        within(
            limit,
            move || Self::whole(&of),
            || {
                Failure::usage(
                    format!("{CERTIFICATES} did not arrive from {} within {limit:?}", path.display()),
                    "check that something writes them there, or allow more time with --timeout",
                )
            },
        )
    }

    fn whole(path: &Path) -> Result<Self, Failure> {
        let name = path.display();
        let wrong =
            |happened: String, next: &str| Failure::usage(format!("{CERTIFICATES} {name} {happened}"), next);
        let unread = |error: &dyn std::fmt::Display| {
            wrong(format!("cannot be read: {error}"), "name a file that this user can read")
        };
        let mut content = Vec::new();
        let file = File::open(path).map_err(|error| unread(&error))?;
        guard::file(&file, path, CERTIFICATES)?;
        let length = file.take(MAX_BYTES + 1).read_to_end(&mut content).map_err(|error| unread(&error))?;
        if length as u64 > MAX_BYTES {
            return Err(unread(&format_args!("it is longer than {MAX_BYTES} bytes")));
        }
        // Editors of Windows write one at the beginning of a text.
        let content = content.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&content);
        let found = CertificateDer::pem_slice_iter(content).collect::<Result<Vec<_>, pem::Error>>();
        let found = found.map_err(|_| {
            wrong(
                "is not a complete PEM file".into(),
                "write it again: each certificate from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----",
            )
        })?;
        if found.is_empty() {
            let next = if Certificate::from_der(content).is_ok() {
                "it is DER; write it as PEM: openssl x509 -inform der -in FILE -out FILE.pem"
            } else {
                "name the PEM file of the authority that issued the server's certificate (-----BEGIN CERTIFICATE-----)"
            };
            return Err(wrong("has no certificate in PEM".into(), next));
        }
        if let Some(at) = found.iter().position(|der| !is_certificate(der)) {
            let happened = format!("has a certificate that cannot be read (number {})", at + 1);
            return Err(wrong(happened, "have it issued again, or remove it"));
        }
        Ok(Self(found))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For TLS without an HTTP client.
    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.0
    }

    /// These alone, for TLS without an HTTP client.
    pub(crate) fn store(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(self.0.iter().cloned());
        store
    }

    /// These beside this machine's own, as many of those as can be read; `None` if there are none of these.
    pub(crate) fn beside_machines(&self) -> Option<Arc<RootCertStore>> {
        if self.is_empty() {
            return None;
        }
        let mut store = self.store();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Some(Arc::new(store))
    }

    /// The same HTTP client, which trusts them beside this machine's own.
    pub(crate) fn trusted(&self, builder: ClientBuilder) -> ClientBuilder {
        if self.is_empty() {
            return builder;
        }
        let certificates = self.0.iter().filter_map(|der| reqwest::Certificate::from_der(der).ok());
        builder.tls_certs_merge(certificates)
    }
}

/// As the verifier will read it; what it cannot read it would leave out without a word.
fn is_certificate(der: &CertificateDer<'_>) -> bool {
    RootCertStore::empty().add(der.clone().into_owned()).is_ok() && Certificate::from_der(der).is_ok()
}

#[cfg(test)]
mod tests;
