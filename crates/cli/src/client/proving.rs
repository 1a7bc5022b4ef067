//! What proves who the client is at each token request, beside what is in the client itself.

use crate::client::secret::{Live, LiveKey};
use evergrant_tokio_reqwest::{PoolClient, TokensBuilder};
use std::sync::Arc;

/// What is read for each token request.
#[derive(Clone)]
pub(crate) enum Proving {
    /// Nothing is.
    Fixed,
    /// A secret, or an assertion.
    Text(Arc<Live>),
    /// A key, which signs an assertion.
    Key(LiveKey),
}

impl Proving {
    /// The source that reads it.
    pub(crate) fn of_source(&self, builder: TokensBuilder) -> TokensBuilder {
        match self {
            Self::Fixed => builder,
            Self::Text(live) => builder.secret(Arc::clone(live)),
            Self::Key(key) => builder.key_source(key.clone()),
        }
    }

    /// The client of a pool whose source reads it.
    pub(crate) fn of_client(&self, client: PoolClient) -> PoolClient {
        match self {
            Self::Fixed => client,
            Self::Text(live) => client.secret(Arc::clone(live)),
            Self::Key(key) => client.key_source(key.clone()),
        }
    }
}
