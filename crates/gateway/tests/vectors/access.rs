//! Who may use a listener.

use crate::head::Own;
use crate::{Line, fields_of, same, vector};
use evergrant_gateway::{Access, KeyError, Keys, PeerId, Peers, own_authorization};
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use std::collections::BTreeMap;

vector! {
    /// A request, and the listener that it comes to.
    Asked {
        access: Listener,
        headers: Vec<Line>,
        peer: Option<Peer>,
        authorization: Option<Own>,
        expect: Expect,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Listener {
    Anyone,
    /// Names and texts of keys.
    Keys(BTreeMap<String, String>),
    Peers(Listed),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    uids: Vec<u32>,
    gids: Vec<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Peer {
    uid: u32,
    gid: u32,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Expect {
    Admitted { caller: String, by_authorization: bool },
    Denied { status: u16, rule: String },
    NotKeys { not_keys: String },
}

impl Listener {
    fn access(&self) -> Result<Access, &'static str> {
        match self {
            Self::Anyone => Ok(Access::Anyone),
            Self::Keys(keys) => {
                let known = keys.iter().map(|(name, text)| {
                    (name.clone(), digest(&SHA256, text.as_bytes()).as_ref().try_into().unwrap())
                });
                Keys::new(known).map(Access::Keys).map_err(|error| match error {
                    KeyError::Name(_) => "name",
                    KeyError::SameKey(..) => "same_key",
                    KeyError::Empty(_) => "empty",
                    _ => "other",
                })
            }
            Self::Peers(Listed { uids, gids }) => {
                let (first, rest) = uids.split_first().unwrap();
                let peers = rest.iter().fold(Peers::only(*first), |peers, uid| peers.with_uid(*uid));
                Ok(Access::Peers(gids.iter().fold(peers, |peers, gid| peers.with_gid(*gid))))
            }
        }
    }
}

pub(crate) fn judge(vector: &Asked) -> Result<(), String> {
    let access = match (vector.access.access(), &vector.expect) {
        (Ok(access), _) => access,
        (Err(actual), Expect::NotKeys { not_keys }) => return same(&actual, &not_keys.as_str()),
        (Err(actual), _) => return Err(actual.into()),
    };
    let fields = fields_of(&vector.headers);
    let peer = vector.peer.as_ref().map(|peer| PeerId { uid: peer.uid, gid: peer.gid });
    let admitted = access.admit(&fields, peer).map_err(|denied| (denied.status(), denied.as_str()));
    let admitted = admitted.and_then(|admitted| {
        let own = Own::or_refuse(vector.authorization);
        let denied = own_authorization(&fields, admitted.by_authorization, own);
        denied.map(|()| admitted).map_err(|denied| (denied.status(), denied.as_str()))
    });
    match (admitted, &vector.expect) {
        (Ok(admitted), Expect::Admitted { caller, by_authorization }) => same(
            &(admitted.caller.to_string(), admitted.by_authorization),
            &(caller.clone(), *by_authorization),
        ),
        (Err((actual, word)), Expect::Denied { status, rule }) => {
            same(&(actual.as_u16(), word), &(*status, rule.as_str()))
        }
        (actual, _) => Err(format!("{actual:?}")),
    }
}
