//! Keys of OpenSSL and of the RFCs, read; signatures, compared with OpenSSL's and verified by jsonwebtoken over aws-lc.

mod jwk;
mod refused;

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evergrant_core::{
    Attempt, Client, ClientAuth, Known, Move, Now, Policy, Provider, Seed, UnsignedAssertion,
};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation, crypto, decode};
use serde_json::{Value, json};
use std::collections::HashMap;

/// A file of the folder `keys`; `keys/make` made them.
macro_rules! made {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/key/tests/keys/", $name))
    };
}
use made;

/// What is signed in the folder.
const INPUT: &[u8] = made!("input.txt");

/// What OpenSSL says of the keys, in hexadecimal digits.
fn expected(name: &str) -> Vec<u8> {
    let lines = std::str::from_utf8(made!("expected")).unwrap().lines();
    let expected: HashMap<_, _> = lines.map(|line| line.split_once(' ').unwrap()).collect();
    let digits = expected[name].as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

fn read(pem: &[u8]) -> Key {
    Key::from_pem(pem).unwrap()
}

fn public(key: &Key) -> Value {
    serde_json::from_str(&key.public_jwk().unwrap()).unwrap()
}

/// Whether jsonwebtoken verifies this signature of `input` by the public key.
fn verifies(key: &Key, algorithm: Algorithm, input: &[u8], signature: &[u8]) -> bool {
    let jwk: Jwk = serde_json::from_str(&key.public_jwk().unwrap()).unwrap();
    let by = DecodingKey::from_jwk(&jwk).unwrap();
    crypto::verify(&URL_SAFE_NO_PAD.encode(signature), input, &by, algorithm.name().parse().unwrap()).unwrap()
}

/// Every kind of key that is taken, with its algorithms.
fn all() -> [(Key, &'static [Algorithm]); 6] {
    use Algorithm::{EdDsa, Es256, Es384, Ps256, Rs256, Rs384};
    [
        (read(made!("p256.pem")), &[Es256]),
        (read(made!("p384.pem")), &[Es384]),
        (read(made!("ed25519.pem")), &[EdDsa]),
        (read(made!("rsa2048.pem")), &[Ps256, Rs256, Rs384]),
        (read(made!("rsa3072.pem")), &[Ps256, Rs256, Rs384]),
        (read(made!("rsa4096.pem")), &[Ps256, Rs256, Rs384]),
    ]
}

#[test]
fn the_public_key_is_the_one_that_openssl_finds() {
    let numbers = |pem: &[u8], names: &[&str]| {
        let jwk = public(&read(pem));
        let bytes = names.iter().map(|name| URL_SAFE_NO_PAD.decode(jwk[*name].as_str().unwrap()).unwrap());
        bytes.collect::<Vec<_>>().concat()
    };
    for (name, pem) in [
        ("p256", &made!("p256.pem")[..]),
        ("p256", made!("p256-sec1.pem")),
        ("p256", made!("p256-bag.pem")),
        ("p256-ecparam", made!("p256-ecparam.pem")),
        ("p384", made!("p384.pem")),
        ("p384", made!("p384-sec1.pem")),
    ] {
        assert_eq!([vec![4], numbers(pem, &["x", "y"])].concat(), expected(name), "{name}");
    }
    assert_eq!(numbers(made!("ed25519.pem"), &["x"]), expected("ed25519"));
    for (name, pem) in [
        ("rsa2048", &made!("rsa2048.pem")[..]),
        ("rsa2048", made!("rsa2048-pkcs1.pem")),
        ("rsa3072", made!("rsa3072.pem")),
        ("rsa4096", made!("rsa4096.pem")),
    ] {
        assert_eq!(numbers(pem, &["n"]), expected(name), "{name}");
        assert_eq!(numbers(pem, &["e"]), [1, 0, 1]);
    }
}

#[test]
fn a_signature_of_which_there_is_one_is_that_of_openssl() {
    for (bits, pem) in
        [(2048, &made!("rsa2048.pem")[..]), (3072, made!("rsa3072.pem")), (4096, made!("rsa4096.pem"))]
    {
        for (name, algorithm) in [("RS256", Algorithm::Rs256), ("RS384", Algorithm::Rs384)] {
            let signature = read(pem).sign(algorithm, INPUT);
            assert_eq!(
                signature,
                Ok(Signature::new(expected(&format!("{name}-rsa{bits}")))),
                "{name} {bits}"
            );
        }
    }
    let signature = read(made!("ed25519.pem")).sign(Algorithm::EdDsa, INPUT);
    assert_eq!(signature, Ok(Signature::new(expected("EdDSA-ed25519"))));
    let secret = Key::hmac(b"0123456789abcdef0123456789abcdef").unwrap();
    assert_eq!(secret.sign(Algorithm::Hs256, INPUT), Ok(Signature::new(expected("HS256"))));
}

#[test]
fn every_kind_of_key_signs_by_each_of_its_algorithms_what_another_library_verifies() {
    for (key, algorithms) in all() {
        assert_eq!(key.key().algorithms(), algorithms);
        assert!(key.is_quick());
        for algorithm in algorithms {
            let signature = key.signature(*algorithm, INPUT).unwrap();
            assert!(verifies(&key, *algorithm, INPUT, &signature), "{algorithm} {key:?}");
            assert!(!verifies(&key, *algorithm, b"another", &signature), "{algorithm} {key:?}");
        }
    }
}

#[test]
fn a_key_signs_by_no_algorithm_of_another_kind() {
    let can = |can: &str| ConfigError::Algorithm { wanted: "RS256", can: Excerpt::new(can, &[]).unwrap() };
    let wrong = |key: &Key| key.sign(Algorithm::Rs256, INPUT).unwrap_err();
    assert_eq!(wrong(&read(made!("p256.pem"))), can("ES256").into());
    assert_eq!(wrong(&Key::hmac(&[7; 32]).unwrap()), can("HS256").into());
    let es256 = read(made!("rsa2048.pem")).sign(Algorithm::Es256, INPUT).unwrap_err();
    assert_eq!(
        es256.to_string(),
        "the signing key cannot sign by ES256, it can PS256, RS256, RS384: use a key of that kind, or another algorithm"
    );
}

#[test]
fn signatures_with_randomness_in_them_are_new_each_time() {
    let (ec, rsa) = (read(made!("p256.pem")), read(made!("rsa2048.pem")));
    assert_ne!(ec.sign(Algorithm::Es256, INPUT), ec.sign(Algorithm::Es256, INPUT));
    assert_ne!(rsa.sign(Algorithm::Ps256, INPUT), rsa.sign(Algorithm::Ps256, INPUT));
}

/// An assertion that has to be signed, of a client with this method.
fn unsigned(auth: ClientAuth) -> UnsignedAssertion {
    let provider = Provider::rfc6749("https://as.example/token").unwrap();
    let client = Client::builder(provider.with_issuer("https://as.example").unwrap(), auth).build().unwrap();
    match Attempt::begin(&client, Seed::new(Now::default()), &Known::new(&Policy::new())) {
        Move::Ask(asking) => asking.unsigned().unwrap().clone(),
        other => panic!("{other:?}"),
    }
}

fn signed(key: &Key, auth: ClientAuth) -> String {
    let input = unsigned(auth).for_key(&key.key(), [7; 16]).unwrap();
    let signature = key.sign(input.algorithm(), input.as_bytes()).unwrap();
    input.signed(&signature).unwrap().expose().to_owned()
}

/// What jsonwebtoken reads in it.
fn verified(assertion: &str, by: &DecodingKey) -> Value {
    let header = jsonwebtoken::decode_header(assertion).unwrap();
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&["https://as.example"]);
    validation.validate_exp = false;
    let claims: Value = decode(assertion, by, &validation).unwrap().claims;
    json!({ "alg": format!("{:?}", header.alg), "kid": header.kid, "x5t#S256": header.x5t_s256, "sub": claims["sub"] })
}

#[test]
fn an_assertion_is_verified_by_another_library() {
    for (key, algorithms) in all() {
        let key = key.with_id("2026-11");
        let jwk: Jwk = serde_json::from_str(&key.public_jwk().unwrap()).unwrap();
        let assertion = signed(&key, ClientAuth::private_key_jwt("erp").unwrap());
        // Without the server's word for PS256 it is RS256.
        let alg = if algorithms.len() > 1 { "RS256" } else { algorithms[0].name() };
        assert_eq!(
            verified(&assertion, &DecodingKey::from_jwk(&jwk).unwrap()),
            json!({ "alg": alg, "kid": "2026-11", "x5t#S256": null, "sub": "erp" })
        );
    }
    let secret = b"a secret of more than 32 bytes in all";
    let assertion = signed(&Key::hmac(secret).unwrap(), ClientAuth::client_secret_jwt("erp").unwrap());
    assert_eq!(
        verified(&assertion, &DecodingKey::from_secret(secret)),
        json!({ "alg": "HS256", "kid": null, "x5t#S256": null, "sub": "erp" })
    );
}

#[test]
fn a_certificate_gives_its_thumbprint_beside_the_key_or_from_a_file_of_its_own() {
    for (name, key, certificate) in [
        ("p256", &made!("p256.pem")[..], &made!("p256-certificate.pem")[..]),
        ("p384", made!("p384-sec1.pem"), made!("p384-certificate.pem")),
        ("ed25519", made!("ed25519.pem"), made!("ed25519-certificate.pem")),
        ("rsa2048", made!("rsa2048-pkcs1.pem"), made!("rsa2048-certificate.pem")),
        ("rsa3072", made!("rsa3072.pem"), made!("rsa3072-certificate.pem")),
    ] {
        let thumbprint = expected(&format!("{name}-certificate"));
        let is_of_it = |key: &Key| key.key().certificate().unwrap().as_bytes()[..] == thumbprint;
        assert!(is_of_it(&read(&[key, certificate].concat())), "{name}, behind the key");
        assert!(is_of_it(&read(&[certificate, key].concat())), "{name}, before the key");
        assert!(is_of_it(&read(key).with_certificate(certificate).unwrap()), "{name}");
        assert_eq!(read(key).key().certificate(), None);
    }
    let old =
        String::from_utf8_lossy(made!("p256-certificate.pem")).replace("CERTIFICATE", "X509 CERTIFICATE");
    assert!(read(made!("p256.pem")).with_certificate(old.as_bytes()).unwrap().key().certificate().is_some());
    // The first is the key's own, and those of its issuers follow.
    let chain = [&made!("p256-certificate.pem")[..], made!("rsa2048-certificate.pem")].concat();
    assert!(read(made!("p256.pem")).with_certificate(&chain).is_ok());
    let bag = read(made!("p256-bag.pem"));
    assert_eq!(bag.key().certificate().unwrap().as_bytes()[..], expected("p256-certificate"));
    let header = signed(&bag, ClientAuth::private_key_jwt("erp").unwrap());
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!(header["x5t#S256"], URL_SAFE_NO_PAD.encode(expected("p256-certificate")));
}

#[test]
fn a_certificate_of_another_key_is_an_error() {
    let certificates = [
        &made!("p256-certificate.pem")[..],
        made!("p384-certificate.pem"),
        made!("ed25519-certificate.pem"),
        made!("rsa2048-certificate.pem"),
        made!("rsa3072-certificate.pem"),
    ];
    let keys = || all().into_iter().map(|(key, _)| key);
    for (at, key) in keys().take(certificates.len()).enumerate() {
        assert!(key.with_certificate(certificates[at]).is_ok());
    }
    for (at, certificate) in certificates.into_iter().enumerate() {
        let others = keys().enumerate().filter(|(other, _)| *other != at).map(|(_, key)| key);
        let others = others.chain([Key::generate().unwrap(), Key::hmac(&[7; 32]).unwrap()]);
        for key in others {
            let error = key.with_certificate(certificate).unwrap_err();
            assert!(error.to_string().starts_with("a certificate of another key: put the"), "{error}");
        }
    }
    let both = [&made!("p256.pem")[..], made!("p384-certificate.pem")].concat();
    assert!(Key::from_pem(&both).unwrap_err().to_string().starts_with("a certificate of another key"));
}

#[test]
fn a_certificate_may_have_a_compressed_point() {
    let certificate = made!("p256-compressed-certificate.pem");
    assert!(read(made!("p256.pem")).with_certificate(certificate).is_ok());
    let other = read(made!("p256-ecparam.pem")).with_certificate(certificate).unwrap_err();
    assert!(other.to_string().starts_with("a certificate of another key"), "{other}");
    // With the other sign it is that of another key.
    let der = pem::blocks(certificate).unwrap()[0].der().unwrap();
    let at = der.windows(3).position(|three| three == [0x22, 0, 2] || three == [0x22, 0, 3]).unwrap() + 2;
    let mut opposite = der.to_vec();
    opposite[at] ^= 1;
    let of = |der: &[u8]| PublicKeyInfo::of(der).unwrap().is(&read(made!("p256.pem")).pair.public());
    assert_eq!((of(&der), of(&opposite)), (Some(true), Some(false)));
    // The same point on another curve is another key.
    let curve = der.windows(8).position(|eight| eight == pair::Curve::P256.identifier()).unwrap();
    let mut elsewhere = der.to_vec();
    elsewhere[curve + 7] ^= 1;
    assert_eq!(of(&elsewhere), Some(false));
    // Neither compressed nor not: nobody can tell, and a secret has none in any case.
    opposite[at] = 7;
    assert_eq!(of(&opposite), None);
    let text = base64::engine::general_purpose::STANDARD.encode(&opposite);
    let unknown = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    assert!(read(made!("p256.pem")).with_certificate(unknown.as_bytes()).is_ok());
    assert!(Key::hmac(&[7; 32]).unwrap().with_certificate(unknown.as_bytes()).is_err());
}

#[test]
fn what_is_no_certificate_is_an_error() {
    let with = |pem: &[u8]| read(made!("p256.pem")).with_certificate(pem).unwrap_err().to_string();
    for pem in [&b""[..], b"text", made!("p256.pem"), made!("p256-public.pem")] {
        assert!(with(pem).starts_with("no certificate in PEM: give the one of this key"));
    }
    let der = pem::blocks(made!("p256-certificate.pem")).unwrap()[0].der().unwrap();
    assert!(
        with(&der).starts_with("a certificate in DER: write it as PEM: openssl x509 -inform DER -in FILE")
    );
    let text = base64::engine::general_purpose::STANDARD.encode(made!("p256-certificate.pem"));
    assert!(with(text.as_bytes()).starts_with("base64 of a PEM text"));
    let dashes = String::from_utf8_lossy(made!("p256-certificate.pem")).replacen("-----", "----", 1);
    assert!(
        with(dashes.as_bytes()).starts_with("a PEM text whose lines BEGIN and END do not have five hyphens")
    );
    // A number, and a certificate whose public key is nothing.
    for base64 in ["MAMCAQA=", "MA8wDQIBATAAMAAwADAAMAA="] {
        let block = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
        assert!(with(block.as_bytes()).starts_with("a certificate that cannot be read"));
    }
    assert!(with(&vec![b' '; Key::MAX_LEN + 1]).starts_with("more than 64 KiB"));
}

#[test]
fn a_new_key_is_another_one_each_time_and_signs() {
    let (key, other) = (Key::generate().unwrap(), Key::generate().unwrap());
    assert_ne!(key.thumbprint(), other.thumbprint());
    let signature = key.signature(Algorithm::Es256, INPUT).unwrap();
    assert!(verifies(&key, Algorithm::Es256, INPUT, &signature));
    assert!(!verifies(&other, Algorithm::Es256, INPUT, &signature));
}

#[test]
fn a_secret_has_32_bytes_at_least() {
    assert_eq!(Key::hmac(&[7; 31]).unwrap_err(), ConfigError::SecretTooShort);
    assert!(Key::hmac(&[7; 32]).is_ok());
}

#[test]
fn the_thumbprint_of_a_secret_tells_it_from_another_and_nothing_of_it() {
    let secret = b"a secret of more than 32 bytes in all";
    let key = Key::hmac(secret).unwrap();
    assert_eq!(key.thumbprint(), Key::hmac(secret).unwrap().thumbprint());
    assert_ne!(key.thumbprint(), Key::hmac(b"another one of more than 32 bytes").unwrap().thumbprint());
    let k = URL_SAFE_NO_PAD.encode(secret);
    let of_rfc_7638 = pair::sha256(format!(r#"{{"k":"{k}","kty":"oct"}}"#).as_bytes());
    assert!(
        ![of_rfc_7638, pair::sha256(secret)].contains(&key.thumbprint()),
        "whoever sees it could try secrets"
    );
    assert_eq!(key.public_jwk(), None);
}

#[test]
fn the_thumbprint_of_a_secret_is_another_one_in_another_process() {
    let thumbprint = Key::hmac(b"a secret of more than 32 bytes in all").unwrap().thumbprint();
    if std::env::var_os("EVERGRANT_SHOW_THUMBPRINT").is_some() {
        println!("[{thumbprint}]");
        return;
    }
    let name = "key::tests::the_thumbprint_of_a_secret_is_another_one_in_another_process";
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    let said =
        again.args(["--exact", name, "--nocapture"]).env("EVERGRANT_SHOW_THUMBPRINT", "1").output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let other = said.split_once('[').and_then(|(_, rest)| rest.split_once(']')).unwrap().0;
    assert!(Thumbprint::parse(other).is_some_and(|other| other != thumbprint), "{said}");
}

#[test]
fn what_is_printed_of_a_key_is_how_it_signs_and_what_it_is_called() {
    let key = read(made!("ed25519.pem")).with_id("2026-11");
    let thumbprint = key.thumbprint();
    assert_eq!(
        format!("{key:?}"),
        format!(
            "Key {{ algorithms: [EdDsa], id: Some(\"2026-11\"), thumbprint: Thumbprint({thumbprint}), .. }}"
        )
    );
    assert_eq!(key.key().thumbprint(), Some(thumbprint));
}

#[test]
fn a_text_is_read_by_what_it_is() {
    let pem = Key::from_text(made!("p256.pem")).unwrap();
    assert_eq!(pem.thumbprint(), read(made!("p256.pem")).thumbprint());
    let jwk = std::str::from_utf8(made!("rfc8037-a1.json")).unwrap();
    let marked = format!("\u{feff} \n{jwk}");
    for text in [jwk, &marked] {
        assert_eq!(
            Key::from_text(text.as_bytes()).unwrap().thumbprint(),
            Key::from_jwk(jwk).unwrap().thumbprint()
        );
    }
    let marked = ["\u{feff}".as_bytes(), made!("p256.pem")].concat();
    assert_eq!(Key::from_text(&marked).unwrap().thumbprint(), pem.thumbprint());
}

#[test]
fn pem_is_read_with_what_stands_around_it_and_however_its_lines_end() {
    let text = std::str::from_utf8(made!("p256.pem")).unwrap();
    let of = read(made!("p256.pem")).thumbprint();
    let lines = text.replace('\n', "\r\n");
    let around = format!("Bag Attributes\n    caf\u{e9}\n{text}\nand more");
    let spaces = text.replace('\n', " \t\n");
    let blank = text.replacen('\n', "\n\n", 1);
    for text in [&lines, &around, &spaces, &blank, &text.replace('\n', "\r"), text.trim_end()] {
        assert_eq!(Key::from_pem(text.as_bytes()).unwrap().thumbprint(), of, "{text:?}");
    }
    let latin = [&b"Bag Attributes: caf\xe9\n"[..], text.as_bytes()].concat();
    assert_eq!(read(&latin).thumbprint(), of);
    let beside = [&made!("p256-public.pem")[..], text.as_bytes(), made!("p256-request.pem")].concat();
    assert_eq!(read(&beside).thumbprint(), of, "what is public may stand beside it");
    let headers = text.replacen('\n', "\nComment: mine\n\n", 1);
    assert_eq!(read(headers.as_bytes()).thumbprint(), of);
}

#[test]
fn pem_that_is_indented_is_read() {
    let text = std::str::from_utf8(made!("p256.pem")).unwrap();
    let of = read(made!("p256.pem")).thumbprint();
    let indented = format!("    {}", text.trim_end().replace('\n', "\n    "));
    let yaml = format!("stringData:\n  key.pem: |\n{indented}\n");
    for text in [&indented, &indented.replace("    ", "\t"), &yaml, &text.replace('\n', "\n  ")] {
        assert_eq!(Key::from_text(text.as_bytes()).unwrap().thumbprint(), of, "{text:?}");
    }
    let certificate = String::from_utf8_lossy(made!("p256-certificate.pem")).replace('\n', "\n  ");
    let certificate = format!("  {certificate}");
    assert!(read(made!("p256.pem")).with_certificate(certificate.as_bytes()).is_ok());
}

#[test]
fn the_thumbprint_can_be_the_name() {
    for (key, _) in all() {
        let thumbprint = key.thumbprint().to_string();
        let key = key.with_id("2026-11").with_thumbprint_id();
        assert_eq!(key.key().id(), Some(&*thumbprint));
        assert_eq!(public(&key)["kid"], *thumbprint);
        assert_eq!(key.with_id("2026-11").key().id(), Some("2026-11"), "the last one counts");
    }
    // RFC 8037, appendix A.3
    let key = Key::from_text(made!("rfc8037-a1.json")).unwrap().with_thumbprint_id();
    assert_eq!(key.key().id(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
}

#[test]
fn the_thumbprint_of_a_secret_is_no_name() {
    let secret = || Key::hmac(&[7; 32]).unwrap();
    assert_eq!(secret().with_thumbprint_id().key().id(), None);
    assert_eq!(secret().with_id("2026-11").with_thumbprint_id().key().id(), Some("2026-11"));
}

#[test]
fn a_text_may_have_64_kib_and_no_byte_more() {
    let mut text = made!("p256.pem").to_vec();
    text.resize(Key::MAX_LEN, b'\n');
    assert!(Key::from_text(&text).is_ok());
    text.push(b'\n');
    for error in [Key::from_text(&text), Key::from_pem(&text)] {
        assert!(error.unwrap_err().to_string().starts_with("more than 64 KiB: give the private key alone"));
    }
    let jwk =
        format!("{}{}", std::str::from_utf8(made!("rfc8037-a1.json")).unwrap(), " ".repeat(Key::MAX_LEN));
    assert!(Key::from_jwk(&jwk[..Key::MAX_LEN]).is_ok());
    assert!(Key::from_jwk(&jwk[..=Key::MAX_LEN]).unwrap_err().to_string().starts_with("more than 64 KiB"));
}
