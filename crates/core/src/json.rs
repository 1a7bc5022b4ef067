//! JSON (RFC 8259) read member by member.
//!
//! The syntax of every value is checked where it is passed, and what it means is then read from its own text. A typed
//! struct would not do: it takes an array for an object, loses the whole answer to a number such as 1e400, rounds large
//! numbers, and stops at other depths than a skipped value does. serde_json can pass a value too, but not tell where a
//! member's ends without being set up anew for each, which cost more than the reading; and what it reads a text with
//! escapes into is not wiped.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Deref;
use memchr::memchr2;
use zeroize::Zeroizing;

/// The deepest nesting that is read, the document's own object included: a token response needs 2, a JWT's payload rarely
/// more than 5.
const MAX_DEPTH: u32 = 32;

/// The text is no JSON, or nested deeper than [`MAX_DEPTH`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Broken;

/// The text of one value, whose syntax was checked.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a> {
    text: &'a [u8],
    /// Of a string: whether there is an escape in it.
    escapes: bool,
}

impl<'a> Raw<'a> {
    /// How many bytes it is written in: a text that it holds is no longer, and several have their commas.
    pub(crate) const fn len(self) -> usize {
        self.text.len()
    }

    pub(crate) fn is_null(self) -> bool {
        self.text == b"null"
    }

    /// False, zero, or an array or object without anything in it.
    pub(crate) fn is_nothing(self) -> bool {
        let is_empty = || match self.elements() {
            Some(mut elements) => elements.next().is_none(),
            None => self.members().is_some_and(|mut members| members.next().is_none()),
        };
        matches!(self.text, b"false" | b"0") || is_empty()
    }

    /// The digits of a number as they were written.
    pub(crate) fn number(self) -> Option<&'a str> {
        let begins = matches!(self.text.first(), Some(b'-' | b'0'..=b'9'));
        core::str::from_utf8(self.text).ok().filter(|_| begins)
    }

    /// A string, with what is not UTF-8 in it replaced; `None` for another value, and for half a surrogate pair.
    pub(crate) fn text(self) -> Option<Text<'a>> {
        let inner = self.inner()?;
        if self.escapes {
            return self.unescaped().map(Text::Anew);
        }
        // The lossy reading goes byte by byte; nearly every text is UTF-8.
        let there = core::str::from_utf8(inner).map(Text::There);
        Some(there.unwrap_or_else(|_| String::from_utf8_lossy(inner).into()))
    }

    /// What stands between the quotes of a string.
    fn inner(self) -> Option<&'a [u8]> {
        self.text.strip_prefix(b"\"")?.strip_suffix(b"\"")
    }

    /// A token may have escapes in it, since some servers write `\/` for a slash. So nothing here outgrows its
    /// allocation, and leaves a copy behind: no escape is shorter than what it stands for.
    fn unescaped(self) -> Option<Zeroizing<String>> {
        let inner = String::from_utf8_lossy(self.inner()?);
        let mut text = Zeroizing::new(String::with_capacity(inner.len()));
        let mut rest = &*inner;
        while let Some(at) = rest.find('\\') {
            let (before, escape) = rest.split_at(at);
            text.push_str(before);
            let (c, length) = escaped(escape.as_bytes())?;
            text.push(c);
            rest = escape.get(length..)?;
        }
        text.push_str(rest);
        Some(text)
    }

    /// The members of an object; `None` for another value.
    pub(crate) fn members(self) -> Option<Members<'a>> {
        Some(Members(Walk {
            cursor: Cursor(self.text.strip_prefix(b"{")?),
            close: b'}',
            state: State::First,
        }))
    }

    /// The elements of an array; `None` for another value.
    pub(crate) fn elements(self) -> Option<Elements<'a>> {
        Some(Elements(Walk {
            cursor: Cursor(self.text.strip_prefix(b"[")?),
            close: b']',
            state: State::First,
        }))
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

/// A member's name, unescaped. It is compared byte by byte, so that no time goes into whether it is UTF-8.
pub(crate) enum Name<'a> {
    There(&'a [u8]),
    Anew(Zeroizing<String>),
}

impl Deref for Name<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::There(name) => name,
            Self::Anew(name) => name.as_bytes(),
        }
    }
}

/// The members of the object that `document` is, its last byte included. What follows a fault, such as nesting deeper
/// than [`MAX_DEPTH`], is not read, what precedes it was: the first part of a document that was cut off can be used.
///
/// # Errors
/// [`Broken`] for anything but an object.
pub(crate) fn object(document: &[u8]) -> Result<Members<'_>, Broken> {
    let mut cursor = Cursor(document);
    cursor.pass_space();
    let document = Raw { text: cursor.0, escapes: false };
    document.members().ok_or(Broken)
}

/// Whether this is one value, and nothing behind it.
pub(crate) fn is_value(document: &[u8]) -> bool {
    let mut cursor = Cursor(document);
    cursor.pass_space();
    let is_passed = cursor.pass_value().is_some();
    cursor.pass_space();
    is_passed && cursor.0.is_empty() && core::str::from_utf8(document).is_ok()
}

/// A JSON string (RFC 8259 §7): quote, backslash and control characters are escaped, everything else is itself.
pub(crate) fn quote(into: &mut Vec<u8>, text: &str) {
    into.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => into.extend([b'\\', byte]),
            0x00..=0x1f => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
                into.extend([b'\\', b'u', b'0', b'0', HEX[high], HEX[low]]);
            }
            _ => into.push(byte),
        }
    }
    into.push(b'"');
}

/// Member after member: the name, unless it has half a surrogate pair, and the value.
pub(crate) struct Members<'a>(Walk<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = Result<(Option<Name<'a>>, Raw<'a>), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.step(|cursor| {
            let name = cursor.passed(Cursor::pass_string)?;
            cursor.pass_colon()?;
            let name =
                if name.escapes { name.unescaped().map(Name::Anew) } else { name.inner().map(Name::There) };
            Some((name, cursor.passed(Cursor::pass_value)?))
        })
    }
}

/// Element after element.
pub(crate) struct Elements<'a>(Walk<'a>);

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Raw<'a>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.step(|cursor| cursor.passed(Cursor::pass_value))
    }
}

/// The character that `text` begins with an escape for (RFC 8259 §7), and the length of that in bytes.
pub(crate) fn escaped(text: &[u8]) -> Option<(char, usize)> {
    let c = match *text.get(1)? {
        byte @ (b'"' | b'\\' | b'/') => char::from(byte),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let first = code_unit(text)?;
            if let Some(c) = char::from_u32(first) {
                return Some((c, 6));
            }
            // The first half of a pair needs the second (RFC 8259 §7).
            let second = text.get(6..).and_then(code_unit)?;
            let is_pair = (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second);
            let c = is_pair.then(|| 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))?;
            return Some((char::from_u32(c)?, 12));
        }
        _ => return None,
    };
    Some((c, 2))
}

/// The code unit of a `\uXXXX` at the beginning of `text`.
fn code_unit(text: &[u8]) -> Option<u32> {
    let digits = core::str::from_utf8(text.strip_prefix(b"\\u")?.get(..4)?).ok()?;
    u32::from_str_radix(digits, 16).ok()
}

/// A walk through an object or array whose opening bracket was passed.
struct Walk<'a> {
    cursor: Cursor<'a>,
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
    fn step<T>(&mut self, read: impl FnOnce(&mut Cursor<'a>) -> Option<T>) -> Option<Result<T, Broken>> {
        if self.state == State::Over {
            return None;
        }
        let cursor = &mut self.cursor;
        cursor.pass_space();
        if cursor.pass(self.close).is_some() {
            self.state = State::Over;
            cursor.pass_space();
            return (!cursor.0.is_empty()).then_some(Err(Broken));
        }
        let is_separated = self.state == State::First || cursor.pass(b',').is_some();
        cursor.pass_space();
        let item = if is_separated { read(cursor) } else { None };
        self.state = if item.is_some() { State::Further } else { State::Over };
        Some(item.ok_or(Broken))
    }
}

/// What is left of a document. What cannot be passed is `None`, and the cursor then of no use.
#[derive(Clone, Copy)]
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// The text of what `pass` passes, which says whether there is an escape in it.
    // Inlined, and on a copy, the cursor stays in registers: a fifth of the time that a JWT takes.
    #[inline(always)]
    fn passed(&mut self, pass: impl FnOnce(&mut Self) -> Option<bool>) -> Option<Raw<'a>> {
        let mut cursor = *self;
        let escapes = pass(&mut cursor)?;
        let text = self.0.get(..self.0.len() - cursor.0.len())?;
        *self = cursor;
        Some(Raw { text, escapes })
    }

    /// A value (RFC 8259 §3), without recursion: a deep one takes no stack. Says of a string whether it has an escape.
    fn pass_value(&mut self) -> Option<bool> {
        let mut escapes = false;
        // A binary digit for each bracket that was opened here, the innermost last: 1 for an object's. With the
        // document's own there are at most as many as a u32 has digits.
        let (mut depth, mut objects) = (1, 0_u32);
        loop {
            let first = *self.0.first()?;
            match first {
                b'"' => escapes = self.pass_string()?,
                b'-' | b'0'..=b'9' => self.pass_number()?,
                b't' => self.pass_all(b"true")?,
                b'f' => self.pass_all(b"false")?,
                b'n' => self.pass_all(b"null")?,
                b'{' | b'[' if depth < MAX_DEPTH => {
                    let is_object = first == b'{';
                    self.skip(1)?;
                    self.pass_space();
                    if self.pass(closing(is_object)).is_none() {
                        depth += 1;
                        objects = 2 * objects + u32::from(is_object);
                        if is_object {
                            self.pass_name()?;
                        }
                        continue;
                    }
                }
                _ => return None,
            }
            // A value has ended, and perhaps those around it with it.
            loop {
                if depth == 1 {
                    return Some(escapes);
                }
                let in_object = objects % 2 == 1;
                self.pass_space();
                if self.pass(b',').is_some() {
                    self.pass_space();
                    if in_object {
                        self.pass_name()?;
                    }
                    break;
                }
                self.pass(closing(in_object))?;
                depth -= 1;
                objects /= 2;
            }
        }
    }

    /// A member's name and what separates it from its value (RFC 8259 §4).
    fn pass_name(&mut self) -> Option<()> {
        self.pass_string()?;
        self.pass_colon()
    }

    fn pass_colon(&mut self) -> Option<()> {
        self.pass_space();
        self.pass(b':')?;
        self.pass_space();
        Some(())
    }

    /// RFC 8259 §7. Half a surrogate pair is its syntax, and so are bytes that are no UTF-8. Says whether it has an escape.
    #[inline(always)]
    fn pass_string(&mut self) -> Option<bool> {
        self.pass(b'"')?;
        let mut escapes = false;
        loop {
            self.skip(plain(self.0)?)?;
            match self.next()? {
                b'"' => return Some(escapes),
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        let (digits, rest) = self.0.split_at_checked(4)?;
                        digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                        self.0 = rest;
                    }
                    _ => return None,
                },
                _ => return None,
            }
            escapes = true;
        }
    }

    /// RFC 8259 §6.
    fn pass_number(&mut self) -> Option<()> {
        let _sign = self.pass(b'-');
        if self.pass(b'0').is_none() {
            self.pass_digits()?;
        }
        if self.pass(b'.').is_some() {
            self.pass_digits()?;
        }
        if self.pass(b'e').or_else(|| self.pass(b'E')).is_some() {
            let _sign = self.pass(b'+').or_else(|| self.pass(b'-'));
            self.pass_digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn pass_digits(&mut self) -> Option<()> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (digits > 0).then_some(())?;
        self.skip(digits)
    }

    /// RFC 8259 §2.
    fn pass_space(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }

    fn pass(&mut self, byte: u8) -> Option<()> {
        self.pass_all(&[byte])
    }

    fn pass_all(&mut self, bytes: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(bytes)?;
        Some(())
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }
}

fn closing(is_object: bool) -> u8 {
    if is_object { b'}' } else { b']' }
}

/// How many bytes stand before the next one that means something in a string: its end, or an escape. A control
/// character, which may not stand there, either counts as one of these or makes it `None`.
fn plain(text: &[u8]) -> Option<usize> {
    // Most strings are over within a few words.
    let (words, _) = text.as_chunks::<8>();
    for (place, word) in words.iter().take(3).enumerate() {
        let found = meaning(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(8 * place + found.trailing_zeros() as usize / 8);
        }
    }
    let end = memchr2(b'"', b'\\', text)?;
    // Sixteen are looked at in one step; stopping at the first fault would take them one by one.
    let is_control = text.get(..end)?.iter().fold(false, |any, byte| any | (*byte < b' '));
    (!is_control).then_some(end)
}

/// The high bit of the first byte, counted from the lowest, that means something in a string or may not stand in one; of
/// bytes after it, perhaps.
fn meaning(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // A byte borrows from its high bit if it is less than what is taken off it.
    let less = |word: u64, than: u64| word.wrapping_sub(ONES * than) & !word;
    let is = |byte: u8| less(word ^ (ONES * u64::from(byte)), 1);
    (less(word, u64::from(b' ')) | is(b'"') | is(b'\\')) & (ONES << 7)
}

#[cfg(test)]
mod tests;
