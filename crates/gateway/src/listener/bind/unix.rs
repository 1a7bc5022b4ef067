//! A Unix socket: whose folder it is in, and what is at its path already.

use super::super::{Address, ServeError};
use rustix::fs::Mode;
use rustix::io::{Errno, ioctl_fionbio};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket};
use rustix::process::{geteuid, umask};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// A Unix socket that listens.
pub(crate) struct UnixSocket {
    pub(super) listener: UnixListener,
    pub(super) file: SocketFile,
}

/// The file of a Unix socket, which goes when this is dropped.
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Which file it is: another process may have put its own there since.
    file: (u64, u64),
}

impl UnixSocket {
    /// Binds it, for this user alone or for whoever the peer check admits.
    pub(super) fn bind(path: &Path, is_own: bool) -> Result<Self, ServeError> {
        let failed = |error| ServeError::Io(Address::Unix(path.into()), error);
        check_folder(path).map_err(failed)?.then_some(()).ok_or_else(|| ServeError::Folder(path.into()))?;
        remove_stale(path)?;
        // Nobody may connect before the mode is what it is to be.
        let before = umask(Mode::from_raw_mode(0o177));
        let listener = UnixListener::bind(path);
        umask(before);
        let listener = listener.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => ServeError::InUse(Address::Unix(path.into())),
            _ => failed(error),
        })?;
        let mode = if is_own { 0o600 } else { 0o666 };
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let metadata = fs::symlink_metadata(path).map_err(failed)?;
        let file = SocketFile { path: path.into(), file: (metadata.dev(), metadata.ino()) };
        Ok(Self { listener, file })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.file);
        if is_ours {
            let _gone = fs::remove_file(&self.path);
        }
    }
}

/// Whether nobody else may put a socket of his own in its place: its folder and those above are ours or root's, and others may not write
/// to them, unless they may only remove what is theirs.
fn check_folder(path: &Path) -> io::Result<bool> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // Whoever may rename one of the folders above may put another one in its place.
    for folder in fs::canonicalize(folder)?.ancestors() {
        let metadata = fs::metadata(folder)?;
        let is_trusted = [0, geteuid().as_raw()].contains(&metadata.uid());
        let is_writable = metadata.mode() & 0o022 != 0;
        let is_sticky = metadata.mode() & 0o1000 != 0;
        if !is_trusted || (is_writable && !is_sticky) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Removes a socket that nobody listens at any more: connecting to it is refused.
fn remove_stale(path: &Path) -> Result<(), ServeError> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    if !metadata.file_type().is_socket() {
        return Err(ServeError::NoSocket(path.into()));
    }
    match try_connect(path) {
        Err(Errno::CONNREFUSED) => {
            fs::remove_file(path).map_err(|error| ServeError::Io(Address::Unix(path.into()), error))
        }
        // Somebody listens, or may: it is not ours to remove.
        _ => Err(ServeError::InUse(Address::Unix(path.into()))),
    }
}

/// Connects, if that can be done at once: whoever listens and accepts nobody must not hold us up.
fn try_connect(path: &Path) -> Result<(), Errno> {
    let stream = socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    ioctl_fionbio(&stream, true)?;
    connect(&stream, &SocketAddrUnix::new(path)?)
}
