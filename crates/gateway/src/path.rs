//! How the path of a request is read, and which paths nobody may send: those that two programs read differently.
//!
//! Some servers decode a path once, some twice; some cut a segment at `;`, take `\` for `/`, or two slashes for one. A path is
//! forwarded byte for byte, so it must mean the same to all of them as it means here. The query is not looked at.

use std::borrow::Cow;
use std::fmt;

/// How often a path is decoded by those who decode it most.
const DECODED: usize = 2;

/// Why a path is refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum PathFault {
    /// It does not begin with a slash, or with more than one.
    Start,
    /// A byte that has no place in a path: a control character, a space, `\`, or one above ASCII.
    Byte(u8),
    /// A `%` that no two hexadecimal digits follow.
    Escape,
    /// An encoded `\` or NUL, at whatever depth.
    Encoded(u8),
    /// A segment that is `.` or `..`, at whatever depth, also before a `;`.
    Dots,
    /// An encoded slash, or two slashes in a row, where the route does not reach the whole origin.
    Slash,
    /// It leads to one route as it stands, and to another one as some servers read it.
    Ambiguous,
}

impl PathFault {
    /// One lower-case word, for logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Byte(_) => "byte",
            Self::Escape => "escape",
            Self::Encoded(_) => "encoded",
            Self::Dots => "dots",
            Self::Slash => "slash",
            Self::Ambiguous => "ambiguous",
        }
    }
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("the path must begin with one slash"),
            Self::Byte(byte) => write!(f, "the path has the byte 0x{byte:02x}, which must be percent-encoded"),
            Self::Escape => f.write_str("the path has a % that is no percent-encoding"),
            Self::Encoded(byte) => write!(f, "the path has the byte 0x{byte:02x} in an encoding"),
            Self::Dots => f.write_str("the path has a segment that is . or .."),
            Self::Slash => f.write_str(
                "the path has an encoded slash or two slashes in a row, which the route may allow with encoded_slash = true",
            ),
            Self::Ambiguous => f.write_str("the path leads to another route for servers that decode it further"),
        }
    }
}

impl std::error::Error for PathFault {}

/// A path that everybody reads alike, but for its slashes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path<'a> {
    raw: &'a str,
    /// With unreserved characters decoded (RFC 3986 §2.3): what routes are compared with.
    plain: Cow<'a, str>,
    has_odd_slashes: bool,
}

impl<'a> Path<'a> {
    /// Reads the path of a request target in origin-form (RFC 9112 §3.2.1), without its query.
    ///
    /// # Errors
    /// Two servers would read it differently, or nobody could.
    pub fn read(raw: &'a str) -> Result<Self, PathFault> {
        if !raw.starts_with('/') || raw.starts_with("//") {
            return Err(PathFault::Start);
        }
        if let Some(byte) = raw.bytes().find(|byte| !byte.is_ascii_graphic() || *byte == b'\\') {
            return Err(PathFault::Byte(byte));
        }
        if !has_whole_escapes(raw.as_bytes()) {
            return Err(PathFault::Escape);
        }
        let mut has_odd_slashes = raw.contains("//");
        let mut decoded = raw.as_bytes().to_vec();
        for depth in 0..=DECODED {
            if depth > 0 {
                let slashes = slashes(&decoded);
                decoded = decode(&decoded);
                if let Some(byte) = decoded.iter().find(|byte| **byte == b'\\' || **byte == 0) {
                    return Err(PathFault::Encoded(*byte));
                }
                has_odd_slashes |= self::slashes(&decoded) > slashes;
            }
            if decoded.split(|byte| *byte == b'/').any(is_dots) {
                return Err(PathFault::Dots);
            }
        }
        Ok(Self { raw, plain: unreserved_decoded(raw), has_odd_slashes })
    }

    /// As it came, and as it is forwarded.
    pub const fn as_str(&self) -> &'a str {
        self.raw
    }

    /// With unreserved characters decoded: what routes are compared with.
    pub fn plain(&self) -> &str {
        &self.plain
    }

    /// Whether it has an encoded slash, or two slashes in a row: some servers take them for one.
    pub const fn has_odd_slashes(&self) -> bool {
        self.has_odd_slashes
    }

    /// As those read it who decode most, cut segments at `;`, and take several slashes for one: each of the ways, from the mildest.
    pub(crate) fn readings(&self) -> impl Iterator<Item = String> {
        // Not as it came: an encoded unreserved character is that character to everybody.
        let plain = self.plain.as_bytes().to_vec();
        (0..=DECODED)
            .scan(plain, |bytes, depth| {
                if depth > 0 {
                    *bytes = decode(bytes);
                }
                Some(bytes.clone())
            })
            .flat_map(|bytes| {
                let cut = cut_at_semicolons(&bytes);
                let merged = merged(&cut);
                [bytes, cut, merged]
            })
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn has_whole_escapes(mut bytes: &[u8]) -> bool {
    while let Some(at) = bytes.iter().position(|byte| *byte == b'%') {
        let Some((digits, rest)) = bytes.get(at + 1..).and_then(|after| after.split_at_checked(2)) else {
            return false;
        };
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return false;
        }
        bytes = rest;
    }
    true
}

/// Decodes every escape once. A `%` that is none stays.
fn decode(bytes: &[u8]) -> Vec<u8> {
    let (mut decoded, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    while let Some((&byte, after)) = rest.split_first() {
        let escape = after.split_at_checked(2).filter(|_| byte == b'%');
        let escaped = escape.and_then(|(digits, after)| Some((hex(digits)?, after)));
        let (byte, after) = escaped.unwrap_or((byte, after));
        decoded.push(byte);
        rest = after;
    }
    decoded
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match digits {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    }
}

fn slashes(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'/').count()
}

/// Whether a segment is `.` or `..`, as it stands or before a `;`.
fn is_dots(segment: &[u8]) -> bool {
    matches!(segment.split(|byte| *byte == b';').next(), Some(b"." | b".."))
}

/// RFC 3986 §2.3: an encoded one means the same as the character itself.
fn unreserved_decoded(raw: &str) -> Cow<'_, str> {
    if !raw.contains('%') {
        return Cow::Borrowed(raw);
    }
    let (mut plain, mut rest) = (String::with_capacity(raw.len()), raw);
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let (digits, after) = after.split_at_checked(2).unwrap_or((after, ""));
        match hex(digits.as_bytes()).map(char::from).filter(|c| is_unreserved(*c)) {
            Some(character) => plain.push(character),
            None => {
                plain.push('%');
                // In one letter case: %2f and %2F are one path.
                plain.push_str(&digits.to_ascii_uppercase());
            }
        }
        rest = after;
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

const fn is_unreserved(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_' | '~')
}

fn cut_at_semicolons(bytes: &[u8]) -> Vec<u8> {
    let segments = bytes.split(|byte| *byte == b'/');
    let cut = segments.map(|segment| segment.split(|byte| *byte == b';').next().unwrap_or_default());
    cut.collect::<Vec<_>>().join(&b'/')
}

fn merged(bytes: &[u8]) -> Vec<u8> {
    let mut merged = Vec::with_capacity(bytes.len());
    for byte in bytes {
        if *byte != b'/' || merged.last() != Some(&b'/') {
            merged.push(*byte);
        }
    }
    merged
}

#[cfg(test)]
mod tests;
