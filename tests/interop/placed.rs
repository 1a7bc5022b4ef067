//! Files as whoever renews a secret or an assertion keeps them.

use crate::servers::variable;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of one case, in that of `run`, which removes it.
pub(crate) fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = Path::new(&variable("FOLDER")).join(format!("case-{number}"));
    fs::create_dir(&folder).unwrap();
    set_mode(&folder, 0o700);
    folder
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// How a file is replaced.
#[derive(Clone, Copy)]
pub(crate) enum Writer {
    /// By another of its name, in one rename.
    Rename,
    /// As kubelet does it in a projected volume: the file is a link through the link `..data`, which is what is replaced.
    Projected,
}

pub(crate) const WRITERS: [Writer; 2] = [Writer::Rename, Writer::Projected];

/// A file with a secret or an assertion.
pub(crate) struct Placed {
    folder: PathBuf,
    writer: Writer,
    count: AtomicU32,
}

impl Placed {
    /// One with this text.
    pub(crate) fn new(writer: Writer, text: &str) -> Self {
        let placed = Self { folder: folder(), writer, count: AtomicU32::new(0) };
        if let Writer::Projected = writer {
            symlink("..data/token", placed.folder.join("token")).unwrap();
        }
        placed.put(text);
        placed
    }

    pub(crate) fn path(&self) -> String {
        self.folder.join("token").to_str().unwrap().to_owned()
    }

    /// Replaces the text.
    pub(crate) fn put(&self, text: &str) {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let at = |name: &str| self.folder.join(name);
        match self.writer {
            Writer::Rename => {
                write(&at("new"), text);
                fs::rename(at("new"), at("token")).unwrap();
            }
            Writer::Projected => {
                let own = format!("..{number}");
                fs::create_dir(at(&own)).unwrap();
                write(&at(&own).join("token"), text);
                symlink(&own, at("..data_tmp")).unwrap();
                fs::rename(at("..data_tmp"), at("..data")).unwrap();
                if let Some(last) = number.checked_sub(1) {
                    fs::remove_dir_all(at(&format!("..{last}"))).unwrap();
                }
            }
        }
    }
}

/// A file for this user alone.
pub(crate) fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    set_mode(path, 0o600);
}
