//! Keys in files that somebody renews.

use crate::key::Key;
use evergrant_core::{Class, ConfigError, Excerpt, SourceError};
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
    id: Option<Box<str>>,
    certificate: Option<FileSource>,
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
        Self { file: FileSource::new(path), content: Content::Key, id: None, certificate: None }
    }

    /// The file at this path with a secret, for `client_secret_jwt` (HS256): one text in UTF-8, of which a line break at the end is no part.
    pub fn secret(path: impl Into<PathBuf>) -> Self {
        Self { content: Content::Secret, ..Self::new(path) }
    }

    /// The same with the key's name at the server, `kid`, in place of one that a JWK has.
    #[must_use]
    pub fn with_id(self, id: &str) -> Self {
        Self { id: Some(id.into()), ..self }
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

impl KeySource for KeyFile {
    fn read(&self, limit: Duration) -> Result<Arc<dyn Signer>, SourceError> {
        let begun = Instant::now();
        let mut key = self.key(limit)?;
        if let Some(file) = &self.certificate {
            let left = limit.saturating_sub(begun.elapsed());
            let (certificate, key_alone) = (file, key);
            key = certificate
                .read_bytes(left, |pem| Ok(key_alone.with_certificate(pem)?))
                .map_err(|error| of_certificate(certificate, error))?;
        }
        if let Some(id) = &self.id {
            key = key.with_id(id);
        }
        Ok(Arc::new(key))
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        self.file.name()
    }
}

/// The same error, which says that it is not of the key's own file.
fn of_certificate(file: &FileSource, error: SourceError) -> SourceError {
    let path = file.path().to_string_lossy();
    match error.class() {
        Class::Transient => {
            SourceError::failed(&format!("its certificate cannot be read from {path}: {error}"))
        }
        _ => {
            let [found, mend] = [format!("its certificate, {path}"), error.to_string()]
                .map(|words| Excerpt::new(&words, &[]).unwrap_or_default());
            ConfigError::KeyFormat { found, mend }.into()
        }
    }
}

#[cfg(test)]
mod tests;
