//! A value, and who said it: so that what is used and what is shown are decided once.

use serde_json::{Value, json};
use std::fmt;

/// A value and its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said<T> {
    pub(crate) value: T,
    pub(crate) by: Whence,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whence {
    /// This flag, such as `--scope`.
    Flag(String),
    /// This variable of the environment.
    Variable(String),
    /// This profile of the configuration file.
    Profile {
        /// Its name.
        name: String,
        /// The line of the key, counted from 1.
        line: Option<usize>,
    },
    /// The key `default_profile` of the configuration file.
    DefaultProfile,
    /// Nobody: it is the default.
    Default,
}

impl<T> Said<T> {
    pub(crate) fn map<U>(self, make: impl FnOnce(T) -> U) -> Said<U> {
        Said { value: make(self.value), by: self.by }
    }
}

impl<T> Said<Option<T>> {
    /// The value, or this one where nobody said any.
    pub(crate) fn or(self, default: T) -> Said<T> {
        self.map(|value| value.unwrap_or(default))
    }

    /// The value, if somebody said one.
    pub(crate) fn transposed(self) -> Option<Said<T>> {
        let Self { value, by } = self;
        value.map(|value| Said { value, by })
    }
}

impl Whence {
    /// The line in the configuration file, where it is known.
    pub(crate) const fn line(&self) -> Option<usize> {
        match self {
            Self::Profile { line, .. } => *line,
            _ => None,
        }
    }

    /// How near it is to the command line: the nearer one counts.
    pub(crate) const fn rank(&self) -> u8 {
        match self {
            Self::Flag(_) => 3,
            Self::Variable(_) => 2,
            Self::Profile { .. } | Self::DefaultProfile => 1,
            Self::Default => 0,
        }
    }

    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Flag(name) => json!({ "kind": "flag", "name": name }),
            Self::Variable(name) => json!({ "kind": "variable", "name": name }),
            Self::Profile { name, line } => json!({ "kind": "profile", "name": name, "line": line }),
            Self::DefaultProfile => json!({ "kind": "default_profile" }),
            Self::Default => json!({ "kind": "default" }),
        }
    }
}

impl fmt::Display for Whence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::Profile { name, line: Some(line) } => write!(f, "profile {name}, line {line}"),
            Self::Profile { name, line: None } => write!(f, "profile {name}"),
            Self::DefaultProfile => f.write_str("default_profile"),
            Self::Default => f.write_str("default"),
        }
    }
}
