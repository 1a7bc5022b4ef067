use super::*;

const RSA: &str = include_str!("../../tests/keys/rsa.public.pem");

fn der(text: &str) -> Vec<u8> {
    blocks(text).unwrap().remove(0).der
}

#[test]
fn blocks_are_read_with_what_is_around_them() {
    let text = "words\n-----BEGIN A-----\nAQID\r\nBA==\n-----END A-----\n-----BEGIN B C-----\n-----END B C-----\nmore";
    let read = blocks(text).unwrap();
    let read: Vec<_> = read.iter().map(|block| (block.label, block.der.as_slice())).collect();
    assert_eq!(read, [("A", &[1, 2, 3, 4][..]), ("B C", &[])]);
    for broken in [
        "",
        "AQID",
        "-----BEGIN A-----",
        "-----BEGIN A-----\nA\n-----END A-----",
        "-----BEGIN A-----\nAQID\n-----END B-----",
    ] {
        assert!(blocks(broken).is_none(), "{broken}");
    }
}

#[test]
fn a_public_key_is_read_and_what_is_cut_off_is_none() {
    let whole = der(RSA);
    let Some(Kind::Rsa { n, e }) = public_key(&whole) else { panic!("no RSA") };
    assert_eq!((n.len(), e), (256, vec![1, 0, 1]));
    for length in 0..whole.len() {
        assert!(public_key(&whole[..length]).is_none(), "{length}");
    }
    // The algorithm of another kind of key, the bits that are left over, the form of a length.
    for (at, byte) in [(6, 0x2b), (23, 1), (1, 0x83), (0, 0x31)] {
        let mut spoilt = whole.clone();
        spoilt[at] = byte;
        assert!(public_key(&spoilt).is_none(), "{at}");
    }
}

#[test]
fn keys_of_one_form_are_told_by_it() {
    for (text, length) in [
        (include_str!("../../tests/keys/p256.public.pem"), 65),
        (include_str!("../../tests/keys/p384.public.pem"), 97),
        (include_str!("../../tests/keys/ed25519.public.pem"), 32),
    ] {
        let key = public_key(&der(text));
        let Some(Kind::P256(bytes) | Kind::P384(bytes) | Kind::Ed25519(bytes)) = key else { panic!("none") };
        assert_eq!(bytes.len(), length);
    }
    assert!(public_key(&der(include_str!("../../tests/keys/p521.public.pem"))).is_none());
}
