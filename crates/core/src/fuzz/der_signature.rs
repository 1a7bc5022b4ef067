//! An ECDSA signature in DER, as a key service gives it.

use crate::signature::{Algorithm, Signature};
use alloc::vec::Vec;

/// `data` is the signature.
///
/// # Panics
/// It is misread: what is read, written down in DER again, is another text.
pub fn der_signature(data: &[u8]) {
    for (algorithm, length) in [(Algorithm::Es256, 64), (Algorithm::Es384, 96)] {
        let Ok(signature) = Signature::from_der(algorithm, data) else { continue };
        let fixed = signature.checked(algorithm).unwrap_or_default();
        assert_eq!(fixed.len(), length, "another length");
        let (r, s) = fixed.split_at(length / 2);
        let pair = [integer(r), integer(s)].concat();
        // Two numbers of 49 bytes have less than 128.
        let written = [&[0x30, u8::try_from(pair.len()).unwrap_or(u8::MAX)], &pair[..]].concat();
        assert_eq!(written, data, "there is one way to write it");
    }
    assert!(Signature::from_der(Algorithm::EdDsa, data).is_err(), "it has no form in DER");
}

/// A number in DER (X.690 §8.3).
fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = number.get(zeros..).unwrap_or_default();
    let sign = if number.first().is_none_or(|first| *first >= 0x80) { &[0][..] } else { &[] };
    let length = u8::try_from(sign.len() + number.len()).unwrap_or(u8::MAX);
    [&[0x02, length], sign, number].concat()
}
