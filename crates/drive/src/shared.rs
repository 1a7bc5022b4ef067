//! One source: how it is made, what it is told, and what it is asked.

mod flight;
mod keeper;
mod outside;
mod parting;
mod pass;
mod pooled;
mod snapshot;
mod state;
mod waiter;
mod watcher;

pub(crate) use flight::{FlightGuard, Flown, Way};
pub(crate) use keeper::{Keep, Keeper};
pub(crate) use parting::Parting;
pub(crate) use pooled::{Glance, Standing};
pub use snapshot::Snapshot;
pub use state::Shared;
pub(crate) use waiter::{Next, Waiter};
pub(crate) use watcher::Watch;

use crate::clock::Clocks;
use crate::commons::Member;
use crate::contained::contained;
use crate::identity::CertifiedKey;
use crate::observer::{Audience, EventKind, ReplayReason};
use crate::published::Published;
use crate::settings::{Settings, Terms};
use crate::source::{SecretSource, Sources};
use crate::status::Status;
use crate::store::{self, Shares, Waiting};
use crate::sync::Mutex;
use crate::token::Token;
use evergrant_core::fleet::Instance;
use evergrant_core::{
    AccessToken, Binding, Client, ClientAuth, Generation, Machine, Mono, Now, Origin, Policy, Rejection,
    Rotation, Stored, VerdictRule,
};
use state::State;
use std::fmt;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// The status, and no rendered value.
impl<V> fmt::Debug for Shared<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("status", &self.status()).finish_non_exhaustive()
    }
}

// Making one.
impl<V> Shared<V> {
    /// A source that holds nothing. `seed` is what its machine's jitter is drawn from: [`random_seed`](crate::random_seed).
    pub fn new(settings: Settings, seed: u64, render: fn(&AccessToken) -> V) -> Arc<Self> {
        let Settings { client, sources, name, terms } = settings;
        let host = || client.provider().server().origin().host().to_string().into();
        let audience = Audience::new(name.unwrap_or_else(host), terms.observers.clone());
        Self::of((Arc::new(client), sources), terms, audience, seed, render, None)
    }

    /// The same for one of many.
    pub(crate) fn of(
        (client, sources): (Arc<Client>, Sources),
        terms: Terms,
        audience: Arc<Audience>,
        seed: u64,
        render: fn(&AccessToken) -> V,
        member: Option<Member>,
    ) -> Arc<Self> {
        let policy = terms.policy();
        let patience = policy.patience();
        let Terms { clock, fail_fast, store, .. } = terms;
        let store = store.map(|store| Box::new(Shares::new(store)));
        warn_of_a_short_secret(&audience, client.auth());
        let state = State::new(Machine::new(policy, seed), Some((client, sources)), Arc::clone(&audience));
        let (state, snapshot) = (Mutex::new(state), Published::new(None));
        Arc::new(Self { state, snapshot, clock, render, patience, fail_fast, audience, store, member })
    }

    /// A source that holds this token for ever and never asks.
    pub fn fixed(token: AccessToken, render: fn(&AccessToken) -> V) -> Arc<Self> {
        let policy = Policy::new();
        let (value, never) = (Arc::new(render(&token)), Now::new(Mono::MAX, evergrant_core::Wall::MAX));
        let audience = Audience::new("fixed", Vec::new());
        let mut state = State::new(Machine::fixed(token.clone()), None, Arc::clone(&audience));
        let token = evergrant_core::Token::fixed(token);
        let generation = token.generation();
        state.rendered = Some((generation, Arc::clone(&value)));
        state.published = Some((generation, [never, never], 0));
        let snapshot = Snapshot {
            token: token.into(),
            value,
            identity: None,
            served: 0,
            quiet_until: never,
            use_until: never,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            snapshot: Published::new(Some(Arc::new(snapshot))),
            clock: Clocks::system(),
            render,
            patience: policy.patience(),
            fail_fast: false,
            audience,
            store: None,
            member: None,
        })
    }
}

// Without the lock.
impl<V> Shared<V> {
    /// The token, if the machine need not be asked: without a lock.
    pub fn quiet(&self) -> Option<Arc<Snapshot<V>>> {
        // Nobody has this key.
        self.served(0)
    }

    /// Lends the token and its rendered value, if the machine need not be asked: without a lock, and without a copy of
    /// anything.
    ///
    /// # Errors
    /// The machine must be asked; `borrower` was not called, and comes back.
    #[inline]
    pub fn lend_quiet<R, F: FnOnce(&Snapshot<V>) -> R>(&self, borrower: F) -> Result<R, F> {
        self.snapshot.look(|snapshot| match snapshot {
            Some(snapshot) if self.is_quiet(snapshot) => Ok(borrower(snapshot)),
            _ => Err(borrower),
        })
    }

    /// The token that every caller may use, with its value, unless it has expired: never waits and never sends.
    pub(crate) fn usable(&self) -> Option<Arc<Snapshot<V>>> {
        let snapshot = self.snapshot.load()?;
        (!self.clock.coarse_has_reached(snapshot.use_until)).then_some(snapshot)
    }

    /// How long a caller waits unless it says otherwise.
    pub const fn patience(&self) -> Duration {
        self.patience
    }
}

// Inputs and questions, each under the lock once.
impl<V> Shared<V> {
    /// The token that every caller may use now, if there is one: never waits and never sends. Without a lock, unless the
    /// published token has expired.
    pub fn try_token(&self) -> Option<Token> {
        let published = self.snapshot.look(|snapshot| {
            let snapshot = snapshot?;
            let is_over = self.clock.coarse_has_reached(snapshot.use_until);
            Some((!is_over).then(|| snapshot.token.clone()))
        })?;
        // What was seen to be over stays over, wherever the wall clock goes: the machine must hear of it.
        published.or_else(|| self.enter(|state, now| state.machine.held(now).cloned().map(Token::from)))
    }

    /// A resource server of this origin refused the token of this generation.
    pub fn reject(&self, generation: Generation, origin: &Origin) -> Rejection {
        let (rejection, report) = self.enter(|state, now| {
            let site = state.sites.refusing(origin);
            let rejection = state.machine.reject(now, generation, site);
            if state.machine.set_aside(now).is_some_and(|aside| aside.token().generation() == generation) {
                state.sites.keep(origin);
            }
            state.wake_all(now);
            let origin = origin.clone();
            (rejection, state.report(now, EventKind::Rejected { generation, origin, site, rejection }))
        });
        drop(report);
        rejection
    }

    /// How long until a token that this origin refuses can be replaced, after [`Rejection::Refused`]; zero if it can be now. `None`:
    /// never, since it is fixed or the source was closed.
    pub fn replaceable_in(&self, origin: &Origin) -> Option<Duration> {
        self.enter(|state, now| {
            let site = state.sites.refusing(origin);
            Some(state.machine.replaceable_from(site)?.since(now.mono))
        })
    }

    /// The client's credentials changed. A fixed token stays.
    pub fn rotate(&self, auth: ClientAuth, rotation: Rotation) {
        self.rotate_to(auth, None, rotation);
    }

    /// The same, with where they live. Both at once: what is read at one place may be no credential of the other kind.
    pub(crate) fn rotate_to(&self, auth: ClientAuth, sources: Option<Sources>, rotation: Rotation) {
        warn_of_a_short_secret(&self.audience, &auth);
        let (before, report) = self.enter(|state, now| {
            if let Some(client) = &mut state.client {
                *client = Arc::new(client.with_auth(auth));
            }
            let before = sources.map(|sources| std::mem::replace(&mut state.sources, sources));
            let held = state.machine.held(now).map(evergrant_core::Token::value);
            let aside = state.machine.set_aside(now).map(|aside| aside.token().value());
            state.rotated_away = held.or(aside).cloned().or(state.rotated_away.take());
            state.machine.rotate(now, rotation);
            state.unlearn();
            // The gates start again; what is set aside is still so for whom it was.
            if state.machine.set_aside(now).is_none() {
                state.sites.forget();
            }
            state.wake_all(now);
            (before, state.report(now, EventKind::Rotated { rotation }))
        });
        // What they hold is the user's.
        contained(|| drop(before));
        drop(report);
    }

    /// What is read for its requests lives elsewhere from now on.
    pub(crate) fn read_from(&self, sources: Sources) {
        let before = self.enter(|state, _| std::mem::replace(&mut state.sources, sources));
        // What they hold is the user's.
        contained(|| drop(before));
    }

    /// The client's secret, or its assertion, is elsewhere from now on: the next request reads it there. Nothing is requested because of it.
    pub fn read_secret_from(&self, source: impl SecretSource) {
        let before = self.enter(|state, _| {
            let sources = state.sources.clone().with_credential(source);
            std::mem::replace(&mut state.sources, sources)
        });
        // What they hold is the user's.
        contained(|| drop(before));
    }

    /// The held token, as it may be kept across a restart.
    pub fn export(&self) -> Option<Stored> {
        self.enter(|state, now| state.machine.export(now))
    }

    /// A token kept from before a restart. Returns whether it was taken. One that is bound to a client certificate is taken with that certificate
    /// alone: the identity is read for it.
    ///
    /// # Blocking
    /// Not at all, but for a token that is bound to a certificate: until that is read, for 1 s at most.
    pub fn restore(&self, stored: Stored) -> bool {
        let identity = match stored.binding() {
            Binding::Certificate(_) => self.identity_at_hand(),
            _ => None,
        };
        let at_hand =
            identity.as_ref().map_or(Binding::None, |identity| Binding::Certificate(identity.thumbprint()));
        let value = Arc::new((self.render)(stored.token()));
        let (taken, report) = self.enter(|state, now| {
            let taken = state.machine.restore_bound(now, stored, at_hand);
            if taken {
                state.identity = identity.or(state.identity.take());
                state.installed(now, value);
                state.wake_all(now);
            } else {
                state.outside.drop_value(value);
            }
            (taken, state.report(now, EventKind::Restored { taken }))
        });
        drop(report);
        taken
    }

    /// What the identity is at this moment, if it can be read soon.
    fn identity_at_hand(&self) -> Option<CertifiedKey> {
        let identity = self.lock().sources.identity().cloned()?;
        let limit = RESTORING.min(self.policy().attempt_timeout());
        read_within(limit, move || identity.read(limit).ok()).flatten()
    }

    /// A call was sent once more.
    pub fn replayed(&self, reason: ReplayReason) {
        self.audience.tell(&EventKind::Replayed { reason });
    }

    /// Tells whoever listens to this source.
    pub(crate) fn tell(&self, kind: &EventKind) {
        self.audience.tell(kind);
    }

    /// Who waits until its store was told everything, and until when at most: a flight may wait for as long as the claim of another one may
    /// hold before it claims itself. `None` without a store.
    pub(crate) fn untold(&self) -> Option<(Waiting, Mono)> {
        let shares = self.store.as_ref()?;
        let lease = Instance::new(shares.claimant, self.policy()).lease();
        Some((shares.untold.wait(), self.after(lease.saturating_mul(2).saturating_add(store::REPORT))))
    }

    /// What people call this source: what [`Settings::name`] says, or the host of the token endpoint.
    pub fn name(&self) -> &str {
        self.audience.source()
    }

    /// What is held, what happened, and what comes next.
    pub fn status(&self) -> Status {
        self.enter(|state, now| Status::of(&state.machine, &state.journal, &state.sites, now))
    }

    /// The certificate that the connection showed which brought the last token, or that a restored one is bound to; `None` if it showed none.
    /// What belongs to one token is in its [snapshot](Snapshot::identity).
    pub fn identity(&self) -> Option<CertifiedKey> {
        self.lock().identity.clone()
    }

    /// The client that requests are made with at this moment; `None` for a fixed token.
    pub fn client(&self) -> Option<Arc<Client>> {
        self.lock().client.clone()
    }

    /// How the provider's resource servers say that a token is refused; RFC 6750's way for a fixed token.
    pub fn verdict_rule(&self) -> VerdictRule {
        self.client().map_or(VerdictRule::Rfc6750, |client| client.provider().verdict().clone())
    }

    /// The figures the machine decides by.
    pub fn policy(&self) -> Policy {
        self.lock().machine.policy().clone()
    }
}

/// How long a restart waits for the identity that a stored token is bound to: a file is read in far less than a millisecond.
const RESTORING: Duration = Duration::from_secs(1);

/// What is read on a thread of its own, unless it takes longer: a mount that hangs would never come back.
fn read_within<T: Send + 'static>(limit: Duration, read: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let read = move || {
        // Nobody may wait for it any more.
        let _late = sender.send(read());
    };
    std::thread::Builder::new().name("evergrant-identity".into()).spawn(read).ok()?;
    receiver.recv_timeout(limit).ok()
}

/// Test servers have such secrets, so it works; of a server that counts, somebody should know.
fn warn_of_a_short_secret(audience: &Audience, auth: &ClientAuth) {
    if auth.has_short_secret() {
        audience.tell(&EventKind::ShortSecret { client_id: auth.client_id().to_owned() });
    }
}

#[cfg(test)]
mod tests;
