//! What the sources of one pool have found out about their servers: who comes later need not ask.

use crate::sync::Mutex;
use evergrant_core::{Known, Provider};
use std::collections::HashMap;
use std::sync::PoisonError;

/// So many servers are remembered at most: a pool of tenants at one server has one, and one of tenants with a server each gains nothing.
const MOST: usize = 1024;

/// The metadata of servers that are discovered, by where it is and of whom.
#[derive(Debug, Default)]
pub(crate) struct Found(Mutex<HashMap<Place, Known>>);

#[derive(PartialEq, Eq, Hash, Debug)]
struct Place {
    url: Box<str>,
    issuer: Option<Box<str>>,
}

impl Found {
    /// What others have found out about this server, into what one of them knows.
    pub(crate) fn hand_out(&self, provider: &Provider, known: &mut Known) {
        let Some(place) = Place::of(provider) else { return };
        if let Some(found) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&place) {
            known.adopt_metadata(found);
        }
    }

    /// What one of them knows by now.
    pub(crate) fn take_in(&self, provider: &Provider, known: &Known) {
        let Some((place, alone)) = Place::of(provider).zip(known.metadata_alone()) else { return };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = all.get_mut(&place) {
            found.adopt_metadata(&alone);
        } else if all.len() < MOST {
            all.insert(place, alone);
        }
    }
}

impl Place {
    /// Of a server whose token endpoint is found out.
    fn of(provider: &Provider) -> Option<Self> {
        let is_discovered = provider.token_endpoint().is_none();
        is_discovered
            .then(|| Self { url: provider.server().url().into(), issuer: provider.issuer().map(Into::into) })
    }
}
