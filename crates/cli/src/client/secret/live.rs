//! A secret that is read for each token request, by the rules of the command.

use super::file::{self, Guarded};
use super::text::Purpose;
use super::{Source, printed};
use evergrant_drive::{FileSource, SecretSource};
use evergrant_tokio_reqwest::{SecretText, SourceError};
use std::borrow::Cow;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long what was read at the start is as good as read again, where a command prints it: somebody may have been asked for a passphrase.
const FRESH: Duration = Duration::from_secs(60);

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
