//! Where a secret stands in a text, however it was encoded on its way there.
//!
//! Nobody can list the encodings in which servers, proxies and HTTP libraries repeat what they were sent. So the text is
//! decoded, and what comes out is compared with the secret:
//!
//! | decoded first                                                | then                                   | then compared |
//! |--------------------------------------------------------------|----------------------------------------|---------------|
//! | nothing, percent (RFC 3986), HTML, or backslashes (RFC 8259) | nothing                                | as it is, and with each kind of escapes |
//! | the same                                                     | base64 (RFC 4648) at 4 places, hex at 2 | the same |
//!
//! Each step takes time in proportion to the text, so that no answer, however long, takes more than some 100 passes over it.

use crate::json;
use crate::secret::Wiped;
use alloc::vec::Vec;
use core::ops::Range;
use memchr::memchr;

/// A text in which secrets are searched for: as it is, and as each kind of escapes reads it.
pub(super) struct Echoing {
    texts: Vec<View>,
    /// What the digits in each of these stand for.
    digits: Vec<View>,
}

/// Bytes that a text stands for.
struct View {
    /// They may hold a secret: they never outgrow their allocation.
    bytes: Wiped,
    /// Where in the text each of them comes from.
    from: Vec<Range<usize>>,
    /// Where the text was cut, if these end there: it went on in a way that nobody knows.
    cut_at: Option<usize>,
}

/// How a text writes a character by other ones.
#[derive(Clone, Copy, PartialEq)]
enum Escapes {
    None,
    /// `%2F` (RFC 3986 §2.1).
    Percent,
    /// `&amp;`, `&#38;`, `&#x26;`.
    Html,
    /// `\u002f`, `\/` (RFC 8259 §7); `\x2f`, `\u{2f}` of programming languages.
    Backslash,
}

/// In which digits a text writes bytes.
#[derive(Clone, Copy)]
enum Digits {
    /// Of both alphabets (RFC 4648 §4 and §5).
    Base64,
    Hex,
}

/// What a piece of a text stands for: a byte, or a character of up to four.
struct Unit {
    bytes: [u8; 4],
    count: usize,
    /// The length of the piece.
    length: usize,
}

impl Echoing {
    /// `is_cut`: more of the text followed, which is not known.
    pub(super) fn new(text: &str, is_cut: bool) -> Self {
        let plain = View::plain(text, is_cut);
        let read = Escapes::ALL.iter().filter_map(|escapes| plain.unescaped(*escapes));
        let read: Vec<View> = read.collect();
        let texts: Vec<View> = core::iter::once(plain).chain(read).collect();
        let alignments = [Digits::Base64, Digits::Hex]
            .into_iter()
            .flat_map(|digits| (0..digits.per_group()).map(move |skipped| (digits, skipped)));
        let decoded = alignments
            .flat_map(|(digits, skipped)| texts.iter().map(move |view| view.decoded(digits, skipped)));
        let digits = decoded.filter(|view| !view.bytes.is_empty()).collect();
        Self { texts, digits }
    }

    /// Where in the text this secret stands, in any encoding; at the end of a text that was cut, its beginning too.
    pub(super) fn find(&self, secret: &str) -> impl Iterator<Item = Range<usize>> {
        self.texts.iter().chain(&self.digits).flat_map(move |view| view.find(secret.as_bytes()))
    }

    /// The same without base64 and hex, in which a few bytes stand anywhere by chance.
    pub(super) fn find_in_text(&self, secret: &str) -> impl Iterator<Item = Range<usize>> {
        self.texts.iter().flat_map(move |view| view.find(secret.as_bytes()))
    }
}

impl View {
    fn with_capacity(capacity: usize, cut_at: Option<usize>) -> Self {
        Self { bytes: Wiped(Vec::with_capacity(capacity)), from: Vec::with_capacity(capacity), cut_at }
    }

    fn plain(text: &str, is_cut: bool) -> Self {
        let mut view = Self::with_capacity(text.len(), is_cut.then_some(text.len()));
        view.bytes.extend(text.as_bytes());
        view.from.extend((0..text.len()).map(|at| at..at + 1));
        view
    }

    /// With these escapes undone; `None` if there are none. No escape is shorter than what it stands for.
    fn unescaped(&self, escapes: Escapes) -> Option<Self> {
        memchr(escapes.sign()?, &self.bytes)?;
        let mut view = Self::with_capacity(self.bytes.len(), self.cut_at);
        let mut at = 0;
        while let Some(unit) = escapes.unit(&self.bytes, at) {
            if self.cut_at.is_some() && escapes.is_cut_at(&self.bytes, at) {
                break;
            }
            let end = at + unit.length;
            view.push(unit.decoded(), self.source(at..end));
            at = end;
        }
        Some(view)
    }

    /// What the runs of such digits decode to, without the first `skipped` digits of each: the secret's may begin anywhere.
    fn decoded(&self, digits: Digits, skipped: usize) -> Self {
        let mut view = Self::with_capacity(self.bytes.len() + 1, self.cut_at);
        let (bits, value) =
            (digits.bits(), |place: usize| self.bytes.get(place).and_then(|byte| digits.value(*byte)));
        let mut at = 0;
        while at < self.bytes.len() {
            let end =
                (at..self.bytes.len()).find(|place| value(*place).is_none()).unwrap_or(self.bytes.len());
            let begin = (at + skipped).min(end);
            for bit in (0..(end - begin) * bits / 8).map(|place| 8 * place) {
                // The bits of a byte begin within one digit and end within the next.
                let first = begin + bit / bits;
                let (Some(high), Some(low)) = (value(first), value(first + 1)) else { break };
                let pair = u16::from(high) << bits | u16::from(low);
                let [_, byte] = (pair >> (2 * bits - 8 - bit % bits)).to_be_bytes();
                view.push(&[byte], self.source(first..first + 2));
            }
            if end < self.bytes.len() && end > at {
                // What comes after a run does not continue it. No text has this byte.
                view.push(&[0xff], self.source(end..end + 1));
            }
            at = end + 1;
        }
        view
    }

    fn push(&mut self, bytes: &[u8], from: Range<usize>) {
        for byte in bytes {
            self.bytes.push(*byte);
            self.from.push(from.clone());
        }
    }

    /// Where in the text these bytes come from.
    fn source(&self, bytes: Range<usize>) -> Range<usize> {
        let first = self.from.get(bytes.start).map_or(0, |from| from.start);
        let last =
            bytes.end.checked_sub(1).and_then(|last| self.from.get(last)).map_or(first, |from| from.end);
        first..last
    }

    fn find(&self, secret: &[u8]) -> impl Iterator<Item = Range<usize>> {
        let kinds = Escapes::ALL.into_iter().filter(|escapes| escapes.may_be_in(&self.bytes));
        kinds.flat_map(move |escapes| {
            // Few bytes can begin it: the others are passed at full speed.
            let begins = move |byte: u8| {
                let is_space = matches!(byte, b'+' | b' ');
                secret.first().is_some_and(|first| byte == *first || is_space) || escapes.sign() == Some(byte)
            };
            let starts = self.bytes.iter().enumerate().filter(move |(_, byte)| begins(**byte));
            starts.filter_map(move |(start, _)| self.starts_at(start, secret, escapes))
        })
    }

    /// Where in the text the secret stands that begins at `start`, if one does. Its beginning is one where the text was cut.
    fn starts_at(&self, start: usize, secret: &[u8], escapes: Escapes) -> Option<Range<usize>> {
        let (mut at, mut wanted) = (start, secret);
        while let Some(next) = wanted.first() {
            if let Some(cut_at) = self.cut_at
                && at > start
                && escapes.is_cut_at(&self.bytes, at)
            {
                return Some(self.source(start..at).start..cut_at);
            }
            let unit = escapes.unit(&self.bytes, at)?;
            wanted = match (unit.decoded(), next) {
                // A form writes a plus for a space, and who decodes what was not encoded reads a space for a plus.
                (b"+", b' ') | (b" ", b'+') => wanted.get(1..)?,
                (decoded, _) => wanted.strip_prefix(decoded)?,
            };
            at += unit.length;
        }
        (at > start).then(|| self.source(start..at))
    }
}

impl Escapes {
    const ALL: [Self; 4] = [Self::None, Self::Percent, Self::Html, Self::Backslash];

    /// What each of them begins with.
    const fn sign(self) -> Option<u8> {
        match self {
            Self::None => None,
            Self::Percent => Some(b'%'),
            Self::Html => Some(b'&'),
            Self::Backslash => Some(b'\\'),
        }
    }

    /// The longest that is written: a pair of `\uXXXX`, `&#x00002f;`.
    const fn longest(self) -> usize {
        match self {
            Self::None => 0,
            Self::Percent => 3,
            Self::Html | Self::Backslash => 12,
        }
    }

    fn may_be_in(self, text: &[u8]) -> bool {
        self.sign().is_none_or(|sign| memchr(sign, text).is_some())
    }

    /// What stands at this place: an escape, or a byte for itself. `None` at the end.
    fn unit(self, text: &[u8], at: usize) -> Option<Unit> {
        let text = text.get(at..)?;
        let first = text.first()?;
        Some(self.escape(text).unwrap_or_else(|| Unit::byte(*first, 1)))
    }

    /// Whether the text ends at this place, or within an escape that begins there.
    fn is_cut_at(self, text: &[u8], at: usize) -> bool {
        let rest = text.get(at..).unwrap_or_default();
        let is_begun = rest.first().copied() == self.sign() && rest.len() < self.longest();
        rest.is_empty() || (is_begun && self.escape(rest).is_none())
    }

    /// The escape that `text` begins with.
    fn escape(self, text: &[u8]) -> Option<Unit> {
        match (self, text) {
            (Self::Percent, [b'%', high, low, ..]) => Some(Unit::byte(hex_byte(&[*high, *low])?, 3)),
            (Self::Html, [b'&', rest @ ..]) => {
                let rest = rest.get(..self.longest() - 1).unwrap_or(rest);
                let name = rest.get(..memchr(b';', rest)?)?;
                Unit::character(entity(name)?, name.len() + 2)
            }
            (Self::Backslash, [b'\\', b'\'', ..]) => Some(Unit::byte(b'\'', 2)),
            (Self::Backslash, [b'\\', b'x', high, low, ..]) => Some(Unit::byte(hex_byte(&[*high, *low])?, 4)),
            (Self::Backslash, [b'\\', b'u', b'{', rest @ ..]) => {
                let digits = rest.get(..memchr(b'}', rest.get(..7).unwrap_or(rest))?)?;
                Unit::character(char::from_u32(number(digits, 16)?)?, digits.len() + 4)
            }
            (Self::Backslash, [b'\\', ..]) => {
                let (c, length) = json::escaped(text)?;
                Unit::character(c, length)
            }
            _ => None,
        }
    }
}

impl Digits {
    /// How many a digit stands for.
    const fn bits(self) -> usize {
        match self {
            Self::Base64 => 6,
            Self::Hex => 4,
        }
    }

    /// After how many of them the next byte begins with a digit again.
    const fn per_group(self) -> usize {
        match self {
            Self::Base64 => 4,
            Self::Hex => 2,
        }
    }

    const fn value(self, byte: u8) -> Option<u8> {
        match (self, byte) {
            (Self::Base64, b'A'..=b'Z') => Some(byte - b'A'),
            (Self::Base64, b'a'..=b'z') => Some(byte - b'a' + 26),
            (Self::Base64, b'0'..=b'9') => Some(byte - b'0' + 52),
            (Self::Base64, b'+' | b'-') => Some(62),
            (Self::Base64, b'/' | b'_') => Some(63),
            (Self::Hex, b'0'..=b'9') => Some(byte - b'0'),
            (Self::Hex, b'a'..=b'f') => Some(byte - b'a' + 10),
            (Self::Hex, b'A'..=b'F') => Some(byte - b'A' + 10),
            _ => None,
        }
    }
}

impl Unit {
    const fn byte(byte: u8, length: usize) -> Self {
        Self { bytes: [byte, 0, 0, 0], count: 1, length }
    }

    fn character(c: char, length: usize) -> Option<Self> {
        let mut bytes = [0; 4];
        let count = c.encode_utf8(&mut bytes).len();
        // What is longer than its escape would not fit where that stood.
        (count <= length).then_some(Self { bytes, count, length })
    }

    fn decoded(&self) -> &[u8] {
        self.bytes.get(..self.count).unwrap_or_default()
    }
}

/// The byte that two hexadecimal digits stand for.
fn hex_byte(digits: &[u8]) -> Option<u8> {
    u8::try_from(number(digits, 16)?).ok()
}

/// The number that one to eight digits stand for.
fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let fits = (1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_alphanumeric);
    let digits = core::str::from_utf8(digits).ok().filter(|_| fits)?;
    u32::from_str_radix(digits, radix).ok()
}

/// The character that stands between `&` and `;`: a number of it, or a name that one of the common functions writes.
fn entity(name: &[u8]) -> Option<char> {
    if let Some(digits) = name.strip_prefix(b"#") {
        let number = match digits {
            [b'x' | b'X', digits @ ..] => number(digits, 16),
            _ => number(digits, 10),
        };
        return number.and_then(char::from_u32);
    }
    let is = |other: &str| other.as_bytes() == name;
    let latin = (0xa0..).map_while(char::from_u32).zip(LATIN_1.split_ascii_whitespace());
    let mut named = NAMES.iter().copied().chain(latin);
    named.find(|(_, other)| is(other)).map(|(c, _)| c)
}

/// HTML's names of the signs in ASCII, and of what else Windows-1252 has and people type.
const NAMES: [(char, &str); 34] = [
    ('&', "amp"),
    ('<', "lt"),
    ('>', "gt"),
    ('"', "quot"),
    ('\'', "apos"),
    ('!', "excl"),
    ('#', "num"),
    ('$', "dollar"),
    ('%', "percnt"),
    ('(', "lpar"),
    (')', "rpar"),
    ('*', "ast"),
    ('+', "plus"),
    (',', "comma"),
    ('.', "period"),
    ('/', "sol"),
    (':', "colon"),
    (';', "semi"),
    ('=', "equals"),
    ('?', "quest"),
    ('@', "commat"),
    ('[', "lbrack"),
    ('[', "lsqb"),
    ('\\', "bsol"),
    (']', "rbrack"),
    (']', "rsqb"),
    ('^', "Hat"),
    ('_', "lowbar"),
    ('`', "grave"),
    ('{', "lbrace"),
    ('{', "lcub"),
    ('|', "vert"),
    ('}', "rcub"),
    ('€', "euro"),
];

/// HTML's names of U+00A0 to U+00FF, in their order.
const LATIN_1: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 \
    sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring \
    AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash \
    Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml \
    igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn \
    yuml";

#[cfg(test)]
mod tests;
