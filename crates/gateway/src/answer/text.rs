//! How texts are written into an answer.

use std::fmt::Write;

/// The most bytes of a path that are shown.
const LONGEST_PATH: usize = 256;

/// A path of a caller's: in quotation marks, cut, without its query, and with whatever is not plain in a percent-encoding.
pub(super) fn path(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut shown = String::from("\"");
    for byte in path.bytes().take(LONGEST_PATH) {
        if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\') {
            shown.push(char::from(byte));
        } else {
            // Writing into a String does not fail.
            let _ = write!(shown, "%{byte:02X}");
        }
    }
    shown.push_str(if path.len() > LONGEST_PATH { "...\"" } else { "\"" });
    shown
}

/// A JSON string.
pub(super) fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A string of a structured field (RFC 8941 §3.3.3), which has ASCII alone.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            _ => quoted.push('?'),
        }
    }
    quoted.push('"');
    quoted
}

/// A token of a structured field if the text is one that begins with a letter (RFC 8941 §3.3.4), else a string.
pub(super) fn item(text: &str) -> String {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte);
    let begins_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if begins_well && text.bytes().all(is_token) { text.into() } else { quoted(text) }
}
