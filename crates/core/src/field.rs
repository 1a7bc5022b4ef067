//! What every text of a client's own must be, before it goes into a request.

use crate::error::ConfigError;

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

#[cfg(test)]
mod tests;
