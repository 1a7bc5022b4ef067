//! One caller: it asks, waits, and leaves.

use super::flight::FlightGuard;
use super::pass::Pass;
use super::snapshot::Snapshot;
use super::state::{Shared, State, Waiting};
use crate::commons::UNCLAIMED;
use crate::contained::contained;
use crate::identity::CertifiedKey;
use crate::observer::{EventKind, Report, WaitResult};
use evergrant_core::{Call, Error, Mono, Now, Origin, Step};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// How often in a row somebody sends without a wait between: twice where a suspend outlasted a flight. Eight times it is a clock
/// that leaps with every reading, and it would go on for ever.
pub(super) const SENDS_IN_A_ROW: u8 = 8;

/// What a caller does next.
#[derive(Debug)]
pub(crate) enum Next<V> {
    Use(Arc<Snapshot<V>>),
    /// Launch it, then drop the report that it left.
    Send(FlightGuard<V>, Report),
    /// At most that long, or until woken.
    Wait(Duration),
    Fail(Error),
}

/// One caller's stay. Dropping it, at any moment, frees its place.
#[derive(Debug)]
pub(crate) struct Waiter<'a, V> {
    shared: &'a Arc<Shared<V>>,
    patience: Duration,
    /// Set when it asks for the first time, by the reading that the machine gets.
    deadline: Option<Mono>,
    /// Whom the token is for, if the caller says so.
    origin: Option<&'a Origin>,
    /// Of its entry among the waiting, unless it was served with everyone meanwhile.
    key: Option<u64>,
    /// How often in a row it sent, without a wait between.
    sends: u8,
    /// When it got its place, if it ever had to wait.
    since: Option<Mono>,
    /// Whether somebody wants to know what became of it.
    is_reported: bool,
}

/// What the machine answered, with what else had to be taken under the lock.
enum Asked<V> {
    Use(evergrant_core::Token, Option<Arc<V>>, Option<CertifiedKey>),
    Next(Next<V>),
}

impl<V: Send + Sync + 'static> Waiter<'_, V> {
    /// No caller waits for it: its outcome is not reported to observers.
    pub(crate) fn unreported(self) -> Self {
        Self { is_reported: false, ..self }
    }

    /// Asks the machine and, if it must wait, registers the waker: one step under one lock.
    pub(crate) fn poll(&mut self, waker: &Waker) -> Next<V> {
        let next = self.step(waker);
        if self.is_reported {
            match &next {
                Next::Use(_) if self.since.is_some() => self.report(WaitResult::Served),
                Next::Fail(error) => self.report(error.into()),
                Next::Use(_) | Next::Send(..) | Next::Wait(_) => {}
            }
        }
        next
    }

    fn report(&self, result: WaitResult) {
        let waited = self.since.map_or(Duration::ZERO, |since| self.shared.clock.now().mono.since(since));
        self.shared.audience.tell(&EventKind::Waited { waited, result });
    }

    fn step(&mut self, waker: &Waker) -> Next<V> {
        if let Some(snapshot) = self.key.and_then(|key| self.shared.served(key)) {
            self.key = None;
            return Next::Use(snapshot);
        }
        // Foreign, like the clock: if either panics, the entry is still known, and its place is freed by Drop.
        let waker = waker.clone();
        let shared = self.shared;
        let asked = shared.enter(|state, now| self.ask(state, now, waker));
        match asked {
            Asked::Use(token, value, identity) => Next::Use(self.shared.lent(token, value, identity)),
            Asked::Next(next) => next,
        }
    }

    fn ask(&mut self, state: &mut State<V>, now: Now, waker: Waker) -> Asked<V> {
        let deadline = *self.deadline.get_or_insert_with(|| now.mono.after(self.patience));
        // An entry that is gone was served, with a token that is good for nothing any more: it waits anew.
        let entry = self.key.take().and_then(|key| Some((key, state.waiting.remove(&key)?)));
        let (key, mut waiting) = entry.unwrap_or_else(|| {
            let call = Call::new(deadline).fail_fast(self.shared.fail_fast);
            (state.key(), Waiting { call, waker: None })
        });
        // An origin may have got its place since the last time.
        waiting.call.at(self.origin.and_then(|origin| state.sites.of(origin)));
        let had_place = waiting.call.holds_place();
        let mut pass = self.shared.pass(state, now);
        waiting.call.hold_back(matches!(pass, Pass::HeldBack));
        let mut step = state.machine.poll(now, &mut waiting.call);
        if self.sends == SENDS_IN_A_ROW
            && let Step::Send(flight) = step
        {
            // Nobody sends it: the machine is as after a request that was abandoned, and this call waits or fails.
            let _unsent = state.machine.abandon(now, flight);
            state.wake_all(now);
            step = state.machine.poll(now, &mut waiting.call);
            state.outside.returned().permit = std::mem::replace(&mut pass, Pass::Free).into_permit();
        }
        if !had_place
            && waiting.call.holds_place()
            && let Some(error) = self.shared.crowd(state, now)
        {
            state.machine.leave(&mut waiting.call);
            step = Step::Fail(error);
        }
        self.sends = if matches!(step, Step::Send(_)) { self.sends + 1 } else { 0 };
        state.outside.drop_waker(waiting.waker.replace(waker));
        if waiting.call.holds_place() {
            self.key = Some(key);
            self.since.get_or_insert(now.mono);
            state.waiting.insert(key, waiting);
            let depth = state.waiting.len();
            state.journal.waiting(depth);
        } else {
            state.outside.drop_waker(waiting.waker);
        }
        match step {
            Step::Use(token) => {
                let value = state.rendered.as_ref().map(|(_, value)| Arc::clone(value));
                Asked::Use(token, value, state.identity.clone())
            }
            Step::Send(flight) => Asked::Next(match self.shared.launch(state, now, flight, pass) {
                Some((guard, left)) => Next::Send(guard, left),
                // Only a fixed token has no client, and its machine never sends.
                None => Next::Wait(Duration::ZERO),
            }),
            Step::Wait(until) => {
                let time = until.since(now.mono);
                let is_held_back = matches!(pass, Pass::HeldBack);
                Asked::Next(Next::Wait(if is_held_back { time.min(UNCLAIMED) } else { time }))
            }
            Step::Fail(error) => Asked::Next(Next::Fail(error)),
        }
    }
}

impl<V> Shared<V> {
    /// A caller with this much patience, the source's own by default, and of this origin, if it says one.
    pub(crate) fn waiter<'a>(
        self: &'a Arc<Self>,
        patience: Option<Duration>,
        origin: Option<&'a Origin>,
    ) -> Waiter<'a, V> {
        Waiter {
            shared: self,
            patience: patience.unwrap_or(self.patience),
            deadline: None,
            origin,
            key: None,
            sends: 0,
            since: None,
            is_reported: self.audience.has_observers(),
        }
    }

    /// The token that the machine handed out, with the value it was rendered to when it came. One that is set aside is for this
    /// caller alone, and is published to nobody.
    fn lent(
        &self,
        token: evergrant_core::Token,
        value: Option<Arc<V>>,
        identity: Option<CertifiedKey>,
    ) -> Arc<Snapshot<V>> {
        if let Some(snapshot) = self.snapshot.load()
            && snapshot.token.generation() == token.generation()
        {
            return snapshot;
        }
        let value = value.unwrap_or_else(|| Arc::new((self.render)(token.value())));
        let (token, ended) = (token.into(), Now::default());
        Arc::new(Snapshot { token, value, identity, served: 0, quiet_until: ended, use_until: ended })
    }
}

impl<V> Drop for Waiter<'_, V> {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        contained(|| {
            drop(self.shared.part(|state| {
                let mut waiting = state.waiting.remove(&key);
                if let Some(waiting) = &mut waiting {
                    state.machine.leave(&mut waiting.call);
                }
                waiting
            }));
        });
    }
}
