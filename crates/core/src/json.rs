//! JSON (RFC 8259) read member by member.
//!
//! serde_json checks the syntax of every value, skipping it, and tells where it ends; what the value means is then
//! read from its own text. A typed struct would not do: it takes an array for an object, loses the whole answer to a
//! number such as 1e400, rounds large numbers, and stops at other depths than a skipped value does.

use alloc::borrow::Cow;
use alloc::string::String;
use core::ops::Deref;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

/// The deepest nesting that is read: a token response needs 2, a JWT's payload rarely more than 5.
pub(crate) const MAX_DEPTH: usize = 32;

/// The text is no JSON, or nested deeper than [`MAX_DEPTH`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Broken;

/// The text of one value, whose syntax was checked.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a>(&'a [u8]);

impl<'a> Raw<'a> {
    pub(crate) fn is_null(self) -> bool {
        self.0 == b"null"
    }

    pub(crate) fn is_false(self) -> bool {
        self.0 == b"false"
    }

    /// The digits of a number as they were written.
    pub(crate) fn number(self) -> Option<&'a str> {
        let begins = matches!(self.0.first(), Some(b'-' | b'0'..=b'9'));
        core::str::from_utf8(self.0).ok().filter(|_| begins)
    }

    /// A string, with what is not UTF-8 in it replaced; `None` for another value, and for half a surrogate pair.
    pub(crate) fn text(self) -> Option<Text<'a>> {
        let inner = self.0.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        if has(inner, b'\\') {
            let quoted = Zeroizing::new(String::from_utf8_lossy(self.0).into_owned());
            return serde_json::from_str(&quoted).ok().map(|text| Text::Anew(Zeroizing::new(text)));
        }
        // The lossy reading goes byte by byte; nearly every text is UTF-8.
        let there = core::str::from_utf8(inner).map(Text::There);
        Some(there.unwrap_or_else(|_| String::from_utf8_lossy(inner).into()))
    }

    /// The members of an object; `None` for another value.
    pub(crate) fn members(self) -> Option<Members<'a>> {
        Some(Members(Walk { rest: self.0.strip_prefix(b"{")?, close: b'}', state: State::First }))
    }

    /// The elements of an array; `None` for another value.
    pub(crate) fn elements(self) -> Option<Elements<'a>> {
        Some(Elements(Walk { rest: self.0.strip_prefix(b"[")?, close: b']', state: State::First }))
    }
}

/// A string's text. Most have neither escapes nor faults, and are read where they stand: a copy would cost an allocation,
/// and be one more place to wipe.
pub(crate) enum Text<'a> {
    There(&'a str),
    Anew(Zeroizing<String>),
}

impl<'a> From<Cow<'a, str>> for Text<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::There(text),
            Cow::Owned(text) => Self::Anew(Zeroizing::new(text)),
        }
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::There(text) => text,
            Self::Anew(text) => text,
        }
    }
}

/// The members of the object that `document` is, its last byte included. What follows a fault is not read, what
/// precedes it was: the first part of a document that was cut off can be used.
///
/// # Errors
/// [`Broken`] for anything but an object, and for nesting deeper than [`MAX_DEPTH`] anywhere.
pub(crate) fn object(document: &[u8]) -> Result<Members<'_>, Broken> {
    if is_deep(document) {
        return Err(Broken);
    }
    Raw(after_space(document)).members().ok_or(Broken)
}

/// Member after member: the name, unless it is no text, and the value.
pub(crate) struct Members<'a>(Walk<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = Result<(Option<Text<'a>>, Raw<'a>), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.step(|walk| {
            let name = walk.value().filter(|raw| raw.0.first() == Some(&b'"')).ok_or(Broken)?;
            walk.eat(b':').ok_or(Broken)?;
            Ok((name.text(), walk.value().ok_or(Broken)?))
        })
    }
}

/// Element after element.
pub(crate) struct Elements<'a>(Walk<'a>);

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Raw<'a>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.step(|walk| walk.value().ok_or(Broken))
    }
}

/// A walk through an object or array whose opening bracket was passed.
struct Walk<'a> {
    rest: &'a [u8],
    close: u8,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    First,
    Further,
    Over,
}

impl<'a> Walk<'a> {
    /// The next item, which `read` reads; `None` after the closing bracket. The first fault is the last item.
    fn step<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Broken>) -> Option<Result<T, Broken>> {
        if self.state == State::Over {
            return None;
        }
        if self.eat(self.close).is_some() {
            self.state = State::Over;
            return (!after_space(self.rest).is_empty()).then_some(Err(Broken));
        }
        let is_separated = self.state == State::First || self.eat(b',').is_some();
        let item = if is_separated { read(self) } else { Err(Broken) };
        self.state = if item.is_ok() { State::Further } else { State::Over };
        Some(item)
    }

    /// Passes the next value and gives its text.
    fn value(&mut self) -> Option<Raw<'a>> {
        let rest = after_space(self.rest);
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        let (value, rest) = rest.split_at_checked(values.byte_offset())?;
        self.rest = rest;
        Some(Raw(value))
    }

    /// Passes this byte, if it is the next.
    fn eat(&mut self, byte: u8) -> Option<()> {
        self.rest = after_space(self.rest).strip_prefix(&[byte])?;
        Some(())
    }
}

/// RFC 8259 §2.
fn after_space(text: &[u8]) -> &[u8] {
    let space = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    text.get(space..).unwrap_or_default()
}

/// Looks at every byte, sixteen at once; stopping at the first would take them one word at a time.
fn has(text: &[u8], wanted: u8) -> bool {
    text.iter().fold(false, |found, byte| found | (*byte == wanted))
}

/// Whether brackets outside of strings are nested deeper than [`MAX_DEPTH`].
fn is_deep(text: &[u8]) -> bool {
    // With so few brackets, wherever they stand, nothing is deep; counted in bytes, they are counted sixteen at once.
    let brackets = |part: &[u8]| part.iter().fold(0_u8, |n, byte| n + u8::from(matches!(byte, b'{' | b'[')));
    if text.chunks(255).map(|part| usize::from(brackets(part))).sum::<usize>() <= MAX_DEPTH {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests;
