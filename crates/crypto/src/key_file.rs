//! Keys in files that somebody renews.

use crate::key::{Key, OWN_CERTIFICATE_FIRST, Uncertified, refused};
use evergrant_core::{Class, ConfigError, SourceError};
use evergrant_drive::{FileSource, KeySource, SecretSource, Signer};
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A file with a key, which is read for each token request and never kept: whatever renews it needs to tell nobody.
///
/// It is opened as a [`FileSource`] is, and has a key in PEM or a JWK as [`Key::from_text`] takes them, of at most 64 KiB. Replace it in one
/// step, by a rename, and register the new public key at the server first.
///
/// ```
/// use evergrant_core::SourceError;
/// use evergrant_crypto::KeyFile;
/// use evergrant_drive::KeySource;
/// use std::time::Duration;
///
/// let source = KeyFile::new("/run/secrets/nobody-writes-this.pem").with_id("erp-2026");
/// assert_eq!(source.read(Duration::from_secs(1)).err(), Some(SourceError::Missing));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyFile {
    file: FileSource,
    content: Content,
    id: Id,
    certificate: Option<FileSource>,
}

/// What the key is called at the server.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Id {
    /// As its JWK says; in PEM it has no name.
    Own,
    Named(Box<str>),
    Thumbprint,
}

/// What the file has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Content {
    Key,
    Secret,
}

impl KeyFile {
    /// The file at this path, whether it is there yet or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { file: FileSource::new(path), content: Content::Key, id: Id::Own, certificate: None }
    }

    /// The file at this path with a secret, for `client_secret_jwt` (HS256): one text in UTF-8, of which a line break at the end is no part.
    pub fn secret(path: impl Into<PathBuf>) -> Self {
        Self { content: Content::Secret, ..Self::new(path) }
    }

    /// The same with the key's name at the server, `kid`, in place of one that a JWK has. It stays when the file is replaced, and chooses no key of
    /// a JWK set: for a key that is replaced take [`with_thumbprint_id`](Self::with_thumbprint_id), or a JWK with its own name.
    #[must_use]
    pub fn with_id(self, id: &str) -> Self {
        Self { id: Id::Named(id.into()), ..self }
    }

    /// The same, whose key is called at the server (`kid`) as its thumbprint (RFC 7638) says, by [`Key::with_thumbprint_id`]: when the file is
    /// replaced, the new key has its own name at once. A secret stays as it is. Of this and [`with_id`](Self::with_id) the last one counts.
    ///
    /// ```
    /// use evergrant_crypto::{Key, KeyFile};
    /// use evergrant_drive::{KeySource, Signer};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = std::env::temp_dir().join(format!("evergrant-thumbprint-id-{}", std::process::id()));
    /// # let pem = b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    /// # std::fs::write(&path, pem)?;
    /// let source = KeyFile::new(&path).with_thumbprint_id();
    /// let registered = Key::from_pem(pem)?.with_thumbprint_id(); // its public_jwk() was given to the server
    /// assert_eq!(source.read(Duration::from_secs(1))?.key().id(), registered.key().id());
    /// # std::fs::remove_file(&path)?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_thumbprint_id(self) -> Self {
        Self { id: Id::Thumbprint, ..self }
    }

    /// The same with a file that has the key's certificate, as [`Key::with_certificate`] takes it. It is read for each token request, too.
    #[must_use]
    pub fn with_certificate_file(self, path: impl Into<PathBuf>) -> Self {
        Self { certificate: Some(FileSource::new(path)), ..self }
    }

    fn key(&self, limit: Duration) -> Result<Key, SourceError> {
        match self.content {
            Content::Key => self.file.read_bytes(limit, |bytes| {
                // Whoever writes it may not be done.
                if bytes.trim_ascii().is_empty() {
                    return Err(SourceError::Empty);
                }
                Ok(Key::from_text(bytes)?)
            }),
            Content::Secret => {
                let secret = self.file.read(limit)?;
                if let Some((at, _)) = secret.expose().char_indices().find(|(_, c)| c.is_control()) {
                    return Err(ConfigError::ControlCharacter { field: "client_secret", at }.into());
                }
                Ok(Key::hmac(secret.expose().as_bytes())?)
            }
        }
    }
}

impl KeyFile {
    /// The certificate in this file is that of another key.
    fn apart(&self, certificate: &FileSource) -> SourceError {
        let [key, certificate] = [&self.file, certificate].map(|file| file.path().to_string_lossy());
        let found = format!("the certificate in {certificate} does not belong to the key in {key}");
        refused(&found, OWN_CERTIFICATE_FIRST).into()
    }
}

impl KeySource for KeyFile {
    fn read(&self, limit: Duration) -> Result<Arc<dyn Signer>, SourceError> {
        let begun = Instant::now();
        let mut key = self.key(limit)?;
        if let Some(file) = &self.certificate {
            let left = limit.saturating_sub(begun.elapsed());
            let certified = file.read_bytes(left, |pem| Ok(key.certified_by(pem)));
            key = match certified.map_err(|error| without_certificate(file, &error))? {
                Ok(key) => key,
                Err(Uncertified::OfAnotherKey) => return Err(self.apart(file)),
                Err(Uncertified::NoCertificate(error)) => {
                    return Err(without_certificate(file, &error.into()));
                }
            };
        }
        key = match &self.id {
            Id::Own => key,
            Id::Named(id) => key.with_id(id),
            Id::Thumbprint => key.with_thumbprint_id(),
        };
        Ok(Arc::new(key))
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        self.file.name()
    }
}

/// The same error, which says that it is not of the key's own file.
fn without_certificate(file: &FileSource, error: &SourceError) -> SourceError {
    let path = file.path().to_string_lossy();
    match (error, error.class()) {
        (SourceError::Missing, _) => SourceError::failed(&format!(
            "there is no file {path} for its certificate; check that something writes it there"
        )),
        (_, Class::Transient) => {
            SourceError::failed(&format!("its certificate cannot be read from {path}: {error}"))
        }
        _ => refused(&format!("its certificate, {path}"), &error.to_string()).into(),
    }
}

#[cfg(test)]
mod tests;
