//! Where in a JSON text (RFC 8259) the members are that have links, byte by byte, in bounded memory.
//!
//! It follows brackets, names and strings. Words and numbers are taken as they come: whether they are right is for whoever reads them.

use serde_json::from_slice;

/// How deep the arrays and objects of a text may be in each other: as deep as `serde_json` reads, and a bit each. What is deeper is not
/// looked at.
const DEEPEST: u32 = 128;

/// The longest way to write `"_links"` without its quotation marks, each letter escaped, in bytes.
const LONGEST_NAME: usize = 36;

/// What a byte is in its text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Event {
    /// Nothing that concerns links.
    Nothing,
    /// The quotation mark before a string that may be a link.
    LinkBegins,
    /// The quotation mark behind a string.
    TextEnds,
    /// From here on this is no JSON, or too deep.
    Unreadable,
}

/// A JSON text up to some byte.
pub(super) struct Structure {
    next: Next,
    within: Within,
    /// A bit for each array or object that is open, the innermost last: set for an object.
    objects: u128,
    depth: u32,
    /// How deep the member is that has links, counted as `depth`.
    links: Option<u32>,
    /// The name that is being read, as it is written, as far as it can be one of those with links.
    name: Vec<u8>,
}

/// What may follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Next {
    Value,
    /// Or the end of an array that is empty.
    FirstValue,
    Name,
    /// Or the end of an object that is empty.
    FirstName,
    Colon,
    /// A comma, or the end of the array or object. Behind the outermost value nothing.
    Rest,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Within {
    Nothing,
    /// `true`, `false`, `null`, a number.
    Word,
    Text {
        is_name: bool,
        /// Whether a backslash stands before.
        is_escaped: bool,
    },
}

impl Structure {
    pub(super) const fn new() -> Self {
        Self {
            next: Next::Value,
            within: Within::Nothing,
            objects: 0,
            depth: 0,
            links: None,
            name: Vec::new(),
        }
    }

    /// The next byte.
    pub(super) fn push(&mut self, byte: u8) -> Event {
        match self.within {
            Within::Text { is_name, is_escaped } => self.text(byte, is_name, is_escaped),
            Within::Word if is_of_word(byte) => Event::Nothing,
            Within::Word => {
                self.ended();
                self.between(byte)
            }
            Within::Nothing => self.between(byte),
        }
    }

    /// How many bytes at the beginning of these are of the string that is being read, and neither end it nor need a look.
    pub(super) fn plain(&self, bytes: &[u8]) -> usize {
        match self.within {
            Within::Text { is_name, is_escaped: false } if !is_name || self.name.len() > LONGEST_NAME => {
                bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' ')).unwrap_or(bytes.len())
            }
            _ => 0,
        }
    }

    /// How many bytes it keeps.
    #[cfg(test)]
    pub(super) const fn kept(&self) -> usize {
        self.name.capacity()
    }

    fn text(&mut self, byte: u8, is_name: bool, is_escaped: bool) -> Event {
        if is_name && self.name.len() <= LONGEST_NAME {
            self.name.push(byte);
        }
        match byte {
            // RFC 8259 §7: they are escaped.
            ..b' ' => return Event::Unreadable,
            b'"' if !is_escaped => {
                if is_name {
                    self.within = Within::Nothing;
                    self.next = Next::Colon;
                    self.named();
                } else {
                    self.ended();
                }
                return Event::TextEnds;
            }
            _ => self.within = Within::Text { is_name, is_escaped: byte == b'\\' && !is_escaped },
        }
        Event::Nothing
    }

    fn between(&mut self, byte: u8) -> Event {
        let is_value = matches!(self.next, Next::Value | Next::FirstValue);
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'"' if is_value => {
                self.within = Within::Text { is_name: false, is_escaped: false };
                if self.links.is_some() {
                    return Event::LinkBegins;
                }
            }
            b'"' if matches!(self.next, Next::Name | Next::FirstName) => {
                self.within = Within::Text { is_name: true, is_escaped: false };
                self.name.clear();
            }
            b'{' | b'[' if is_value && self.depth < DEEPEST => {
                self.objects = self.objects << 1 | u128::from(byte == b'{');
                self.depth += 1;
                self.next = if byte == b'{' { Next::FirstName } else { Next::FirstValue };
            }
            b'}' if self.is_in_object() && matches!(self.next, Next::Rest | Next::FirstName) => self.closed(),
            b']' if self.is_in_array() && matches!(self.next, Next::Rest | Next::FirstValue) => self.closed(),
            b':' if self.next == Next::Colon => self.next = Next::Value,
            b',' if self.next == Next::Rest && self.depth > 0 => {
                self.next = if self.is_in_object() { Next::Name } else { Next::Value };
            }
            _ if is_value && is_of_word(byte) => self.within = Within::Word,
            _ => return Event::Unreadable,
        }
        Event::Nothing
    }

    const fn is_in_object(&self) -> bool {
        self.depth > 0 && self.objects & 1 == 1
    }

    const fn is_in_array(&self) -> bool {
        self.depth > 0 && self.objects & 1 == 0
    }

    /// An array or an object has ended.
    fn closed(&mut self) {
        self.objects >>= 1;
        self.depth -= 1;
        self.ended();
    }

    /// A value has ended.
    fn ended(&mut self) {
        self.within = Within::Nothing;
        self.next = Next::Rest;
        if self.links == Some(self.depth) {
            self.links = None;
        }
    }

    /// A name was read, with the quotation mark behind it.
    fn named(&mut self) {
        let name = self.name.strip_suffix(b"\"");
        if self.links.is_none() && name.is_some_and(has_links) {
            self.links = Some(self.depth);
        }
    }
}

/// Whether a member of this name, as it is written, has links: `links` in JSON:API (§7.7), `_links` in HAL.
fn has_links(name: &[u8]) -> bool {
    let is_one = |name: &[u8]| matches!(name, b"links" | b"_links");
    is_one(name) || (name.contains(&b'\\') && unescaped(name).is_some_and(|name| is_one(name.as_bytes())))
}

/// What a string says that is written like this between quotation marks; `None` if it is no string.
pub(super) fn unescaped(raw: &[u8]) -> Option<String> {
    from_slice(&[b"\"", raw, b"\""].concat()).ok()
}

/// What the words and numbers of JSON are made of.
const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}
