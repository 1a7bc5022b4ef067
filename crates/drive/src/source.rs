//! Where a secret lives, for clients whose secret, assertion or parameter is read for each token request.

mod arrived;
mod command;
#[cfg(unix)]
mod opened;
#[cfg(not(unix))]
#[path = "source/opened/elsewhere.rs"]
mod opened;
mod reading;
mod signing;
mod sources;
mod ticket;
mod unread;

pub(crate) use arrived::Arrived;
pub use command::CommandSource;
pub(crate) use reading::Reading;
pub(crate) use sources::Sources;
pub(crate) use ticket::Ticket;

use evergrant_core::{SecretText, SourceError};
use std::borrow::Cow;
use std::env;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use unread::unread;
use zeroize::Zeroizing;

/// Where a secret, an assertion or the value of a parameter lives. It is read for each token request and never kept: whatever renews it
/// needs to tell nobody.
///
/// A read runs on a short-lived thread of its own, also under async, and may block. While one has not returned no other is begun: the
/// next attempt waits for it. Its answer counts if somebody still waits for it, and is wiped otherwise.
///
/// Any closure is one, such as a client of SPIFFE's Workload API:
///
/// ```
/// use evergrant_core::{SecretText, SourceError};
/// use evergrant_drive::SecretSource;
/// use std::time::Duration;
///
/// # fn fetch_svid() -> Result<String, std::io::Error> { Ok("eyJ..".into()) }
/// let source = || match fetch_svid() {
///     Ok(svid) => Ok(SecretText::new(&svid)),
///     Err(error) => Err(SourceError::failed(&format!("the Workload API gives no JWT-SVID: {error}"))),
/// };
/// assert_eq!(source.read(Duration::from_secs(1)), Ok(SecretText::new("eyJ..")));
/// ```
pub trait SecretSource: Send + Sync + 'static {
    /// What is there now. Nobody waits for it longer than `limit`.
    ///
    /// # Errors
    /// [`SourceError`] without anything of what was read: it is shown to people.
    ///
    /// # Blocking
    /// As long as it takes. What can be ended, such as a process, ends at `limit`.
    fn read(&self, limit: Duration) -> Result<SecretText, SourceError>;

    /// What people call it, in errors and logs: a path, the name of a program.
    fn name(&self) -> Option<Cow<'_, str>> {
        None
    }

    /// Whether each read costs somebody something: a passphrase, a fee. After a refusal it is then read at the pace of other
    /// permanent failures, up to 5 min apart, and not every 10 s to see whether it has changed. Default false.
    fn is_costly(&self) -> bool {
        false
    }
}

impl<F> SecretSource for F
where
    F: Fn() -> Result<SecretText, SourceError> + Send + Sync + 'static,
{
    fn read(&self, _: Duration) -> Result<SecretText, SourceError> {
        self()
    }
}

impl<S: SecretSource + ?Sized> SecretSource for Arc<S> {
    fn read(&self, limit: Duration) -> Result<SecretText, SourceError> {
        (**self).read(limit)
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        (**self).name()
    }

    fn is_costly(&self) -> bool {
        (**self).is_costly()
    }
}

/// A file: a mounted secret, a projected token, a credential of systemd. It has one text in UTF-8 of at most 64 KiB, of which a line
/// break at the end is no part.
///
/// It is opened anew for each read, so a swap of links above it is followed. Who may read it is not looked at. A pipe in its place that nobody
/// writes is left when the time is over.
///
/// ```
/// use evergrant_core::SecretText;
/// use evergrant_drive::{FileSource, SecretSource};
/// use std::time::Duration;
///
/// # let folder = std::env::temp_dir().join(format!("evergrant-file-source-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("client-secret");
/// std::fs::write(&path, "the first\n")?;
/// let source = FileSource::new(&path);
/// assert_eq!(source.read(Duration::from_secs(1)), Ok(SecretText::new("the first")));
/// std::fs::write(&path, "the second\n")?;
/// assert_eq!(source.read(Duration::from_secs(1)), Ok(SecretText::new("the second")));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileSource(PathBuf);

impl FileSource {
    /// The file at this path, whether it is there yet or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What is there now, if `may_read` lets the opened file be read: it is that file which is read, whatever has its name by then.
    ///
    /// # Errors
    /// As [`read`](SecretSource::read), and what `may_read` says.
    ///
    /// # Blocking
    /// As [`read`](SecretSource::read).
    pub fn read_if(
        &self,
        limit: Duration,
        may_read: impl FnOnce(&File) -> Result<(), SourceError>,
    ) -> Result<SecretText, SourceError> {
        self.content(limit, may_read, SecretText::from_bytes)
    }

    /// What `read` makes of the bytes that are there now, at most 64 KiB of them. They are wiped then.
    ///
    /// # Errors
    /// As [`read`](SecretSource::read), but for an empty file and for what is no UTF-8, and what `read` says.
    ///
    /// # Blocking
    /// As [`read`](SecretSource::read).
    pub fn read_bytes<T>(
        &self,
        limit: Duration,
        read: impl FnOnce(&[u8]) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        self.content(limit, |_| Ok(()), read)
    }

    fn content<T>(
        &self,
        limit: Duration,
        may_read: impl FnOnce(&File) -> Result<(), SourceError>,
        read: impl FnOnce(&[u8]) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let mut file = opened::Opened::open(&self.0, limit)?;
        may_read(file.file())?;
        // All room at once: a vector that grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(SecretText::MAX_BYTES + 1));
        let longest = bytes.capacity() as u64;
        file.by_ref().take(longest).read_to_end(&mut bytes).map_err(|error| unread(&error))?;
        if bytes.len() > SecretText::MAX_BYTES { Err(SourceError::TooLong) } else { read(&bytes) }
    }
}

impl SecretSource for FileSource {
    fn read(&self, limit: Duration) -> Result<SecretText, SourceError> {
        self.read_if(limit, |_| Ok(()))
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        Some(self.0.to_string_lossy())
    }
}

/// A variable of this process's environment.
///
/// ```
/// use evergrant_core::SourceError;
/// use evergrant_drive::{SecretSource, VariableSource};
/// use std::time::Duration;
///
/// let source = VariableSource::new("NOBODY_SETS_THIS");
/// assert_eq!(source.read(Duration::from_secs(1)), Err(SourceError::Missing));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VariableSource(String);

impl VariableSource {
    /// The variable of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl SecretSource for VariableSource {
    fn read(&self, _: Duration) -> Result<SecretText, SourceError> {
        // What no variable can be called is not there.
        if self.0.is_empty() || self.0.contains(['=', '\0']) {
            return Err(SourceError::Missing);
        }
        let value = Zeroizing::new(env::var_os(&self.0).ok_or(SourceError::Missing)?.into_encoded_bytes());
        SecretText::from_bytes(&value)
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(&self.0))
    }
}

#[cfg(test)]
mod tests;
