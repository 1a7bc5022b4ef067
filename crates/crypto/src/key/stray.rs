//! What bytes are that have no PEM block and are no JWK: what people give in place of a key.

use super::der::{Der, INTEGER, SEQUENCE};
use super::refused::{BREAK_LINES, GIVE_PRIVATE_KEY, NEW_KEY, refused};
use evergrant_core::ConfigError;

/// What was found instead of a key.
pub(super) fn stray(bytes: &[u8]) -> ConfigError {
    let trimmed = bytes.trim_ascii();
    let begins = |with: &[&str]| with.iter().any(|with| trimmed.starts_with(with.as_bytes()));
    let has = |what: &str| trimmed.windows(what.len()).any(|window| window == what.as_bytes());
    let (found, mend) = if trimmed.is_empty() {
        ("an empty text", "check that something writes the key there")
    } else if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        ("a text in UTF-16", "write it in UTF-8, without PowerShell's > for one")
    } else if bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) {
        (
            "a Java key store",
            "take the key out: keytool -importkeystore -srckeystore keystore.jks -destkeystore key.p12 -deststoretype \
             PKCS12; openssl pkcs12 -in key.p12 -nocerts -nodes -out key.pem",
        )
    } else if is_pkcs12(bytes) {
        ("a PKCS#12 file", "take the key out: openssl pkcs12 -in key.p12 -nocerts -nodes -out key.pem")
    } else if Der::of_sequence(bytes).is_some() {
        ("DER bytes", "write the key as PEM: openssl pkey -inform DER -in key.der -out key.pem")
    } else if begins(&["{"]) {
        ("JSON in place of PEM", "read a JWK by Key::from_jwk or Key::from_text")
    } else if has("-----BEGIN ") {
        ("a PEM text without its line breaks", BREAK_LINES)
    } else if begins(&["ssh-", "ecdsa-sha2-"]) {
        ("a public key of OpenSSH", GIVE_PRIVATE_KEY)
    } else if begins(&["PuTTY-User-Key-File"]) {
        (
            "a key of PuTTY",
            "export it with PuTTYgen as an OpenSSH key, and make PEM of a copy: ssh-keygen -p -N '' -m PKCS8 -f key",
        )
    } else if begins(&["M"]) && trimmed.iter().all(|byte| is_base64(*byte)) {
        (
            "base64 without the lines that say what it is",
            "put -----BEGIN PRIVATE KEY----- on a line before it and -----END PRIVATE KEY----- on a line behind it",
        )
    } else if std::str::from_utf8(bytes).is_ok() {
        ("a text without a private key in it", NEW_KEY)
    } else {
        ("bytes that are neither a key nor a text", NEW_KEY)
    };
    refused(found, mend)
}

/// PFX (RFC 7292 §4): its version, 3, and a sequence.
fn is_pkcs12(bytes: &[u8]) -> bool {
    Der::of_sequence(bytes)
        .is_some_and(|mut pfx| pfx.value(INTEGER) == Some(&[3]) && pfx.value(SEQUENCE).is_some())
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\n' | b'\r')
}
