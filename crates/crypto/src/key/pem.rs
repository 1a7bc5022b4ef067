//! PEM (RFC 7468): the blocks of a text, with whatever stands between them. White space around a line means nothing: what YAML has indented is
//! read as well, though not by every parser (§2).
//!
//! `rustls-pki-types` reads it, too, but leaves the base64 of a key in memory that nobody wipes, and passes over what it does not know:
//! an encrypted key is then no key. It is the second reader of the tests.

use super::refused::{BREAK_LINES, COPY_WHOLE, DECRYPT, HYPHENS, REAL_BREAKS, refused};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evergrant_core::ConfigError;
use std::str;
use zeroize::Zeroizing;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// The longest label: a longer one is a line with a key in it, and no error may show that.
const LONGEST_LABEL: usize = 32;

/// What is between two lines of dashes.
#[derive(Debug)]
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    /// Its lines, with their breaks.
    body: &'a [u8],
}

/// The blocks of a text, in its order.
pub(super) fn blocks(text: &[u8]) -> Result<Vec<Block<'_>>, ConfigError> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, usize)> = None;
    let mut at = 0;
    for line in text.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
        let (start, trimmed) = (at, line.trim_ascii());
        at += line.len();
        if trimmed.starts_with(BEGIN) {
            let label = label(trimmed, BEGIN).ok_or_else(|| misshapen(trimmed, "BEGIN"))?;
            if let Some((before, _)) = open.replace((label, at)) {
                return Err(without_end(before));
            }
        } else if let Some((label, from)) = open {
            if trimmed.starts_with(END) {
                if self::label(trimmed, END).ok_or_else(|| misshapen(trimmed, "END"))? != label {
                    return Err(without_end(label));
                }
                blocks.push(Block { label, body: text.get(from..start).unwrap_or_default() });
                open = None;
            } else if has_other_dashes(trimmed) {
                return Err(other_dashes());
            }
        }
    }
    match open {
        Some((label, _)) => Err(without_end(label)),
        None => Ok(blocks),
    }
}

/// What such a line says, in the letters that labels are of.
fn label<'a>(line: &'a [u8], begins: &[u8]) -> Option<&'a str> {
    let label = line.strip_prefix(begins)?.strip_suffix(DASHES)?;
    str::from_utf8(label).ok().filter(|label| is_label(label))
}

fn is_label(text: &str) -> bool {
    let is_of_label = |byte: u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b' ');
    !text.is_empty() && text.len() <= LONGEST_LABEL && text.bytes().all(is_of_label)
}

/// Such a line that has no label, or more than that.
fn misshapen(line: &[u8], which: &str) -> ConfigError {
    if is_escaped(line) {
        escaped()
    } else if has_other_dashes(line) {
        other_dashes()
    } else {
        refused(&format!("a PEM text whose line {which} has something else in it"), BREAK_LINES)
    }
}

/// Whether line breaks are written as source code has them.
pub(super) fn is_escaped(text: &[u8]) -> bool {
    text.windows(2).any(|two| two == b"\\n")
}

pub(super) fn escaped() -> ConfigError {
    refused("a PEM text with the two characters \\n in place of line breaks", REAL_BREAKS)
}

/// Whether it is meant as a line BEGIN or END, and has not five hyphens on either side: one was lost, or a program for texts made dashes of them.
pub(super) fn has_other_dashes(line: &[u8]) -> bool {
    let is_dash = |c: char| matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | ' ');
    let Ok(line) = str::from_utf8(line.trim_ascii()) else { return false };
    let inner = line.trim_matches(is_dash);
    let label = inner.strip_prefix("BEGIN ").or_else(|| inner.strip_prefix("END "));
    let is_right = || line.strip_prefix("-----").and_then(|line| line.strip_suffix("-----")) == Some(inner);
    // Without a dash it is a sentence.
    label.is_some_and(is_label) && inner != line && !is_right()
}

pub(super) fn other_dashes() -> ConfigError {
    refused("a PEM text whose lines BEGIN and END do not have five hyphens on each side", HYPHENS)
}

fn without_end(label: &str) -> ConfigError {
    refused(&format!("a PEM block BEGIN {label} without its line END {label}"), COPY_WHOLE)
}

impl Block<'_> {
    /// Its bytes.
    pub(super) fn der(&self) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
        // All room at once, here and below: a vector that grows leaves copies behind.
        let mut base64 = Zeroizing::new(Vec::with_capacity(self.body.len()));
        for line in self.lines() {
            if is_escaped(line) {
                return Err(escaped());
            }
            if line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED") {
                return Err(encrypted());
            }
            // Headers (RFC 1421 §4.6) say nothing else that matters here.
            if !line.contains(&b':') {
                base64.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
            }
        }
        decoded(&base64, |base64, der| STANDARD.decode_slice(base64, der)).ok_or_else(|| {
            let found = format!("a PEM block BEGIN {} that is not base64", self.label);
            refused(&found, COPY_WHOLE)
        })
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.body.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii)
    }
}

/// A key that needs a passphrase.
pub(super) fn encrypted() -> ConfigError {
    refused("an encrypted private key", DECRYPT)
}

/// What `decode` makes of a text in base64, in memory that is wiped.
pub(super) fn decoded<E>(
    text: &[u8],
    decode: impl FnOnce(&[u8], &mut [u8]) -> Result<usize, E>,
) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
    let length = decode(text, &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}
