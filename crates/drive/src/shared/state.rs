//! The machine under its mutex, the wakers under the same mutex, and the published snapshot.
//!
//! Every input goes through [`Shared::enter`], which keeps four promises for all of them:
//!
//! 1. Check-and-register is one step under one lock, so a lost wake-up is impossible by construction.
//! 2. Whatever changed is published before the lock is free: what lapsed in the machine is in no snapshot.
//! 3. Nothing foreign is called, cloned or dropped under the lock: the clocks are read before it, a value is rendered before it,
//!    wakers are woken and dropped after it. A waker whose Drop asks for the status does not deadlock.
//! 4. Waking comes first, reporting second, and a panic in either strands nobody.

use super::outside::Outside;
use super::snapshot::Snapshot;
use crate::clock::{Clocks, Readings};
use crate::commons::{Member, Stage};
use crate::contained::contained;
use crate::identity::CertifiedKey;
use crate::observer::{Audience, EventKind, Report};
use crate::published::Published;
use crate::sites::Sites;
use crate::source::Sources;
use crate::status::Journal;
use crate::store::Shares;
use crate::sync::{Mutex, MutexGuard};
use evergrant_core::{AccessToken, Call, Client, Generation, Known, Machine, Mono, Now, Thumbprint};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// What all clones of a source share. `V` is the rendered `Authorization` value, in the type of the HTTP library.
pub struct Shared<V> {
    pub(super) state: Mutex<State<V>>,
    /// What every caller may use without the lock.
    pub(super) snapshot: Published<Snapshot<V>>,
    pub(super) clock: Clocks,
    pub(super) render: fn(&AccessToken) -> V,
    pub(super) patience: Duration,
    pub(super) fail_fast: bool,
    pub(super) audience: Arc<Audience>,
    /// The store that it shares with other processes.
    pub(super) store: Option<Box<Shares>>,
    /// Of which pool, if it is one of many.
    pub(super) member: Option<Member>,
}

pub(super) struct State<V> {
    pub(super) machine: Machine,
    /// `None` for a fixed token, which nobody asks for.
    pub(super) client: Option<Arc<Client>>,
    /// Where that lives which is read for each of its requests.
    pub(super) sources: Sources,
    /// What attempts have learnt, up to that of this flight.
    pub(super) known: Known,
    learnt_by: u64,
    /// The token that was held when the credentials changed, until one of the new ones is: a store may have it still.
    pub(super) rotated_away: Option<AccessToken>,
    /// What the connection showed that brought the last token, or what a restored one is bound to.
    pub(super) identity: Option<CertifiedKey>,
    /// The last flight that left.
    pub(super) launched: u64,
    /// The last reading of the monotonic clock that the machine got: the next one is not earlier.
    last: Mono,
    pub(super) sites: Sites,
    /// One entry for each call that holds a place.
    pub(super) waiting: BTreeMap<u64, Waiting>,
    pub(super) keepers: BTreeMap<u64, Option<Waker>>,
    /// One entry for each who waits for a newer token than it has.
    pub(super) watching: BTreeMap<u64, Watching>,
    last_key: u64,
    /// The last key that there was when a token was found for everyone who waited.
    served: u64,
    /// The rendered value of the token that is held or set aside.
    pub(super) rendered: Option<(Generation, Arc<V>)>,
    /// What the published snapshot was made of.
    pub(super) published: Option<(Generation, [Now; 2], u64)>,
    pub(super) journal: Journal,
    audience: Arc<Audience>,
    /// How far it is with a permit of its pool.
    pub(super) stage: Stage,
    /// As how many who wait it counts in its pool.
    pub(super) counted: usize,
    /// What the calendar of its pool says of it.
    pub(super) noted: Mono,
    /// What is woken and dropped once the lock is free.
    pub(super) outside: Outside<V>,
}

/// A call that holds a place; the waker is taken out when it is called.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) call: Call,
    pub(super) waker: Option<Waker>,
}

/// Who waits for something newer than this; the waker is taken out when it is called.
#[derive(Debug)]
pub(super) struct Watching {
    pub(super) after: After,
    pub(super) waker: Option<Waker>,
}

/// What somebody has, and wants the next one of.
#[derive(Clone, Copy, Debug)]
pub(super) enum After {
    Token(Generation),
    /// The certificate with this thumbprint, or none yet.
    Identity(Option<Thumbprint>),
}

// Without the lock.
impl<V> Shared<V> {
    /// The token that was found for everyone who waited under this key, as long as the machine need not be asked: without
    /// a lock, or they would all stand in line for it.
    pub(super) fn served(&self, key: u64) -> Option<Arc<Snapshot<V>>> {
        let is_served = |snapshot: &&Arc<Snapshot<V>>| snapshot.served >= key && self.is_quiet(snapshot);
        self.snapshot.look(|snapshot| snapshot.filter(is_served).map(Arc::clone))
    }

    #[inline]
    pub(super) fn is_quiet(&self, snapshot: &Snapshot<V>) -> bool {
        !self.clock.coarse_has_reached(snapshot.quiet_until)
    }
}

// The lock.
impl<V> Shared<V> {
    /// The time from now until then.
    pub(crate) fn until(&self, then: Mono) -> Duration {
        let now = self.clock.now();
        then.since(self.lock().read(now).mono)
    }

    /// One input of the machine, with one reading of both clocks. See the top of the file for what it promises.
    #[inline(never)]
    pub(super) fn enter<R>(&self, input: impl FnOnce(&mut State<V>, Now) -> R) -> R {
        let (result, outside) = self.enter_at(self.clock.readings(), input);
        outside.release();
        result
    }

    /// The same with a reading from before, for whoever holds another lock: what it lets go of is released without that.
    pub(super) fn enter_at<R>(
        &self,
        readings: Readings,
        input: impl FnOnce(&mut State<V>, Now) -> R,
    ) -> (R, Outside<V>) {
        let mut state = self.lock();
        let now = state.read(readings.now);
        state.machine.lapse(now);
        let result = input(&mut state, now);
        self.publish(&mut state, now, readings.coarse);
        self.settle(&mut state, now);
        (result, std::mem::take(&mut state.outside))
    }

    /// A change that no clock is needed for: somebody goes.
    pub(super) fn part<R>(&self, change: impl FnOnce(&mut State<V>) -> R) -> R {
        let (result, outside) = {
            let mut state = self.lock();
            let result = change(&mut state);
            self.recount(&mut state);
            (result, std::mem::take(&mut state.outside))
        };
        outside.release();
        result
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<V>> {
        // Nothing under this lock can panic half way through a transition; a poisoned lock is entered all the same,
        // since a Drop that unwraps it would abort the process.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes what every caller may use without asking, unless that is published already.
    fn publish(&self, state: &mut State<V>, now: Now, coarse: Now) {
        let State { machine, rendered, published, identity, outside, .. } = state;
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
                identity: identity.clone(),
                served: state.served,
                quiet_until: on_coarse(until),
                use_until: on_coarse(token.use_until()),
            })
        });
        outside.drop_snapshot(self.snapshot.swap(snapshot));
    }
}

impl<V> State<V> {
    pub(super) fn new(
        machine: Machine,
        client: Option<(Arc<Client>, Sources)>,
        audience: Arc<Audience>,
    ) -> Self {
        let known = Known::new(machine.policy());
        let (client, sources) = client.unzip();
        Self {
            machine,
            client,
            sources: sources.unwrap_or_default(),
            known,
            learnt_by: 0,
            rotated_away: None,
            identity: None,
            launched: 0,
            last: Mono::ZERO,
            sites: Sites::default(),
            waiting: BTreeMap::new(),
            keepers: BTreeMap::new(),
            watching: BTreeMap::new(),
            last_key: 0,
            served: 0,
            rendered: None,
            published: None,
            journal: Journal::default(),
            audience,
            stage: Stage::Ashore,
            counted: 0,
            noted: Mono::MAX,
            outside: Outside::default(),
        }
    }

    /// What the attempt of this flight has learnt: that of a later one counts more, and nothing counts that was learnt with credentials of
    /// the past.
    pub(super) fn learn(&mut self, flight: u64, learnt: Option<Known>) {
        if let Some(learnt) = learnt.filter(|_| flight > self.learnt_by) {
            (self.known, self.learnt_by) = (learnt, flight);
        }
    }

    /// The credentials are other ones: nothing is known of them, nor learnt by whoever is still under way with the old ones.
    pub(super) fn unlearn(&mut self) {
        self.known.forget_credential();
        self.learnt_by = self.launched;
    }

    /// The reading as the machine takes it: `mono` never goes back, whatever the clock does, and whichever of two readings from
    /// before the lock gets it first.
    pub(super) fn read(&mut self, now: Now) -> Now {
        self.last = self.last.max(now.mono);
        Now::new(self.last, now.wall)
    }

    pub(super) fn key(&mut self) -> u64 {
        self.last_key += 1;
        self.last_key
    }

    /// A token was installed, and this is what it was rendered to.
    pub(super) fn installed(&mut self, now: Now, value: Arc<V>) {
        let Some(token) = self.machine.held(now) else { return self.outside.drop_value(value) };
        self.rotated_away = None;
        if let Some((_, before)) = self.rendered.replace((token.generation(), value)) {
            self.outside.drop_value(before);
        }
    }

    /// Something happened. What the status remembers of it is noted here: whoever is woken may ask for that at once. Everyone
    /// else hears of it when the report is dropped, after the lock.
    pub(super) fn report(&mut self, now: Now, kind: EventKind) -> Report {
        self.journal.note(now.mono, &kind);
        self.audience.report(kind)
    }

    /// Everyone who waits is woken. Where a token is held, all who wait have what they waited for, and their places are free.
    /// Where one is set aside, nobody is marked as served: whom it may serve, the machine alone knows.
    pub(super) fn wake_all(&mut self, now: Now) {
        let Self { machine, waiting, keepers, watching, identity, outside, .. } = self;
        outside.wake(keepers.values_mut().filter_map(Option::take));
        let (held, is_closed) = (machine.held(now), machine.closed().is_some());
        let identity = identity.as_ref().map(CertifiedKey::thumbprint);
        let is_news = |watching: &&mut Watching| {
            is_closed
                || match watching.after {
                    After::Token(after) => held.is_some_and(|token| after < token.generation()),
                    After::Identity(after) => identity.is_some() && identity != after,
                }
        };
        outside.wake(watching.values_mut().filter(is_news).filter_map(|watching| watching.waker.take()));
        if held.is_some() {
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
        if let Some(member) = &self.member
            && let Some(granted) = member.berth.leave(std::mem::take(&mut state.stage))
        {
            outside.returned().granted.push(granted);
        }
        outside.release();
        let clock = std::mem::replace(&mut self.clock, Clocks::system());
        contained(|| drop(clock));
    }
}
