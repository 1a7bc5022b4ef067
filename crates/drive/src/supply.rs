//! What every adapter's `Tokens` is made of.

use crate::block::BlockingSource;
use crate::clock::{Clock, SystemClock};
use crate::runtime::{BlockingTransport, Runtime, Transport};
use crate::shared::{Shared, Snapshot, random_seed};
use crate::status::Status;
use crate::wait::Source;
use evergrant_core::{
    AccessToken, Client, ClientAuth, Error, Generation, Mono, Policy, Rejection, Rotation, Site, Stored,
    Token, VerdictRule,
};
use std::sync::Arc;
use std::time::Duration;

/// How a source of tokens is made, whatever sends its requests.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The client that asks.
    pub client: Client,
    /// The figures it decides by.
    pub policy: Policy,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// Whether a caller without a token takes the first outcome, good or bad.
    pub fail_fast: bool,
}

impl Settings {
    /// The defaults for this client.
    pub fn new(client: Client) -> Self {
        Self { client, policy: Policy::new(), clock: Arc::new(SystemClock), fail_fast: false }
    }

    /// The source that `bring` makes of what all its clones share.
    pub fn supply<S, V: Clone>(
        self,
        render: fn(&AccessToken) -> V,
        bring: impl FnOnce(Arc<Shared<V>>) -> S,
    ) -> Supply<S, V> {
        let (patience, fail_fast) = (self.policy.patience(), self.fail_fast);
        let shared = Shared::new(self.client, self.policy, random_seed(), self.clock, render);
        Supply { kind: Kind::Live(bring(shared)), patience, fail_fast }
    }
}

/// A live source of tokens, or one token for ever. Clones are one source.
#[derive(Clone, Debug)]
pub struct Supply<S, V> {
    kind: Kind<S, V>,
    patience: Duration,
    fail_fast: bool,
}

#[derive(Clone, Debug)]
enum Kind<S, V> {
    Live(S),
    Fixed(Arc<(Token, V)>),
}

/// A source, of whichever loop: what it shares with its clones.
pub trait Sharing<V> {
    /// What all clones share.
    fn shared(&self) -> &Arc<Shared<V>>;
}

impl<R, T, V: Clone> Sharing<V> for Source<R, T, V>
where
    R: Runtime,
    T: Transport,
    V: Send + Sync + 'static,
{
    fn shared(&self) -> &Arc<Shared<V>> {
        Self::shared(self)
    }
}

impl<T, V: Clone> Sharing<V> for BlockingSource<T, V>
where
    T: BlockingTransport,
    V: Send + Sync + 'static,
{
    fn shared(&self) -> &Arc<Shared<V>> {
        Self::shared(self)
    }
}

impl<S, V: Clone> Supply<S, V> {
    /// A source that holds this token for ever and never asks.
    pub fn fixed(token: AccessToken, render: fn(&AccessToken) -> V) -> Self {
        let value = render(&token);
        let kind = Kind::Fixed(Arc::new((Token::fixed(token), value)));
        Self { kind, patience: Policy::new().patience(), fail_fast: false }
    }

    /// How long a caller waits unless it says otherwise.
    pub const fn patience(&self) -> Duration {
        self.patience
    }
}

impl<S: Sharing<V>, V: Clone> Supply<S, V> {
    /// The token that may be used now, if one is held: never waits and never sends.
    pub fn try_token(&self) -> Option<Token> {
        match &self.kind {
            Kind::Live(source) => source.shared().usable(),
            Kind::Fixed(fixed) => Some(fixed.0.clone()),
        }
    }

    /// A resource server refused this token.
    pub fn reject(&self, generation: Generation, site: Site) -> Rejection {
        match &self.kind {
            Kind::Live(source) => source.shared().reject(generation, site),
            Kind::Fixed(_) => Rejection::Refused,
        }
    }

    /// The client's credentials changed.
    pub fn rotate(&self, auth: ClientAuth, rotation: Rotation) {
        if let Kind::Live(source) = &self.kind {
            source.shared().rotate(auth, rotation);
        }
    }

    /// What is held, what happened, and what comes next.
    pub fn status(&self) -> Status {
        match &self.kind {
            Kind::Live(source) => source.shared().status(),
            Kind::Fixed(fixed) => Status::fixed(&fixed.0),
        }
    }

    /// The held token, to be kept across a restart.
    pub fn export(&self) -> Option<Stored> {
        match &self.kind {
            Kind::Live(source) => source.shared().export(),
            Kind::Fixed(_) => None,
        }
    }

    /// A token kept from before a restart. Returns whether it was taken.
    pub fn restore(&self, stored: Stored) -> bool {
        match &self.kind {
            Kind::Live(source) => source.shared().restore(stored),
            Kind::Fixed(_) => false,
        }
    }

    /// How the provider's resource servers say that a token is refused.
    pub fn verdict_rule(&self) -> VerdictRule {
        match &self.kind {
            Kind::Live(source) => source.shared().client().provider().verdict().clone(),
            Kind::Fixed(_) => VerdictRule::Rfc6750,
        }
    }

    /// The live source, if it is one.
    pub const fn live(&self) -> Option<&S> {
        match &self.kind {
            Kind::Live(source) => Some(source),
            Kind::Fixed(_) => None,
        }
    }
}

impl<R, T, V> Supply<Source<R, T, V>, V>
where
    R: Runtime,
    T: Transport,
    V: Clone + Send + Sync + 'static,
{
    /// A token that may be used now, after at most `patience`, the source's own by default.
    ///
    /// # Errors
    /// There is none, and waiting is pointless or over.
    ///
    /// # Cancel safety
    /// Dropping the future, or never polling it again, harms nobody.
    pub async fn token(&self, patience: Option<Duration>) -> Result<Token, Error> {
        let patience = patience.unwrap_or(self.patience);
        match &self.kind {
            Kind::Live(source) => {
                // What is borrowed is counted by nobody: threads at once share one count instead of two.
                if let Ok(token) = source.shared().lend_quiet(|snapshot| snapshot.token().clone()) {
                    return Ok(token);
                }
                Ok(source.token(patience, self.fail_fast).await?.token().clone())
            }
            Kind::Fixed(fixed) => Ok(fixed.0.clone()),
        }
    }

    /// The rendered value of a token that may be used now, and the token's generation.
    ///
    /// # Errors
    /// There is none, and waiting is pointless or over.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn authorization(&self) -> Result<(V, Generation), Error> {
        self.with_authorization(|value, generation| (value.clone(), generation)).await
    }

    /// Lends the rendered value of a token that may be used now, and the token's generation, to `borrower`: nothing is
    /// copied, and threads that borrow at once do not slow each other down.
    ///
    /// # Errors
    /// There is none, and waiting is pointless or over; `borrower` was not called.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn with_authorization<U>(
        &self,
        borrower: impl FnOnce(&V, Generation) -> U,
    ) -> Result<U, Error> {
        let source = match &self.kind {
            Kind::Live(source) => source,
            Kind::Fixed(fixed) => return Ok(borrower(&fixed.1, fixed.0.generation())),
        };
        let lend = |snapshot: &Snapshot<V>| borrower(snapshot.value(), snapshot.token().generation());
        // Not a `match` around the wait: that would keep the room for a value while there is none.
        // And not shared with the blocking source: in a function of their own these lines cost `authorization()` a fifth.
        let lend = match source.shared().lend_quiet(lend) {
            Ok(done) => return Ok(done),
            Err(lend) => lend,
        };
        Ok(lend(&*source.token(self.patience, self.fail_fast).await?))
    }

    /// Waits until a refused token has settled; false if that is beyond the caller's patience.
    pub(crate) async fn settle(&self, then: Mono) -> bool {
        match self.live() {
            Some(source) => source.settle(then, self.patience).await,
            None => false,
        }
    }
}

impl<T, V> Supply<BlockingSource<T, V>, V>
where
    T: BlockingTransport,
    V: Clone + Send + Sync + 'static,
{
    /// A token that may be used now, after at most `patience`, the source's own by default.
    ///
    /// # Errors
    /// There is none, and waiting is pointless or over.
    ///
    /// # Blocking
    /// Returns at once while a usable token is held; otherwise blocks for `patience` at most.
    pub fn token(&self, patience: Option<Duration>) -> Result<Token, Error> {
        let patience = patience.unwrap_or(self.patience);
        match &self.kind {
            Kind::Live(source) => {
                // What is borrowed is counted by nobody: threads at once share one count instead of two.
                if let Ok(token) = source.shared().lend_quiet(|snapshot| snapshot.token().clone()) {
                    return Ok(token);
                }
                Ok(source.token(patience, self.fail_fast)?.token().clone())
            }
            Kind::Fixed(fixed) => Ok(fixed.0.clone()),
        }
    }

    /// The rendered value of a token that may be used now, and the token's generation.
    ///
    /// # Errors
    /// There is none, and waiting is pointless or over.
    ///
    /// # Blocking
    /// As [`token`](Self::token).
    pub fn authorization(&self) -> Result<(V, Generation), Error> {
        self.with_authorization(|value, generation| (value.clone(), generation))
    }

    /// Lends the rendered value of a token that may be used now, and the token's generation, to `borrower`: nothing is
    /// copied, and threads that borrow at once do not slow each other down.
    ///
    /// # Errors
    /// There is none, and waiting is pointless or over; `borrower` was not called.
    ///
    /// # Blocking
    /// As [`token`](Self::token).
    pub fn with_authorization<U>(&self, borrower: impl FnOnce(&V, Generation) -> U) -> Result<U, Error> {
        let source = match &self.kind {
            Kind::Live(source) => source,
            Kind::Fixed(fixed) => return Ok(borrower(&fixed.1, fixed.0.generation())),
        };
        let lend = |snapshot: &Snapshot<V>| borrower(snapshot.value(), snapshot.token().generation());
        let lend = match source.shared().lend_quiet(lend) {
            Ok(done) => return Ok(done),
            Err(lend) => lend,
        };
        Ok(lend(&*source.token(self.patience, self.fail_fast)?))
    }

    /// Waits until a refused token has settled; false if that is beyond the caller's patience.
    pub(crate) fn settle(&self, then: Mono) -> bool {
        self.live().is_some_and(|source| source.settle(then, self.patience))
    }
}

#[cfg(test)]
mod tests;
