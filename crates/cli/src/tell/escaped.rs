//! What others wrote, made fit for a terminal: a file's name, a key, a server's answer may hold what a terminal obeys.

use serde_json::Value;
use std::fmt::{self, Write};

/// A text in which control characters other than a line break, and those that reorder a line, are written as `\u{1b}`.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\n' => f.write_char(c)?,
                c if is_obeyed(c) => write!(f, "{}", c.escape_unicode())?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// The same of a name within a line, which must not begin another one.
pub(crate) struct Line<'a>(pub(crate) &'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_obeyed(c) { write!(f, "{}", c.escape_unicode())? } else { f.write_char(c)? }
        }
        Ok(())
    }
}

/// The same of a JSON value in one line, which stays the value it is.
pub(crate) fn json(value: &Value) -> String {
    let mut escaped = String::new();
    // Such characters stand in its strings alone, where an escape means the same (RFC 8259 §7); all are in the basic plane.
    for c in value.to_string().chars() {
        if is_obeyed(c) {
            let _infallible = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Whether a terminal does something for this character, or shows others in another order.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
