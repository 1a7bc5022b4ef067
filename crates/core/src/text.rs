//! A secret that was read from elsewhere.

use crate::error::{Excerpt, SourceError};
use crate::secret::Secret;
use core::fmt;

/// A text that was read for one token request: a client secret, a finished assertion, a parameter's value.
///
/// It is wiped from memory with its last copy, compared in constant time, and shown by no Debug.
///
/// ```
/// use evergrant_core::{SecretText, SourceError};
///
/// // What is in a file ends with a line break most often.
/// assert_eq!(SecretText::from_bytes(b"my-client-secret\n"), Ok(SecretText::new("my-client-secret")));
/// assert_eq!(SecretText::from_bytes(b"\n"), Err(SourceError::Empty)); // whoever writes it is not done
/// assert_eq!(SecretText::from_bytes(b"\xff\xfe"), Err(SourceError::NotText));
/// ```
#[derive(Clone)]
pub struct SecretText {
    text: Secret,
    is_costly: bool,
    source: Option<Excerpt>,
    /// What tells it from another, where that is not the text: the key of a signed assertion, which is new for each request.
    told_by: Option<Secret>,
}

/// What came of a text that was read.
pub(crate) struct Parts {
    pub(crate) text: Secret,
    pub(crate) source: Option<Excerpt>,
    pub(crate) is_costly: bool,
    /// What tells its credential from another.
    pub(crate) told_by: Secret,
}

impl SecretText {
    /// No text is longer, in bytes: a longer file is another file.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// This text, as it is.
    pub fn new(text: &str) -> Self {
        Self { text: Secret::new(text), is_costly: false, source: None, told_by: None }
    }

    /// What is in a file, or was printed: one text in UTF-8, without the byte order mark before it and the one line break behind it.
    ///
    /// # Errors
    /// [`SourceError`] for nothing at all, for more than [`MAX_BYTES`](Self::MAX_BYTES), and for what is no UTF-8. A line break within
    /// is found where the text is used.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SourceError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(SourceError::TooLong);
        }
        let text = core::str::from_utf8(bytes).map_err(|_| SourceError::NotText)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        if text.is_empty() { Err(SourceError::Empty) } else { Ok(Self::new(text)) }
    }

    /// The same text, which is costly to read again: somebody is asked for a passphrase, or each read is paid for. After a refusal it is
    /// read at the pace of permanent failures, and not every 10 s to see whether it has changed.
    #[must_use]
    pub fn costly(self) -> Self {
        Self { is_costly: true, ..self }
    }

    /// The same text, from there: a path, or the name of a program. Errors say it.
    #[must_use]
    pub fn read_from(self, source: &str) -> Self {
        Self { source: Excerpt::new(source, &[]), ..self }
    }

    /// The text: keep it out of logs.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// The same text, which is another credential only when this one is another.
    pub(crate) fn told_by(self, told_by: &Self) -> Self {
        Self { told_by: Some(told_by.text.clone()), ..self }
    }

    pub(crate) fn into_parts(self) -> Parts {
        let Self { text, is_costly, source, told_by } = self;
        Parts { told_by: told_by.unwrap_or_else(|| text.clone()), text, source, is_costly }
    }
}

/// Whether the texts are equal, wherever they are from.
impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for SecretText {}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretText").field("source", &self.source).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
