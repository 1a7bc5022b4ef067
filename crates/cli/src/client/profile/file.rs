//! The configuration file itself.

use crate::client::guard::{self, CONFIGURATION};
use crate::client::within::within;
use crate::tell::failure::Failure;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

/// No configuration is longer; a larger file is another file.
const MAX_BYTES: u64 = 1024 * 1024;

/// How long a pipe may take: as long as a secret's may, unless somebody says how long.
const LIMIT: Duration = Duration::from_secs(120);

pub(super) fn text(path: &Path) -> Result<String, Failure> {
    let of = path.to_owned();
    within(
        LIMIT,
        move || whole(&of),
        || {
            Failure::usage(
                format!("{CONFIGURATION} did not arrive from {} within {LIMIT:?}", path.display()),
                "check that something writes it there, or name a file with --config PATH",
            )
        },
    )
}

fn whole(path: &Path) -> Result<String, Failure> {
    let wrong = |error: io::Error| {
        Failure::usage(
            format!("{CONFIGURATION} {} cannot be read: {error}", path.display()),
            if error.kind() == io::ErrorKind::NotFound {
                "write one with evergrant config init, or name another with --config PATH"
            } else {
                "name a file that this user can read with --config PATH"
            },
        )
    };
    let file = File::open(path).map_err(wrong)?;
    guard::file(&file, path, CONFIGURATION)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(wrong)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(wrong(io::Error::other(format!("it is longer than {MAX_BYTES} bytes"))));
    }
    String::from_utf8(bytes).map_err(|_| wrong(io::Error::other("it is not UTF-8 text")))
}
