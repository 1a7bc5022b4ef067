//! The blocking loop: how a thread waits for a token. `wait` is the same for tasks.

use crate::clock::Clocks;
use crate::commons::UNCLAIMED;
use crate::identity::CertifiedKey;
use crate::naps::{Kept, bounded};
use crate::observer::Report;
use crate::runtime::BlockingTransport;
use crate::seed::random_seed;
use crate::sender::{Sender, Worn};
use crate::settings::Settings;
use crate::shared::{FlightGuard, Flown, Keep, Next, Shared, Snapshot, Waiter, Watch, Way};
use crate::source::{Arrived, Ticket};
use crate::store::{self, Leg};
use crate::sync::Mutex;
use crate::sync::thread::{self, Thread};
use crate::token::Token;
use evergrant_core::fleet::{Reply, StoreError};
use evergrant_core::{
    AccessToken, Ask, Error, Generation, Mono, Move, Origin, Outcome, Thumbprint, TransportError,
    TransportErrorKind,
};
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// A source of tokens for threads: live, or with one token for ever. Clones are one source.
pub struct BlockingSource<T, V> {
    shared: Arc<Shared<V>>,
    /// `None` for a fixed token, for which nothing is sent.
    transport: Option<Arc<Sender<T>>>,
}

impl<T, V> Clone for BlockingSource<T, V> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), transport: self.transport.clone() }
    }
}

/// The status alone: neither the transport's type nor the rendered value's is ours to print.
impl<T, V> fmt::Debug for BlockingSource<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingSource").field("shared", &self.shared).finish_non_exhaustive()
    }
}

impl<T, V> BlockingSource<T, V> {
    /// A source that holds this token for ever and never asks.
    pub fn fixed(token: AccessToken, render: fn(&AccessToken) -> V) -> Self {
        Self { shared: Shared::fixed(token, render), transport: None }
    }

    /// What all clones share, and what they can be asked and told without waiting.
    pub const fn shared(&self) -> &Arc<Shared<V>> {
        &self.shared
    }
}

impl<T, V> BlockingSource<T, V>
where
    T: BlockingTransport,
    V: Send + Sync + 'static,
{
    /// A source whose requests go through `transport`, each on a short-lived thread of its own. A token is rendered once, by
    /// `render`.
    pub fn new(settings: Settings, render: fn(&AccessToken) -> V, transport: T) -> Self {
        Self::over(Shared::new(settings, random_seed(), render), transport)
    }

    /// The same over what is there already.
    pub fn over(shared: Arc<Shared<V>>, transport: T) -> Self {
        Self { shared, transport: Some(Sender::new(transport)) }
    }

    /// A token that may be used now, after at most `patience`, the source's own by default.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Blocking
    /// Returns at once while a usable token is held; otherwise blocks for `patience` at most, whatever the transport
    /// does: the request has a thread of its own.
    pub fn token(&self, patience: Option<Duration>) -> Result<Token, Error> {
        if let Ok(token) = self.shared.lend_quiet(|snapshot| snapshot.token().clone()) {
            return Ok(token);
        }
        Ok(self.wait(patience, None)?.token().clone())
    }

    /// A token that may be used now at this origin: none that was set aside because of it.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Blocking
    /// As [`token`](Self::token).
    pub fn token_for(&self, origin: &Origin) -> Result<Token, Error> {
        if let Ok(token) = self.shared.lend_quiet(|snapshot| snapshot.token().clone()) {
            return Ok(token);
        }
        Ok(self.wait(None, Some(origin))?.token().clone())
    }

    /// Lends the rendered value of a token that may be used now, and the token, to `borrower`: nothing is copied, and
    /// threads that borrow at once do not slow each other down. With an origin: none that was set aside because of it. It waits for
    /// at most `patience`, the source's own by default.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help; `borrower` was not called.
    ///
    /// # Blocking
    /// As [`token`](Self::token).
    pub fn with_authorization<U>(
        &self,
        patience: Option<Duration>,
        origin: Option<&Origin>,
        borrower: impl FnOnce(&V, &Token) -> U,
    ) -> Result<U, Error> {
        let lend = |snapshot: &Snapshot<V>| borrower(snapshot.value(), snapshot.token());
        match self.shared.lend_quiet(lend) {
            Ok(done) => Ok(done),
            Err(lend) => Ok(lend(&*self.wait(patience, origin)?)),
        }
    }

    /// Asks for a new token before the old one ends, even when nobody else asks; returns when the last source is
    /// dropped. It holds no share in the source.
    ///
    /// # Blocking
    /// Blocks until then: give it a thread. To stop it, drop every source.
    pub fn keep_fresh(&self) -> impl FnOnce() + Send + use<T, V> {
        let (mut keeper, transport) = (self.shared.keeper(), self.transport.clone());
        keep(move |waker| match keeper.poll(waker) {
            Keep::Send(guard, report) => {
                launch_by(transport.as_ref(), guard);
                Kept::Sent(report)
            }
            Keep::Wait(time) => Kept::Wait(time),
            Keep::HeldBack => Kept::Wait(UNCLAIMED),
            Keep::Ended => Kept::Ended,
        })
    }

    /// The next token: one that came after that of this generation, as soon as it is held; `None` if none came within `limit`. It
    /// asks for nothing, so somebody else must: [`keep_fresh`](Self::keep_fresh), or callers. None ever comes after a fixed token.
    ///
    /// # Errors
    /// As many watch as may: the policy's `max_waiters`; or the source was closed by its pool, and no newer one comes.
    ///
    /// # Blocking
    /// Blocks until then, for `limit` at most.
    pub fn changed(&self, after: Generation, limit: Duration) -> Result<Option<Token>, Error> {
        let mut watcher = self.shared.watcher(after);
        self.watch(limit, |waker| watcher.poll(waker))
    }

    /// What the connections to the token endpoint show (mutual TLS, RFC 8705), once it is another certificate than this one and has brought a
    /// token, or a token that was restored is bound to it; any, if none is named. `None` if that did not happen within `limit`. It asks for
    /// nothing, so somebody else must: [`keep_fresh`](Self::keep_fresh), or callers.
    ///
    /// # Errors
    /// As [`changed`](Self::changed).
    ///
    /// # Blocking
    /// Blocks until then, for `limit` at most.
    pub fn identity_changed(
        &self,
        after: Option<Thumbprint>,
        limit: Duration,
    ) -> Result<Option<CertifiedKey>, Error> {
        let mut watcher = self.shared.identity_watcher(after);
        self.watch(limit, |waker| watcher.poll(waker))
    }

    fn watch<W>(
        &self,
        limit: Duration,
        mut poll: impl FnMut(&Waker) -> Watch<W>,
    ) -> Result<Option<W>, Error> {
        let (end, waker) = (self.shared.after(limit), this_thread());
        loop {
            match (poll(&waker), self.shared.until(end)) {
                (Watch::Changed(news), _) => return Ok(Some(news)),
                (Watch::Failed(error), _) => return Err(error),
                (Watch::Unchanged, Duration::ZERO) => return Ok(None),
                (Watch::Unchanged, left) => nap(left),
            }
        }
    }

    /// Waits until the store has been told what there is to tell: a program that ends sooner leaves its claim behind, and the others wait for
    /// that until its time is over.
    ///
    /// # Blocking
    /// Not at all without a store; servers and stores that do not answer hold it up for twice `attempt_timeout` and 4 s at most.
    pub fn flush(&self) {
        let (Some((waiting, end)), waker) = (self.shared.untold(), this_thread()) else { return };
        while !waiting.is_over(&waker) {
            match self.shared.until(end) {
                Duration::ZERO => return,
                left => nap(left),
            }
        }
    }

    /// The slow path: asks the machine, and waits for it.
    fn wait(&self, patience: Option<Duration>, origin: Option<&Origin>) -> Result<Arc<Snapshot<V>>, Error> {
        self.stay(self.shared.waiter(patience, origin))
    }

    fn stay(&self, mut waiter: Waiter<'_, V>) -> Result<Arc<Snapshot<V>>, Error> {
        let waker = this_thread();
        loop {
            match waiter.poll(&waker) {
                Next::Use(snapshot) => return Ok(snapshot),
                Next::Fail(error) => return Err(error),
                Next::Send(guard, report) => {
                    launch(self, guard);
                    drop(report);
                }
                Next::Wait(time) => nap(time),
            }
        }
    }

    /// Waits until `then` (a refused token that settles), unless that is beyond `patience`. Returns whether it is reached.
    ///
    /// # Blocking
    /// Until then.
    pub fn settle(&self, then: Mono, patience: Duration) -> bool {
        if self.shared.until(then) > patience {
            return false;
        }
        loop {
            match self.shared.until(then) {
                Duration::ZERO => return true,
                time => thread::sleep(bounded(time)),
            }
        }
    }

    /// Sends what is due for calls to this origin, and does not wait for it: after a refusal that is handed on.
    ///
    /// # Blocking
    /// Not at all.
    pub fn refresh(&self, origin: &Origin) {
        let _unwaited = self.stay(self.shared.waiter(Some(Duration::ZERO), Some(origin)).unreported());
    }
}

/// The thread of somebody who keeps tokens fresh: `step` says what comes next, and launches what is due.
pub(crate) fn keep(mut step: impl FnMut(&Waker) -> Kept + Send) -> impl FnOnce() + Send {
    move || {
        let waker = this_thread();
        loop {
            match step(&waker) {
                Kept::Ended => return,
                Kept::Sent(report) => drop(report),
                Kept::Wait(time) => nap(time),
            }
        }
    }
}

/// The flight on a short-lived thread of its own: no caller owns it, and a blocked send delays nobody.
pub(crate) fn launch<T, V>(source: &BlockingSource<T, V>, guard: FlightGuard<V>)
where
    T: BlockingTransport,
    V: Send + Sync + 'static,
{
    launch_by(source.transport.as_ref(), guard);
}

fn launch_by<T, V>(transport: Option<&Arc<Sender<T>>>, mut guard: FlightGuard<V>)
where
    T: BlockingTransport,
    V: Send + Sync + 'static,
{
    // Only a fixed token has no transport, and its machine never sends.
    let Some(transport) = transport else { return };
    guard.begin_span();
    // A thread that cannot be had drops its closure: the guard must still be here to land the reason.
    let guard = Arc::new(Mutex::new(Some(guard)));
    let (transport, theirs) = (Arc::clone(transport), Arc::clone(&guard));
    let flight = move || match take(&theirs) {
        Some(guard) if guard.has_store() => cross(&*transport, guard),
        Some(guard) => {
            let flown = fly(&*transport, &guard);
            drop(guard.land(flown));
        }
        None => {}
    };
    if let Err(error) = thread::Builder::new().name("evergrant-flight".into()).spawn(flight)
        && let Some(guard) = take(&guard)
    {
        let error = TransportError::ours(TransportErrorKind::NoThread, &error.to_string());
        drop(guard.land(Outcome::Refused(error.into())));
    }
}

/// A flight through a store, and what it has to do there after its landing.
fn cross<T: BlockingTransport, V>(sender: &Sender<T>, mut guard: FlightGuard<V>) {
    let clocks = guard.clock();
    let mut worn: Option<Worn<T>> = None;
    if let (true, Ok(identity)) = (guard.shows_certificate(), guard.identity()) {
        // What its token may be bound to. One that cannot be read is the attempt's to tell of.
        let wearing = sender.with(identity, T::with_identity);
        let ticket = wearing.begin(guard.time_left());
        worn = wearing.worn(arrival(&ticket, &guard)).1;
    }
    let shown = worn.map(|worn| worn.certified);
    let mut crossing = match guard.way(shown.as_ref().map(CertifiedKey::thumbprint)) {
        Way::Store(crossing) => crossing,
        Way::Nowhere(outcome) => return drop(guard.land(outcome)),
        Way::Alone(news) => {
            tell_elsewhere(guard.asks());
            let flown = fly(sender, &guard);
            return drop(guard.land(flown.after(news)));
        }
    };
    let (mut guard, mut shown, mut flown) = (Some(guard), shown, None);
    loop {
        match (crossing.next(clocks.now()), &mut guard) {
            (Leg::Run(command), _) => {
                let reply = run(&clocks, command);
                crossing.replied(clocks.now(), reply);
            }
            (Leg::Pause(until), _) => pause(&clocks, until),
            (Leg::Ask, Some(guard)) => {
                tell_elsewhere(guard.asks());
                let asked = fly(sender, guard);
                crossing.answered(asked.outcome.clone());
                flown = Some(asked);
            }
            (Leg::Land(outcome), landing) => {
                let Some(guard) = landing.take() else { return crossing.end() };
                // What was not asked for is of the certificate that was read before.
                let flown = match flown.take() {
                    Some(asked) => Flown { outcome, ..asked },
                    None => Flown::from(outcome).showing(shown.take()),
                };
                drop(guard.land_by(flown, Some(&mut *crossing)));
            }
            (Leg::Ask, None) | (Leg::End, _) => return crossing.end(),
        }
    }
}

/// What this command replies, unless that takes too long.
fn run(clocks: &Clocks, mut command: store::Command) -> Result<Reply, StoreError> {
    let (end, waker) = (clocks.now().mono.after(command.limit()), this_thread());
    let mut cx = Context::from_waker(&waker);
    loop {
        match (command.poll(&mut cx), end.since(clocks.now().mono)) {
            (Poll::Ready(reply), _) => return reply,
            (Poll::Pending, Duration::ZERO) => return Err(StoreError::TimedOut),
            (Poll::Pending, left) => nap(left),
        }
    }
}

fn pause(clocks: &Clocks, until: Mono) {
    loop {
        match until.since(clocks.now().mono) {
            Duration::ZERO => return,
            left => thread::sleep(bounded(left)),
        }
    }
}

/// Reports this on a thread of its own: whoever listens must not hold up the request.
fn tell_elsewhere(report: Report) {
    // Where no thread can be had it is told here: the closure is dropped, and the report with it.
    let _thread = thread::Builder::new().name("evergrant-report".into()).spawn(move || drop(report));
}

fn fly<T: BlockingTransport, V>(sender: &Sender<T>, guard: &FlightGuard<V>) -> Flown {
    let (mut next, mut news) = (guard.begin(), Vec::new());
    let mut worn: Option<Worn<T>> = None;
    loop {
        next = match next {
            Move::Ask(asking) if *asking.ask() == Ask::Certificate => match guard.identity() {
                Ok(identity) => {
                    let wearing = sender.with(identity, T::with_identity);
                    let ticket = wearing.begin(guard.time_left());
                    let (arrived, shown) = wearing.worn(arrival(&ticket, guard));
                    worn = shown;
                    ticket.answer(asking, arrived, &mut news)
                }
                Err(unready) => asking.unanswered(unready),
            },
            Move::Ask(asking) => match guard.read(&asking) {
                Ok(ticket) => {
                    let arrived = arrival(&ticket, guard);
                    ticket.answer(asking, arrived, &mut news)
                }
                Err(unready) => asking.unanswered(unready),
            },
            Move::Send(request, sent) => {
                let transport = worn.as_ref().map_or_else(|| sender.plain(), |worn| &worn.transport);
                let answer = match guard.time_until(guard.end_of(&sent)) {
                    Duration::ZERO => Err(guard.timed_out()),
                    left => guard.span().within(|| transport.send(request, left)),
                };
                guard.received(sent, answer)
            }
            Move::Done(outcome, learnt) => {
                return guard.flown(outcome, learnt, news).showing(worn.map(|worn| worn.certified));
            }
        };
    }
}

/// What was read, unless the time of the attempt is over before.
fn arrival<V>(ticket: &Ticket, guard: &FlightGuard<V>) -> Option<Arrived> {
    let waker = this_thread();
    loop {
        match (ticket.poll(&waker), guard.time_left()) {
            (Some(arrived), _) => return Some(arrived),
            (None, Duration::ZERO) => return None,
            (None, left) => nap(left),
        }
    }
}

fn take<G>(slot: &Mutex<Option<G>>) -> Option<G> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// A thread is a waker too. `unpark` is remembered, so a wake between the poll and the nap is not lost.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn this_thread() -> Waker {
    Waker::from(Arc::new(Unpark(thread::current())))
}

fn nap(time: Duration) {
    thread::park_timeout(bounded(time));
}

#[cfg(test)]
mod tests;
