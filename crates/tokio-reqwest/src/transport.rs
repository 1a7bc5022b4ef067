//! How a token request is sent: on the one way to an endpoint that is known, or on that of each endpoint.

use crate::runtime::with_sockets;
use crate::way::Way;
use crate::ways::Ways;
use evergrant_core::{ConfigError, Endpoint, Request, Response, TransportError};
use evergrant_drive::{CertifiedKey, Transport};
use std::sync::Arc;

/// What token requests go through: for one endpoint that is known, or for those that are found out. Clones share it.
#[derive(Clone, Debug)]
pub(crate) enum Reqwest {
    Known(Way),
    Found(Arc<Ways>),
}

impl Transport for Reqwest {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        match self {
            Self::Known(way) => with_sockets(way.exchange(request)).await,
            Self::Found(ways) => {
                let way = ways.to(request.endpoint()).await?;
                with_sockets(way.exchange(request)).await
            }
        }
    }

    fn timed_out(&self, endpoint: &Endpoint, error: TransportError) -> TransportError {
        match self {
            Self::Known(way) => way.timed_out(error),
            Self::Found(ways) => match ways.route(endpoint) {
                Ok(route) => route.passed(error),
                Err(_) => error,
            },
        }
    }

    fn with_identity(&self, identity: &CertifiedKey) -> Result<Self, ConfigError> {
        match self {
            // Made for a client that shows none.
            Self::Known(_) => Err(ConfigError::NeedsIdentity),
            Self::Found(ways) => Ok(Self::Found(Arc::new(ways.with_identity(identity)?))),
        }
    }
}
