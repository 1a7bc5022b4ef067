//! The machine under its mutex, the wakers under the same mutex, and the published snapshot.
//!
//! Check-and-register is one step under one lock, so a lost wake-up is impossible by construction. Wakers are called
//! after unlocking, and everyone polls again: where there is a token, it is found in the snapshot, and nobody takes the
//! lock a second time.

mod flight;
mod keeper;
mod waiter;

pub(crate) use flight::FlightGuard;
pub(crate) use keeper::Keep;
pub(crate) use waiter::Next;

use crate::clock::Clock;
use crate::published::Published;
use crate::status::{Journal, Status};
use crate::sync::{Mutex, MutexGuard};
use evergrant_core::{
    AccessToken, Client, ClientAuth, Generation, Machine, Mono, Now, Policy, Rejection, Rotation, Site,
    Stored, Token,
};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::Duration;
use waiter::Waiting;

/// What all clones of a source share. `V` is the rendered `Authorization` value, in the type of the HTTP library.
#[derive(Debug)]
pub struct Shared<V> {
    state: Mutex<State>,
    /// What may be used without the lock.
    snapshot: Published<Snapshot<V>>,
    clock: Arc<dyn Clock>,
    render: fn(&AccessToken) -> V,
}

#[derive(Debug)]
struct State {
    machine: Machine,
    client: Arc<Client>,
    /// The last reading the machine got: the next one is not earlier.
    last: Mono,
    /// One entry for each call that holds a place.
    waiting: BTreeMap<u64, Waiting>,
    keepers: BTreeMap<u64, Option<Waker>>,
    last_key: u64,
    /// The last key that there was when a token was found for everyone who waited.
    served: u64,
    journal: Journal,
}

/// A token with its rendered value, and until when it is handed out without asking the machine.
#[derive(Debug)]
pub struct Snapshot<V> {
    token: Token,
    value: V,
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
    pub const fn value(&self) -> &V {
        &self.value
    }
}

impl<V: Clone> Shared<V> {
    /// A source that holds nothing.
    pub fn new(
        client: Client,
        policy: Policy,
        seed: u64,
        clock: Arc<dyn Clock>,
        render: fn(&AccessToken) -> V,
    ) -> Arc<Self> {
        let state = State {
            machine: Machine::new(policy, seed),
            client: Arc::new(client),
            last: Mono::ZERO,
            waiting: BTreeMap::new(),
            keepers: BTreeMap::new(),
            last_key: 0,
            served: 0,
            journal: Journal::default(),
        };
        Arc::new(Self { state: Mutex::new(state), snapshot: Published::nothing(), clock, render })
    }

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
    pub fn lend_quiet<R, F: FnOnce(&Snapshot<V>) -> R>(&self, borrower: F) -> Result<R, F> {
        self.snapshot.look(|snapshot| match snapshot.filter(|snapshot| self.is_quiet(snapshot)) {
            Some(snapshot) => Ok(borrower(snapshot)),
            None => Err(borrower),
        })
    }

    /// The token, if one may be used: without a lock. Never waits and never sends.
    pub fn usable(&self) -> Option<Token> {
        let is_usable = |snapshot: &&Arc<Snapshot<V>>| !self.clock.coarse().has_reached(snapshot.use_until);
        self.snapshot.look(|snapshot| snapshot.filter(is_usable).map(|snapshot| snapshot.token.clone()))
    }

    /// The token that was found for everyone who waited under this key, as long as the machine need not be asked: without
    /// a lock, or they would all stand in line for it.
    fn served(&self, key: u64) -> Option<Arc<Snapshot<V>>> {
        let is_served = |snapshot: &&Arc<Snapshot<V>>| snapshot.served >= key && self.is_quiet(snapshot);
        self.snapshot.look(|snapshot| snapshot.filter(is_served).map(Arc::clone))
    }

    fn is_quiet(&self, snapshot: &Snapshot<V>) -> bool {
        !self.clock.coarse().has_reached(snapshot.quiet_until)
    }

    /// A resource server refused this token.
    pub fn reject(&self, generation: Generation, site: Site) -> Rejection {
        let (verdict, wakers) = {
            let mut state = self.lock();
            let now = state.now(&*self.clock);
            let verdict = state.machine.reject(now, generation, site);
            (verdict, self.changed(&mut state, now))
        };
        let (generation, site) = (generation.number(), site.0);
        tracing::info!(target: "evergrant", generation, site, ?verdict, "a resource server refused the token");
        wake(wakers);
        verdict
    }

    /// The client's credentials changed.
    pub fn rotate(&self, auth: ClientAuth, rotation: Rotation) {
        let wakers = {
            let mut state = self.lock();
            let now = state.now(&*self.clock);
            state.client = Arc::new(state.client.with_auth(auth));
            state.machine.rotate(now, rotation);
            self.changed(&mut state, now)
        };
        tracing::info!(target: "evergrant", ?rotation, "the client's credentials were rotated");
        wake(wakers);
    }

    /// The held token, as it may be kept across a restart.
    pub fn export(&self) -> Option<Stored> {
        let mut state = self.lock();
        let now = state.now(&*self.clock);
        state.machine.export(now)
    }

    /// A token kept from before a restart. Returns whether it was taken.
    pub fn restore(&self, stored: Stored) -> bool {
        let (taken, wakers) = {
            let mut state = self.lock();
            let now = state.now(&*self.clock);
            let taken = state.machine.restore(now, stored);
            if taken {
                state.journal.installed(None);
            }
            (taken, self.changed(&mut state, now))
        };
        tracing::info!(target: "evergrant", taken, "a stored token was offered");
        wake(wakers);
        taken
    }

    /// What is held, what happened, and what comes next.
    pub fn status(&self) -> Status {
        let mut state = self.lock();
        let now = state.now(&*self.clock);
        Status::of(&state.machine, &state.journal, now)
    }

    /// The client that requests are made with at this moment.
    pub fn client(&self) -> Arc<Client> {
        Arc::clone(&self.lock().client)
    }

    /// The figures the machine decides by.
    pub fn policy(&self) -> Policy {
        self.lock().machine.policy().clone()
    }

    /// The time from now until then.
    pub fn until(&self, then: Mono) -> Duration {
        let mut state = self.lock();
        then.since(state.now(&*self.clock).mono)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half way through a transition; a poisoned lock is entered all the same,
        // since a Drop that unwraps it would abort the process.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After an input that may have changed the machine: publishes what it holds, and takes the wakers of everyone. Where
    /// it holds a token, all who wait have what they waited for, and their places are free.
    fn changed(&self, state: &mut State, now: Now) -> Vec<Waker> {
        let State { machine, waiting, keepers, .. } = state;
        let mut wakers: Vec<Waker> = keepers.values_mut().filter_map(Option::take).collect();
        if machine.held(now).is_some() {
            let waiting = std::mem::take(waiting).into_values();
            wakers.extend(waiting.filter_map(|mut waiting| {
                machine.leave(&mut waiting.call);
                waiting.waker
            }));
            state.served = state.last_key;
        } else {
            wakers.extend(waiting.values_mut().filter_map(|waiting| waiting.waker.take()));
        }
        self.publish(state, now);
        wakers
    }

    fn publish(&self, state: &State, now: Now) {
        let Some((token, quiet_until)) = state.machine.quiet_until(now) else {
            self.snapshot.store(None);
            return;
        };
        let coarse = self.clock.coarse();
        let on_coarse = |end: Now| Now::new(coarse.mono.after(end.mono.since(now.mono)), end.wall);
        let before = self.snapshot.load();
        let value = match &before {
            Some(before) if before.token.generation() == token.generation() => before.value.clone(),
            _ => (self.render)(token.value()),
        };
        let use_until = on_coarse(token.use_until());
        let quiet_until = on_coarse(quiet_until);
        let (token, served) = (token.clone(), state.served);
        self.snapshot.store(Some(Arc::new(Snapshot { token, value, served, quiet_until, use_until })));
    }
}

impl<V> Drop for Shared<V> {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        // The last source is gone: those that kept it fresh may end.
        wake(std::mem::take(&mut state.keepers).into_values().flatten().collect());
    }
}

impl State {
    /// One reading of both clocks, under the lock, so that no two inputs of the machine can be out of order.
    fn now(&mut self, clock: &dyn Clock) -> Now {
        let mut now = clock.now();
        now.mono = now.mono.max(self.last);
        self.last = now.mono;
        now
    }

    fn key(&mut self) -> u64 {
        self.last_key += 1;
        self.last_key
    }
}

/// A seed for a machine's jitter that differs from process to process, and from source to source.
pub fn random_seed() -> u64 {
    // The standard library seeds its hash maps from the system's entropy.
    RandomState::new().build_hasher().finish()
}

fn wake(wakers: Vec<Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}

#[cfg(test)]
mod tests;
