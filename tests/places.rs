//! Where a secret lives that is read for each token request: files, commands, closures; and a folder for them.

use evergrant_tokio_reqwest::core::SourceError;
use evergrant_tokio_reqwest::{CommandSource, FileSource, SecretSource, SecretText};
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Where a secret lives. Clones are the same place.
#[derive(Clone)]
pub struct Place(Arc<dyn SecretSource>);

impl Place {
    /// This file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(FileSource::new(path)))
    }

    /// What a program prints that costs nobody anything.
    pub fn command(command: CommandSource) -> Self {
        Self(Arc::new(command.at_no_cost()))
    }

    /// What a program prints that somebody pays for.
    pub fn costly_command(command: CommandSource) -> Self {
        Self(Arc::new(command))
    }

    /// What this returns.
    pub fn call(call: impl Fn() -> Result<SecretText, SourceError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(call))
    }
}

impl SecretSource for Place {
    fn read(&self, limit: Duration) -> Result<SecretText, SourceError> {
        self.0.read(limit)
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        self.0.name()
    }

    fn is_costly(&self) -> bool {
        self.0.is_costly()
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Place").field(&self.name()).finish()
    }
}

/// A folder of its own, which goes with everything in it.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// An empty one.
    ///
    /// # Panics
    /// There is no room for it.
    #[expect(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("evergrant-tests-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for what is temporary");
        Self(path)
    }

    /// A path in it.
    pub fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file there in one step, as whoever renews a secret should. Returns its path.
    ///
    /// # Panics
    /// There is no room for it.
    pub fn put(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        put(&self.at(name), text.as_ref());
        self.at(name)
    }
}

fn put(path: &Path, text: &[u8]) {
    let next = path.with_extension("next");
    std::fs::write(&next, text).expect("a file in a folder of its own");
    std::fs::rename(&next, path).expect("a file in a folder of its own");
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}
