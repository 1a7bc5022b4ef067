//! DER (X.690), as far as keys and certificates need it. Total: what cannot be read is `None`.

// Tags (X.680 §8.4), with the bit that says whether a value has parts (X.690 §8.1.2.5).
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// `[number]`, around a value of another tag.
pub(super) const fn around(number: u8) -> u8 {
    0xa0 | number
}

/// `[number]`, in place of the tag of a value without parts.
pub(super) const fn in_place(number: u8) -> u8 {
    0x80 | number
}

/// What is left to read of a value with parts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The parts of the one sequence that these bytes are.
    pub(super) fn of_sequence(bytes: &'a [u8]) -> Option<Self> {
        let mut outer = Self(bytes);
        outer.sequence().filter(|_| outer.is_over())
    }

    pub(super) const fn is_over(self) -> bool {
        self.0.is_empty()
    }

    /// The next value, if it has this tag.
    pub(super) fn value(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, value, rest) = element(self.0)?;
        if found != tag {
            return None;
        }
        self.0 = rest;
        Some(value)
    }

    /// The parts of the sequence that is next.
    pub(super) fn sequence(&mut self) -> Option<Self> {
        self.value(SEQUENCE).map(Self)
    }

    /// The integer that is next, which is not negative, without the zero that says so (X.690 §8.3). A zero is no byte.
    pub(super) fn unsigned(&mut self) -> Option<&'a [u8]> {
        match self.value(INTEGER)? {
            [0] => Some(&[]),
            [0, rest @ ..] => rest.first().is_some_and(|first| *first >= 0x80).then_some(rest),
            [0x80..=0xff, ..] | [] => None,
            number => Some(number),
        }
    }

    /// The bit string that is next and has whole bytes.
    pub(super) fn bits(&mut self) -> Option<&'a [u8]> {
        whole_bytes(self.value(BIT_STRING)?)
    }
}

/// The bytes of a bit string, none of whose bits are unused (X.690 §8.6).
pub(super) fn whole_bytes(bits: &[u8]) -> Option<&[u8]> {
    bits.strip_prefix(&[0])
}

/// The tag and the value that are first, and the rest.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    // Tags of several bytes are in no key.
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (length, rest) = length(rest)?;
    let (value, rest) = rest.split_at_checked(length)?;
    Some((tag, value, rest))
}

/// A length in as few bytes as it needs (X.690 §10.1); no key is longer than two of them can say.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = match *bytes {
        [short @ 0..=0x7f, ref rest @ ..] => return Some((usize::from(short), rest)),
        [0x81, one, ref rest @ ..] => (usize::from(one), rest),
        [0x82, high, low, ref rest @ ..] => (usize::from(u16::from_be_bytes([high, low])), rest),
        _ => return None,
    };
    let least = if bytes.first() == Some(&0x81) { 0x80 } else { 0x100 };
    (length >= least).then_some((length, rest))
}

#[cfg(test)]
mod tests;
