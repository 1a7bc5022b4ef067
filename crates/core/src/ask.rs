//! What has to be read for a request.

use alloc::boxed::Box;
use core::fmt;

/// What a request needs and core cannot have: whoever drives the [`Attempt`](crate::Attempt) reads it from where it lives.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Ask {
    /// The client secret.
    ClientSecret,
    /// The client assertion.
    Assertion,
    /// The value of the parameter of this name.
    Parameter(Box<str>),
    /// The client assertion, signed by a key of the client: [`Asking::unsigned`](crate::Asking::unsigned) has what to sign.
    Signature,
    /// The certificate that the next request will show (RFC 8705), by its [`Thumbprint`](crate::Thumbprint).
    Certificate,
}

impl Ask {
    /// What it is called in errors of the configuration.
    pub(crate) const fn field(&self) -> &'static str {
        match self {
            Self::ClientSecret => "client_secret",
            Self::Assertion => "client_assertion",
            Self::Parameter(_) => "a parameter",
            Self::Signature => "client_assertion",
            Self::Certificate => "client_certificate",
        }
    }
}

/// As people read it: "the client secret".
impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientSecret => f.write_str("the client secret"),
            Self::Assertion => f.write_str("the client assertion"),
            Self::Parameter(name) => write!(f, "the parameter {name}"),
            Self::Signature => f.write_str("the signing key"),
            Self::Certificate => f.write_str("the client certificate"),
        }
    }
}
