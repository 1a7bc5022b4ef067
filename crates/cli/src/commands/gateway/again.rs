//! What somebody asks for who says that a secret is right now.

use evergrant_tokio_reqwest::{Cause, LastOutcome, Rotation, Tokens};

/// Has what is read for the requests of this source tried at once, if the last one failed for good, or could not be made: somebody says
/// that it may be right now.
pub(super) fn try_again(tokens: &Tokens) {
    let has_failed = match tokens.status().last_outcome {
        Some((LastOutcome::Failed(cause), _)) => cause.is_permanent() || matches!(cause, Cause::NotSent(_)),
        _ => false,
    };
    let client = tokens.source().shared().client();
    if let Some(client) = client.filter(|client| has_failed && client.is_live()) {
        tokens.rotate(client.auth().clone(), Rotation::Keep);
    }
}
