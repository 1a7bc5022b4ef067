//! What bytes are that have no PEM block and are no JWK: what people give in place of a key.

use super::certificate::PublicKeyInfo;
use super::der::Der;
use super::pem::{self, decoded};
use super::refused::{BREAK_LINES, COPY_WHOLE, GIVE_PRIVATE_KEY, NEW_KEY, TAKE_OUT, refused};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evergrant_core::ConfigError;
use zeroize::Zeroizing;

const BEGIN: &[u8] = b"-----BEGIN ";

/// How a key is taken out of a store of Java's, whichever of its formats it has.
const KEYTOOL: &str = "take the key out: keytool -importkeystore -srckeystore FILE -destkeystore key.p12 -deststoretype PKCS12; openssl pkcs12 -in \
     key.p12 -nocerts -nodes -out key.pem";

/// What was found instead of a key.
pub(super) fn stray(bytes: &[u8]) -> ConfigError {
    if let Some(error) = disguised(bytes) {
        return error;
    }
    let trimmed = bytes.trim_ascii();
    let begins = |with: &[&str]| with.iter().any(|with| trimmed.starts_with(with.as_bytes()));
    let binary = Binary::of(bytes);
    let (found, mend) = if trimmed.is_empty() {
        ("an empty text", "check that something writes the key there")
    } else if let Some(binary) = binary {
        binary.told()
    } else if begins(&["{"]) {
        ("JSON in place of PEM", "read a JWK by Key::from_jwk or Key::from_text")
    } else if begins(&["ssh-", "ecdsa-sha2-", "---- BEGIN SSH2 PUBLIC KEY"]) {
        ("a public key of OpenSSH", GIVE_PRIVATE_KEY)
    } else if begins(&["PuTTY-User-Key-File"]) {
        (
            "a key of PuTTY",
            "export it with PuTTYgen as an OpenSSH key, and make PEM of a copy: ssh-keygen -p -N '' -m PKCS8 -f key",
        )
    } else if std::str::from_utf8(bytes).is_ok() {
        ("a text without a private key in it", NEW_KEY)
    } else {
        ("bytes that are neither a key nor a text", NEW_KEY)
    };
    refused(found, mend)
}

/// What was found instead of a certificate.
pub(super) fn no_certificate(bytes: &[u8]) -> ConfigError {
    disguised(bytes).unwrap_or_else(|| {
        if PublicKeyInfo::of(bytes).is_some() {
            refused(
                "a certificate in DER",
                "write it as PEM: openssl x509 -inform DER -in FILE -out certificate.pem",
            )
        } else {
            refused(
                "no certificate in PEM",
                "give the one of this key, which begins with -----BEGIN CERTIFICATE-----",
            )
        }
    })
}

/// PEM or a JWK in a form in which neither is read: encoded once more, quoted, or with lines that are none.
pub(super) fn disguised(bytes: &[u8]) -> Option<ConfigError> {
    let trimmed = bytes.trim_ascii();
    if is_utf16(bytes) {
        return Some(refused("a text in UTF-16", "write it in UTF-8, without PowerShell's > for one"));
    }
    if let Some(error) = encoded(trimmed) {
        return Some(error);
    }
    if let [b'"' | b'\'' | b'`', quoted @ ..] = trimmed {
        let quoted = quoted.trim_ascii_start();
        if quoted.starts_with(BEGIN) {
            return Some(refused(
                "a PEM text in quotation marks",
                "remove the quotation marks, and write real line breaks where it has the two characters \\n",
            ));
        }
        if quoted.starts_with(b"{") {
            return Some(refused(
                "a JWK in quotation marks",
                "remove the quotation marks; where others within have a backslash before them: jq -r . FILE > key.json",
            ));
        }
    }
    let mut lines = trimmed.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
    let has_begin = |line: &[u8]| line.windows(BEGIN.len()).any(|window| window == BEGIN);
    match lines.find(|line| has_begin(line) && !line.starts_with(BEGIN) && !pem::has_other_dashes(line)) {
        Some(line) if pem::is_escaped(line) => Some(pem::escaped()),
        Some(_) => Some(refused("a PEM text with something before its line BEGIN", BREAK_LINES)),
        // A public key of SSH has four hyphens there (RFC 4716 §3.2).
        None if trimmed.starts_with(b"---- BEGIN SSH2 ") => None,
        None => trimmed
            .split(|byte| matches!(byte, b'\n' | b'\r'))
            .any(pem::has_other_dashes)
            .then(pem::other_dashes),
    }
}

/// Whether it is UTF-16: by the mark before it, or by its zeros, of which each of the first characters has one.
pub(super) fn is_utf16(bytes: &[u8]) -> bool {
    let is_of = |zero: usize| {
        let first = bytes.chunks_exact(2).take(8);
        first.len() == 8
            && first
                .clone()
                .all(|pair| pair.iter().enumerate().all(|(at, byte)| (*byte == 0) == (at == zero)))
    };
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) || is_of(0) || is_of(1)
}

/// What was found, if it begins as base64 of something does.
fn encoded(trimmed: &[u8]) -> Option<ConfigError> {
    if !trimmed.iter().all(|byte| is_base64(*byte)) {
        return None;
    }
    // Enough of it to tell what it is.
    let mut start = Zeroizing::new(Vec::with_capacity(48));
    start.extend(trimmed.iter().filter(|byte| !byte.is_ascii_whitespace()).take(48));
    let bytes = decoded(&start, |text, bytes| STANDARD.decode_slice(text, bytes))?;
    let text = bytes.trim_ascii();
    if text.starts_with(BEGIN) {
        return Some(refused(
            "base64 of a PEM text, such as the data of a Kubernetes Secret",
            "decode it: (umask 077; base64 -d FILE > key.pem)",
        ));
    }
    if [&b"{\""[..], b"{ ", b"{\n", b"{\r"].iter().any(|begins| text.starts_with(begins)) {
        return Some(refused("base64 of JSON", "decode it: (umask 077; base64 -d FILE > key.json)"));
    }
    Some(match Binary::of(&bytes)? {
        Binary::JavaKeyStore => refused(
            "base64 of a Java key store",
            "decode it: base64 -d FILE > key.jks; take the key out: keytool -importkeystore -srckeystore key.jks -destkeystore \
             key.p12 -deststoretype PKCS12; openssl pkcs12 -in key.p12 -nocerts -nodes -out key.pem",
        ),
        Binary::Pkcs12 { .. } => refused(
            "base64 of a PKCS#12 file",
            "decode it: base64 -d FILE > key.p12; take the key out: openssl pkcs12 -in key.p12 -nocerts -nodes -out key.pem",
        ),
        Binary::PrivateKey { label, .. } => refused(
            "base64 without the lines that say what it is",
            &format!(
                "put -----BEGIN {label}----- on a line before it and -----END {label}----- on a line behind it"
            ),
        ),
        Binary::Certificate | Binary::Der => refused(
            "base64 of a certificate, a public key or an encrypted key",
            "give the private key that belongs to it, not encrypted, which begins with -----BEGIN PRIVATE KEY-----",
        ),
    })
}

/// A format that is no text.
enum Binary {
    JavaKeyStore,
    Pkcs12 { is_whole: bool },
    Certificate,
    PrivateKey { label: &'static str, is_whole: bool },
    Der,
}

impl Binary {
    fn of(bytes: &[u8]) -> Option<Self> {
        // JKS, and JCEKS with secret keys in it.
        if bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) || bytes.starts_with(&[0xce; 4]) {
            return Some(Self::JavaKeyStore);
        }
        let (inner, is_whole) = sequence(bytes)?;
        Some(match inner {
            // PFX (RFC 7292 §4): its version, and a sequence.
            [2, 1, 3, 0x30, ..] => Self::Pkcs12 { is_whole },
            // Behind the version PKCS#1 has a number, SEC 1 the key, and PKCS#8 of which kind it is.
            [2, 1, 0, 2, ..] => Self::PrivateKey { label: "RSA PRIVATE KEY", is_whole },
            [2, 1, 1, 4, ..] => Self::PrivateKey { label: "EC PRIVATE KEY", is_whole },
            [2, 1, 0 | 1, 0x30, ..] => Self::PrivateKey { label: "PRIVATE KEY", is_whole },
            _ if PublicKeyInfo::of(bytes).is_some() => Self::Certificate,
            [0x30, ..] => Self::Der,
            _ => return Der::of_sequence(bytes).map(|_| Self::Der),
        })
    }

    /// What was found, and what to do.
    const fn told(&self) -> (&'static str, &'static str) {
        match self {
            Self::JavaKeyStore => ("a Java key store", KEYTOOL),
            Self::Pkcs12 { is_whole: true } => ("a PKCS#12 file", TAKE_OUT),
            Self::Pkcs12 { is_whole: false } => ("a PKCS#12 file without its end", COPY_WHOLE),
            Self::Certificate => ("a certificate in DER, without its private key", GIVE_PRIVATE_KEY),
            Self::PrivateKey { is_whole: true, .. } | Self::Der => {
                ("DER bytes", "write the key as PEM: openssl pkey -inform DER -in FILE -out key.pem")
            }
            Self::PrivateKey { is_whole: false, .. } => ("DER bytes without their end", COPY_WHOLE),
        }
    }
}

/// What is in the sequence that bytes begin with, and whether they have all of it. Of BER (X.690 §8.1.3), too, in which some programs write
/// PKCS#12: there a length may be said by its end.
fn sequence(bytes: &[u8]) -> Option<(&[u8], bool)> {
    let (length, inner) = match *bytes {
        [0x30, 0x80, ref inner @ ..] => (0, inner),
        [0x30, short @ 0..=0x7f, ref inner @ ..] => (usize::from(short), inner),
        [0x30, 0x81, one, ref inner @ ..] => (usize::from(one), inner),
        [0x30, 0x82, high, low, ref inner @ ..] => (usize::from(u16::from_be_bytes([high, low])), inner),
        _ => return None,
    };
    Some((inner, inner.len() >= length))
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\n' | b'\r')
}
