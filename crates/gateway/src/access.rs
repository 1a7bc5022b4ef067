//! Who may use a listener: everyone, whoever has a key, or certain users of this machine.

mod key;
mod peer;

#[cfg(feature = "server")]
pub(crate) use key::is_name;
pub use key::{Key, KeyError, Keys};
pub use peer::{PeerId, Peers};

use crate::rules::Denied;
use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderMap};
use std::fmt;
use std::sync::Arc;

/// Who may use a listener.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Access {
    /// Everyone who reaches it.
    Anyone,
    /// Whoever has one of these keys.
    Keys(Keys),
    /// These users of this machine, over a Unix socket.
    Peers(Peers),
}

/// Who sent a request.
///
/// Its Display is what a log shows: the name of the key, `uid 1000`, or `-` if nobody was asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Caller {
    /// Nobody knows: the listener takes requests from everyone.
    Anyone,
    /// The process at the other end of a Unix socket.
    Peer(PeerId),
    /// The holder of the key of this name.
    Key(Arc<str>),
}

/// A request that may use the listener.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Admitted {
    /// Who sent it.
    pub caller: Caller,
    /// Whether the key came as `Authorization: Bearer`: then that field is for this gateway, and not the caller's own for the API.
    pub by_authorization: bool,
}

/// Why a request may not use the listener: only which of them was wanted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum AccessDenied {
    /// A key.
    Key,
    /// A user of this machine who is listed.
    Peer,
}

/// What becomes of an `Authorization` field that is the caller's own. It never goes to the API.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum OwnAuthorization {
    /// The request is refused: whoever sent it expects the API to see these credentials.
    #[default]
    Refuse,
    /// It is dropped: for SDKs that always send one.
    Drop,
}

impl Access {
    /// Whether a request with these fields, from this peer if it came over a Unix socket, may use the listener.
    ///
    /// A key is in `X-Evergrant-Key`, or without that field in `Authorization: Bearer` (RFC 6750 §2.1). Two fields of one name are
    /// refused: two readers could take another one each.
    ///
    /// # Errors
    /// It may not.
    pub fn admit(&self, fields: &HeaderMap, peer: Option<PeerId>) -> Result<Admitted, AccessDenied> {
        match self {
            Self::Anyone => Ok(Admitted { caller: Caller::Anyone, by_authorization: false }),
            Self::Keys(keys) => {
                let sent = key::sent(fields).ok_or(AccessDenied::Key)?;
                let name = keys.find(sent.key).ok_or(AccessDenied::Key)?;
                Ok(Admitted { caller: Caller::Key(name), by_authorization: sent.by_authorization })
            }
            Self::Peers(peers) => {
                let peer = peer.filter(|peer| peers.contain(*peer)).ok_or(AccessDenied::Peer)?;
                Ok(Admitted { caller: Caller::Peer(peer), by_authorization: false })
            }
        }
    }
}

/// Whether the caller's own `Authorization` stands in the way of its request. `by_authorization` is [`Admitted::by_authorization`].
///
/// # Errors
/// [`Denied::Authorization`]: there is one, and the route does not say that it is dropped.
pub fn own_authorization(
    fields: &HeaderMap,
    by_authorization: bool,
    own: OwnAuthorization,
) -> Result<(), Denied> {
    let is_own = fields.contains_key(AUTHORIZATION) && !by_authorization;
    if is_own && own == OwnAuthorization::Refuse { Err(Denied::Authorization) } else { Ok(()) }
}

impl Caller {
    /// The name of its key, which is what `callers` and tenants go by.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Key(name) => Some(name),
            Self::Anyone | Self::Peer(_) => None,
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // No key has this name, nor one with a space.
            Self::Anyone => f.write_str("-"),
            Self::Peer(peer) => write!(f, "uid {}", peer.uid),
            Self::Key(name) => f.write_str(name),
        }
    }
}

impl AccessDenied {
    /// What was wanted, in one lower-case word: for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Peer => "peer",
        }
    }

    /// The status of the answer. Not 401: that would make the caller's library look for a way to authenticate (RFC 9110 §15.5.2).
    pub const fn status(self) -> StatusCode {
        StatusCode::FORBIDDEN
    }
}

impl fmt::Display for AccessDenied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => {
                "this listener requires one of its keys, once, in X-Evergrant-Key or as Authorization: Bearer; the operator of the gateway makes them"
            }
            Self::Peer => {
                "this listener admits only the users and groups that it lists in peers"
            }
        })
    }
}

impl std::error::Error for AccessDenied {}

#[cfg(test)]
mod tests;
