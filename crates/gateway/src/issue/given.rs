//! A token that is given out, with what is left of its life.

use super::counter::Counter;
use super::desk::Profile;
use super::refused::Refused;
use crate::answer::Problem;
use crate::bounds::Full;
use crate::counts::Gauge;
use crate::inbound::Inbound;
use crate::record::Record;
use bytes::Bytes;
use evergrant_core::Scope;
use evergrant_drive::Token;
use http::HeaderValue;
use serde::Serialize;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use zeroize::Zeroizing;

/// A token that ends sooner than this is given to nobody: its end in whole seconds (RFC 6749 §5.1) would be 0, which libraries take
/// for expired or for endless.
const SHORTEST: Duration = Duration::from_secs(1);

/// How long at least is waited for another one: the clocks that a token ends by do not read the same to the millisecond.
const NAP: Duration = Duration::from_millis(10);

/// A token, and the value of its `Authorization` field.
pub(super) struct Given {
    pub(super) authorization: HeaderValue,
    token: Token,
}

impl Given {
    /// A token of this profile that lasts, or a place in the queue for one.
    pub(super) async fn wait(
        profile: &Profile,
        counter: &Counter,
        caller: &Inbound,
        record: &mut Record,
    ) -> Result<Self, Refused> {
        let shared = profile.tokens.source().shared();
        let held = shared.lend_quiet(|snapshot| Self {
            authorization: snapshot.value().clone(),
            token: snapshot.token().clone(),
        });
        if let Ok(held) = held
            && held.lasts()
        {
            return Ok(held);
        }
        let most = shared.policy().max_waiters();
        let full = |Full| Refused::unavailable(Problem::queue_full(Duration::from_secs(1)));
        let _place = counter.serving.table.bounds.queue(&record.caller, most).map_err(full)?;
        let counters = caller.worker.counters();
        let _queued = Gauge::raise(&counters.queued);
        let began = Instant::now();
        let given = caller.watch.unless_gone(Self::lasting(profile, counter.desk.patience)).await;
        let waited = began.elapsed();
        record.waited += waited;
        counters.queue_time.record(waited);
        given.map_err(|error| Refused::unavailable(Problem::no_token(&error)))
    }

    /// The token, or the one after it if it is about to end.
    async fn lasting(profile: &Profile, patience: Duration) -> Result<Self, evergrant_core::Error> {
        let end = Instant::now().checked_add(patience);
        let source = profile.tokens.source();
        loop {
            let left = end.map_or(patience, |end| end.saturating_duration_since(Instant::now()));
            let given = source.with_authorization(Some(left), profile.origin.as_ref(), |value, token| Self {
                authorization: value.clone(),
                token: token.clone(),
            });
            let given = given.await?;
            if given.lasts() {
                return Ok(given);
            }
            let rest = given.token.expires_in().unwrap_or_default().max(NAP);
            // Whoever keeps it fresh asks for the next one. Else it ends, and then this caller does.
            let _next = timeout(rest, source.changed(given.token.generation())).await;
        }
    }

    fn lasts(&self) -> bool {
        self.token.expires_in().is_none_or(|left| left >= SHORTEST)
    }

    /// Which token of its source it is.
    pub(super) fn generation(&self) -> evergrant_core::Generation {
        self.token.generation()
    }

    /// The answer of RFC 6749 §5.1. `asked` is the scope that its caller asked for, which must be within that of the token.
    pub(super) fn answer(&self, profile: &Profile, asked: Option<&str>) -> Result<Bytes, Refused> {
        let client = profile.tokens.source().shared().client();
        let granted = self.token.scope().or_else(|| client.as_ref().map(|client| client.scope()));
        let scope = scope(granted.filter(|scope| !scope.is_empty()), asked)?;
        let text = self.token.value().expose();
        let answer = Answer {
            access_token: text,
            token_type: "Bearer",
            expires_in: self.token.expires_in().map(|left| left.as_secs()),
            scope,
        };
        Ok(Bytes::from_owner(answer.written()))
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

impl Answer<'_> {
    /// As JSON, in a buffer that does not grow: it would leave a copy of the token behind that nobody wipes.
    fn written(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.room()));
        // Texts and a number can always be written.
        let _written = serde_json::to_writer(&mut *bytes, self);
        bytes
    }

    /// Bytes that it takes at most: a token may have marks that are escaped, a scope has none (RFC 6749 §3.3), and the names and the
    /// other values take far less than the rest.
    fn room(&self) -> usize {
        2 * self.access_token.len() + self.scope.as_ref().map_or(0, String::len) + 1024
    }
}

/// The scope that the answer names: that of the token, unless it is the one that was asked for (RFC 6749 §5.1).
fn scope(granted: Option<&Scope>, asked: Option<&str>) -> Result<Option<String>, Refused> {
    let Some(asked) = asked else { return Ok(granted.map(ToString::to_string)) };
    let broken = || Refused::scope("scope must be scope tokens with one space between them");
    let asked = Scope::parse(asked).map_err(|_| broken())?;
    let Some(granted) = granted else {
        return Err(Refused::scope(
            "the profile asks for no scope, so that nobody knows what its tokens are good for: leave scope out, or write it into the profile",
        ));
    };
    if asked.tokens().any(|token| !granted.contains(token)) {
        return Err(Refused::scope(
            "the tokens of this profile have not all of this scope: leave scope out, or write it into the profile",
        ));
    }
    let is_same = granted.tokens().all(|token| asked.contains(token));
    Ok((!is_same).then(|| granted.to_string()))
}

#[cfg(test)]
mod tests;
