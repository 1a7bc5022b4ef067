//! Header fields of token requests: the key of a gateway, an account number.

use crate::client::said::Whence;
use crate::client::secret::{Purpose, Source};
use crate::tell::failure::Failure;
use std::fmt;
use std::path::Path;
use zeroize::Zeroizing;

/// What names a file in place of a value.
const FILE: char = '@';

/// A header field, and where its value is.
#[derive(Debug)]
pub(crate) struct TokenHeader {
    pub(crate) name: String,
    pub(crate) value: Value,
}

/// A value, or where it is.
#[derive(Debug)]
pub(crate) enum Value {
    /// It is no secret, or stands in a variable of ours.
    Text(Zeroizing<String>),
    /// It is kept as a client secret is.
    Kept(Source),
}

impl Value {
    /// Where it is kept, if it is.
    pub(crate) fn source(&self) -> Option<&Source> {
        match self {
            Self::Text(_) => None,
            Self::Kept(source) => Some(source),
        }
    }
}

impl TokenHeader {
    /// `Name: value`, or `Name: @FILE`, as this says. Its text may be a secret: it is not shown.
    pub(crate) fn parse(line: &str, by: &Whence) -> Result<Self, Failure> {
        const NEXT: &str = "write it as 'Name: value', or as 'Name: @FILE' where the value is a secret";
        let Some((name, value)) = line.split_once(':') else {
            return Err(Failure::usage(format!("a header field of {by} has no colon"), NEXT));
        };
        let (name, value) = (name.trim().to_owned(), value.trim());
        let value = match value.strip_prefix(FILE) {
            Some("-") => {
                return Err(Failure::usage(
                    format!("the {} cannot come from stdin", Purpose::Header(name)),
                    "name a file, or set EVERGRANT_TOKEN_HEADER",
                ));
            }
            Some(path) => Value::Kept(Source::File(Path::new(path).to_owned())),
            None => Value::Text(Zeroizing::new(value.to_owned())),
        };
        Ok(Self { name, value })
    }

    /// Its value. `read` has it if it is kept somewhere.
    pub(crate) fn value(
        &self,
        read: impl FnOnce(&Purpose, &Source) -> Result<Zeroizing<String>, Failure>,
    ) -> Result<Zeroizing<String>, Failure> {
        match &self.value {
            Value::Text(text) => Ok(text.clone()),
            Value::Kept(source) => read(&Purpose::Header(self.name.clone()), source),
        }
    }
}

/// Its name, and where its value is if that is a secret.
impl fmt::Display for TokenHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Text(_) => f.write_str(&self.name),
            Value::Kept(source) => write!(f, "{} ({source})", self.name),
        }
    }
}

#[cfg(test)]
mod tests;
