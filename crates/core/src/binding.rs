//! What a token is bound to.

use crate::thumbprint::Thumbprint;

/// What whoever uses a token has to prove beside it (RFC 8705 §3, RFC 9449).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Binding {
    /// Nothing: it is good for whoever holds it.
    #[default]
    None,
    /// That he has the key with this thumbprint (RFC 9449 §6.1).
    Key(Thumbprint),
    /// That he has the key of the certificate with this thumbprint (RFC 8705 §3.1).
    Certificate(Thumbprint),
}
