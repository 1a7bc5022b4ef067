//! The machine under its mutex, the wakers under the same mutex, and the published snapshot.
//!
//! Every input goes through [`Shared::enter`], which keeps four promises for all of them:
//!
//! 1. Check-and-register is one step under one lock, so a lost wake-up is impossible by construction.
//! 2. Whatever changed is published before the lock is free: what lapsed in the machine is in no snapshot.
//! 3. Nothing foreign is called, cloned or dropped under the lock: the clocks are read before it, a value is rendered before it,
//!    wakers are woken and dropped after it. A waker whose Drop asks for the status does not deadlock.
//! 4. Waking comes first, reporting second, and a panic in either strands nobody.

mod flight;
mod keeper;
mod outside;
mod waiter;

pub(crate) use flight::FlightGuard;
pub(crate) use keeper::Keep;
pub(crate) use waiter::Next;

use crate::clock::Clocks;
use crate::contained::contained;
use crate::published::Published;
use crate::settings::Settings;
use crate::sites::Sites;
use crate::status::{Journal, Status};
use crate::sync::{Mutex, MutexGuard};
use crate::token::Token;
use evergrant_core::{
    AccessToken, Client, ClientAuth, Generation, Machine, Mono, Now, Origin, Policy, Rejection, Rotation,
    Stored, VerdictRule,
};
use outside::Outside;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::Duration;
use waiter::Waiting;

/// What all clones of a source share. `V` is the rendered `Authorization` value, in the type of the HTTP library.
pub struct Shared<V> {
    state: Mutex<State<V>>,
    /// What every caller may use without the lock.
    snapshot: Published<Snapshot<V>>,
    clock: Clocks,
    render: fn(&AccessToken) -> V,
    patience: Duration,
    fail_fast: bool,
}

struct State<V> {
    machine: Machine,
    /// `None` for a fixed token, which nobody asks for.
    client: Option<Arc<Client>>,
    /// The last reading of the monotonic clock that the machine got: the next one is not earlier.
    last: Mono,
    sites: Sites,
    /// One entry for each call that holds a place.
    waiting: BTreeMap<u64, Waiting>,
    keepers: BTreeMap<u64, Option<Waker>>,
    last_key: u64,
    /// The last key that there was when a token was found for everyone who waited.
    served: u64,
    /// The rendered value of the token that is held or set aside.
    rendered: Option<(Generation, Arc<V>)>,
    /// What the published snapshot was made of.
    published: Option<(Generation, [Now; 2], u64)>,
    journal: Journal,
    /// What is woken and dropped once the lock is free.
    outside: Outside<V>,
}

/// A token with its rendered value, and until when it is handed out without asking the machine.
pub struct Snapshot<V> {
    token: Token,
    value: Arc<V>,
    /// Who waited under this key or one before it holds no place any more.
    served: u64,
    /// On the coarse clocks.
    quiet_until: Now,
    /// On the coarse clocks.
    use_until: Now,
}

impl<V> Snapshot<V> {
    /// The token.
    pub const fn token(&self) -> &Token {
        &self.token
    }

    /// Its rendered `Authorization` value.
    pub fn value(&self) -> &V {
        &self.value
    }
}

/// Without the rendered value, whatever its type would show of it.
impl<V> fmt::Debug for Snapshot<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("token", &self.token).finish_non_exhaustive()
    }
}

/// The status, and no rendered value.
impl<V> fmt::Debug for Shared<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("status", &self.status()).finish_non_exhaustive()
    }
}

// Making one.
impl<V> Shared<V> {
    /// A source that holds nothing. `seed` is what its machine's jitter is drawn from: [`random_seed`].
    pub fn new(settings: Settings, seed: u64, render: fn(&AccessToken) -> V) -> Arc<Self> {
        let Settings { client, policy, clock, patience, fail_fast } = settings;
        let policy = match patience {
            Some(patience) => policy.with_patience(patience),
            None => policy,
        };
        let patience = policy.patience();
        warn_of_a_short_secret(client.auth());
        let state = State::new(Machine::new(policy, seed), Some(Arc::new(client)));
        let snapshot = Published::new(None);
        Arc::new(Self { state: Mutex::new(state), snapshot, clock, render, patience, fail_fast })
    }

    /// A source that holds this token for ever and never asks.
    pub fn fixed(token: AccessToken, render: fn(&AccessToken) -> V) -> Arc<Self> {
        let policy = Policy::new();
        let (value, never) = (Arc::new(render(&token)), Now::new(Mono::MAX, evergrant_core::Wall::MAX));
        let mut state = State::new(Machine::fixed(token.clone()), None);
        let token = evergrant_core::Token::fixed(token);
        let generation = token.generation();
        state.rendered = Some((generation, Arc::clone(&value)));
        state.published = Some((generation, [never, never], 0));
        let snapshot =
            Snapshot { token: token.into(), value, served: 0, quiet_until: never, use_until: never };
        Arc::new(Self {
            state: Mutex::new(state),
            snapshot: Published::new(Some(Arc::new(snapshot))),
            clock: Clocks::System,
            render,
            patience: policy.patience(),
            fail_fast: false,
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

    /// The token that was found for everyone who waited under this key, as long as the machine need not be asked: without
    /// a lock, or they would all stand in line for it.
    fn served(&self, key: u64) -> Option<Arc<Snapshot<V>>> {
        let is_served = |snapshot: &&Arc<Snapshot<V>>| snapshot.served >= key && self.is_quiet(snapshot);
        self.snapshot.look(|snapshot| snapshot.filter(is_served).map(Arc::clone))
    }

    /// The token that every caller may use, with its value, unless it has expired: never waits and never sends.
    pub(crate) fn usable(&self) -> Option<Arc<Snapshot<V>>> {
        let snapshot = self.snapshot.load()?;
        (!self.clock.coarse_has_reached(snapshot.use_until)).then_some(snapshot)
    }

    #[inline]
    fn is_quiet(&self, snapshot: &Snapshot<V>) -> bool {
        !self.clock.coarse_has_reached(snapshot.quiet_until)
    }

    /// How long a caller waits unless it says otherwise.
    pub const fn patience(&self) -> Duration {
        self.patience
    }

    /// The time from now until then.
    pub(crate) fn until(&self, then: Mono) -> Duration {
        let now = self.clock.now();
        then.since(self.lock().read(now).mono)
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
        let verdict = self.enter(|state, now| {
            let site = state.sites.refusing(origin);
            let verdict = state.machine.reject(now, generation, site);
            if state.machine.set_aside(now).is_some_and(|aside| aside.token().generation() == generation) {
                state.sites.keep(origin);
            }
            state.wake_all(now);
            verdict
        });
        let generation = generation.number();
        contained(|| {
            tracing::info!(target: "evergrant", generation, %origin, ?verdict, "a resource server refused the token");
        });
        verdict
    }

    /// The client's credentials changed. A fixed token stays.
    pub fn rotate(&self, auth: ClientAuth, rotation: Rotation) {
        warn_of_a_short_secret(&auth);
        self.enter(|state, now| {
            if let Some(client) = &mut state.client {
                *client = Arc::new(client.with_auth(auth));
            }
            state.machine.rotate(now, rotation);
            // The gates start again; what is set aside is still so for whom it was.
            if state.machine.set_aside(now).is_none() {
                state.sites.forget();
            }
            state.wake_all(now);
        });
        contained(|| {
            tracing::info!(target: "evergrant", ?rotation, "the client's credentials were replaced");
        });
    }

    /// The held token, as it may be kept across a restart.
    pub fn export(&self) -> Option<Stored> {
        self.enter(|state, now| state.machine.export(now))
    }

    /// A token kept from before a restart. Returns whether it was taken.
    pub fn restore(&self, stored: Stored) -> bool {
        let value = Arc::new((self.render)(&stored.token()));
        let taken = self.enter(|state, now| {
            let taken = state.machine.restore(now, stored);
            if taken {
                state.installed(now, value, None);
                state.wake_all(now);
            } else {
                state.outside.drop_value(value);
            }
            taken
        });
        contained(|| tracing::info!(target: "evergrant", taken, "restoring a stored token"));
        taken
    }

    /// What is held, what happened, and what comes next.
    pub fn status(&self) -> Status {
        self.enter(|state, now| Status::of(&state.machine, &state.journal, &state.sites, now))
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

// The lock.
impl<V> Shared<V> {
    /// One input of the machine, with one reading of both clocks. See the top of the file for what it promises.
    fn enter<R>(&self, input: impl FnOnce(&mut State<V>, Now) -> R) -> R {
        // The coarse clock first: what is published may then end a moment too early, never too late.
        let (coarse, now) = (self.clock.coarse(), self.clock.now());
        let (result, outside) = {
            let mut state = self.lock();
            let now = state.read(now);
            state.machine.lapse(now);
            let result = input(&mut state, now);
            self.publish(&mut state, now, coarse);
            (result, std::mem::take(&mut state.outside))
        };
        outside.release();
        result
    }

    fn lock(&self) -> MutexGuard<'_, State<V>> {
        // Nothing under this lock can panic half way through a transition; a poisoned lock is entered all the same,
        // since a Drop that unwraps it would abort the process.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes what every caller may use without asking, unless that is published already.
    fn publish(&self, state: &mut State<V>, now: Now, coarse: Now) {
        let State { machine, rendered, published, outside, .. } = state;
        let aside = machine.set_aside(now).map(|aside| aside.token().generation());
        let kept = machine.held(now).map(evergrant_core::Token::generation).or(aside);
        if let Some((_, value)) = rendered.take_if(|(generation, _)| Some(*generation) != kept) {
            outside.drop_value(value);
        }
        let quiet = machine.quiet_until(now).zip(rendered.as_ref());
        let made_of =
            quiet.map(|((token, until), _)| (token.generation(), [until, token.use_until()], state.served));
        if made_of == *published {
            return;
        }
        *published = made_of;
        let on_coarse = |end: Now| Now::new(coarse.mono.after(end.mono.since(now.mono)), end.wall);
        let snapshot = quiet.map(|((token, until), (_, value))| {
            Arc::new(Snapshot {
                token: token.clone().into(),
                value: Arc::clone(value),
                served: state.served,
                quiet_until: on_coarse(until),
                use_until: on_coarse(token.use_until()),
            })
        });
        outside.drop_snapshot(self.snapshot.swap(snapshot));
    }
}

impl<V> State<V> {
    fn new(machine: Machine, client: Option<Arc<Client>>) -> Self {
        Self {
            machine,
            client,
            last: Mono::ZERO,
            sites: Sites::default(),
            waiting: BTreeMap::new(),
            keepers: BTreeMap::new(),
            last_key: 0,
            served: 0,
            rendered: None,
            published: None,
            journal: Journal::default(),
            outside: Outside::default(),
        }
    }

    /// The reading as the machine takes it: `mono` never goes back, whatever the clock does, and whichever of two readings from
    /// before the lock gets it first.
    fn read(&mut self, now: Now) -> Now {
        self.last = self.last.max(now.mono);
        Now::new(self.last, now.wall)
    }

    fn key(&mut self) -> u64 {
        self.last_key += 1;
        self.last_key
    }

    /// A token was installed, and this is what it was rendered to.
    fn installed(&mut self, now: Now, value: Arc<V>, narrowed: Option<evergrant_core::Scope>) {
        self.journal.installed(narrowed);
        let Some(token) = self.machine.held(now) else { return self.outside.drop_value(value) };
        if let Some((_, before)) = self.rendered.replace((token.generation(), value)) {
            self.outside.drop_value(before);
        }
    }

    /// Everyone who waits is woken. Where a token is held, all who wait have what they waited for, and their places are free.
    /// Where one is set aside, nobody is marked as served: whom it may serve, the machine alone knows.
    fn wake_all(&mut self, now: Now) {
        let Self { machine, waiting, keepers, outside, .. } = self;
        outside.wake(keepers.values_mut().filter_map(Option::take));
        if machine.held(now).is_some() {
            outside.wake(std::mem::take(waiting).into_values().filter_map(|mut waiting| {
                machine.leave(&mut waiting.call);
                waiting.waker
            }));
            self.served = self.last_key;
        } else {
            outside.wake(waiting.values_mut().filter_map(|waiting| waiting.waker.take()));
        }
    }
}

impl<V> Drop for Shared<V> {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        // The last source is gone: those that kept it fresh may end.
        let mut outside = std::mem::take(&mut state.outside);
        outside.drop_snapshot(self.snapshot.swap(None));
        if let Some((_, value)) = state.rendered.take() {
            outside.drop_value(value);
        }
        outside.wake(std::mem::take(&mut state.keepers).into_values().flatten());
        outside.release();
        let clock = std::mem::replace(&mut self.clock, Clocks::System);
        contained(|| drop(clock));
    }
}

/// Test servers have such secrets, so it works; of a server that counts, somebody should know.
fn warn_of_a_short_secret(auth: &ClientAuth) {
    if auth.has_short_secret() {
        let client_id = auth.client_id();
        contained(|| {
            tracing::warn!(
                target: "evergrant",
                client_id,
                "the client secret has fewer than 8 bytes and is easily guessed: have the authorization server issue a longer one"
            );
        });
    }
}

/// A seed for a machine's jitter that differs from process to process, and from source to source.
pub fn random_seed() -> u64 {
    // The standard library seeds its hash maps from the system's entropy.
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests;
