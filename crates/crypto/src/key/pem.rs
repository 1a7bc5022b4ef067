//! PEM (RFC 7468): the blocks of a text, with whatever stands between them.
//!
//! `rustls-pki-types` reads it, too, but leaves the base64 of a key in memory that nobody wipes, and passes over what it does not know:
//! an encrypted key is then no key. It is the second reader of the tests.

use super::refused::{BREAK_LINES, DECRYPT, refused};
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
        let (start, trimmed) = (at, line.trim_ascii_end());
        at += line.len();
        if trimmed.starts_with(BEGIN) {
            let label = label(trimmed, BEGIN).ok_or_else(misshapen)?;
            if let Some((before, _)) = open.replace((label, at)) {
                return Err(without_end(before));
            }
        } else if let Some((label, from)) = open
            && trimmed.starts_with(END)
        {
            if self::label(trimmed, END) != Some(label) {
                return Err(without_end(label));
            }
            blocks.push(Block { label, body: text.get(from..start).unwrap_or_default() });
            open = None;
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
    let is_of_label = |byte: &u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b' ');
    let is_label = !label.is_empty() && label.len() <= LONGEST_LABEL && label.iter().all(is_of_label);
    str::from_utf8(label).ok().filter(|_| is_label)
}

fn misshapen() -> ConfigError {
    refused("a PEM text whose line BEGIN has something else in it", BREAK_LINES)
}

fn without_end(label: &str) -> ConfigError {
    refused(
        &format!("a PEM block BEGIN {label} without its line END {label}"),
        "check that it was copied completely",
    )
}

impl Block<'_> {
    /// Its bytes.
    pub(super) fn der(&self) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
        // All room at once, here and below: a vector that grows leaves copies behind.
        let mut base64 = Zeroizing::new(Vec::with_capacity(self.body.len()));
        for line in self.lines() {
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
            refused(&found, "check that it was copied completely")
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
