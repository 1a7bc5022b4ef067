//! PEM (RFC 7468), and the public keys that are in it as DER (RFC 5280 §4.1, SubjectPublicKeyInfo).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::algorithm::Kind;

/// What is between two lines of dashes.
pub(crate) struct Block<'a> {
    pub(crate) label: &'a str,
    pub(crate) der: Vec<u8>,
}

/// The blocks of a text, in their order; what is around them is none of it. None when there is no block, or a broken one.
pub(crate) fn blocks(text: &str) -> Option<Vec<Block<'_>>> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once("-----BEGIN ") {
        let (label, begun) = begun.split_once("-----")?;
        let (body, ended) = begun.split_once(&format!("-----END {label}-----"))?;
        let body: String = body.split_ascii_whitespace().collect();
        blocks.push(Block { label, der: STANDARD.decode(body).ok()? });
        rest = ended;
    }
    (!blocks.is_empty()).then_some(blocks)
}

/// SubjectPublicKeyInfo up to the key itself, of the kinds that have one form only.
const P256: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
const P384: &[u8] =
    b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00";
const ED25519: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// The AlgorithmIdentifier of RSA: rsaEncryption, and NULL.
const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

/// The public key in SubjectPublicKeyInfo, whatever its length.
pub(crate) fn public_key(der: &[u8]) -> Option<Kind> {
    if let Some(point) = der.strip_prefix(P256) {
        return Some(Kind::P256(point.to_vec()));
    }
    if let Some(point) = der.strip_prefix(P384) {
        return Some(Kind::P384(point.to_vec()));
    }
    if let Some(x) = der.strip_prefix(ED25519) {
        return Some(Kind::Ed25519(x.to_vec()));
    }
    let (info, _) = value(der, SEQUENCE)?;
    let (algorithm, key) = value(info, SEQUENCE)?;
    if algorithm != RSA {
        return None;
    }
    // No bit of the last byte is left over.
    rsa(value(key, BIT_STRING)?.0.strip_prefix(&[0])?)
}

/// An RSAPublicKey (RFC 8017 §A.1.1).
pub(crate) fn rsa(der: &[u8]) -> Option<Kind> {
    let (numbers, _) = value(der, SEQUENCE)?;
    let (n, rest) = value(numbers, INTEGER)?;
    let (e, _) = value(rest, INTEGER)?;
    // A number whose first bit is set has a zero before it, which JWK leaves out (RFC 7518 §6.3.1.1).
    let [n, e] = [n, e].map(|number| number.strip_prefix(&[0]).unwrap_or(number).to_vec());
    Some(Kind::Rsa { n, e })
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// The content of the first value, which has this tag, and what is behind it.
fn value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = der.strip_prefix(&[tag])?.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        // Keys of 8192 bits have two bytes of length.
        0x81 | 0x82 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length * 256 + usize::from(*byte)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests;
