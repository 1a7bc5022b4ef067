//! The events as the crate `tracing` gets them.

use super::{Event, EventKind};
use crate::contained::contained;
use evergrant_core::Landing;
use std::time::Duration;

/// Tells subscribers. A panic in one of them is caught.
pub(super) fn event(event: &Event<'_>) {
    contained(|| tell(event));
    if let EventKind::Landed { flight, narrowed: Some(missing), .. } = event.kind {
        let source = event.source;
        contained(|| {
            tracing::warn!(target: "evergrant", source, flight, %missing, "the server granted less scope than requested");
        });
    }
}

fn tell(event: &Event<'_>) {
    let source = event.source;
    match event.kind {
        EventKind::Sent { flight, reason, endpoint } => {
            let reason = reason.as_str();
            tracing::info!(target: "evergrant", source, flight, reason, %endpoint, "requesting a token");
        }
        EventKind::Landed {
            flight,
            landing: Landing::Installed { generation, life, .. },
            asked: false,
            ..
        } => {
            // What decided its life is known to whoever requested it: there is no hint. That may have been this process.
            let (generation, life_s) = (generation.number(), life.as_secs());
            tracing::info!(
                target: "evergrant",
                source,
                flight,
                generation,
                life_s,
                "a token from the store that processes share is in use"
            );
        }
        EventKind::Landed { flight, landing, rest, .. }
        | EventKind::Abandoned { flight, landing, rest, .. } => {
            landed(source, *flight, landing, *rest);
        }
        EventKind::Rejected { generation, origin, rejection, .. } => {
            let generation = generation.number();
            tracing::info!(target: "evergrant", source, generation, %origin, %rejection, "a resource server refused the token");
        }
        EventKind::Rotated { rotation } => {
            tracing::info!(target: "evergrant", source, ?rotation, "the client's credentials were replaced");
        }
        EventKind::Restored { taken } => {
            tracing::info!(target: "evergrant", source, taken, "restoring a stored token");
        }
        EventKind::Replayed { reason } => {
            let reason = reason.as_str();
            tracing::debug!(target: "evergrant", source, reason, "the call is sent again");
        }
        EventKind::SourceChanged { what, from } => {
            let from = from.as_deref().unwrap_or_default();
            tracing::info!(target: "evergrant", source, what, from, "what is read for token requests has changed");
        }
        EventKind::ClockOff { offset } => tracing::warn!(
            target: "evergrant",
            source,
            %offset,
            "this machine's clock and the server's are apart: set one of the two, or tokens may end sooner or later than they seem to"
        ),
        EventKind::MetadataFetched { token_endpoint, mtls_token_endpoint } => {
            let mtls = mtls_token_endpoint.as_ref().map(tracing::field::display);
            tracing::info!(
                target: "evergrant",
                source,
                %token_endpoint,
                mtls_token_endpoint = mtls,
                "the authorization server's metadata was fetched"
            );
        }
        EventKind::MetadataFailing { since } => {
            let since_s = since.since_epoch().as_secs();
            tracing::warn!(
                target: "evergrant",
                source,
                since_s,
                "the authorization server's metadata cannot be fetched again: the last one is used"
            );
        }
        EventKind::StoreFailing { error } => tracing::warn!(
            target: "evergrant",
            source,
            %error,
            "the store that processes share has failed: it is left alone, and tried again from time to time"
        ),
        EventKind::StoreBack {} => {
            tracing::info!(target: "evergrant", source, "the store that processes share is back");
        }
        EventKind::StoreUnopened {} => tracing::warn!(
            target: "evergrant",
            source,
            "a token in the store cannot be opened, and is replaced: check what else writes there"
        ),
        EventKind::ShortSecret { client_id } => tracing::warn!(
            target: "evergrant",
            source,
            client_id,
            "the client secret has fewer than 8 bytes and is easily guessed: have the authorization server issue a longer one"
        ),
        EventKind::Evicted { reason } => {
            let reason = reason.as_str();
            tracing::debug!(target: "evergrant", source, reason, "a source was put away");
        }
        EventKind::PoolFull {} => {
            tracing::warn!(target: "evergrant", source, "the pool is full: all of its sources are busy");
        }
        // One for each caller: for counting, not for reading.
        EventKind::Waited { .. } => {}
    }
}

fn landed(source: &str, flight: u64, landing: &Landing, rest: Duration) {
    if let Landing::HeldBack { cause, .. } = landing {
        tracing::debug!(target: "evergrant", source, flight, %cause, "the refused credential is still the same and is not sent again");
        return;
    }
    if let Some(cause) = landing.cause() {
        let rest_ms = u64::try_from(rest.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(target: "evergrant", source, flight, rest_ms, %cause, "the token request failed");
        return;
    }
    match landing {
        Landing::Installed { generation, life, hint } => {
            let (generation, life_s) = (generation.number(), life.as_secs());
            tracing::info!(target: "evergrant", source, flight, generation, life_s, ?hint, "a new token is in use");
        }
        Landing::NoProgress { count } => {
            tracing::info!(target: "evergrant", source, flight, count, "the server sent a token that ends no later");
        }
        Landing::Elsewhere => {
            tracing::debug!(target: "evergrant", source, flight, "another process requests the token");
        }
        Landing::Superseded => {
            tracing::debug!(target: "evergrant", source, flight, "the token response arrived too late and is ignored");
        }
        landing => tracing::info!(target: "evergrant", source, flight, ?landing, "the token request ended"),
    }
}
