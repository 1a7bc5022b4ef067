//! An error as HTTP libraries wrap what went wrong below them, for the tests of what is read from such a chain.

use std::error::Error;
use std::fmt;
use std::io;

#[derive(Debug)]
pub(crate) struct Outer(pub(crate) io::Error);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("error sending request")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}
