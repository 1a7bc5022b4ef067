//! How the path of a request is read, and which paths nobody may send: those that two programs read differently.
//!
//! Some servers decode a path once, some twice; some cut a segment at `;`, take `\` for `/`, or two slashes for one. A path is
//! forwarded byte for byte, so it must mean the same to all of them as it means here. The query is not looked at.

use std::borrow::Cow;
use std::fmt;

/// How often a path is decoded by those who decode it most.
const DECODED: usize = 2;

/// Why a path is refused. Places are offsets into the path as it came, in bytes from 0; texts for people count from 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum PathFault {
    /// It does not begin with a slash, or with more than one.
    Start,
    /// A byte that has no place in a path: a control character, a space, `\`, or one above ASCII.
    #[non_exhaustive]
    Byte {
        /// Which.
        byte: u8,
        /// Where.
        at: usize,
    },
    /// A `%` that no two hexadecimal digits follow.
    #[non_exhaustive]
    Escape {
        /// Where.
        at: usize,
    },
    /// An encoded `\` or NUL, at whatever depth.
    #[non_exhaustive]
    Encoded {
        /// Which of them.
        byte: u8,
        /// Where its encoding begins.
        at: usize,
    },
    /// A segment that is `.` or `..`, at whatever depth, also before a `;`.
    #[non_exhaustive]
    Dots {
        /// Where the segment begins.
        at: usize,
    },
    /// An encoded slash, or two slashes in a row, where the route does not reach the whole origin.
    #[non_exhaustive]
    Slash {
        /// Where the first of them begins.
        at: usize,
    },
    /// It leads to one route as it stands, and to another one as some servers read it.
    Ambiguous,
}

impl PathFault {
    /// One lower-case word, for logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Byte { .. } => "byte",
            Self::Escape { .. } => "escape",
            Self::Encoded { .. } => "encoded",
            Self::Dots { .. } => "dots",
            Self::Slash { .. } => "slash",
            Self::Ambiguous => "ambiguous",
        }
    }

    /// Where in the path it is, as an offset in bytes from 0; `None` if it is the path as a whole.
    pub const fn at(self) -> Option<usize> {
        match self {
            Self::Start => Some(0),
            Self::Byte { at, .. }
            | Self::Escape { at }
            | Self::Encoded { at, .. }
            | Self::Dots { at }
            | Self::Slash { at } => Some(at),
            Self::Ambiguous => None,
        }
    }
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("the path must begin with one slash")?,
            Self::Byte { byte, .. } => write!(f, "0x{byte:02x} is not allowed in a path")?,
            Self::Escape { .. } => f.write_str("% is not followed by two hexadecimal digits")?,
            Self::Encoded { byte, .. } => write!(f, "an encoded 0x{byte:02x} is not allowed in a path")?,
            Self::Dots { .. } => f.write_str("a segment that is . or .. is not allowed, encoded or not")?,
            Self::Slash { .. } => f.write_str(
                "an encoded slash or two slashes in a row may lead out of the route, which may allow them with encoded_slash = true",
            )?,
            Self::Ambiguous => {
                f.write_str("servers that decode the path further or cut it at ; read a path of another route")?;
            }
        }
        match self.at() {
            Some(at) => write!(f, " (at byte {} of the path)", at + 1),
            None => Ok(()),
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
    /// Where the first slash is that some servers take for another one.
    odd_slash: Option<usize>,
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
        if let Some((at, byte)) =
            raw.bytes().enumerate().find(|(_, byte)| !byte.is_ascii_graphic() || *byte == b'\\')
        {
            return Err(PathFault::Byte { byte, at });
        }
        if let Some(at) = broken_escape(raw) {
            return Err(PathFault::Escape { at });
        }
        let mut odd_slash = raw.find("//");
        if let Some(at) = dots(raw.as_bytes(), |byte| *byte) {
            return Err(PathFault::Dots { at });
        }
        if !raw.contains('%') {
            return Ok(Self { raw, plain: Cow::Borrowed(raw), odd_slash });
        }
        let mut bytes = placed(raw);
        for _ in 0..DECODED {
            bytes = decode(&bytes);
            if let Some(Placed { byte, at }) = bytes.iter().find(|placed| matches!(placed.byte, b'\\' | 0)) {
                return Err(PathFault::Encoded { byte: *byte, at: *at });
            }
            if let Some(first) = dots(&bytes, |placed| placed.byte).and_then(|at| bytes.get(at)) {
                return Err(PathFault::Dots { at: first.at });
            }
            let mut encoded = bytes
                .iter()
                .filter(|placed| placed.byte == b'/' && raw.as_bytes().get(placed.at) != Some(&b'/'));
            odd_slash = odd_slash.or(encoded.next().map(|placed| placed.at));
        }
        Ok(Self { raw, plain: Cow::Owned(unreserved_decoded(raw)), odd_slash })
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
        self.odd_slash.is_some()
    }

    /// Where the first of them is, in bytes from 0.
    pub(crate) const fn odd_slash(&self) -> Option<usize> {
        self.odd_slash
    }

    /// Whether all read it as it stands: there is nothing to decode, to cut or to merge.
    pub(crate) fn has_one_reading(&self) -> bool {
        self.odd_slash.is_none() && !self.plain.contains(['%', ';'])
    }

    /// As those read it who decode most, cut segments at `;`, and take several slashes for one: each of the ways, from the mildest.
    pub(crate) fn readings(&self) -> impl Iterator<Item = String> {
        // Not as it came: an encoded unreserved character is that character to everybody.
        let plain = placed(&self.plain);
        (0..=DECODED)
            .scan(plain, |bytes, depth| {
                if depth > 0 {
                    *bytes = decode(bytes);
                }
                Some(bytes.iter().map(|placed| placed.byte).collect::<Vec<u8>>())
            })
            .flat_map(|bytes| {
                let cut = cut_at_semicolons(&bytes);
                let merged = merged(&cut);
                [bytes, cut, merged]
            })
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A byte, and where in the text as it came its spelling begins.
#[derive(Clone, Copy)]
struct Placed {
    byte: u8,
    at: usize,
}

fn placed(text: &str) -> Vec<Placed> {
    text.bytes().enumerate().map(|(at, byte)| Placed { byte, at }).collect()
}

/// Where a `%` is that no two hexadecimal digits follow.
fn broken_escape(raw: &str) -> Option<usize> {
    let digits = |at: usize| raw.as_bytes().get(at + 1..at + 3);
    let is_whole = |at: usize| digits(at).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    raw.match_indices('%').map(|(at, _)| at).find(|at| !is_whole(*at))
}

/// Where a segment begins that is `.` or `..`, as it stands or before a `;`.
fn dots<T>(path: &[T], byte: impl Fn(&T) -> u8) -> Option<usize> {
    let mut at = 0;
    for segment in path.split(|one| byte(one) == b'/') {
        let name = segment.split(|one| byte(one) == b';').next().unwrap_or_default();
        if (1..=2).contains(&name.len()) && name.iter().all(|one| byte(one) == b'.') {
            return Some(at);
        }
        at += segment.len() + 1;
    }
    None
}

/// Decodes every escape once. A `%` that is none stays.
fn decode(bytes: &[Placed]) -> Vec<Placed> {
    let (mut decoded, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    while let [first, after @ ..] = rest {
        let escaped = match after {
            [high, low, after @ ..] if first.byte == b'%' => {
                hex(&[high.byte, low.byte]).map(|byte| (byte, after))
            }
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((first.byte, after));
        decoded.push(Placed { byte, at: first.at });
        rest = after;
    }
    decoded
}

/// The byte that two hexadecimal digits spell, in either letter case.
pub(crate) fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match digits {
        [high, low] => Some(digit(high)? * 16 + digit(low)?),
        _ => None,
    }
}

/// RFC 3986 §2.3: an encoded one means the same as the character itself.
fn unreserved_decoded(raw: &str) -> String {
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
    plain
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
