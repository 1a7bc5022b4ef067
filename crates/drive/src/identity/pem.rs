//! What is in a PEM text (RFC 7468), by the labels of its parts.
//!
//! `rustls-pki-types` reads PEM, too; it passes over every label that it does not know, so that nobody can be told what was found in place of a
//! key, and leaves the base64 of a key in memory.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evergrant_core::SecretText;
use zeroize::Zeroizing;

/// One part.
pub(super) struct Part<'a> {
    pub(super) label: &'a str,
    pub(super) body: &'a str,
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The parts in their order, whatever is written between them. One that has no end is the last, with `None` for its body.
pub(super) fn parts(text: &str) -> impl Iterator<Item = Result<Part<'_>, &str>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, begun) = rest.split_once(BEGIN)?;
        let Some((label, inner)) = begun.split_once(DASHES) else {
            rest = "";
            return Some(Err(""));
        };
        match inner.split_once(END).and_then(|(body, ended)| Some((body, ended.split_once(DASHES)?))) {
            Some((body, (end, after))) if end == label => {
                rest = after;
                Some(Ok(Part { label, body }))
            }
            _ => {
                rest = "";
                Some(Err(label))
            }
        }
    })
}

impl Part<'_> {
    /// Whether its body is encrypted in the way that was used before PKCS#8.
    pub(super) fn is_encrypted(&self) -> bool {
        self.body.contains("ENCRYPTED")
    }

    /// Its bytes; `None` if it is no base64.
    pub(super) fn der(&self) -> Option<Zeroizing<Vec<u8>>> {
        // All room at once: a text that grows leaves copies behind.
        let mut base64 = Zeroizing::new(Vec::with_capacity(self.body.len()));
        base64.extend(self.body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
        let mut der = Zeroizing::new(vec![0; base64.len() / 4 * 3 + 3]);
        let length = STANDARD.decode_slice(&base64, &mut der).ok()?;
        der.truncate(length);
        (length > 0).then_some(der)
    }
}

/// One part as it is written, behind what is there.
pub(super) fn write(into: &mut Zeroizing<String>, label: &str, der: &[u8]) {
    let mut base64 = Zeroizing::new(String::with_capacity(der.len() / 3 * 4 + 4));
    STANDARD.encode_string(der, &mut base64);
    // All room at once, as above.
    let room = into.len() + base64.len() / 64 + base64.len() + 2 * label.len() + 64;
    let mut text = Zeroizing::new(String::with_capacity(room));
    text.push_str(into);
    [BEGIN, label, DASHES, "\n"].into_iter().for_each(|piece| text.push_str(piece));
    for (at, character) in base64.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    ["\n", END, label, DASHES, "\n"].into_iter().for_each(|piece| text.push_str(piece));
    *into = text;
}

/// The text that was written.
pub(super) fn text(written: &Zeroizing<String>) -> SecretText {
    SecretText::new(written)
}
