//! What every text of a client's own must be, before it goes into a request.

use crate::error::{ConfigError, Excerpt, HeaderFault};

/// Characters without a width: a byte order mark, and what word processors and web pages leave at the ends of what is copied
/// from them.
const INVISIBLE: [char; 6] = ['\u{feff}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{00ad}'];

/// Nothing in it that nobody sees: no control character, and no invisible one at an end.
///
/// # Errors
/// [`ConfigError`] names the field and the byte.
pub(crate) fn check(text: &str, field: &'static str) -> Result<(), ConfigError> {
    if let Some((at, _)) = text.char_indices().find(|(_, c)| c.is_control()) {
        return Err(ConfigError::ControlCharacter { field, at });
    }
    let mut ends = text.char_indices();
    let ends = [ends.next(), ends.next_back()];
    match ends.into_iter().flatten().find(|(_, c)| INVISIBLE.contains(c)) {
        Some((at, _)) => Err(ConfigError::InvisibleCharacter { field, at }),
        None => Ok(()),
    }
}

/// The same for a text that must be there.
///
/// # Errors
/// [`ConfigError`] as [`check`], and for an empty text.
pub(crate) fn check_present(text: &str, field: &'static str) -> Result<(), ConfigError> {
    if text.is_empty() {
        return Err(ConfigError::Empty { field });
    }
    check(text, field)
}

/// The longest name of a header field, in bytes: those in use have less than 40.
const MAX_NAME: usize = 128;

/// The longest value of a header field, in bytes: common limits for one begin at 8 KiB.
const MAX_VALUE: usize = 8 * 1024;

/// Header fields that the library or the HTTP library sets, that frame or route the message, or that are credentials beside
/// the client's own.
const RESERVED: [&str; 16] = [
    "accept",
    "authorization",
    "cache-control",
    "connection",
    "cookie",
    "dpop",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "max-forwards",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Beginnings of names that are reserved as a whole.
const RESERVED_BEGINNINGS: [&str; 3] = ["accept-", "content-", "proxy-"];

/// A header field that may go with a token request, its name in lower case: a token (RFC 9110 §5.1) that is not reserved,
/// and a value of visible ASCII with spaces in between (§5.5: what else there is, readers decode in different ways).
///
/// # Errors
/// [`ConfigError::Header`] names the field and the byte.
pub(crate) fn check_header(name: &str, value: &str) -> Result<(), ConfigError> {
    let is_reserved = || RESERVED.contains(&name) || RESERVED_BEGINNINGS.iter().any(|b| name.starts_with(b));
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    // A space at an end is no part of the value, and is lost on the way.
    let ends = [0, value.len().saturating_sub(1)];
    let is_of_value = |at: usize, byte: u8| byte.is_ascii_graphic() || (byte == b' ' && !ends.contains(&at));
    if name.is_empty() {
        return Err(ConfigError::Empty { field: "a header's name" });
    }
    let why = if let Some(at) = name.bytes().position(|byte| !is_of_name(byte)) {
        HeaderFault::Name { at }
    } else if is_reserved() {
        HeaderFault::Reserved
    } else if value.is_empty() {
        HeaderFault::Empty
    } else if name.len() > MAX_NAME || value.len() > MAX_VALUE {
        HeaderFault::TooLong
    } else if let Some((at, _)) = value.bytes().enumerate().find(|(at, byte)| !is_of_value(*at, *byte)) {
        HeaderFault::Value { at }
    } else {
        return Ok(());
    };
    Err(header_fault(name, why))
}

/// This is wrong with the header field of this name.
pub(crate) fn header_fault(name: &str, why: HeaderFault) -> ConfigError {
    ConfigError::Header { name: Excerpt::new(name, &[]).unwrap_or_default(), why }
}

#[cfg(test)]
mod tests;
