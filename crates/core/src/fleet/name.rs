//! What an entry, a token and a process are called in a store.

use core::fmt;

/// Which entry: 16 bytes that are derived from the store's key and the client's identity, and tell nothing of either.
///
/// ```
/// use evergrant_core::fleet::Name;
///
/// let name = Name::new([0xab; 16]);
/// assert_eq!(name.to_string(), "abababababababababababababababab");
/// assert_eq!(Name::parse(&name.to_string()), Some(name));
/// assert_eq!(Name::parse("ABABABABABABABABABABABABABABABAB"), None); // one spelling for one name
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name([u8; 16]);

/// Which token: 8 bytes of a keyed digest of its text. It is no oracle for short tokens, since the key is the store's.
///
/// ```
/// use evergrant_core::fleet::Print;
///
/// let print = Print::new([1, 2, 3, 4, 5, 6, 7, 8]);
/// assert_eq!(print.to_string(), "0102030405060708");
/// assert_eq!(Print::parse("0102030405060708"), Some(print));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Print([u8; 8]);

/// Who claims: 16 random bytes of one source, so that a claim whose reply was lost is taken again by its owner at once.
///
/// An offer of a token that was asked for without a claim has an id of its own: with that of the flight, a late message
/// could end the claim of the next flight.
///
/// ```
/// use evergrant_core::fleet::Claimant;
///
/// let me = Claimant::new([7; 16]);
/// assert_eq!(me.to_string(), "07070707070707070707070707070707");
/// assert_eq!(me.offering().to_string(), "07070707070707070707070707070707o");
/// assert_ne!(me, me.offering());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claimant {
    me: [u8; 16],
    is_offering: bool,
}

impl Name {
    /// These bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// As it is written: 32 hexadecimal digits in lower case.
    pub fn parse(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Print {
    /// These bytes.
    pub const fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// As it is written: 16 hexadecimal digits in lower case.
    pub fn parse(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl Claimant {
    /// A source with these random bytes.
    pub const fn new(me: [u8; 16]) -> Self {
        Self { me, is_offering: false }
    }

    /// As it is written: 32 hexadecimal digits in lower case, and an `o` for an offer.
    pub fn parse(text: &str) -> Option<Self> {
        let (text, is_offering) = match text.strip_suffix('o') {
            Some(text) => (text, true),
            None => (text, false),
        };
        unhex(text).map(|me| Self { me, is_offering })
    }

    /// Whether both are one source, whichever of its ids they are.
    pub(super) fn is_of_source(self, other: Self) -> bool {
        self.me == other.me
    }

    /// The same source with the id of its offers.
    #[must_use]
    pub const fn offering(self) -> Self {
        Self { is_offering: true, ..self }
    }
}

/// The bytes that these hexadecimal digits stand for, in lower case and as many as there are.
fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// 32 hexadecimal digits in lower case.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

/// 16 hexadecimal digits in lower case.
impl fmt::Display for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

/// 32 hexadecimal digits in lower case, and an `o` for an offer.
impl fmt::Display for Claimant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.me, f)?;
        f.write_str(if self.is_offering { "o" } else { "" })
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

impl fmt::Debug for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Print({self})")
    }
}

impl fmt::Debug for Claimant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claimant({self})")
    }
}
