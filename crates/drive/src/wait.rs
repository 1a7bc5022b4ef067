//! The async loop: how a task waits for a token. `block` is the same for threads.

use crate::clock::Clocks;
use crate::commons::UNCLAIMED;
use crate::identity::CertifiedKey;
use crate::naps::{Kept, Nap};
use crate::observer::Report;
use crate::runtime::{Handle, Runtime, Transport};
use crate::seed::random_seed;
use crate::sender::{Sender, Worn};
use crate::settings::Settings;
use crate::shared::{FlightGuard, Flown, Keep, Next, Shared, Snapshot, Waiter, Watch, Way};
use crate::source::{Arrived, Ticket};
use crate::store::{self, Crossing, Leg};
use crate::token::Token;
use evergrant_core::fleet::{Reply, StoreError};
use evergrant_core::{
    AccessToken, Ask, Cause, Error, Generation, Mono, Move, Origin, Thumbprint, TransportError,
};
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A source of tokens for tasks: live, or with one token for ever. Clones are one source.
pub struct Source<R, T, V> {
    shared: Arc<Shared<V>>,
    runtime: R,
    /// `None` for a fixed token, for which nothing is sent.
    transport: Option<Arc<Sender<T>>>,
}

impl<R: Clone, T, V> Clone for Source<R, T, V> {
    fn clone(&self) -> Self {
        let (shared, runtime) = (Arc::clone(&self.shared), self.runtime.clone());
        Self { shared, runtime, transport: self.transport.clone() }
    }
}

/// The status alone: neither the transport's type nor the rendered value's is ours to print.
impl<R, T, V> fmt::Debug for Source<R, T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("shared", &self.shared).finish_non_exhaustive()
    }
}

impl<R, T, V> Source<R, T, V> {
    /// A source that holds this token for ever and never asks.
    pub fn fixed(token: AccessToken, render: fn(&AccessToken) -> V, runtime: R) -> Self {
        Self { shared: Shared::fixed(token, render), runtime, transport: None }
    }

    /// What all clones share, and what they can be asked and told without waiting.
    pub const fn shared(&self) -> &Arc<Shared<V>> {
        &self.shared
    }
}

impl<R, T, V> Source<R, T, V>
where
    R: Runtime,
    T: Transport,
    V: Send + Sync + 'static,
{
    /// A source whose requests go through `transport`, on the runtime of whoever asks. A token is rendered once, by `render`.
    pub fn new(settings: Settings, render: fn(&AccessToken) -> V, runtime: R, transport: T) -> Self {
        Self::over(Shared::new(settings, random_seed(), render), runtime, transport)
    }

    /// The same over what is there already.
    pub fn over(shared: Arc<Shared<V>>, runtime: R, transport: T) -> Self {
        Self { shared, runtime, transport: Some(Sender::new(transport)) }
    }

    /// A token that may be used now, after at most `patience`, the source's own by default.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Cancel safety
    /// Dropping the future, or never polling it again, harms nobody: the request belongs to no caller.
    pub async fn token(&self, patience: Option<Duration>) -> Result<Token, Error> {
        // What is borrowed is counted by nobody: threads at once share one count instead of two.
        if let Ok(token) = self.shared.lend_quiet(|snapshot| snapshot.token().clone()) {
            return Ok(token);
        }
        Ok(self.wait(patience, None).await?.token().clone())
    }

    /// A token that may be used now at this origin: none that was set aside because of it.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn token_for(&self, origin: &Origin) -> Result<Token, Error> {
        if let Ok(token) = self.shared.lend_quiet(|snapshot| snapshot.token().clone()) {
            return Ok(token);
        }
        Ok(self.wait(None, Some(origin)).await?.token().clone())
    }

    /// Lends the rendered value of a token that may be used now, and the token, to `borrower`: nothing is copied, and
    /// threads that borrow at once do not slow each other down. With an origin: none that was set aside because of it. It waits for
    /// at most `patience`, the source's own by default.
    ///
    /// # Errors
    /// No token before the deadline, or waiting cannot help; `borrower` was not called.
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn with_authorization<U>(
        &self,
        patience: Option<Duration>,
        origin: Option<&Origin>,
        borrower: impl FnOnce(&V, &Token) -> U,
    ) -> Result<U, Error> {
        self.lend(patience, origin, |snapshot| borrower(snapshot.value(), snapshot.token())).await
    }

    /// The same with all that belongs to the token, of one moment: the [certificate](Snapshot::identity) that brought it, too.
    ///
    /// # Errors
    /// As [`with_authorization`](Self::with_authorization).
    ///
    /// # Cancel safety
    /// As [`token`](Self::token).
    pub async fn lend<U>(
        &self,
        patience: Option<Duration>,
        origin: Option<&Origin>,
        borrower: impl FnOnce(&Snapshot<V>) -> U,
    ) -> Result<U, Error> {
        match self.shared.lend_quiet(borrower) {
            Ok(done) => Ok(done),
            Err(borrower) => Ok(borrower(&*self.wait(patience, origin).await?)),
        }
    }

    /// Asks for a new token before the old one ends, even when nobody else asks; ends when the last source is
    /// dropped, or where there is no runtime. It holds no share in the source, and runs only where the user spawns it.
    ///
    /// # Cancel safety
    /// Dropping the future stops it, and loses nothing.
    pub fn keep_fresh(&self) -> impl Future<Output = ()> + Send + use<R, T, V> {
        let (mut keeper, transport) = (self.shared.keeper(), self.transport.clone());
        let runtime = self.runtime.clone();
        keep(self.runtime.clone(), move |handle, waker| match keeper.poll(waker) {
            Keep::Send(guard, report) => {
                launch_by(&runtime, handle, transport.as_ref(), guard);
                Kept::Sent(report)
            }
            Keep::Wait(time) => Kept::Wait(time),
            Keep::HeldBack => Kept::Wait(UNCLAIMED),
            Keep::Ended => Kept::Ended,
        })
    }

    /// The next token: one that came after that of this generation, as soon as it is held. It asks for nothing, so somebody else
    /// must: [`keep_fresh`](Self::keep_fresh), or callers. It never ends for a fixed token.
    ///
    /// # Errors
    /// As many watch as may: the policy's `max_waiters`; or the source was closed by its pool, and no newer one comes.
    ///
    /// # Cancel safety
    /// Dropping the future frees its place, and loses nothing: who asks again after the same generation misses no token but those
    /// that were replaced meanwhile.
    pub async fn changed(&self, after: Generation) -> Result<Token, Error> {
        let mut watcher = self.shared.watcher(after);
        poll_fn(|cx| match watcher.poll(cx.waker()) {
            Watch::Changed(token) => Poll::Ready(Ok(token)),
            Watch::Failed(error) => Poll::Ready(Err(error)),
            Watch::Unchanged => Poll::Pending,
        })
        .await
    }

    /// What the connections to the token endpoint show (mutual TLS, RFC 8705), once it is another certificate than this one and has brought a
    /// token, or a token that was restored is bound to it; any, if none is named. It asks for nothing, so somebody else must:
    /// [`keep_fresh`](Self::keep_fresh), or callers. It never ends for a client without an identity.
    ///
    /// # Errors
    /// As [`changed`](Self::changed).
    ///
    /// # Cancel safety
    /// As [`changed`](Self::changed).
    pub async fn identity_changed(&self, after: Option<Thumbprint>) -> Result<CertifiedKey, Error> {
        let mut watcher = self.shared.identity_watcher(after);
        poll_fn(|cx| match watcher.poll(cx.waker()) {
            Watch::Changed(identity) => Poll::Ready(Ok(identity)),
            Watch::Failed(error) => Poll::Ready(Err(error)),
            Watch::Unchanged => Poll::Pending,
        })
        .await
    }

    /// Waits until the store has been told what there is to tell: a program that ends sooner leaves its claim behind, and the others wait for
    /// that until its time is over. Returns at once without a store, and where there is no runtime; servers and stores that do not answer, and a
    /// job that its runtime has lost, hold it up for twice `attempt_timeout` and 4 s at most.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn flush(&self) {
        let Some((waiting, end)) = self.shared.untold() else { return };
        let poll = |cx: &mut Context<'_>| match waiting.is_over(cx.waker()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        };
        let _told = in_time(&self.runtime, || self.shared.until(end), poll).await;
    }

    /// The slow path: asks the machine, and waits for it.
    async fn wait(
        &self,
        patience: Option<Duration>,
        origin: Option<&Origin>,
    ) -> Result<Arc<Snapshot<V>>, Error> {
        self.stay(self.shared.waiter(patience, origin)).await
    }

    async fn stay(&self, mut waiter: Waiter<'_, V>) -> Result<Arc<Snapshot<V>>, Error> {
        let mut nap = Nap::default();
        // A request that left is reported at the next poll: a runtime may keep the job that was just spawned for this very
        // thread, and a subscriber that takes its time would hold it up.
        let mut left = None;
        poll_fn(|cx| {
            drop(left.take());
            loop {
                // Whoever is on no runtime never takes the right to send: nobody else shall rest for it.
                let handle = match self.runtime.current() {
                    Ok(handle) => handle,
                    Err(error) => return Poll::Ready(self.outside_of_a_runtime(error)),
                };
                match waiter.poll(cx.waker()) {
                    Next::Use(snapshot) => return Poll::Ready(Ok(snapshot)),
                    Next::Fail(error) => return Poll::Ready(Err(error)),
                    Next::Send(guard, report) => {
                        launch(self, &handle, guard);
                        left = Some(report);
                    }
                    Next::Wait(time) => {
                        if left.is_some() {
                            cx.waker().wake_by_ref();
                        }
                        return nap.poll(&handle, time, cx).map(|never| match never {});
                    }
                }
            }
        })
        .await
    }

    /// What a caller gets where it can neither send nor wait: the token that is published, or its own error.
    fn outside_of_a_runtime(&self, error: TransportError) -> Result<Arc<Snapshot<V>>, Error> {
        self.shared.usable().ok_or_else(|| Error::Failed {
            cause: Cause::Refused(Arc::new(error.into())),
            retry_after: Duration::ZERO,
        })
    }

    /// Waits until `then` (a refused token that settles), unless that is beyond `patience`. Returns whether it is reached.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn settle(&self, then: Mono, patience: Duration) -> bool {
        let mut nap = Nap::default();
        if self.shared.until(then) > patience {
            return false;
        }
        poll_fn(|cx| match (self.shared.until(then), self.runtime.current()) {
            (Duration::ZERO, _) => Poll::Ready(true),
            (_, Err(_)) => Poll::Ready(false),
            (time, Ok(handle)) => nap.poll(&handle, time, cx).map(|never| match never {}),
        })
        .await
    }

    /// Sends what is due for calls to this origin, and does not wait for it: after a refusal that is handed on.
    ///
    /// # Cancel safety
    /// Dropping the future before it was polled sends nothing.
    pub async fn refresh(&self, origin: &Origin) {
        let _unwaited = self.stay(self.shared.waiter(Some(Duration::ZERO), Some(origin)).unreported()).await;
    }
}

/// The task of somebody who keeps tokens fresh: `step` says what comes next, and launches what is due. It ends where there is no
/// runtime.
pub(crate) fn keep<R: Runtime>(
    runtime: R,
    mut step: impl FnMut(&R::Handle, &Waker) -> Kept + Send,
) -> impl Future<Output = ()> + Send {
    let (mut nap, mut left) = (Nap::default(), None);
    poll_fn(move |cx| {
        drop(left.take());
        loop {
            // Whoever is on no runtime never takes the right to send.
            let Ok(handle) = runtime.current() else { return Poll::Ready(()) };
            match step(&handle, cx.waker()) {
                Kept::Ended => return Poll::Ready(()),
                Kept::Sent(report) => left = Some(report),
                Kept::Wait(time) => {
                    if left.is_some() {
                        cx.waker().wake_by_ref();
                    }
                    return nap.poll(&handle, time, cx).map(|never| match never {});
                }
            }
        }
    })
}

/// The flight as a job of its own: no caller owns it.
pub(crate) fn launch<R, T, V>(source: &Source<R, T, V>, handle: &R::Handle, guard: FlightGuard<V>)
where
    R: Runtime,
    T: Transport,
    V: Send + Sync + 'static,
{
    launch_by(&source.runtime, handle, source.transport.as_ref(), guard);
}

fn launch_by<R, T, V>(
    runtime: &R,
    handle: &R::Handle,
    transport: Option<&Arc<Sender<T>>>,
    mut guard: FlightGuard<V>,
) where
    R: Runtime,
    T: Transport,
    V: Send + Sync + 'static,
{
    // Only a fixed token has no transport, and its machine never sends.
    let Some(transport) = transport else { return };
    let (transport, runtime) = (Arc::clone(transport), runtime.clone());
    guard.begin_span();
    handle.spawn(async move {
        let (report, crossing) = if guard.has_store() {
            cross(&*transport, &runtime, guard).await
        } else {
            let flown = fly(&*transport, &runtime, &guard).await;
            (guard.land(flown), None)
        };
        // Whoever was woken comes first: some of them may wait for this very thread.
        step_aside().await;
        drop(report);
        if let Some((crossing, clocks)) = crossing {
            report_to_store(&runtime, &clocks, *crossing).await;
        }
    });
}

/// A flight through a store, up to its landing; and what it has to do there afterwards.
async fn cross<R: Runtime, T: Transport, V>(
    sender: &Sender<T>,
    runtime: &R,
    mut guard: FlightGuard<V>,
) -> (Vec<Report>, Option<(Box<Crossing>, Clocks)>) {
    let clocks = guard.clock();
    let mut worn: Option<Worn<T>> = None;
    if let (true, Ok(identity)) = (guard.shows_certificate(), guard.identity()) {
        // What its token may be bound to. One that cannot be read is the attempt's to tell of.
        let wearing = sender.with(identity, T::with_identity);
        let ticket = wearing.begin(guard.time_left());
        worn = wearing.worn(arrival(runtime, &guard, &ticket).await).1;
    }
    let shown = worn.map(|worn| worn.certified);
    let mut crossing = match guard.way(shown.as_ref().map(CertifiedKey::thumbprint)) {
        Way::Store(crossing) => crossing,
        Way::Nowhere(outcome) => return (guard.land(outcome), None),
        Way::Alone(news) => {
            tell_elsewhere(runtime, guard.asks());
            let flown = fly(sender, runtime, &guard).await;
            return (guard.land(flown.after(news)), None);
        }
    };
    let mut flown = None;
    loop {
        match crossing.next(clocks.now()) {
            Leg::Run(command) => {
                let reply = run(runtime, &clocks, command).await;
                crossing.replied(clocks.now(), reply);
            }
            Leg::Pause(until) => pause(runtime, &clocks, until).await,
            Leg::Ask => {
                tell_elsewhere(runtime, guard.asks());
                let asked = fly(sender, runtime, &guard).await;
                crossing.answered(asked.outcome.clone());
                flown = Some(asked);
            }
            Leg::Land(outcome) => {
                // What was not asked for is of the certificate that was read before.
                let flown = match flown {
                    Some(asked) => Flown { outcome, ..asked },
                    None => Flown::from(outcome).showing(shown),
                };
                let report = guard.land_by(flown, Some(&mut *crossing));
                return (report, Some((crossing, clocks)));
            }
            // It lands before it ends.
            Leg::End => return (Vec::new(), None),
        }
    }
}

/// Reports this in a job of its own: whoever listens must not hold up the request.
fn tell_elsewhere<R: Runtime>(runtime: &R, report: Report) {
    if let Ok(handle) = runtime.current() {
        handle.spawn(async move { drop(report) });
    }
}

/// What a flight has to tell the store once it has landed.
async fn report_to_store<R: Runtime>(runtime: &R, clocks: &Clocks, mut crossing: Crossing) {
    loop {
        match crossing.next(clocks.now()) {
            Leg::Run(command) => {
                let reply = run(runtime, clocks, command).await;
                crossing.replied(clocks.now(), reply);
            }
            Leg::Pause(until) => pause(runtime, clocks, until).await,
            Leg::Ask | Leg::Land(_) | Leg::End => return crossing.end(),
        }
    }
}

/// What this command replies, unless that takes too long.
async fn run<R: Runtime>(
    runtime: &R,
    clocks: &Clocks,
    mut command: store::Command,
) -> Result<Reply, StoreError> {
    let end = clocks.now().mono.after(command.limit());
    let left = || end.since(clocks.now().mono);
    let reply = in_time(runtime, left, |cx| command.poll(cx)).await;
    reply.unwrap_or(Err(StoreError::TimedOut))
}

async fn pause<R: Runtime>(runtime: &R, clocks: &Clocks, until: Mono) {
    let left = || until.since(clocks.now().mono);
    // It ends by its time, or where there is no runtime any more.
    let _over = in_time(runtime, left, |_| Poll::<()>::Pending).await;
}

/// Lets the jobs go on that wait for this thread.
async fn step_aside() {
    let mut stepped = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut stepped, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

async fn fly<R: Runtime, T: Transport, V>(sender: &Sender<T>, runtime: &R, guard: &FlightGuard<V>) -> Flown {
    let (mut next, mut news) = (guard.begin(), Vec::new());
    let mut worn: Option<Worn<T>> = None;
    loop {
        next = match next {
            Move::Ask(asking) if *asking.ask() == Ask::Certificate => match guard.identity() {
                Ok(identity) => {
                    let wearing = sender.with(identity, T::with_identity);
                    let ticket = wearing.begin(guard.time_left());
                    let arrived = arrival(runtime, guard, &ticket).await;
                    let (arrived, shown) = wearing.worn(arrived);
                    worn = shown;
                    ticket.answer(asking, arrived, &mut news)
                }
                Err(unready) => asking.unanswered(unready),
            },
            Move::Ask(asking) => match guard.read(&asking) {
                Ok(ticket) => {
                    let arrived = arrival(runtime, guard, &ticket).await;
                    ticket.answer(asking, arrived, &mut news)
                }
                Err(unready) => asking.unanswered(unready),
            },
            Move::Send(request, sent) => {
                let transport = worn.as_ref().map_or_else(|| sender.plain(), |worn| &worn.transport);
                let mut answer = pin!(transport.send(request));
                let end = guard.end_of(&sent);
                let answer = in_time(
                    runtime,
                    || guard.time_until(end),
                    |cx| guard.span().within(|| answer.as_mut().poll(cx)),
                )
                .await;
                let endpoint = sent.client().provider().server();
                let answer = match answer {
                    Ok(answer) => answer,
                    Err(None) => Err(transport.timed_out(endpoint, guard.timed_out())),
                    Err(Some(error)) => Err(error),
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
async fn arrival<R: Runtime, V>(runtime: &R, guard: &FlightGuard<V>, ticket: &Ticket) -> Option<Arrived> {
    let arrived = in_time(
        runtime,
        || guard.time_left(),
        |cx| match ticket.poll(cx.waker()) {
            Some(arrived) => Poll::Ready(arrived),
            None => Poll::Pending,
        },
    );
    arrived.await.ok()
}

/// What this ends with while there is time left. Without: nothing, or the error of a runtime that is gone.
async fn in_time<R: Runtime, T>(
    runtime: &R,
    left: impl Fn() -> Duration,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Result<T, Option<TransportError>> {
    let mut nap = Nap::default();
    poll_fn(|cx| {
        if let Poll::Ready(done) = poll(cx) {
            return Poll::Ready(Ok(done));
        }
        // The clock decides, not the timer: one that fires before its time must not give up a good request.
        match (left(), runtime.current()) {
            (Duration::ZERO, _) => Poll::Ready(Err(None)),
            (_, Err(error)) => Poll::Ready(Err(Some(error))),
            (time, Ok(handle)) => nap.poll(&handle, time, cx).map(|never| match never {}),
        }
    })
    .await
}

#[cfg(test)]
mod tests;
