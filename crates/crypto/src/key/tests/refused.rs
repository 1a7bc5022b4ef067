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
        is(pem, "an encrypted private key", "openssl pkey -in FILE -out decrypted.pem");
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
    is(made!("p256-no-public.pem"), without, "openssl ec -in FILE -out new.pem");
    is(made!("p256-no-public-sec1.pem"), without, "openssl ec -in FILE -out new.pem");
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
    is(
        &[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2],
        "a Java key store",
        "keytool -importkeystore -srckeystore FILE",
    );
    is(&[0xce, 0xce, 0xce, 0xce, 0, 0, 0, 2], "a Java key store", "openssl pkcs12 -in key.p12"); // JCEKS
    let other = "-----BEGIN SOME PRIVATE KEY-----\nMAA=\n-----END SOME PRIVATE KEY-----\n";
    is(other.as_bytes(), "a private key of an unknown form, BEGIN SOME PRIVATE KEY", NEW_EC);
}

#[test]
fn bytes_are_to_be_written_as_pem() {
    is(made!("p256.der"), "DER bytes", "openssl pkey -inform DER");
    is(made!("p256-pkcs12.der"), "a PKCS#12 file", "openssl pkcs12 -in FILE -nocerts -nodes -out key.pem");
    let whole = "check that it was copied completely";
    let pkcs12 = made!("p256-pkcs12.der");
    for length in [8, pkcs12.len() - 1] {
        is(&pkcs12[..length], "a PKCS#12 file without its end", whole);
    }
    // A length that its end says: BER, as Windows and older Java write it.
    is(&[0x30, 0x80, 2, 1, 3, 0x30, 0x80, 6], "a PKCS#12 file", "openssl pkcs12 -in FILE");
    for (short, found) in
        [(&[0x30, 5, 2, 1, 3, 0x30, 0][..], ""), (&[0x30, 6, 2, 1, 3, 0x30, 0], " without its end")]
    {
        is(short, &format!("a PKCS#12 file{found}"), "");
    }
    let key = made!("p256.der");
    for length in [7, key.len() - 1] {
        is(&key[..length], "DER bytes without their end", whole);
    }
    is(&[key, &b"\n"[..]].concat(), "DER bytes", "openssl pkey -inform DER -in FILE -out key.pem");
    is(&[0x30, 0x82, 1, 0, 2, 1, 1, 4], "DER bytes without their end", whole);
    is(&[0x30, 0], "DER bytes", "-inform DER");
    is(&der(made!("p256-public.pem")), "DER bytes", "-inform DER");
    is(
        &der(made!("p256-certificate.pem")),
        "a certificate in DER, without its private key",
        "-----BEGIN PRIVATE KEY-----",
    );
    for neither in
        [&[0x30, 0x83, 2, 1, 3, 0x30, 0xff][..], &[0x31, 5, 2, 1, 3, 0x30, 0xff], &[0x30, 9, 4, 1, 0xff]]
    {
        is(neither, "bytes that are neither a key nor a text", NEW_EC);
    }
    is(&[0x80, 0x81], "bytes that are neither a key nor a text", NEW_EC);
}

/// The bytes of the first block.
fn der(pem: &[u8]) -> Vec<u8> {
    pem::blocks(pem).unwrap()[0].der().unwrap().to_vec()
}

#[test]
fn a_text_in_utf_16_is_named_with_its_mark_and_without() {
    let jwk = std::str::from_utf8(made!("rfc8037-a1.json")).unwrap();
    let pem = std::str::from_utf8(made!("p256.pem")).unwrap();
    for text in [pem, jwk] {
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in
            [&little, &big, &[&[0xff, 0xfe], &little[..]].concat(), &[&[0xfe, 0xff], &big[..]].concat()]
        {
            is(bytes, "a text in UTF-16", "UTF-8");
        }
    }
    let jwk: String = jwk.chars().flat_map(|c| [c, '\0']).collect();
    assert!(Key::from_jwk(&jwk).unwrap_err().to_string().starts_with("a text in UTF-16"));
    is(&[0xff, 0xfe], "a text in UTF-16", "UTF-8");
    // Zeros here and there are those of something else.
    is(&[0; 64], "a text without a private key in it", NEW_EC);
    is(b"a\0b\0c\0d\0e\0f\0g\0hi", "a text without a private key in it", NEW_EC);
    is(b"a\0b\0c\0", "a text without a private key in it", NEW_EC);
}

#[test]
fn base64_of_something_says_of_what() {
    let encoded = |bytes: &[u8]| {
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        // As `base64` breaks lines.
        text.as_bytes().chunks(76).map(|line| [line, b"\n"].concat()).collect::<Vec<_>>().concat()
    };
    let pem = "base64 of a PEM text, such as the data of a Kubernetes Secret";
    assert!(encoded(made!("p256.pem")).starts_with(b"LS0tLS1CRUdJTi"));
    for text in
        [&made!("p256.pem")[..], made!("rsa2048-pkcs1.pem"), &[&b" \n"[..], made!("p256.pem")].concat()]
    {
        is(&encoded(text), pem, "(umask 077; base64 -d FILE > key.pem)");
    }
    for jwk in [
        r#"{"kty":"EC","crv":"P-256","use":"sig"}"#,
        "{\n \"kty\": 1}",
        "{ \"kty\": 1}",
        "{\r\n\"kty\":\"EC\"}",
    ] {
        is(&encoded(jwk.as_bytes()), "base64 of JSON", "base64 -d FILE > key.json");
    }
    is(
        &encoded(made!("p256-pkcs12.der")),
        "base64 of a PKCS#12 file",
        "-in key.p12 -nocerts -nodes -out key.pem",
    );
    is(
        &encoded(&[&[0xfe, 0xed, 0xfe, 0xed], &[0; 60][..]].concat()),
        "base64 of a Java key store",
        "-in key.p12 -nocerts -nodes -out key.pem",
    );
    let without = "base64 without the lines that say what it is";
    for (key, label) in [
        (&made!("p256.pem")[..], "PRIVATE KEY"),
        (made!("ed25519.pem"), "PRIVATE KEY"),
        (made!("p256-sec1.pem"), "EC PRIVATE KEY"),
        (made!("rsa2048.pem"), "PRIVATE KEY"),
        (made!("rsa2048-pkcs1.pem"), "RSA PRIVATE KEY"),
    ] {
        let text = encoded(&der(key));
        is(
            &text,
            without,
            &format!("put -----BEGIN {label}----- on a line before it and -----END {label}-----"),
        );
        let with_lines =
            format!("-----BEGIN {label}-----\n{}-----END {label}-----\n", String::from_utf8(text).unwrap());
        assert_eq!(read(with_lines.as_bytes()).thumbprint(), read(key).thumbprint(), "as it is told");
    }
    for other in [&made!("p256-public.pem")[..], made!("p256-certificate.pem"), made!("encrypted.pem")] {
        is(
            &encoded(&der(other)),
            "base64 of a certificate, a public key or an encrypted key",
            "not encrypted",
        );
    }
    for secret in ["MySecretOf32LettersThatNobodyMadeUp+/", "c2VjcmV0", "MIIE", "ab=="] {
        is(secret.as_bytes(), "a text without a private key in it", NEW_EC);
    }
}

#[test]
fn a_key_in_quotation_marks_says_so() {
    let text = std::str::from_utf8(made!("p256.pem")).unwrap();
    for mark in ['"', '\'', '`'] {
        for text in [text.trim_end(), &text.replace('\n', "\\n"), &text.replace('\n', "\r\n")] {
            is(
                format!("{mark}{text}{mark}\n").as_bytes(),
                "a PEM text in quotation marks",
                "write real line breaks where it has the two characters \\n",
            );
        }
    }
    let jwk = std::str::from_utf8(made!("rfc8037-a1.json")).unwrap();
    for quoted in [Value::from(jwk).to_string(), format!("'{jwk}'")] {
        is(quoted.as_bytes(), "a JWK in quotation marks", "jq -r . FILE > key.json");
        assert!(Key::from_jwk(&quoted).unwrap_err().to_string().starts_with("a JWK in quotation marks"));
    }
    is(b"\"my-client-secret\"", "a text without a private key in it", NEW_EC);
}

#[test]
fn a_line_with_other_dashes_says_so() {
    let text = std::str::from_utf8(made!("p256.pem")).unwrap();
    let found = "a PEM text whose lines BEGIN and END do not have five hyphens on each side";
    for (right, wrong) in [
        ("-----BEGIN", "----BEGIN"),
        ("-----BEGIN", "------BEGIN"),
        ("-----BEGIN", "BEGIN"),
        ("-----BEGIN", "  ----BEGIN"),
        ("-----BEGIN", "\u{2014}\u{2013}BEGIN"),
        ("-----BEGIN", "----- BEGIN"),
        ("-----END", "----END"),
        ("-----END", "\u{2014}-END"),
        ("KEY-----\n", "KEY----\n"),
        ("KEY-----\n", "KEY\n"),
    ] {
        is(text.replacen(right, wrong, 1).as_bytes(), found, "five hyphens before and five behind");
    }
    let end = "-----END PRIVATE KEY-----";
    is(text.replace(end, "-----END PRIVATE KEY----").as_bytes(), found, "five hyphens");
    // The certificate beside it is right, and its key is what is asked for.
    let beside =
        [made!("p256-certificate.pem"), text.replacen("-----BEGIN", "----BEGIN", 1).as_bytes()].concat();
    is(&beside, found, "five hyphens");
    // Sentences, and the lines of another format.
    let prose = "a text without a private key in it";
    for text in ["BEGIN PRIVATE KEY", "-- begin --", "-- THE END --", "--- BEGIN a list ---", "-----"] {
        is(text.as_bytes(), prose, NEW_EC);
    }
    is(format!("-- END {} --", "A".repeat(33)).as_bytes(), prose, NEW_EC);
    is(
        b"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----\n",
        "a public key of OpenSSH",
        "-----BEGIN PRIVATE KEY-----",
    );
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
    let escaped = "a PEM text with the two characters \\n in place of line breaks";
    is(text.replace('\n', "\\n").as_bytes(), escaped, "printf '%b' \"$VARIABLE\" > key.pem");
    is(format!("KEY={}", text.replace('\n', "\\n")).as_bytes(), escaped, "write real line breaks");
    // Its lines alone.
    let lines: Vec<&str> = text.lines().collect();
    let body = lines[1..lines.len() - 1].join("\\n");
    is(
        format!("{}\n{body}\n{}\n", lines[0], lines[lines.len() - 1]).as_bytes(),
        escaped,
        "write real line breaks",
    );
    is(text.replace('\n', " ").as_bytes(), joined, "real line breaks");
    is(text.replace("PRIVATE", "Private").as_bytes(), joined, "real line breaks");
    is(
        text.replace("END PRIVATE KEY-----", "END PRIVATE KEY-----,").as_bytes(),
        "a PEM text whose line END has something else in it",
        "real line breaks",
    );
    let before = "a PEM text with something before its line BEGIN";
    for text in
        [format!("key: {text}"), format!("PRIVATE_KEY=\"{text}\""), format!("{}key: {text}", "words\n")]
    {
        is(text.as_bytes(), before, "nothing before it");
    }
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
    is([lines[0], lines[1], end].join("\n").as_bytes(), cut, "openssl pkey -in FILE -noout -check");
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
