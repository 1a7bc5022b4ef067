//! The certificate that the connection to the token endpoint shows, and its key, in files that somebody renews (RFC 8705).

use crate::client::secret::{self, Purpose};
use crate::client::within::within;
use crate::tell::failure::Failure;
use crate::tell::stderr;
use evergrant_drive::{CertifiedKey, FileSource, Identity, KeyEncoding, SecretSource};
use evergrant_tokio_reqwest::core::{Ask, Excerpt, Unready};
use evergrant_tokio_reqwest::{ConfigError, SecretText, SourceError, Tokens};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use rustls::{InconsistentKeys, sign};
use std::borrow::Cow;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How often two files are read until they belong together: whoever writes one after the other is done in a moment.
const READS: u32 = 4;

/// How long whoever writes them is given in between.
const BETWEEN_READS: Duration = Duration::from_millis(50);

/// Where a certificate is, and its key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Certificate {
    file: PathBuf,
    /// `None`: it is in the file of the certificate.
    key: Option<PathBuf>,
}

/// Why it cannot be had, and which of the files is to blame.
struct Unread {
    path: PathBuf,
    error: SourceError,
}

impl Unread {
    fn failure(self) -> Failure {
        let path = self.path.display().to_string();
        Unready::new(Ask::Certificate, self.error).read_from(&path).into()
    }
}

impl Certificate {
    pub(crate) const fn new(file: PathBuf, key: Option<PathBuf>) -> Self {
        Self { file, key }
    }

    /// The file with the certificate.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// The file with its key, which may be the same.
    pub(crate) fn key_file(&self) -> &Path {
        self.key.as_deref().unwrap_or(&self.file)
    }

    /// As the library reads it for each token request.
    pub(crate) fn identity(&self) -> Identity {
        Identity::source(Files { place: self.clone(), at_fault: Mutex::new(None) })
    }

    /// What is there now. Nobody waits for it longer.
    pub(crate) fn read(&self, limit: Duration) -> Result<CertifiedKey, Failure> {
        let place = self.clone();
        let late = || {
            Failure::usage(
                format!(
                    "the client certificate did not arrive from {} within {limit:?}",
                    self.file.display()
                ),
                "check that something writes it there",
            )
        };
        within(limit, move || place.now(limit, true).map_err(Unread::failure), late)
    }

    /// The same, if it can be had without waiting for somebody.
    pub(crate) fn at_hand(&self) -> Result<Option<CertifiedKey>, Failure> {
        let is_pipe = |path: &Path| path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir());
        if is_pipe(&self.file) || is_pipe(self.key_file()) {
            return Ok(None);
        }
        self.now(Duration::MAX, false).map(Some).map_err(Unread::failure)
    }

    /// The certificate is read before and after its key: where that is the same text, the key is not that of another one which took its
    /// place in between. `told`: whether people hear who else can read the key.
    fn now(&self, limit: Duration, told: bool) -> Result<CertifiedKey, Unread> {
        let begun = Instant::now();
        let left = || limit.saturating_sub(begun.elapsed());
        for round in 1..=READS {
            let certificate = self.text(&self.file, left(), told && round == 1)?;
            let text = match &self.key {
                None => certificate,
                Some(path) => {
                    let key = self.text(path, left(), told && round == 1)?;
                    if self.text(&self.file, left(), false)? != certificate {
                        thread::sleep(BETWEEN_READS.min(left()));
                        continue;
                    }
                    joined(&certificate, &key)
                }
            };
            let certified = CertifiedKey::from_pem(text.expose()).map_err(|error| self.unusable(error))?;
            match belonging(&certified) {
                Ok(()) => return Ok(certified),
                Err(ConfigError::KeyMismatch) if self.key.is_some() && round < READS => {
                    thread::sleep(BETWEEN_READS.min(left()));
                }
                Err(error) => return Err(self.unusable(error)),
            }
        }
        let error =
            SourceError::failed("it changes whenever it is read; replace it in one step, by a rename");
        Err(Unread { path: self.file.clone(), error })
    }

    /// What is in one of the files. Others than its user may not read the one with the key.
    fn text(&self, path: &Path, limit: Duration, told: bool) -> Result<SecretText, Unread> {
        let open = Cell::new(None);
        let may_read = |file: &std::fs::File| {
            if path != self.key_file() {
                return Ok(());
            }
            match secret::guarded(file, path, &Purpose::Certificate) {
                Ok(warning) => warning.filter(|_| told).into_iter().for_each(stderr::warning),
                // A certificate alone is anybody's: its key is elsewhere, which nobody has said.
                Err(failure) if self.key.is_none() && is_file(file) => open.set(Some(failure)),
                Err(failure) => return Err(SourceError::failed(&failure.in_one())),
            }
            Ok(())
        };
        let unread = |error| Unread { path: path.to_owned(), error };
        let text = FileSource::new(path)
            .read_if(limit, may_read)
            .map_err(|error| unread(if error == SourceError::NotText { binary().into() } else { error }))?;
        match open.take() {
            Some(failure) if text.expose().contains(PRIVATE_KEY) => {
                Err(unread(SourceError::failed(&failure.in_one())))
            }
            _ if self.key.is_none()
                && text.expose().contains(CERTIFICATE)
                && !text.expose().contains(PRIVATE_KEY) =>
            {
                Err(unread(keyless().into()))
            }
            _ => Ok(text),
        }
    }

    /// What was read cannot be used: the key, if that is why.
    fn unusable(&self, error: ConfigError) -> Unread {
        let is_of_key =
            matches!(&error, ConfigError::KeyFormat { found, .. } if found.as_str().contains("key"));
        let path = if is_of_key { self.key_file() } else { &self.file };
        Unread { path: path.to_owned(), error: error.into() }
    }
}

/// Its files, as a source of both in one text.
struct Files {
    place: Certificate,
    /// The file that the last read failed at.
    at_fault: Mutex<Option<PathBuf>>,
}

impl Files {
    fn blame(&self, path: Option<PathBuf>) {
        *self.at_fault.lock().unwrap_or_else(PoisonError::into_inner) = path;
    }
}

impl SecretSource for Files {
    fn read(&self, limit: Duration) -> Result<SecretText, SourceError> {
        match self.place.now(limit, false) {
            Ok(certified) => {
                self.blame(None);
                Ok(certified.pem())
            }
            Err(Unread { path, error }) => {
                self.blame(Some(path));
                // The other one of the two may come later.
                Err(match error {
                    SourceError::Unusable(ConfigError::KeyMismatch) => {
                        SourceError::failed(&ConfigError::KeyMismatch.to_string().replacen(": ", "; ", 1))
                    }
                    other => other,
                })
            }
        }
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        let at_fault = self.at_fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Some(Cow::Owned(at_fault.as_deref().unwrap_or(&self.place.file).display().to_string()))
    }
}

/// The certificate that brought the token which this source holds, if one did: nobody waits for it.
pub(crate) fn shown_with(tokens: &Tokens) -> Option<CertifiedKey> {
    tokens.source().shared().identity()
}

/// Two texts in one. All room at once: a text that grows leaves copies behind.
fn joined(certificate: &SecretText, key: &SecretText) -> SecretText {
    let parts = [certificate.expose(), "\n", key.expose()];
    let mut text = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    parts.into_iter().for_each(|part| text.push_str(part));
    SecretText::new(&text)
}

/// Whether the key is that of the certificate, and one that TLS can use.
fn belonging(certified: &CertifiedKey) -> Result<(), ConfigError> {
    let key = default_provider().key_provider.load_private_key(private_key(certified)).map_err(|_| {
        format(
            "the private key is none that TLS can use here",
            "have a certificate issued for an EC key (P-256 or P-384), an Ed25519 key or an RSA key of 2048 bits or more",
        )
    })?;
    match sign::CertifiedKey::new(chain(certified), key).keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(()),
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(ConfigError::KeyMismatch),
        Err(_) => Err(format(
            "the certificate cannot be read",
            "have it issued again, and check that it was copied completely: openssl x509 -in FILE -noout",
        )),
    }
}

/// The certificate and those between it and its authority, as rustls has them.
pub(crate) fn chain(certified: &CertifiedKey) -> Vec<CertificateDer<'static>> {
    certified.certificates().map(|der| CertificateDer::from(der.to_vec())).collect()
}

/// The key as rustls has it.
pub(crate) fn private_key(certified: &CertifiedKey) -> PrivateKeyDer<'static> {
    match certified.key() {
        (KeyEncoding::Pkcs1, der) => PrivatePkcs1KeyDer::from(der.to_vec()).into(),
        (KeyEncoding::Sec1, der) => PrivateSec1KeyDer::from(der.to_vec()).into(),
        (_, der) => PrivatePkcs8KeyDer::from(der.to_vec()).into(),
    }
}

fn is_file(file: &std::fs::File) -> bool {
    file.metadata().is_ok_and(|found| found.is_file())
}

/// What a certificate, and any private key, has in PEM.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";
const PRIVATE_KEY: &str = "PRIVATE KEY";

/// Nobody has said where the key is.
fn keyless() -> ConfigError {
    format(
        "it has no private key",
        "name the file with the key of this certificate: --certificate-key FILE, or certificate_key in the profile",
    )
}

impl Purpose {
    /// What is to be done about a key or a certificate in a binary format, of which one cannot tell by the text which one it is.
    pub(crate) const fn conversion(&self) -> &'static str {
        match self {
            Self::Certificate => {
                "convert it: openssl x509 -inform DER -in FILE, or openssl pkey -inform DER -in FILE; of PKCS#12 openssl pkcs12 -in \
                 FILE -noenc"
            }
            _ => {
                "convert it to PEM: openssl pkey -inform DER -in FILE -out key.pem; of PKCS#12 openssl pkcs12 -in FILE -nocerts \
                 -noenc -out key.pem"
            }
        }
    }
}

/// Certificates and keys come in binary formats, too.
fn binary() -> ConfigError {
    format("it is no PEM but a binary format, DER or PKCS#12", Purpose::Certificate.conversion())
}

fn format(found: &str, mend: &str) -> ConfigError {
    let excerpt = |text| Excerpt::new(text, &[]).unwrap_or_default();
    ConfigError::KeyFormat { found: excerpt(found), mend: excerpt(mend) }
}
