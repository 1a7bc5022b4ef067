//! A refused token: whether it was one, and what becomes of its request.

use crate::answering::Received;
use crate::counts::Replayed;
use crate::inbound::Inbound;
use evergrant_core::{
    AfterRefusal, Excerpt, Generation, Now, Origin, Rejection, Replay, Response as EndpointResponse, Verdict,
};
use evergrant_drive::ReplayReason;
use evergrant_http::Guard;
use evergrant_tokio_reqwest::Tokens;
use http::HeaderValue;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use std::time::Duration;

/// What becomes of a request whose token was refused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// It is sent once more.
    Again,
    /// Its body was not kept: its caller may send it once more.
    Unrepeatable,
    /// It cannot wait for the token to settle: its caller may.
    Unsettled,
    /// A token was replaced too short a while ago: after this time another one may be.
    Gated(Duration),
    /// Nothing helps.
    Refused,
}

/// A request whose token was refused.
pub(super) struct Refused<'a> {
    pub(super) caller: &'a Inbound,
    pub(super) tokens: &'a Tokens,
    /// Of the API.
    pub(super) origin: &'a Origin,
    pub(super) is_repeatable: bool,
    /// How long it waits for a token that settles.
    pub(super) patience: Duration,
}

impl Refused<'_> {
    /// What follows a refused token, once it may.
    pub(super) async fn next(
        self,
        replay: &mut Replay,
        generation: Generation,
        received: &mut Received,
    ) -> Next {
        let Self { caller, tokens, origin, is_repeatable, patience } = self;
        let source = tokens.source();
        if !is_repeatable {
            replay.cannot_repeat();
        }
        let rejection = source.shared().reject(generation, origin);
        let next = match replay.refused(rejection) {
            AfterRefusal::SendAgain => {
                source.shared().replayed(ReplayReason::Token);
                Next::Again
            }
            AfterRefusal::Settle(then) => {
                // Whoever waits has no turn.
                received.give_up_turn();
                if caller.watch.unless_gone(source.settle(then, patience)).await {
                    source.shared().replayed(ReplayReason::Settled);
                    Next::Again
                } else {
                    Next::Unsettled
                }
            }
            AfterRefusal::HandOnAndRefresh => {
                source.refresh(origin).await;
                if is_repeatable { Next::Refused } else { Next::Unrepeatable }
            }
            // It may be replaced later, if it is not fixed.
            _ if rejection == Rejection::Refused => match source.shared().replaceable_in(origin) {
                Some(wait) if !wait.is_zero() => Next::Gated(wait),
                _ => Next::Refused,
            },
            _ if is_repeatable => Next::Refused,
            _ => Next::Unrepeatable,
        };
        match next {
            Next::Again => {}
            Next::Unrepeatable | Next::Unsettled => {
                caller.worker.counters().replayed(Replayed::Unrepeatable);
            }
            Next::Refused | Next::Gated(_) => caller.worker.counters().replayed(Replayed::Refused),
        }
        next
    }
}

/// What an answer says of the token that its request was sent with.
pub(super) async fn verdict(guard: &Guard, head: &http::response::Parts, received: &mut Received) -> Verdict {
    if !guard.concerns(head.status) {
        return Verdict::Fine;
    }
    let seen = if guard.needs_body(head.status) { Some(received.beginning().await) } else { None };
    guard.judge(head.status, &head.headers, seen.as_deref())
}

/// The API's own words, without the token if it repeats that.
pub(super) fn said(
    tokens: &Tokens,
    head: &http::response::Parts,
    body: Vec<u8>,
    authorization: &HeaderValue,
) -> Option<String> {
    let client = tokens.source().shared().client()?;
    let lines = [CONTENT_TYPE, WWW_AUTHENTICATE];
    let lines =
        lines.iter().flat_map(|name| head.headers.get_all(name).iter().map(move |value| (name, value)));
    let answer = lines.fold(EndpointResponse::new(head.status.as_u16()), |answer, (name, value)| {
        answer.with_header(name.as_str(), value.as_bytes())
    });
    let refusal = client.read(&answer.with_body(body), Now::default()).err()?;
    let words = refusal.description().map(Excerpt::as_str).or_else(|| refusal.code())?;
    let token = authorization.to_str().ok()?.rsplit(' ').next()?;
    Excerpt::new(words, &[token]).map(|words| words.as_str().to_owned())
}
