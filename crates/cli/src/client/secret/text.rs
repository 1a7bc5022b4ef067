//! A secret as text, wherever it was read, and what it is for.

use crate::tell::failure::Failure;
use crate::tell::stderr;
use std::fmt;
use zeroize::Zeroizing;

/// No secret is longer; a larger file is another file.
pub(super) const MAX_BYTES: u64 = 64 * 1024;

/// What a secret is for, as it is called in errors.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// The client secret (RFC 6749 §2.3.1).
    Client,
    /// The client assertion (RFC 7521 §4.2).
    Assertion,
    /// The key that signs client assertions (RFC 7523 §2.2).
    Key,
    /// The private key of the certificate that a connection shows (RFC 8705), with the certificate or without.
    Certificate,
    /// The value of a header field of token requests, by its name.
    Header(String),
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("client secret"),
            Self::Assertion => f.write_str("client assertion"),
            Self::Key => f.write_str("signing key"),
            Self::Certificate => f.write_str("key of the client certificate"),
            Self::Header(name) => write!(f, "value of the token header {name}"),
        }
    }
}

pub(super) fn trimmed(
    bytes: &[u8],
    name: &str,
    purpose: &Purpose,
    told: bool,
) -> Result<Zeroizing<String>, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|_| not_text(name, purpose))?;
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => {
            stderr::note(format_args!(
                "the byte order mark at the beginning of {name} is not taken as part of the {purpose}"
            ));
            rest
        }
        None => text,
    };
    let secret = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    // Whoever writes a file with a text editor has one: that is worth a word to those alone who look for a fault.
    // A file in PEM ends so, and nobody takes that for a part of a key.
    let is_pem = secret.trim_start().starts_with("-----BEGIN ");
    if told && stderr::is_verbose() && secret.len() < text.len() && !is_pem {
        stderr::note(format_args!(
            "the line break at the end of {name} is not taken as part of the {purpose}"
        ));
    }
    if secret.is_empty() {
        return Err(empty(name, purpose));
    }
    Ok(Zeroizing::new(secret.to_owned()))
}

pub(super) fn empty(name: &str, purpose: &Purpose) -> Failure {
    Failure::usage(format!("{name} is empty"), format!("write the {purpose} into it"))
}

pub(super) fn too_long(name: &str, purpose: &Purpose) -> Failure {
    Failure::usage(
        format!("{name} is longer than {MAX_BYTES} bytes"),
        format!("name a file with the {purpose} and nothing else"),
    )
}

pub(super) fn not_text(name: &str, purpose: &Purpose) -> Failure {
    let next = match purpose {
        Purpose::Key | Purpose::Certificate => purpose.conversion().to_owned(),
        _ => format!("write the {purpose} as plain text"),
    };
    Failure::usage(format!("{name} is not UTF-8 text"), next)
}
