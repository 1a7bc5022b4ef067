//! Links in the body of an answer that lead back to the API: whoever follows them as they stand arrives there without a token.

#[cfg(feature = "server")]
mod body;
#[cfg(any(test, feature = "server"))]
mod eligible;
mod structure;

#[cfg(feature = "server")]
pub(crate) use body::Linked;
#[cfg(feature = "server")]
pub(crate) use eligible::{has_another_length, is_mapped};

use crate::location::Base;
use bytes::Bytes;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use structure::{Event, Structure, unescaped};

/// Gives the links in a JSON text the base that the caller used, piece by piece as the text comes: the strings inside a member `links`
/// (JSON:API §7.7) or `_links` (HAL), at any depth, that lead below one of some URLs. All else stays as it is, byte for byte.
///
/// - A string may be written with escapes, as `https:\/\/`. Its part below the URL stays as it is written.
/// - It leads below a URL as with [`relocate`](crate::relocate): with the same scheme, host and port, and a path that begins with that of the
///   URL and does not leave it by `..`. A relative one stays.
/// - From where a text is no JSON it stays, and below arrays and objects that are 128 deep.
/// - It keeps no more than the link that is being read, up to [`LONGEST`](Self::LONGEST) bytes.
///
/// ```
/// use evergrant_gateway::LinkMap;
///
/// let mut links = LinkMap::new(["https://api.example.com/v1/"], "http://localhost:8484/");
/// let text = links.pass(r#"{"links":{"next":"https://api.exam"#.into());
/// assert_eq!(text, r#"{"links":{"next":""#);
/// let text = links.pass(r#"ple.com/v1/orders?page=2"}}"#.into());
/// assert_eq!(text, r#"http://localhost:8484/orders?page=2"}}"#);
/// assert_eq!(links.end(), "");
/// ```
pub struct LinkMap {
    from: Arc<[Base]>,
    /// As it is written in a string.
    to: Box<str>,
    structure: Structure,
    /// What came of the link that is being read, if one is.
    link: Option<Vec<u8>>,
    is_readable: bool,
}

impl LinkMap {
    /// The longest link that is changed, in bytes as it is written. Servers take 8000 bytes of a URI at least (RFC 9110 §4.1), and few take
    /// more.
    pub const LONGEST: usize = 8 * 1024;

    /// From below these URLs to below `base`. All end in a slash; what is no URL, or ends otherwise, is left out.
    pub fn new<'a>(from: impl IntoIterator<Item = &'a str>, base: &str) -> Self {
        Self::between(from.into_iter().filter_map(Base::parse).collect(), base)
    }

    pub(crate) fn between(from: Arc<[Base]>, base: &str) -> Self {
        let written = serde_json::Value::from(base).to_string();
        let to = written.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().into();
        Self { from, to, structure: Structure::new(), link: None, is_readable: true }
    }

    /// The next piece of the text, up to where a link may be that has not come whole. That rest follows with the next piece, or at the end.
    pub fn pass(&mut self, piece: Bytes) -> Bytes {
        if !self.is_readable {
            return piece;
        }
        let mut going = Going { piece: &piece, done: Vec::new(), from: 0 };
        let (mut at, mut begins) = (0, 0);
        while let Some(rest) = piece.get(at..).filter(|rest| !rest.is_empty()) {
            let plain = self.structure.plain(rest);
            at += plain;
            let Some(byte) = rest.get(plain) else { break };
            match self.structure.push(*byte) {
                Event::Nothing => {}
                Event::LinkBegins => {
                    begins = at + 1;
                    self.link = Some(Vec::new());
                }
                Event::TextEnds => {
                    if let Some(kept) = self.link.take() {
                        self.link_ended(kept, begins, at, &mut going);
                    }
                }
                Event::Unreadable => {
                    self.is_readable = false;
                    if let Some(kept) = self.link.take() {
                        going.done.extend(kept);
                    }
                    break;
                }
            }
            at += 1;
        }
        if let Some(mut kept) = self.link.take() {
            let begun = piece.get(begins..).unwrap_or_default();
            if kept.len() + begun.len() <= Self::LONGEST {
                going.up_to(begins);
                kept.extend_from_slice(begun);
                going.from = piece.len();
                self.link = Some(kept);
            } else {
                going.done.extend(kept);
            }
        }
        going.finish()
    }

    /// The text has ended: what is left of it, which is something only if it is no JSON.
    pub fn end(&mut self) -> Bytes {
        self.link.take().map(Bytes::from).unwrap_or_default()
    }

    /// Whether nothing is kept.
    #[cfg(feature = "server")]
    pub(crate) fn is_empty(&self) -> bool {
        self.link.as_ref().is_none_or(Vec::is_empty)
    }

    /// A link has ended: of it these bytes were kept, and the piece has the others.
    fn link_ended(&self, mut kept: Vec<u8>, begins: usize, ends: usize, going: &mut Going<'_>) {
        let here = going.piece.get(begins..ends).unwrap_or_default();
        if kept.is_empty() {
            if let Some(below) = self.below(here) {
                going.up_to(begins);
                going.done.extend_from_slice(self.to.as_bytes());
                going.from = ends - below;
            }
            return;
        }
        kept.extend_from_slice(here);
        going.from = ends;
        match self.below(&kept) {
            Some(below) => {
                going.done.extend_from_slice(self.to.as_bytes());
                going.done.extend_from_slice(kept.get(kept.len() - below..).unwrap_or_default());
            }
            None => going.done.extend(kept),
        }
    }

    /// How many bytes at the end of a string, as it is written, are below one of the URLs; `None` if it stays.
    fn below(&self, raw: &[u8]) -> Option<usize> {
        if raw.len() > Self::LONGEST {
            return None;
        }
        let text = match raw.contains(&b'\\') {
            true => Cow::Owned(unescaped(raw)?),
            false => Cow::Borrowed(std::str::from_utf8(raw).ok()?),
        };
        let below = self.from.iter().find_map(|base| base.below(&text))?;
        // A scheme, an authority and a path: each of their characters is a byte, or one escape.
        let before = text.get(..text.len() - below.len()).filter(|before| before.is_ascii())?;
        let mut rest = raw;
        for _ in 0..before.len() {
            let length = match rest {
                [b'\\', b'u', ..] => 6,
                [b'\\', ..] => 2,
                _ => 1,
            };
            rest = rest.get(length..)?;
        }
        Some(rest.len())
    }
}

/// Nothing of the text, which is the caller's.
impl fmt::Debug for LinkMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkMap").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

/// A piece on its way.
struct Going<'a> {
    piece: &'a Bytes,
    /// What goes on already, where it is not the piece itself.
    done: Vec<u8>,
    /// Where the rest of the piece begins.
    from: usize,
}

impl Going<'_> {
    /// What is before this goes on as it is.
    fn up_to(&mut self, at: usize) {
        self.done.extend_from_slice(self.piece.get(self.from..at).unwrap_or_default());
        self.from = at;
    }

    fn finish(self) -> Bytes {
        let Self { piece, mut done, from } = self;
        let rest = piece.get(from..).unwrap_or_default();
        if done.is_empty() {
            return piece.slice_ref(rest);
        }
        done.extend_from_slice(rest);
        done.into()
    }
}

#[cfg(test)]
mod tests;
