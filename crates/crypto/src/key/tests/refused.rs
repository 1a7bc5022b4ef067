//! What is no key that can be used: each error names what was found, and what to do.

use super::*;

/// The error, whose two parts are this found, and this somewhere in what to do.
#[track_caller]
fn is(text: &[u8], found: &str, mend: &str) {
    let Err(ConfigError::KeyFormat { found: ours, mend: to_do }) = Key::from_text(text) else {
        panic!("no error of that kind, where {found} was expected: {:?}", Key::from_text(text))
    };
    assert_eq!(ours.as_str(), found);
    assert!(to_do.as_str().contains(mend), "{found}: {to_do}");
    assert!(to_do.as_str().chars().count() < Excerpt::MAX_CHARS, "{to_do} is cut off");
}

const NEW_EC: &str = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const NEW_RSA: &str = "rsa_keygen_bits:3072";

#[test]
fn an_encrypted_key_is_to_be_decrypted() {
    for pem in [&made!("encrypted.pem")[..], made!("encrypted-pkcs1.pem"), made!("encrypted-sec1.pem")] {
        is(pem, "an encrypted private key", "openssl pkey -in key.pem -out decrypted.pem");
    }
}

#[test]
fn a_key_of_another_kind_or_curve_is_named() {
    is(made!("p521.pem"), "an EC key on P-521", NEW_EC);
    is(made!("p521-sec1.pem"), "an EC key on P-521", NEW_EC);
    is(made!("secp256k1.pem"), "an EC key on secp256k1", NEW_EC);
    is(made!("x25519.pem"), "an X25519 key, which cannot sign", NEW_EC);
    is(made!("ed448.pem"), "an Ed448 key", NEW_EC);
    is(made!("dsa.pem"), "a DSA key", NEW_EC);
    is(b"-----BEGIN DSA PRIVATE KEY-----\nMAA=\n-----END DSA PRIVATE KEY-----\n", "a DSA key", NEW_EC);
    is(made!("rsa-pss.pem"), "an RSA key that may sign by PSS alone", NEW_RSA);
}

#[test]
fn an_ec_key_that_another_form_of_it_would_do_for_says_which() {
    is(made!("p256-explicit.pem"), "an EC key with its curve in figures", "-param_enc named_curve");
    is(made!("p256-compressed.pem"), "an EC key with a compressed public key", "-conv_form uncompressed");
    let without = "an EC key without its public key";
    is(made!("p256-no-public.pem"), without, "openssl ec -in key.pem -out new.pem");
    is(made!("p256-no-public-sec1.pem"), without, "openssl ec -in key.pem -out new.pem");
}

#[test]
fn an_rsa_key_of_another_size_or_make_is_named() {
    is(made!("rsa1024.pem"), "an RSA key of 1024 bits", NEW_RSA);
    is(made!("rsa2560.pem"), "an RSA key of 2560 bits", NEW_RSA);
    is(made!("rsa5120.pem"), "an RSA key of 5120 bits", NEW_RSA);
    is(made!("rsa-exponent3.pem"), "an RSA key with an unusual public exponent", NEW_RSA);
    is(made!("rsa-primes3.pem"), "an RSA key of more than two primes", NEW_RSA);
}

#[test]
fn what_is_public_is_no_private_key() {
    is(made!("p256-public.pem"), "a public key", "-----BEGIN PRIVATE KEY-----");
    is(made!("p256-certificate.pem"), "a certificate without its private key", "-----BEGIN PRIVATE KEY-----");
    is(made!("p256-request.pem"), "a certificate request", "-----BEGIN PRIVATE KEY-----");
    is(made!("openssh-public.txt"), "a public key of OpenSSH", "-----BEGIN PRIVATE KEY-----");
    let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    is(parameters.as_bytes(), "the parameters of a curve without a key", NEW_EC);
    let list = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";
    is(list.as_bytes(), "a PEM block BEGIN X509 CRL, which is no private key", "-----BEGIN PRIVATE KEY-----");
}

#[test]
fn keys_of_other_programs_are_to_be_converted() {
    is(made!("openssh.pem"), "a private key of OpenSSH", "ssh-keygen -p -N '' -m PKCS8");
    is(b"PuTTY-User-Key-File-3: ssh-ed25519\n", "a key of PuTTY", "PuTTYgen");
    is(&[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2], "a Java key store", "keytool -importkeystore");
    let other = "-----BEGIN SOME PRIVATE KEY-----\nMAA=\n-----END SOME PRIVATE KEY-----\n";
    is(other.as_bytes(), "a private key of an unknown form, BEGIN SOME PRIVATE KEY", NEW_EC);
}

#[test]
fn bytes_are_to_be_written_as_pem() {
    is(made!("p256.der"), "DER bytes", "openssl pkey -inform DER");
    is(made!("p256-pkcs12.der"), "a PKCS#12 file", "openssl pkcs12 -in key.p12 -nocerts -nodes -out key.pem");
    is(&[0xff, 0xfe, b'-', 0], "a text in UTF-16", "UTF-8");
    is(&[0x80, 0x81], "bytes that are neither a key nor a text", NEW_EC);
    let text = std::str::from_utf8(made!("p256.pem")).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    is(body.as_bytes(), "base64 without the lines that say what it is", "-----BEGIN PRIVATE KEY-----");
}

#[test]
fn one_private_key_is_there_and_no_more() {
    let two = [&made!("p256.pem")[..], made!("p384.pem")].concat();
    is(&two, "several private keys", "leave the one");
    let encrypted = [&made!("p256.pem")[..], made!("encrypted.pem")].concat();
    is(&encrypted, "several private keys", "leave the one");
    is(b"", "an empty text", "check that something writes the key there");
    is(b" \r\n", "an empty text", "check that something writes the key there");
    is(b"my-client-secret", "a text without a private key in it", NEW_EC);
}

#[test]
fn a_text_whose_lines_are_not_those_of_pem_says_so_and_shows_nothing_of_it() {
    let text = std::str::from_utf8(made!("p256.pem")).unwrap();
    let joined = "a PEM text whose line BEGIN has something else in it";
    is(text.replace('\n', "\\n").as_bytes(), joined, "real line breaks");
    is(text.replace('\n', " ").as_bytes(), joined, "real line breaks");
    is(text.replace("PRIVATE", "Private").as_bytes(), joined, "real line breaks");
    is(
        text.replace('\n', "\n  ").replacen('-', " -", 1).as_bytes(),
        "a PEM text without its line breaks",
        "nothing before it",
    );
    // Letters that a label may have, and too many of them.
    is(format!("-----BEGIN {}-----\n", "A".repeat(33)).as_bytes(), joined, "real line breaks");
}

#[test]
fn a_text_that_was_cut_off_or_damaged_says_so() {
    let text = std::str::from_utf8(made!("p256.pem")).unwrap();
    let end = "-----END PRIVATE KEY-----";
    let without = "a PEM block BEGIN PRIVATE KEY without its line END PRIVATE KEY";
    is(text.replace(end, "").as_bytes(), without, "copied completely");
    is(text.replace(end, "-----END EC PRIVATE KEY-----").as_bytes(), without, "copied completely");
    is(format!("{}{text}", text.replace(end, "")).as_bytes(), without, "copied completely");
    let lines: Vec<&str> = text.lines().collect();
    is(
        [lines[0], "====", end].join("\n").as_bytes(),
        "a PEM block BEGIN PRIVATE KEY that is not base64",
        "copied completely",
    );
    let cut = "a private key that cannot be read";
    is([lines[0], lines[1], end].join("\n").as_bytes(), cut, "openssl pkey -in key.pem -noout -check");
    is([lines[0], end].join("\n").as_bytes(), cut, "-check");
    // One bit of the private key is another one: it belongs to another public key.
    let mut der = made!("p256.der").to_vec();
    der[40] ^= 1;
    let changed = [lines[0], &base64::engine::general_purpose::STANDARD.encode(&der), end].join("\n");
    is(changed.as_bytes(), "a private key whose parts do not belong together", "-check");
}

#[test]
fn an_rsa_key_with_another_number_in_it_is_none() {
    let json: Value = serde_json::from_slice(made!("rfc7515-a2.json")).unwrap();
    for name in ["n", "d", "p", "q", "qi"] {
        let mut json = json.clone();
        let mut bytes = URL_SAFE_NO_PAD.decode(json[name].as_str().unwrap()).unwrap();
        let middle = bytes.len() / 2;
        if name == "d" {
            bytes.truncate(middle); // It is compared with nothing, but for its length.
        } else {
            bytes[middle] ^= 1;
        }
        json[name] = URL_SAFE_NO_PAD.encode(&bytes).into();
        let text = json.to_string();
        is(text.as_bytes(), "a private key whose parts do not belong together", "-check");
    }
    // What ring looks at when it signs, and not before.
    let mut bytes = URL_SAFE_NO_PAD.decode(json["dp"].as_str().unwrap()).unwrap();
    bytes[9] ^= 1;
    let mut json = json;
    json["dp"] = URL_SAFE_NO_PAD.encode(&bytes).into();
    let key = Key::from_jwk(&json.to_string()).unwrap();
    let error = key.sign(Algorithm::Rs256, INPUT).unwrap_err();
    assert!(
        error.to_string().starts_with("the key gives no signature; check that it was copied completely"),
        "{error}"
    );
}
