//! Both targets on the keys of the tests, changed a little, and on what chance makes.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const KEYS: [&[u8]; 9] = [
    include_bytes!("../key/tests/keys/p256.pem"),
    include_bytes!("../key/tests/keys/p256-ecparam.pem"),
    include_bytes!("../key/tests/keys/p256-bag.pem"),
    include_bytes!("../key/tests/keys/p384-sec1.pem"),
    include_bytes!("../key/tests/keys/ed25519.pem"),
    include_bytes!("../key/tests/keys/encrypted-sec1.pem"),
    include_bytes!("../key/tests/keys/rsa2048.pem"),
    include_bytes!("../key/tests/keys/rsa2048-pkcs1.pem"),
    include_bytes!("../key/tests/keys/p256.der"),
];

const JWKS: [&str; 3] = [
    include_str!("../key/tests/keys/rfc7515-a2.json"),
    include_str!("../key/tests/keys/rfc7515-a3.json"),
    include_str!("../key/tests/keys/rfc8037-a1.json"),
];

/// A text with some bytes changed, taken out or doubled.
fn changed(texts: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change =
        (any::<Index>(), 0..4_usize, prop_oneof![any::<u8>(), select(b"-\n :=\"{}[],0A\\".to_vec())]);
    (select(texts), vec(change, 0..4)).prop_map(|(mut text, changes)| {
        for (place, how, byte) in changes {
            if text.is_empty() {
                break;
            }
            let at = place.index(text.len());
            match how {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                2 => {
                    text.remove(at);
                }
                _ => text.truncate(at),
            }
        }
        text
    })
}

proptest! {
    #[test]
    fn no_change_of_a_key_in_pem_breaks_its_reader(data in changed(KEYS.map(<[u8]>::to_vec).to_vec())) {
        key_pem(&data);
    }

    #[test]
    fn no_change_of_a_jwk_breaks_its_reader(data in changed(JWKS.map(|jwk| jwk.as_bytes().to_vec()).to_vec())) {
        key_jwk(&data);
    }

    #[test]
    fn no_bytes_break_a_reader(data in vec(any::<u8>(), 0..200)) {
        key_pem(&data);
        key_jwk(&data);
    }
}
