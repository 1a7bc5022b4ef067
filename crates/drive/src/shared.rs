//! The machine under its mutex, the wakers under the same mutex, and the published snapshot.
//!
//! Check-and-register is one step under one lock, so a lost wake-up is impossible by construction. Wakers are called
//! after unlocking, and everyone polls again: where there is a token, it is found in the snapshot, and nobody takes the
//! lock a second time.

use crate::clock::Clock;
use crate::published::Published;
use crate::status::{Journal, Status};
use crate::sync::{Mutex, MutexGuard};
use evergrant_core::{
    AccessToken, Call, Client, ClientAuth, Error, Flight, Generation, Landing, Machine, Mono, Now, Outcome,
    Policy, Rejection, Rotation, Site, Step, Stored, Token,
};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

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

/// A call that holds a place; the waker is taken out when it is called.
#[derive(Debug)]
struct Waiting {
    call: Call,
    waker: Option<Waker>,
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

/// What a caller does next.
#[derive(Debug)]
pub(crate) enum Next<V: Clone> {
    Use(Arc<Snapshot<V>>),
    Send(FlightGuard<V>),
    /// At most that long, or until woken.
    Wait(Duration),
    Fail(Error),
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

    /// A caller with this much patience.
    pub(crate) fn waiter(self: &Arc<Self>, patience: Duration, fail_fast: bool) -> Waiter<V> {
        let deadline = self.lock().now(&*self.clock).mono.after(patience);
        Waiter { shared: Arc::clone(self), deadline, fail_fast, key: None }
    }

    /// The user's own job that keeps the token fresh.
    pub(crate) fn keeper(self: &Arc<Self>) -> Keeper<V> {
        Keeper { shared: Arc::downgrade(self), key: None }
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

    /// A request leaves: with the credentials of this moment, under the same lock.
    fn launch(self: &Arc<Self>, state: &mut State, now: Now, flight: Flight) -> FlightGuard<V> {
        self.publish(state, now);
        state.journal.sent(flight.reason(), now.mono);
        let limit = state.machine.policy().attempt_timeout();
        FlightGuard {
            shared: Arc::clone(self),
            client: Arc::clone(&state.client),
            flight: Some(flight),
            limit,
        }
    }

    fn land(&self, flight: Flight, outcome: Outcome) {
        let id = flight.id();
        let narrowed = match &outcome {
            Outcome::Granted(grant) => grant.narrowed_scope().cloned(),
            Outcome::Refused(_) | Outcome::NotSent(_) => None,
        };
        let (landing, rest, wakers) = {
            let mut state = self.lock();
            let now = state.now(&*self.clock);
            let landing = state.machine.complete(now, flight, outcome);
            state.journal.landed(&landing, now.mono);
            if matches!(landing, Landing::Installed { .. }) {
                state.journal.installed(narrowed.clone());
            }
            let rest = state.machine.next_wake(now).since(now.mono);
            (landing, rest, self.changed(&mut state, now))
        };
        tell(id, &landing, rest);
        if let Some(missing) = narrowed {
            tracing::warn!(target: "evergrant", flight = id, %missing, "less scope was granted than was asked for");
        }
        wake(wakers);
    }

    fn abandon(&self, flight: Flight) {
        let id = flight.id();
        let wakers = {
            let mut state = self.lock();
            let now = state.now(&*self.clock);
            state.machine.abandon(now, flight);
            state.journal.abandoned(now.mono);
            self.changed(&mut state, now)
        };
        tracing::warn!(target: "evergrant", flight = id, "the token request was given up before its answer came");
        wake(wakers);
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

fn tell(flight: u64, landing: &Landing, rest: Duration) {
    match landing {
        Landing::Installed { generation, life, hint } => {
            let (generation, life_s) = (generation.number(), life.as_secs());
            tracing::info!(target: "evergrant", flight, generation, life_s, ?hint, "a token was installed");
        }
        Landing::Resting { cause, .. } => {
            let rest_ms = u64::try_from(rest.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(target: "evergrant", flight, rest_ms, %cause, "the token request failed");
        }
        Landing::NoProgress { count } => {
            tracing::info!(target: "evergrant", flight, count, "the server handed out a token that ends no later");
        }
        Landing::Superseded => {
            tracing::debug!(target: "evergrant", flight, "the answer came too late to matter");
        }
    }
}

/// One caller's stay. Dropping it, at any moment, frees its place.
#[derive(Debug)]
pub(crate) struct Waiter<V: Clone> {
    shared: Arc<Shared<V>>,
    deadline: Mono,
    fail_fast: bool,
    /// Of its entry among the waiting, unless it was served with everyone meanwhile.
    key: Option<u64>,
}

impl<V: Clone> Waiter<V> {
    /// Asks the machine and, if it must wait, registers the waker: one step under one lock.
    pub(crate) fn poll(&mut self, waker: &Waker) -> Next<V> {
        let shared = &self.shared;
        let key = self.key.take();
        if let Some(snapshot) = key.and_then(|key| shared.served(key)) {
            return Next::Use(snapshot);
        }
        let mut state = shared.lock();
        let now = state.now(&*shared.clock);
        // An entry that is gone was served, with a token that is good for nothing any more: it waits anew.
        let waiting = key.and_then(|key| Some((key, state.waiting.remove(&key)?)));
        let (key, mut waiting) = waiting.unwrap_or_else(|| {
            let call = Call::new(self.deadline).fail_fast(self.fail_fast);
            (state.key(), Waiting { call, waker: None })
        });
        let step = state.machine.poll(now, &mut waiting.call);
        if waiting.call.holds_place() {
            if waiting.waker.as_ref().is_none_or(|known| !known.will_wake(waker)) {
                waiting.waker = Some(waker.clone());
            }
            state.waiting.insert(key, waiting);
            self.key = Some(key);
            let depth = state.waiting.len();
            state.journal.waiting(depth);
        }
        match step {
            Step::Use(token) => Next::Use(shared.current(&state, now, token)),
            Step::Send(flight) => {
                let guard = shared.launch(&mut state, now, flight);
                drop(state);
                guard.announce();
                Next::Send(guard)
            }
            Step::Wait(until) => Next::Wait(until.since(now.mono)),
            Step::Fail(error) => Next::Fail(error),
        }
    }
}

impl<V: Clone> Shared<V> {
    /// The snapshot of the token the machine handed out: the published one, made anew only if it is another's.
    fn current(&self, state: &State, now: Now, token: Token) -> Arc<Snapshot<V>> {
        if let Some(snapshot) = self.snapshot.load()
            && snapshot.token.generation() == token.generation()
        {
            return snapshot;
        }
        self.publish(state, now);
        let end = Now::default();
        self.snapshot.load().unwrap_or_else(|| {
            let value = (self.render)(token.value());
            Arc::new(Snapshot { token, value, served: 0, quiet_until: end, use_until: end })
        })
    }
}

impl<V: Clone> Drop for Waiter<V> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let mut state = self.shared.lock();
            if let Some(mut waiting) = state.waiting.remove(&key) {
                state.machine.leave(&mut waiting.call);
            }
        }
    }
}

/// The one request that is in the air. Lands its outcome or, dropped for ANY reason (a panic in the transport, a
/// runtime that is shut down), abandons the flight; either way everyone is woken.
#[derive(Debug)]
pub(crate) struct FlightGuard<V: Clone> {
    shared: Arc<Shared<V>>,
    client: Arc<Client>,
    /// Taken when it landed.
    flight: Option<Flight>,
    limit: Duration,
}

impl<V: Clone> FlightGuard<V> {
    /// The client it was launched with.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// When it was sent.
    pub(crate) fn sent_at(&self) -> Now {
        self.flight.as_ref().map(Flight::sent_at).unwrap_or_default()
    }

    /// How long the transport may take.
    pub(crate) const fn limit(&self) -> Duration {
        self.limit
    }

    /// How long the transport may still take.
    pub(crate) fn time_left(&self) -> Duration {
        self.shared.until(self.sent_at().mono.after(self.limit))
    }

    /// What became of it.
    pub(crate) fn land(mut self, outcome: Outcome) {
        if let Some(flight) = self.flight.take() {
            self.shared.land(flight, outcome);
        }
    }

    /// Says why it is sent.
    fn announce(&self) {
        if let Some(flight) = &self.flight {
            let (flight, reason) = (flight.id(), flight.reason().as_str());
            let endpoint = self.client.provider().token_endpoint();
            tracing::info!(target: "evergrant", flight, reason, %endpoint, "a token is asked for");
        }
    }
}

impl<V: Clone> Drop for FlightGuard<V> {
    fn drop(&mut self) {
        if let Some(flight) = self.flight.take() {
            self.shared.abandon(flight);
        }
    }
}

/// One job that keeps the token fresh, even when nobody asks. It holds no share in the source.
#[derive(Debug)]
pub(crate) struct Keeper<V: Clone> {
    shared: Weak<Shared<V>>,
    key: Option<u64>,
}

/// What a keeper does next.
#[derive(Debug)]
pub(crate) enum Keep<V: Clone> {
    Send(FlightGuard<V>),
    /// At most that long, or until woken.
    Wait(Duration),
    /// The last source is gone.
    Over,
}

impl<V: Clone> Keeper<V> {
    pub(crate) fn poll(&mut self, waker: &Waker) -> Keep<V> {
        let Some(shared) = self.shared.upgrade() else { return Keep::Over };
        let mut state = shared.lock();
        let now = state.now(&*shared.clock);
        let key = *self.key.get_or_insert_with(|| state.key());
        state.keepers.insert(key, Some(waker.clone()));
        let wake = state.machine.next_wake(now);
        if wake > now.mono {
            return Keep::Wait(wake.since(now.mono));
        }
        // A call without patience: it sends what is due, and never takes a place.
        match state.machine.poll(now, &mut Call::new(now.mono)) {
            Step::Send(flight) => {
                let guard = shared.launch(&mut state, now, flight);
                drop(state);
                guard.announce();
                Keep::Send(guard)
            }
            _ => Keep::Wait(Duration::ZERO),
        }
    }
}

impl<V: Clone> Drop for Keeper<V> {
    fn drop(&mut self) {
        if let (Some(shared), Some(key)) = (self.shared.upgrade(), self.key.take()) {
            shared.lock().keepers.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests;
