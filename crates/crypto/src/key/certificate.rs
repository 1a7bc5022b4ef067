//! Whether a certificate (RFC 5280) is of a key. Nothing else of it is looked at: the server judges it.

use super::der::{Der, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, around};
use super::pair::Public;
use super::private::{EC, ED25519, RSA};

/// `subjectPublicKeyInfo` (RFC 5280 §4.1).
pub(super) struct PublicKeyInfo<'a> {
    algorithm: &'a [u8],
    parameters: Der<'a>,
    key: &'a [u8],
}

impl<'a> PublicKeyInfo<'a> {
    /// That of this certificate; `None` if it is none.
    pub(super) fn of(certificate: &'a [u8]) -> Option<Self> {
        let mut signed = Der::of_sequence(certificate)?.sequence()?;
        let _version = signed.value(around(0));
        // Its serial number; its algorithm, issuer, dates and subject.
        signed.value(INTEGER)?;
        for _ in 0..4 {
            signed.value(SEQUENCE)?;
        }
        let mut info = signed.sequence()?;
        let mut parameters = info.sequence()?;
        let algorithm = parameters.value(OBJECT_IDENTIFIER)?;
        Some(Self { algorithm, parameters, key: info.bits()? })
    }

    /// Whether it is this public key; `None` if it is written in a way that does not say.
    pub(super) fn is(mut self, key: &Public<'_>) -> Option<bool> {
        match (key, self.algorithm) {
            (Public::Ec { curve, x, y }, EC) => {
                if self.parameters.value(OBJECT_IDENTIFIER)? != curve.identifier() {
                    return Some(false);
                }
                match self.key {
                    [4, point @ ..] => Some(point == [*x, *y].concat()),
                    // The other coordinate is then even or odd (SEC 1 §2.3.3).
                    [sign @ (2 | 3), point @ ..] => {
                        let is_odd = y.last().is_some_and(|last| last % 2 == 1);
                        Some(point == *x && is_odd == (*sign == 3))
                    }
                    _ => None,
                }
            }
            (Public::Ed25519(x), ED25519) => Some(self.key == *x),
            (Public::Rsa { n, e }, RSA) => {
                let mut parts = Der::of_sequence(self.key)?;
                Some(parts.unsigned()? == *n && parts.unsigned()? == *e)
            }
            _ => Some(false),
        }
    }
}
