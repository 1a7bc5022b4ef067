//! What a listener for tokens has to give: the sources, by the names of their profiles.

use evergrant_core::Origin;
use evergrant_tokio_reqwest::Tokens;
use std::time::Duration;

/// The sources, by name.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(super) profiles: Box<[Profile]>,
    /// How long a caller waits for a token.
    pub(super) patience: Duration,
}

/// A source under its name.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(super) name: Box<str>,
    pub(super) tokens: Tokens,
    /// The API that refuses a token which is rejected here: that of the client, or for one of several, or of none that is known, all
    /// that stand behind its authorization server. A fixed token has none.
    pub(super) origin: Option<Origin>,
}

impl Profile {
    pub(super) fn new(name: &str, tokens: Tokens) -> Self {
        let origin = tokens.source().shared().client().map(|client| {
            let provider = client.provider();
            let mut apis = provider.origins().iter();
            match (apis.next(), apis.next()) {
                (Some(only), None) => only.clone(),
                _ => provider.server().origin().clone(),
            }
        });
        Self { name: name.into(), tokens, origin }
    }
}

impl Desk {
    /// The sources.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &Tokens> {
        self.profiles.iter().map(|profile| &profile.tokens)
    }

    /// The profile of this name; without a name the only one.
    pub(super) fn find(&self, name: Option<&str>) -> Option<&Profile> {
        match (name, &*self.profiles) {
            (Some(name), profiles) => profiles.iter().find(|profile| *profile.name == *name),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}
