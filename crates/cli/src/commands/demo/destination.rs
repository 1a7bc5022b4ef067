//! Where the report is written.

use super::report::Report;
use super::{page, picture};
use crate::commands::replaced::{self, Place};
use crate::tell::failure::Failure;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What `--report` names: a file, and by its ending what is written into it.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    path: PathBuf,
    format: Format,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Html,
    Svg,
}

/// A destination that can be written.
pub(super) struct Opened {
    place: Place,
    format: Format,
}

impl Destination {
    pub(crate) fn named(path: PathBuf) -> Result<Self, &'static str> {
        let name = path.to_string_lossy();
        // With a slash at its end it is the name of a folder.
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let format = match ending.to_ascii_lowercase().as_str() {
            "html" => Format::Html,
            "svg" => Format::Svg,
            _ => return Err("write a name that ends with .html for a page, or with .svg for a picture"),
        };
        Ok(Self { path, format })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Nothing is changed; but where nothing can be written, that is said now.
    pub(super) fn open(&self) -> Result<Opened, Failure> {
        let path = &self.path;
        let place = match path.metadata() {
            Ok(found) if found.is_file() => {
                let real = path.canonicalize().map_err(|error| unwritten(path, &error))?;
                Place::existing(real, found)
            }
            Ok(_) => return Err(wrong(path, "is not a regular file")),
            Err(error) if error.kind() == ErrorKind::NotFound && path.is_symlink() => {
                return Err(wrong(path, "is a symbolic link to a file that does not exist"));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Place::new(path),
            Err(error) => return Err(unwritten(path, &error)),
        };
        let _tried = place.temporary().map_err(|error| unwritten(path, &error))?;
        Ok(Opened { place, format: self.format })
    }
}

impl Opened {
    /// The whole report, or what was there before.
    pub(super) fn write(self, report: &Report) -> Result<(), Failure> {
        let text = match self.format {
            Format::Html => page::of(report),
            Format::Svg => format!("{}\n", picture::of(report)),
        };
        let written = self.place.temporary().and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            self.place.take(file)
        });
        written.map_err(|error| unwritten(self.place.path(), &error))
    }
}

fn wrong(path: &Path, why: &str) -> Failure {
    Failure::usage(format!("--report {} {why}", path.display()), "name a regular file, or a new one")
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    replaced::unwritten("--report", path, error)
}
