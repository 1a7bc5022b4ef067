//! A secret that is read for each token request, by the rules of the command.

use super::file::{self, Guarded};
use super::text::Purpose;
use super::{Source, printed};
use evergrant_crypto::Key;
use evergrant_drive::{FileSource, KeySource, SecretSource, Signer};
use evergrant_tokio_reqwest::core::{Excerpt, KeyInfo, Signature};
use evergrant_tokio_reqwest::{Algorithm, ConfigError, SecretText, SourceError};
use std::borrow::Cow;
use std::path::Path;
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
    pub(crate) id: Option<String>,
    /// How it is to sign, if somebody said so.
    pub(crate) algorithm: Option<Algorithm>,
}

impl Keys {
    /// The key that this text is.
    pub(crate) fn key(&self, text: &str) -> Result<Key, ConfigError> {
        let key = if self.is_secret { Key::hmac(text.as_bytes())? } else { Key::from_text(text.as_bytes())? };
        let key = match &self.id {
            Some(id) => key.with_id(id),
            None => key,
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
        let key = self.keys.key(self.text.read(limit)?.expose())?;
        Ok(if self.text.is_costly() { Arc::new(Costly(key)) } else { Arc::new(key) })
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        self.text.name()
    }
}

/// A key that a command prints: without a thumbprint a refused one is not read again to see whether it has changed.
struct Costly(Key);

impl Signer for Costly {
    fn key(&self) -> KeyInfo {
        let key = self.0.key();
        let costly = KeyInfo::new(key.algorithms());
        let costly = key.id().map_or(costly.clone(), |id| costly.with_id(id));
        key.certificate().map_or(costly.clone(), |certificate| costly.with_certificate(certificate))
    }

    fn sign(&self, algorithm: Algorithm, input: &[u8]) -> Result<Signature, SourceError> {
        self.0.sign(algorithm, input)
    }

    fn is_quick(&self) -> bool {
        true
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
