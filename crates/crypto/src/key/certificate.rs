//! Whether a certificate (RFC 5280) is of a key. Nothing else of it is looked at: the server judges it.

use super::der::{Der, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, around};
use super::pair::{Curve, Public};
use super::private::{EC, ED25519, RSA};

/// `subjectPublicKeyInfo` of a certificate (RFC 5280 §4.1); `None` if it is no certificate.
pub(super) fn public_key_info(certificate: &[u8]) -> Option<Der<'_>> {
    let mut signed = Der::of_sequence(certificate)?.sequence()?;
    let _version = signed.value(around(0));
    // Its serial number; its algorithm, issuer, dates and subject.
    signed.value(INTEGER)?;
    for _ in 0..4 {
        signed.value(SEQUENCE)?;
    }
    signed.sequence()
}

/// Whether that is this public key; `None` if it is written in a way that does not say.
pub(super) fn is_of(mut info: Der<'_>, key: &Public<'_>) -> Option<bool> {
    let mut algorithm = info.sequence()?;
    let identifier = algorithm.value(OBJECT_IDENTIFIER)?;
    let public = info.bits()?;
    match (key, identifier) {
        (Public::Ec { curve, x, y }, EC) => {
            let is_of_curve = is_of_curve(&mut algorithm, *curve)?;
            match public {
                [4, point @ ..] => Some(is_of_curve && point == [*x, *y].concat()),
                // The other coordinate is then even or odd.
                [sign @ (2 | 3), point @ ..] => {
                    let is_odd = y.last().is_some_and(|last| last % 2 == 1);
                    Some(is_of_curve && point == *x && is_odd == (*sign == 3))
                }
                _ => None,
            }
        }
        (Public::Ed25519(x), ED25519) => Some(public == *x),
        (Public::Rsa { n, e }, RSA) => {
            let mut parts = Der::of_sequence(public)?;
            Some(parts.unsigned()? == *n && parts.unsigned()? == *e)
        }
        _ => Some(false),
    }
}

fn is_of_curve(parameters: &mut Der<'_>, curve: Curve) -> Option<bool> {
    Some(parameters.value(OBJECT_IDENTIFIER)? == curve.identifier())
}
