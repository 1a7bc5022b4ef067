//! Where a client certificate lives, and its key (RFC 8705).

mod certified;
mod pem;

pub use certified::{CertifiedKey, KeyEncoding};

use crate::source::{FileSource, SecretSource};
use evergrant_core::{ConfigError, Excerpt, SecretText, SourceError};
use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long whoever replaces two files one after the other is given, before they are read once more.
pub(crate) const BETWEEN_READS: Duration = Duration::from_millis(50);

/// How often two files are read for one attempt: whoever writes a certificate and its key is done in a moment.
pub(crate) const READS: u32 = 4;

/// Where a client certificate lives, with its key: what the connection to the token endpoint shows (mutual TLS, RFC 8705). It is read for
/// each token request and never kept beyond its change: whatever renews it needs to tell nobody.
///
/// When it has changed, the HTTP client is built anew: no connection of before, and no TLS session, speaks for the new certificate.
/// What is read is PEM (RFC 7468): the certificate itself first, then those between it and its authority, and one private key in
/// PKCS#8, PKCS#1 or SEC1, not encrypted.
///
/// ```
/// use evergrant_core::{Client, ClientAuth, Provider};
/// use evergrant_drive::{Identity, Settings};
///
/// let provider = Provider::rfc6749("https://auth.example.com/token")?;
/// let client = Client::builder(provider, ClientAuth::tls("my-client-id")?).build()?;
/// let settings = Settings::new(client).identity(Identity::files("/run/tls/tls.crt", "/run/tls/tls.key"));
/// assert_eq!(settings.check(), Ok(())); // nothing is read yet
/// # Ok::<(), evergrant_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Identity(Arc<Place>);

enum Place {
    Files(Pair),
    Fixed(CertifiedKey),
    Text(Box<dyn SecretSource>),
}

struct Pair {
    certificate: FileSource,
    key: FileSource,
    /// Which of the two the last read failed at.
    failed_at_key: AtomicBool,
}

impl Identity {
    /// A certificate in one file, with those between it and its authority, and its key in another one or in the same. They need not be there yet.
    ///
    /// Each is opened anew for each read, as [`FileSource`] does it. Two files that are replaced one after the other do not belong together
    /// for a moment: they are then read again, and the attempt fails as one that may succeed later if that does not help.
    pub fn files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let (certificate, key) = (FileSource::new(certificate), FileSource::new(key));
        Self(Arc::new(Place::Files(Pair { certificate, key, failed_at_key: AtomicBool::new(false) })))
    }

    /// A certificate and its key in one text that stays as it is, for a certificate that is not renewed while the program runs.
    ///
    /// # Errors
    /// [`ConfigError::KeyFormat`]: it has no certificate, or no key that can be used. It says what was found, and what to do.
    pub fn pem(text: &str) -> Result<Self, ConfigError> {
        Ok(Self(Arc::new(Place::Fixed(CertifiedKey::from_pem(text)?))))
    }

    /// A source of such a text: a closure, a command, one file with both ([`FileSource`]).
    ///
    /// ```
    /// use evergrant_core::{SecretText, SourceError};
    /// use evergrant_drive::Identity;
    ///
    /// # fn fetch_x509_svid() -> Result<String, std::io::Error> { Err(std::io::ErrorKind::NotFound.into()) }
    /// let identity = Identity::source(|| match fetch_x509_svid() {
    ///     Ok(pem) => Ok(SecretText::new(&pem)),
    ///     Err(error) => Err(SourceError::failed(&format!("the Workload API gives no X.509-SVID: {error}"))),
    /// });
    /// # drop(identity);
    /// ```
    pub fn source(source: impl SecretSource) -> Self {
        Self(Arc::new(Place::Text(Box::new(source))))
    }

    /// What is there now. Nobody waits for it longer than `limit`.
    ///
    /// # Errors
    /// [`SourceError`] without anything of what was read.
    ///
    /// # Blocking
    /// As long as it takes.
    pub fn read(&self, limit: Duration) -> Result<CertifiedKey, SourceError> {
        match &*self.0 {
            Place::Files(pair) => pair.read(limit),
            Place::Fixed(certified) => Ok(certified.clone()),
            Place::Text(source) => Ok(CertifiedKey::from_pem(source.read(limit)?.expose())?),
        }
    }

    /// What people call it, in errors and logs: the path at which the last read failed, or that of the certificate.
    pub(crate) fn name(&self) -> Option<Cow<'_, str>> {
        match &*self.0 {
            Place::Files(pair) if pair.failed_at_key.load(Ordering::Relaxed) => pair.key.name(),
            Place::Files(pair) => pair.certificate.name(),
            Place::Fixed(_) => None,
            Place::Text(source) => source.name(),
        }
    }

    /// Whether each read costs somebody something.
    pub(crate) fn is_costly(&self) -> bool {
        matches!(&*self.0, Place::Text(source) if source.is_costly())
    }

    /// Whether it is the same place, and not one that is called alike.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// That the certificate and its key do not belong together, where two files may do so in a moment; `None` for those of one text.
    pub(crate) fn apart(&self) -> Option<SourceError> {
        let Place::Files(pair) = &*self.0 else { return None };
        let [certificate, key] = [&pair.certificate, &pair.key].map(|file| file.path().to_string_lossy());
        Some(SourceError::failed(&format!(
            "the client certificate and its private key do not belong together: {certificate} and {key}; put the key there that \
             the certificate was issued for"
        )))
    }
}

/// Where it is, and never what.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("Identity");
        match &*self.0 {
            Place::Files(pair) => shown.field(&pair.certificate.path()).field(&pair.key.path()),
            Place::Fixed(certified) => shown.field(&certified.thumbprint()),
            Place::Text(source) => shown.field(&source.name()),
        }
        .finish()
    }
}

impl Pair {
    /// The certificate is read before and after its key: where that is the same text, the key is not that of another certificate which
    /// took its place in between.
    fn read(&self, limit: Duration) -> Result<CertifiedKey, SourceError> {
        let begun = Instant::now();
        let left = || limit.saturating_sub(begun.elapsed());
        let mut certificate = self.read_of(&self.certificate, limit)?;
        for _ in 0..READS {
            let key = self.read_of(&self.key, left())?;
            let again = self.read_of(&self.certificate, left())?;
            if certificate == again {
                let certified = CertifiedKey::from_pems(certificate.expose(), key.expose());
                return certified.map_err(|(error, is_of_key)| {
                    self.failed_at_key.store(is_of_key, Ordering::Relaxed);
                    error.into()
                });
            }
            certificate = again;
            thread::sleep(BETWEEN_READS.min(left()));
        }
        Err(SourceError::failed("it changes whenever it is read; replace it in one step, by a rename"))
    }

    fn read_of(&self, file: &FileSource, limit: Duration) -> Result<SecretText, SourceError> {
        let read = file.read(limit);
        self.failed_at_key.store(std::ptr::eq(file, &self.key) && read.is_err(), Ordering::Relaxed);
        read.map_err(|error| if error == SourceError::NotText { no_text().into() } else { error })
    }
}

/// Certificates and keys come in binary formats, too.
fn no_text() -> ConfigError {
    let excerpt = |text| Excerpt::new(text, &[]).unwrap_or_default();
    ConfigError::KeyFormat {
        found: excerpt("this is no PEM but a binary format, DER or PKCS#12"),
        mend: excerpt(
            "convert it: openssl x509 -inform DER -in FILE or openssl pkey -inform DER -in FILE; of PKCS#12 openssl pkcs12 \
             -in FILE -noenc",
        ),
    }
}

#[cfg(test)]
mod tests;
