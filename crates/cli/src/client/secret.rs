//! Where a secret comes from: a file, a pipe, stdin, a credential of systemd, the environment, or a command that prints it. Never a flag, and
//! never the configuration file: argv is public, and a file is copied along.

mod environment;
mod file;
mod live;
mod printed;
mod text;

use crate::tell::failure::Failure;
use environment::{CREDENTIALS, unset, variable};
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

pub(crate) use environment::{VARIABLE, VARIABLES, hide};
pub(crate) use live::{KeyId, Keys, Live, LiveKey};
pub(crate) use text::Purpose;

/// Where a secret is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// Nobody said where: in `EVERGRANT_CLIENT_SECRET`.
    Usual,
    /// The same, since the profile's is for the profile's own token endpoint, and another is named.
    Withheld,
    /// In this variable.
    Variable(String),
    /// In this file; `-` is stdin.
    File(PathBuf),
    /// In the credential of this name that systemd hands to its unit.
    Credential(String),
    /// What this program prints. There is no shell in between.
    Command {
        /// The program.
        program: String,
        /// Its arguments.
        arguments: Vec<String>,
    },
}

impl Source {
    /// The secret, which is for this. `limit`: how long it may take until it is there.
    pub(crate) fn read(&self, purpose: &Purpose, limit: Duration) -> Result<Zeroizing<String>, Failure> {
        match self {
            Self::Usual | Self::Withheld if *purpose != Purpose::Client => Err(withheld(purpose)),
            Self::Usual => variable(VARIABLE, purpose)?.ok_or_else(|| {
                Failure::usage(
                    "there is no client secret",
                    format!("set {VARIABLE}, or name a file with --client-secret-file (- reads stdin)"),
                )
            }),
            Self::Withheld => variable(VARIABLE, purpose)?.ok_or_else(|| {
                Failure::usage(
                    "the profile's client secret is only for the profile's own token endpoint, and another endpoint is set",
                    format!(
                        "leave --token-endpoint, --issuer and --provider out and unset EVERGRANT_TOKEN_ENDPOINT, \
                         EVERGRANT_ISSUER and EVERGRANT_PROVIDER; or give the other server's secret in {VARIABLE} or --client-secret-file"
                    ),
                )
            }),
            Self::Variable(name) => variable(name, purpose)?.ok_or_else(|| {
                Failure::usage(
                    format!("there is no {purpose}: the profile says it is in {name}, which is not set"),
                    format!("set {name}"),
                )
            }),
            Self::File(path) => file::within(limit, path, purpose),
            Self::Credential(name) => {
                let path = self.file().ok_or_else(|| no_credentials(name, purpose))?;
                file::within(limit, &path, purpose)
            }
            Self::Command { program, arguments } => printed::printed(program, arguments, purpose, limit),
        }
    }

    /// The secret, if it can be had without running a command and without waiting for somebody.
    pub(crate) fn at_hand(&self, purpose: &Purpose) -> Result<Option<Zeroizing<String>>, Failure> {
        match self {
            Self::Usual | Self::Withheld if *purpose != Purpose::Client => Err(withheld(purpose)),
            Self::Usual | Self::Withheld => variable(VARIABLE, purpose),
            Self::Variable(name) => variable(name, purpose),
            Self::File(path) if path == Path::new("-") || file::is_pipe(path) => Ok(None),
            Self::File(path) => file::file(path, purpose).map(Some),
            Self::Credential(name) => {
                let path = self.file().ok_or_else(|| no_credentials(name, purpose))?;
                file::file(&path, purpose).map(Some)
            }
            Self::Command { .. } => Ok(None),
        }
    }

    /// Whether it may be another one when it is read again.
    pub(crate) fn can_change(&self) -> bool {
        match self {
            Self::File(path) => path != Path::new("-") && !file::is_pipe(path),
            Self::Credential(_) | Self::Command { .. } => true,
            Self::Usual | Self::Withheld | Self::Variable(_) => false,
        }
    }

    /// Whether a command prints it, which is run when somebody asks for it.
    pub(crate) fn is_command(&self) -> bool {
        matches!(self, Self::Command { .. })
    }

    /// The file that it is in, if it is in one.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) if path != Path::new("-") => Some(path.clone()),
            Self::Credential(name) => {
                let folder = std::env::var_os(CREDENTIALS).filter(|folder| !folder.is_empty())?;
                Some(PathBuf::from(folder).join(name))
            }
            _ => None,
        }
    }

    /// Whether it stays as it is until the unit is started again, though it is named as a file: systemd has copied it.
    pub(crate) fn is_copied_at_the_start(&self) -> bool {
        matches!(self, Self::File(path) if is_credential(path))
    }

    /// The variable that it is in, if somebody named one.
    pub(crate) fn variable(&self) -> Option<&str> {
        match self {
            Self::Variable(name) => Some(name),
            _ => None,
        }
    }
}

/// Where it is, and whether it is there.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usual => write!(f, "in {VARIABLE}{}", unset(VARIABLE)),
            Self::Withheld => {
                write!(
                    f,
                    "in {VARIABLE}{}: the profile's secret is only for the profile's own token endpoint",
                    unset(VARIABLE)
                )
            }
            Self::Variable(name) => write!(f, "in {name}{}", unset(name)),
            Self::File(path) => write!(f, "in {}", path.display()),
            Self::Credential(name) => write!(
                f,
                "in the credential {name} of systemd, which changes with a restart of the unit alone{}",
                unset(CREDENTIALS)
            ),
            Self::Command { program, .. } => write!(f, "printed by {program}"),
        }
    }
}

/// What is odd about a secret, though it may be meant.
pub(crate) fn oddity(secret: &str) -> Option<&'static str> {
    let between = |open: &str, close: &str| {
        secret.len() > open.len() + close.len() && secret.starts_with(open) && secret.ends_with(close)
    };
    let quoted = |quote: char| secret.len() > 1 && secret.starts_with(quote) && secret.ends_with(quote);
    let template = [("${", "}"), ("$(", ")"), ("{{", "}}"), ("%", "%"), ("<", ">")];
    if template.iter().any(|(open, close)| between(open, close)) {
        Some("the secret looks like a template's placeholder that nobody filled in")
    } else if secret.trim() != secret {
        Some("the secret begins or ends with a space: write it without")
    } else if quoted('"') || quoted('\'') {
        Some("the secret is in quotation marks: write it without them")
    } else if secret.contains("CLIENT_SECRET=") || secret.contains("client_secret=") {
        Some("the secret has its own name in it: write the value alone")
    } else {
        None
    }
}

/// Whether it is another text once it is form-encoded (RFC 6749 appendix B).
pub(crate) fn encodes(text: &str) -> bool {
    !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'*'))
}

/// A word for people, if others can read this opened file that belongs to somebody else; or why it is not to be read.
pub(crate) fn guarded(file: &File, path: &Path, purpose: &Purpose) -> Result<Option<String>, Failure> {
    match file::guard(file, path, purpose)? {
        file::Guarded::Kept => Ok(None),
        file::Guarded::Others(warning) => Ok(Some(warning)),
    }
}

/// Whether this file is a credential of systemd: a copy, made when the unit was started.
pub(crate) fn is_credential(path: &Path) -> bool {
    let folder = std::env::var_os(CREDENTIALS).filter(|folder| !folder.is_empty());
    folder.is_some_and(|folder| path.starts_with(folder))
}

/// Whether the variable that is looked at where nobody names a place has a secret.
pub(crate) fn is_in_usual_variable() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|value| !value.is_empty())
}

/// No variable holds an assertion or a key unless a profile says so.
fn withheld(purpose: &Purpose) -> Failure {
    let flag = if *purpose == Purpose::Key { "--key-file" } else { "--assertion-file" };
    Failure::usage(
        format!(
            "the profile's {purpose} is only for the profile's own client and token endpoint, and another is set"
        ),
        format!("name the file of the other one with {flag}"),
    )
}

fn no_credentials(name: &str, purpose: &Purpose) -> Failure {
    Failure::usage(
        format!("there is no {purpose}: it is in a credential of systemd, and {CREDENTIALS} is not set"),
        format!("write LoadCredential={name}:PATH into the unit, and start it by systemd"),
    )
}
