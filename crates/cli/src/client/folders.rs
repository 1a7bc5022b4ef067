//! Where the system keeps a program's files: the XDG Base Directory Specification, and what stands for it elsewhere.

use std::env;
use std::path::{Path, PathBuf};

/// The name of the folder in each of them.
const OURS: &str = "evergrant";

/// Why there is no folder.
pub(crate) const NO_HOME: &str = if cfg!(windows) {
    "USERPROFILE is not set to an absolute path"
} else {
    "HOME is not set to an absolute path"
};

/// The folder for configuration; `None` where the system names no home.
pub(crate) fn configuration() -> Option<PathBuf> {
    let base = if cfg!(windows) {
        absolute("APPDATA")
    } else {
        // macOS has a folder of its own for this, which people who use a command line do not expect.
        absolute("XDG_CONFIG_HOME").or_else(|| Some(home()?.join(".config")))
    };
    Some(base?.join(OURS))
}

/// The folder for what can be had again; `None` where the system names no home.
pub(crate) fn cache() -> Option<PathBuf> {
    let base = if cfg!(windows) {
        absolute("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        absolute("XDG_CACHE_HOME").or_else(|| Some(home()?.join("Library/Caches")))
    } else {
        absolute("XDG_CACHE_HOME").or_else(|| Some(home()?.join(".cache")))
    };
    Some(base?.join(OURS))
}

/// The user's home.
pub(crate) fn home() -> Option<PathBuf> {
    absolute(if cfg!(windows) { "USERPROFILE" } else { "HOME" })
}

/// `~/` is the home, and a relative path begins at the file that says it.
pub(crate) fn located(path: &str, folder: &Path) -> PathBuf {
    match (path.strip_prefix("~/"), home()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => folder.join(path),
    }
}

/// The specification wants relative paths ignored.
fn absolute(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}
