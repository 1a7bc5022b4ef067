use super::*;
use alloc::string::ToString;
use alloc::vec;

#[test]
fn a_name_is_of_the_algorithm_that_has_it() {
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::of_name(&algorithm.to_string()), Some(algorithm));
        assert_eq!(algorithm.to_string(), algorithm.name());
        assert_eq!(algorithm.is_symmetric(), algorithm == Algorithm::Hs256);
    }
    for name in ["none", "es256", "ES256K", "RS512", ""] {
        assert_eq!(Algorithm::of_name(name), None, "{name}");
    }
}

fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |n: &[u8]| [&[2, n.len() as u8][..], n].concat();
    let inner = [integer(r), integer(s)].concat();
    [&[0x30, inner.len() as u8][..], &inner].concat()
}

// Conforms: R-7523-i
#[test]
fn short_and_long_numbers_become_halves_of_one_length() {
    for (algorithm, half) in [(Algorithm::Es256, 32), (Algorithm::Es384, 48)] {
        let long = [&[0][..], &vec![0xff; half]].concat();
        let Signature(bytes) = Signature::from_der(algorithm, &der(&long, &[5])).unwrap();
        assert_eq!(bytes[..half], vec![0xff; half]);
        assert_eq!(bytes[half..2 * half - 1], vec![0; half - 1]);
        assert_eq!((bytes.len(), bytes[2 * half - 1]), (2 * half, 5));
        assert!(Signature(bytes).checked(algorithm).is_ok());
    }
}

// Conforms: R-7523-i
#[test]
fn what_is_no_ecdsa_signature_in_der_is_an_error() {
    let right = der(&[1], &[2]);
    assert!(Signature::from_der(Algorithm::Es256, &right).is_ok());
    let too_long = der(&[1; 33], &[2]);
    for wrong in [
        &[][..],
        &right[..7],                           // cut off
        &[&right[..], &[0]].concat(),          // followed by something
        &der(&[], &[2]),                       // no number
        &der(&[0], &[2]),                      // zero
        &der(&[0x80], &[2]),                   // negative
        &der(&[0, 1], &[2]),                   // a zero too many
        &too_long,                             // of another curve
        &[0x31, 6, 2, 1, 1, 2, 1, 2],          // a set
        &[0x30, 6, 3, 1, 1, 2, 1, 2],          // a bit string
        &[0x30, 0x81, 6, 2, 1, 1, 2, 1, 2],    // a length in its long form
        &[0x30, 9, 2, 1, 1, 2, 1, 2, 2, 1, 3], // three numbers
        &[7; 64],                              // r and s as they are
    ] {
        let error = Signature::from_der(Algorithm::Es256, wrong).unwrap_err();
        assert!(error.to_string().contains("Signature::new"), "{error}");
    }
    assert!(Signature::from_der(Algorithm::Rs256, &right).is_err());
}

#[test]
fn a_signature_of_a_wrong_length_says_what_may_be_the_reason() {
    let right = [
        (Algorithm::Es256, 64),
        (Algorithm::Es384, 96),
        (Algorithm::EdDsa, 64),
        (Algorithm::Hs256, 32),
        (Algorithm::Rs256, 256),
        (Algorithm::Rs384, 384),
        (Algorithm::Ps256, 512),
    ];
    for (algorithm, length) in right {
        assert!(Signature::new(vec![1; length]).checked(algorithm).is_ok(), "{algorithm}");
        assert!(Signature::new(vec![1; 70]).checked(algorithm).is_err(), "{algorithm}");
    }
    let said = |algorithm| Signature::new([1; 70]).checked(algorithm).unwrap_err().to_string();
    assert!(said(Algorithm::Es256).contains("Signature::from_der"));
    assert!(!said(Algorithm::Rs256).contains("from_der"));
    assert_eq!(alloc::format!("{:?}", Signature::new([1; 70])), "Signature(70 bytes)");
}
