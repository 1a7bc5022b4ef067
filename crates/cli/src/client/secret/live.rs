//! A secret that is read for each token request, by the rules of the command.

use super::file::{self, Guarded};
use super::text::Purpose;
use super::{Source, printed};
use crate::tell::failure::Failure;
use evergrant_crypto::Key;
use evergrant_drive::{FileSource, KeySource, SecretSource, Signer};
use evergrant_tokio_reqwest::core::{Class, Excerpt};
use evergrant_tokio_reqwest::{Algorithm, ConfigError, SecretText, SourceError};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long what was read at the start is as good as read again, where a command prints it: somebody may have been asked for a passphrase.
const FRESH: Duration = Duration::from_secs(60);

/// How keys are made of what is in a place.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// Whether it is a secret that signs (HS256), and no private key.
    pub(crate) is_secret: bool,
    /// What the key is called at the server.
    pub(crate) id: KeyId,
    /// The file of a certificate of it, which assertions name.
    pub(crate) certificate: Option<PathBuf>,
    /// How it is to sign, if somebody said so.
    pub(crate) algorithm: Option<Algorithm>,
}

/// What a key is called at the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum KeyId {
    /// As its JWK says; in PEM it has no name.
    Own,
    Named(String),
    Thumbprint,
}

/// Why there is no key.
#[derive(Debug)]
pub(crate) enum NoKey {
    /// The text is none that can be used.
    Key(ConfigError),
    /// The certificate in this file cannot be had, or is no certificate of the key.
    Certificate(PathBuf, SourceError),
}

impl From<NoKey> for SourceError {
    fn from(none: NoKey) -> Self {
        match none {
            NoKey::Key(error) => error.into(),
            NoKey::Certificate(path, error) => {
                let (happened, next) = parts(&path, &error);
                match error.class() {
                    Class::Transient => Self::failed(&format!("{happened}; {next}")),
                    _ => {
                        let excerpt = |text: &str| Excerpt::new(text, &[]).unwrap_or_default();
                        ConfigError::KeyFormat { found: excerpt(&happened), mend: excerpt(&next) }.into()
                    }
                }
            }
        }
    }
}

impl NoKey {
    /// Of the key in this place.
    pub(crate) fn failure(self, place: &Source) -> Failure {
        match self {
            Self::Key(error @ ConfigError::KeyFormat { .. }) => {
                Failure::from(error).of(&format_args!("the signing key {place} cannot be used"))
            }
            Self::Key(error) => error.into(),
            Self::Certificate(path, error) => {
                let (happened, next) = parts(&path, &error);
                Failure::usage(happened, next)
            }
        }
    }
}

/// Why a certificate of a key cannot be used, and what to do.
fn parts(path: &Path, error: &SourceError) -> (String, String) {
    let about = |why: &str| format!("the certificate of the signing key in {}: {why}", path.display());
    if let SourceError::Unusable(ConfigError::KeyFormat { found, mend }) = error {
        return (about(found.as_str()), mend.as_str().to_owned());
    }
    let text = error.to_string();
    let (why, next) = text.split_once("; ").unwrap_or((&text, "name a file that this user can read"));
    (about(why), next.to_owned())
}

impl Keys {
    /// The key that this text is, with its certificate. Nobody waits for that longer than `limit`.
    pub(crate) fn certified(&self, text: &str, limit: Duration) -> Result<Key, NoKey> {
        let key = self.key(text).map_err(NoKey::Key)?;
        let Some(path) = &self.certificate else { return Ok(key) };
        let certified = FileSource::new(path)
            .read(limit)
            .and_then(|pem| Ok(key.with_certificate(pem.expose().as_bytes())?));
        certified.map_err(|error| NoKey::Certificate(path.clone(), error))
    }

    /// The key that this text is.
    fn key(&self, text: &str) -> Result<Key, ConfigError> {
        let key = if self.is_secret { Key::hmac(text.as_bytes())? } else { Key::from_text(text.as_bytes())? };
        let key = match &self.id {
            KeyId::Own => key,
            KeyId::Named(id) => key.with_id(id),
            KeyId::Thumbprint => key.with_thumbprint_id(),
        };
        let can = key.key().algorithms().to_vec();
        match self.algorithm {
            Some(wanted) if !can.contains(&wanted) => {
                let names: Vec<&str> = can.iter().map(|can| can.name()).collect();
                let can = Excerpt::new(&names.join(", "), &[]).unwrap_or_default();
                Err(ConfigError::Algorithm { wanted: wanted.name(), can })
            }
            _ => Ok(key),
        }
    }
}

/// A key in its place, which is read for each token request. Clones are one.
#[derive(Clone)]
pub(crate) struct LiveKey {
    text: Arc<Live>,
    keys: Keys,
}

impl LiveKey {
    /// The key that is in this place.
    pub(crate) fn new(text: Live, keys: Keys) -> Self {
        Self { text: Arc::new(text), keys }
    }
}

impl KeySource for LiveKey {
    fn read(&self, limit: Duration) -> Result<Arc<dyn Signer>, SourceError> {
        let begun = Instant::now();
        let text = self.text.read(limit)?;
        let key = self.keys.certified(text.expose(), limit.saturating_sub(begun.elapsed()))?;
        Ok(Arc::new(key))
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        self.text.name()
    }

    fn is_costly(&self) -> bool {
        self.text.is_costly()
    }
}

/// A secret in its place.
pub(crate) struct Live {
    source: Source,
    purpose: Purpose,
    start: Start,
}

/// What was read at the start.
enum Start {
    /// It is all there will ever be: stdin and a pipe are read once, and a variable stays as it is.
    Fixed(Zeroizing<String>),
    /// It was costly to read, and is good for a while.
    Fresh(Mutex<Option<(Instant, Zeroizing<String>)>>),
    /// It is read again at no cost.
    Gone,
}

impl Live {
    /// The secret in this place, which is this one now.
    pub(crate) fn new(source: &Source, purpose: Purpose, now: &str) -> Self {
        let text = || Zeroizing::new(now.to_owned());
        let start = match source.is_command() {
            true => Start::Fresh(Mutex::new(Some((Instant::now(), text())))),
            false if source.can_change() => Start::Gone,
            false => Start::Fixed(text()),
        };
        Self { source: source.clone(), purpose, start }
    }

    fn text_of_the_start(&self) -> Option<SecretText> {
        match &self.start {
            Start::Fixed(text) => Some(SecretText::new(text)),
            Start::Fresh(fresh) => {
                let (read, text) = fresh.lock().unwrap_or_else(PoisonError::into_inner).take()?;
                (read.elapsed() < FRESH).then(|| SecretText::new(&text))
            }
            Start::Gone => None,
        }
    }
}

impl SecretSource for Live {
    fn read(&self, limit: Duration) -> Result<SecretText, SourceError> {
        if let Some(text) = self.text_of_the_start() {
            return Ok(text);
        }
        if let Source::Command { program, arguments } = &self.source {
            return printed::source(program, arguments).read(limit);
        }
        let path = self.source.file().ok_or(SourceError::Missing)?;
        // The file that was looked at is read, whatever has its name by then.
        FileSource::new(&path).read_if(limit, |file| match file::guard(file, &path, &self.purpose) {
            // Whoever it belongs to was told of at the start.
            Ok(Guarded::Kept | Guarded::Others(_)) => Ok(()),
            Err(failure) => Err(SourceError::failed(&failure.in_one())),
        })
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        match &self.source {
            Source::Command { program, .. } => Some(Cow::Borrowed(program)),
            Source::Variable(name) => Some(Cow::Borrowed(name)),
            Source::File(path) if path == Path::new("-") => Some(Cow::Borrowed("stdin")),
            source => source.file().map(|path| Cow::Owned(path.display().to_string())),
        }
    }

    fn is_costly(&self) -> bool {
        self.source.is_command()
    }
}

#[cfg(test)]
mod tests;
