//! Keys in DER that no program at hand writes: their parts are those of OpenSSL's.

use super::super::jwk::thumbprint;
use super::*;

const P256: &[u8] = include_bytes!("../tests/keys/p256.der");

fn of(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).unwrap();
    let length = if length < 0x80 { vec![length] } else { vec![0x81, length] };
    [&[tag], &length[..], value].concat()
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    of(SEQUENCE, &parts.concat())
}

/// The private key and the point of the key.
fn parts() -> (Vec<u8>, Vec<u8>) {
    let key = EcKey::read(Info::read(P256).unwrap().key).unwrap();
    (key.d.to_vec(), key.point.unwrap().to_vec())
}

fn curve_named(curve: Curve) -> Vec<u8> {
    of(OBJECT_IDENTIFIER, curve.identifier())
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    [&[0], bytes].concat()
}

/// `ECPrivateKey` of these parts, with or without the curve and the point.
fn sec1_of(d: &[u8], curve: Option<Curve>, point: Option<&[u8]>) -> Vec<u8> {
    let curve = curve.map_or(vec![], |curve| of(around(0), &curve_named(curve)));
    let point = point.map_or(vec![], |point| of(around(1), &of(0x03, &bits(point))));
    sequence(&[&[2, 1, 1], &of(OCTET_STRING, d), &curve, &point])
}

/// PKCS#8 of this version around this key, with what follows it.
fn pkcs8_of(version: u8, key: &[u8], behind: &[u8]) -> Vec<u8> {
    let algorithm = sequence(&[&of(OBJECT_IDENTIFIER, EC), &curve_named(Curve::P256)]);
    sequence(&[&[2, 1, version], &algorithm, &of(OCTET_STRING, key), behind])
}

/// Whether this is the key of the tests.
fn is_it(read: Result<Pair, ConfigError>) -> bool {
    let ours = thumbprint(&pkcs8(P256).ok().unwrap().public());
    read.is_ok_and(|pair| thumbprint(&pair.public()) == ours)
}

fn is(read: Result<Pair, ConfigError>, expected: &ConfigError) {
    assert_eq!(read.err().as_ref(), Some(expected));
}

#[test]
fn the_parts_of_a_key_make_it_again_in_every_form() {
    let (d, point) = parts();
    assert!(is_it(sec1(&sec1_of(&d, Some(Curve::P256), Some(&point)))));
    let key = sec1_of(&d, None, Some(&point));
    assert!(is_it(pkcs8(&pkcs8_of(0, &key, &[]))));
    assert_eq!(pkcs8_of(0, &key, &[]), P256, "as OpenSSL writes it");
    let attributes = of(around(0), &[]);
    assert!(is_it(pkcs8(&pkcs8_of(0, &key, &attributes))), "with attributes");
    // RFC 5958 §2: the public key may stand outside of it.
    let public = of(in_place(1), &bits(&point));
    assert!(is_it(pkcs8(&pkcs8_of(1, &sec1_of(&d, None, None), &public))));
    assert!(is_it(pkcs8(&pkcs8_of(1, &sec1_of(&d, Some(Curve::P256), Some(&point)), &public))));
}

#[test]
fn a_private_key_may_lack_its_zeros_or_have_more_of_them() {
    let (d, point) = parts();
    let more = [&[0, 0], &d[..]].concat();
    assert!(is_it(sec1(&sec1_of(&more, Some(Curve::P256), Some(&point)))));
    let long = [&[1], &d[..]].concat();
    is(sec1(&sec1_of(&long, Some(Curve::P256), Some(&point))), &damaged());
}

#[test]
fn what_is_not_as_the_standards_have_it_cannot_be_read() {
    let (d, point) = parts();
    let key = sec1_of(&d, None, Some(&point));
    is(pkcs8(&pkcs8_of(2, &key, &[])), &damaged());
    is(pkcs8(&pkcs8_of(0, &key, &[5, 0])), &damaged());
    is(pkcs8(&pkcs8_of(1, &key, &of(in_place(1), &[1, 4]))), &damaged());
    let behind = sequence(&[&[2, 1, 1], &of(OCTET_STRING, &d), &[5, 0]]);
    is(pkcs8(&pkcs8_of(0, &behind, &[])), &damaged());
    let version = sequence(&[&[2, 1, 0], &of(OCTET_STRING, &d)]);
    is(pkcs8(&pkcs8_of(0, &version, &[])), &damaged());
    let infinity = sec1_of(&d, None, Some(&[0]));
    is(pkcs8(&pkcs8_of(0, &infinity, &[])), &damaged());
    let two = [of(0x03, &bits(&point)), vec![5, 0]].concat();
    let point_and_more = sequence(&[&[2, 1, 1], &of(OCTET_STRING, &d), &of(around(1), &two)]);
    is(pkcs8(&pkcs8_of(0, &point_and_more, &[])), &damaged());
}

#[test]
fn a_key_is_on_one_curve() {
    let (d, point) = parts();
    let two = sec1_of(&d, Some(Curve::P384), Some(&point));
    is(pkcs8(&pkcs8_of(0, &two, &[])), &damaged());
    let none = sec1(&sec1_of(&d, None, Some(&point)));
    is(none, &refused("an EC key that does not say its curve", NEW_KEY));
}

#[test]
fn nothing_follows_the_parts_of_an_rsa_key_or_the_seed_of_an_ed25519_key() {
    let numbers: Vec<u8> = (0..8).flat_map(|_| [2, 1, 5]).collect();
    let whole = sequence(&[&[2, 1, 0], &numbers]);
    is(pkcs1(&whole), &refused("an RSA key of 3 bits", NEW_RSA_KEY));
    for (begins, behind) in [(&[2, 1, 0][..], &[5, 0][..]), (&[2, 1, 2], &[]), (&[], &[])] {
        is(pkcs1(&sequence(&[begins, &numbers, behind])), &damaged());
    }
    let ed25519 = |key: &[u8]| {
        let algorithm = sequence(&[&of(OBJECT_IDENTIFIER, ED25519)]);
        pkcs8(&sequence(&[&[2, 1, 0], &algorithm, &of(OCTET_STRING, key)]))
    };
    let seed = of(OCTET_STRING, &[7; 32]);
    assert!(ed25519(&seed).is_ok());
    is(ed25519(&[&seed[..], &[5, 0]].concat()), &damaged());
    is(ed25519(&[7; 32]), &damaged());
}

#[test]
fn a_public_key_that_is_told_is_compared() {
    let of_seed = |public: &[u8]| {
        let algorithm = sequence(&[&of(OBJECT_IDENTIFIER, ED25519)]);
        let key = of(OCTET_STRING, &of(OCTET_STRING, &[7; 32]));
        pkcs8(&sequence(&[&[2, 1, 1], &algorithm, &key, &of(in_place(1), &bits(public))]))
    };
    let pair = Pair::ed25519(&[7; 32], None).ok().unwrap();
    let super::super::pair::Public::Ed25519(public) = pair.public() else { panic!("it is of that kind") };
    assert!(of_seed(public).is_ok());
    is(of_seed(&[7; 32]), &super::super::refused::inconsistent());
}
