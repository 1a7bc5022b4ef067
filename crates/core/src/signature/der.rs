//! `ECDSA-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 §2.2.3), in DER.

use alloc::vec::Vec;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// r and s one behind the other, each of `half` bytes. Total.
pub(super) fn fixed(der: &[u8], half: usize) -> Option<Vec<u8>> {
    let (pair, rest) = value(der, SEQUENCE)?;
    let (r, after) = value(pair, INTEGER)?;
    let (s, end) = value(after, INTEGER)?;
    if !rest.is_empty() || !end.is_empty() {
        return None;
    }
    let mut fixed = Vec::with_capacity(2 * half);
    for number in [r, s] {
        let number = magnitude(number)?;
        fixed.resize(fixed.len() + half.checked_sub(number.len())?, 0);
        fixed.extend(number);
    }
    Some(fixed)
}

/// The value of what begins here with this tag, and what is behind it.
fn value(der: &[u8], expected: u8) -> Option<(&[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    // The long form is for lengths from 128 (X.690 §10.1): two integers of 49 bytes are shorter.
    if tag != expected || length >= 128 {
        return None;
    }
    rest.split_at_checked(usize::from(length))
}

/// The bytes of a number above zero, without the zero that keeps it from being negative (X.690 §8.3).
fn magnitude(number: &[u8]) -> Option<&[u8]> {
    match number {
        [0, rest @ ..] if matches!(rest, [0x80..=0xff, ..]) => Some(rest),
        [0x01..=0x7f, ..] => Some(number),
        _ => None,
    }
}
