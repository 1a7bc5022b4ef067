//! Where the answer goes: stdout, or a file that is replaced when the whole answer is there.

use super::screen::Screen;
use crate::commands::replaced::{self, Place};
use crate::tell::failure::Failure;
use crate::tell::stdout;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What `--output` names.
pub(super) enum Target {
    Stdout,
    /// No regular file: nothing there can be lost.
    Direct(Direct),
    /// A regular file, or a new one.
    Replaced(Place),
}

/// A device or a FIFO, which may be a terminal.
pub(super) struct Direct {
    file: File,
    path: PathBuf,
    screen: Option<Screen>,
}

/// An opened target.
pub(super) enum Sink {
    Screen(Screen),
    Pipe,
    Direct(Direct),
    Replacing(NamedTempFile, Place),
}

impl Target {
    /// The target of this name. Nothing is changed yet; but a FIFO is opened, which waits for its reader.
    pub(super) fn at(named: Option<&Path>) -> Result<Self, Failure> {
        // Opened anew, stdout would have a place of its own in the file that it is.
        let is_stdout = |path: &Path| {
            ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name))
        };
        let Some(path) = named.filter(|path| !is_stdout(path)) else { return Ok(Self::Stdout) };
        match path.metadata() {
            Ok(found) if found.is_dir() => wrong(path, "is a folder", "name a file in it"),
            Ok(found) => {
                // Opened to see whether it may be written, and at its end: a file that others have open is not cut.
                let opened = OpenOptions::new().append(true).open(path);
                let opened = opened.map_err(|error| unwritten(path, &error))?;
                if !found.is_file() || is_somebodys_open_file(path) {
                    return Ok(Self::Direct(Direct::to(opened, path)));
                }
                let real = path.canonicalize().map_err(|error| unwritten(path, &error))?;
                Ok(Self::Replaced(Place::existing(real, found)))
            }
            Err(error) if error.kind() == ErrorKind::NotFound && path.is_symlink() => {
                wrong(path, "is a symbolic link to a file that does not exist", "name the file itself")
            }
            Err(error) if error.kind() == ErrorKind::NotFound && !names_a_file(path) => {
                wrong(path, "is not a file name", "end it with a file name")
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::Replaced(Place::new(path))),
            Err(error) => Err(unwritten(path, &error)),
        }
    }

    /// Whether a temporary file is made for it.
    pub(super) const fn is_replaced(&self) -> bool {
        matches!(self, Self::Replaced(_))
    }

    /// Makes the temporary file, if there must be one.
    pub(super) fn open(self) -> Result<Sink, Failure> {
        match self {
            Self::Stdout => Ok(Sink::stdout()),
            Self::Direct(direct) => Ok(Sink::Direct(direct)),
            Self::Replaced(place) => {
                let file = place.temporary().map_err(|error| unwritten(place.path(), &error))?;
                Ok(Sink::Replacing(file, place))
            }
        }
    }
}

impl Direct {
    fn to(file: File, path: &Path) -> Self {
        let screen = file.is_terminal().then(Screen::default);
        Self { file, path: path.to_owned(), screen }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<bool, Failure> {
        let written = match &mut self.screen {
            Some(screen) => self.file.write_all(screen.show(bytes).as_bytes()),
            None => self.file.write_all(bytes),
        };
        self.written(written)
    }

    fn finish(mut self) -> Result<bool, Failure> {
        let rest = self.screen.take().map(Screen::end).unwrap_or_default();
        let written = self.file.write_all(rest.as_bytes());
        self.written(written)
    }

    /// Whether anybody still reads.
    fn written(&self, done: io::Result<()>) -> Result<bool, Failure> {
        match done {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
            done => done.map(|()| true).map_err(|error| unwritten(&self.path, &error)),
        }
    }
}

impl Sink {
    pub(super) fn stdout() -> Self {
        if io::stdout().is_terminal() { Self::Screen(Screen::default()) } else { Self::Pipe }
    }

    /// The file that is written, if it is not stdout.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Screen(_) | Self::Pipe => None,
            Self::Direct(direct) => Some(&direct.path),
            Self::Replacing(_, place) => Some(place.path()),
        }
    }

    /// Returns whether anybody still reads.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<bool, Failure> {
        match self {
            Self::Screen(screen) => Ok(stdout::print(screen.show(bytes).as_bytes())? && stdout::flush()?),
            Self::Pipe => Ok(stdout::print(bytes)? && stdout::flush()?),
            Self::Direct(direct) => direct.write(bytes),
            Self::Replacing(file, place) => {
                file.write_all(bytes).map(|()| true).map_err(|error| unwritten(place.path(), &error))
            }
        }
    }

    /// The answer is complete.
    pub(super) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Screen(screen) => {
                stdout::print(screen.end().as_bytes()).and_then(|_| stdout::flush()).map(drop)
            }
            Self::Pipe => stdout::flush().map(drop),
            Self::Direct(direct) => direct.finish().map(drop),
            Self::Replacing(file, place) => place.take(file).map_err(|error| unwritten(place.path(), &error)),
        }
    }
}

/// Whether the name leads to what a process has open, as `/dev/stdout` does: another file in its place would be no
/// answer to whoever holds it.
fn is_somebodys_open_file(path: &Path) -> bool {
    let mut path = path.to_owned();
    loop {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().unwrap_or_default();
        if folder.starts_with("/proc") || folder.starts_with("/dev/fd") {
            return true;
        }
        // What is a loop of links could not be opened before.
        match path.read_link() {
            Ok(next) => path = folder.join(next),
            Err(_) => return false,
        }
    }
}

/// What ends with a slash is the name of a folder.
fn names_a_file(path: &Path) -> bool {
    !path.to_string_lossy().ends_with(std::path::is_separator)
}

fn wrong<T>(path: &Path, why: &str, next: &str) -> Result<T, Failure> {
    Err(Failure::usage(format!("--output {} {why}", path.display()), next))
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    replaced::unwritten("--output", path, error)
}
