//! What a connection to a caller is doing, and since when: the clocks that hyper lacks.
//!
//! hyper's time for a head also ends idle connections, it has none for writing, and while a handler leaves a body unread it does not
//! see that the caller hung up. So each connection says here what it does, and once in a while its worker looks at all of them. No
//! request has a timer of its own, and none asks for the time.

use crate::limits::Limits;
use crate::stream::Stream;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// How often a worker looks at its connections.
pub(crate) const LOOK: Duration = Duration::from_millis(100);

/// How long a new connection has for its first request before it counts as one at rest. Whoever has connected sends at once, and few
/// programs send again what a connection that they had just opened did not answer (RFC 9112 §9.3.1 is about used ones).
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// How long a connection that many requests share has for its goodbye (GOAWAY, RFC 9113 §6.8).
const GOODBYE: Duration = Duration::from_secs(1);

/// The time of a worker: as of its last look.
#[derive(Debug)]
pub(crate) struct Time {
    start: Instant,
    now: Cell<Duration>,
}

impl Time {
    /// Counted from this moment.
    pub(crate) fn since(start: Instant) -> Rc<Self> {
        Rc::new(Self { start, now: Cell::new(start.elapsed()) })
    }

    /// Since the gateway began, as of the last look.
    pub(crate) const fn now(&self) -> Duration {
        self.now.get()
    }

    /// Looks at the clock.
    pub(crate) fn look(&self) {
        self.now.set(self.start.elapsed());
    }
}

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doing {
    /// Nothing, since then.
    Idle(Duration),
    /// It reads a head, whose first byte came then.
    Head(Duration),
    /// A request is being answered.
    Serving,
    /// Bytes pass, which have clocks of their own.
    Tunnelling,
}

/// A connection to a caller; or one request of a connection that has many at a time.
pub(crate) struct Watch {
    time: Rc<Time>,
    of: Of,
    doing: Cell<Doing>,
    /// No request came yet.
    is_new: Cell<bool>,
    /// The head of the answer is made: it says whether the connection is closed behind it.
    is_answered: Cell<bool>,
    /// Since when it could not be written to.
    stalled: Cell<Option<Duration>>,
    /// When what the request waits for is too late, and how long it may take.
    due: Cell<Option<(Duration, Duration)>>,
    /// Its task was woken for that, and nothing has moved since.
    is_called: Cell<bool>,
    /// The request waits for something else than its caller: that it has hung up is seen by nobody else.
    is_waiting: Cell<bool>,
    is_over: Cell<bool>,
    /// The connection's task, or that of the request.
    task: RefCell<Option<Waker>>,
}

/// What is watched.
enum Of {
    /// A connection, over which one request comes after another.
    Connection(Rc<RefCell<Stream>>, Shared),
    /// One request of a connection that has many at a time.
    Request(Rc<Watch>),
}

/// What there is of a connection that has many requests at a time (HTTP/2).
#[derive(Default)]
struct Shared {
    /// Whether it is one.
    is_shared: Cell<bool>,
    /// How many there are.
    requests: Cell<u32>,
    /// Since when nothing new is wanted.
    leaving: Cell<Option<Duration>>,
}

/// What was waited for did not come in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TooLate;

impl Watch {
    /// A connection.
    pub(crate) fn new(time: Rc<Time>, stream: Rc<RefCell<Stream>>) -> Rc<Self> {
        Self::of(time, Of::Connection(stream, Shared::default()))
    }

    /// One request of a connection that has many at a time. It is one of them until this is dropped.
    pub(crate) fn request(self: &Rc<Self>) -> Rc<Self> {
        if let Of::Connection(_, shared) = &self.of {
            shared.requests.set(shared.requests.get() + 1);
        }
        self.is_new.set(false);
        self.doing.set(Doing::Serving);
        Self::of(Rc::clone(&self.time), Of::Request(Rc::clone(self)))
    }

    fn of(time: Rc<Time>, of: Of) -> Rc<Self> {
        let doing = Cell::new(Doing::Idle(time.now()));
        Rc::new(Self {
            time,
            of,
            doing,
            is_new: Cell::new(true),
            is_answered: Cell::new(false),
            stalled: Cell::new(None),
            due: Cell::new(None),
            is_called: Cell::new(false),
            is_waiting: Cell::new(false),
            is_over: Cell::new(false),
            task: RefCell::new(None),
        })
    }

    /// Many requests at a time come over this connection from now on.
    pub(crate) fn share(&self) {
        if let Of::Connection(_, shared) = &self.of {
            shared.is_shared.set(true);
        }
        self.at_rest();
    }

    /// What was said so far was no request: it is idle.
    pub(crate) fn at_rest(&self) {
        self.doing.set(Doing::Idle(self.time.now()));
    }

    fn is_shared(&self) -> bool {
        matches!(&self.of, Of::Connection(_, shared) if shared.is_shared.get())
    }

    /// Something was read.
    pub(crate) fn read(&self) {
        // Over one that is shared also come answers to what we have said.
        if let Doing::Idle(_) = self.doing.get()
            && !self.is_shared()
        {
            self.doing.set(Doing::Head(self.time.now()));
        }
    }

    /// Something was written, or could not be.
    pub(crate) fn wrote(&self, could: bool) {
        match (could, self.stalled.get()) {
            (true, Some(_)) => self.stalled.set(None),
            (false, None) => self.stalled.set(Some(self.time.now())),
            _ => {}
        }
    }

    /// A request is here.
    pub(crate) fn serving(&self) {
        self.is_new.set(false);
        self.is_answered.set(false);
        self.doing.set(Doing::Serving);
    }

    /// The head of the answer is made.
    pub(crate) fn answered(&self) {
        self.is_answered.set(true);
    }

    /// The request was answered.
    pub(crate) fn idle(&self) {
        self.due.set(None);
        self.at_rest();
    }

    /// From now on bytes pass.
    pub(crate) fn tunnelling(&self) {
        self.due.set(None);
        self.doing.set(Doing::Tunnelling);
    }

    /// Whether the answer to a request can still say that the connection is closed behind it. While a head is being read hyper would
    /// close at once, and behind an answer that has not said so the next request may be on its way.
    ///
    /// One that is shared says it beside its answers, once there was a request.
    pub(crate) fn can_announce(&self) -> bool {
        if self.is_shared() {
            return !self.is_new.get();
        }
        self.doing.get() == Doing::Serving && !self.is_answered.get()
    }

    /// Since when this connection is idle.
    pub(crate) const fn idle_since(&self) -> Option<Duration> {
        match (&self.of, self.doing.get()) {
            (Of::Connection(..), Doing::Idle(since)) => Some(since),
            _ => None,
        }
    }

    /// Whether it has been idle for a look, nothing came that is not read yet, and its first request is not on the way.
    pub(crate) fn is_at_rest(&self) -> bool {
        let (Of::Connection(stream, _), Some(since)) = (&self.of, self.idle_since()) else { return false };
        let expected = if self.is_new.get() { FIRST_REQUEST } else { LOOK };
        self.time.now().saturating_sub(since) >= expected && !stream.borrow().has_unread()
    }

    /// Whether nothing new is wanted over a connection that is shared.
    pub(crate) fn is_leaving(&self) -> bool {
        matches!(&self.of, Of::Connection(_, shared) if shared.leaving.get().is_some())
    }

    /// Closes the connection; one that is shared says goodbye first, since a request may be on its way.
    pub(crate) fn leave(&self) {
        match &self.of {
            Of::Connection(_, shared) if shared.is_shared.get() => {
                let since = shared.leaving.get().unwrap_or_else(|| self.time.now());
                shared.leaving.set(Some(since));
                self.wake();
            }
            _ => self.end(),
        }
    }

    /// Whether the connection is to be closed, or the request to be given up.
    pub(crate) const fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// Closes the connection, or gives the request up.
    pub(crate) fn end(&self) {
        self.is_over.set(true);
        self.wake();
    }

    /// Runs this until it is done, or until the connection is to be closed or the request to be given up.
    pub(crate) async fn unless_over<T>(&self, job: impl Future<Output = T>) -> Option<T> {
        let mut job = pin!(job);
        poll_fn(|cx| {
            self.polled_by(cx);
            if self.is_over() { Poll::Ready(None) } else { job.as_mut().poll(cx).map(Some) }
        })
        .await
    }

    /// Wakes the task.
    pub(crate) fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }

    /// The task that is woken.
    fn polled_by(&self, cx: &Context<'_>) {
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
    }

    /// From now on this long is too late, for [`is_due`](Self::is_due).
    pub(crate) fn expect_within(&self, time: Duration) {
        // A look may be a moment old: what waits must not be ended before its time.
        let due = self.time.now().checked_add(time).and_then(|due| due.checked_add(LOOK));
        self.due.set(due.map(|due| (due, time)));
        self.is_called.set(false);
    }

    /// Something moved: what is expected has its whole time again.
    pub(crate) fn came(&self) {
        if let Some((_, time)) = self.due.get() {
            self.expect_within(time);
        }
    }

    /// Nothing is expected.
    pub(crate) fn expect_nothing(&self) {
        self.due.set(None);
    }

    /// Whether what was expected is too late. The connection's task is polled once it is.
    pub(crate) fn is_due(&self) -> bool {
        self.due.get().is_some_and(|(due, _)| self.time.now() >= due)
    }

    /// Waits for this at most so long.
    pub(crate) async fn within<T>(&self, time: Duration, job: impl Future<Output = T>) -> Result<T, TooLate> {
        let mut job = pin!(job);
        self.expect_within(time);
        let done = poll_fn(|cx| match job.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending if self.is_due() => Poll::Ready(Err(TooLate)),
            Poll::Pending => Poll::Pending,
        })
        .await;
        self.expect_nothing();
        done
    }

    /// Waits for something else than the caller: if it hangs up meanwhile, its connection is closed, and this is never ready.
    pub(crate) async fn unless_gone<T>(&self, job: impl Future<Output = T>) -> T {
        let _waiting = Waiting::begin(&self.is_waiting);
        job.await
    }

    /// Looks at it: ends it if it takes too long, or if nobody is there any more.
    pub(crate) fn look(&self, limits: &Limits, looks_for_callers: bool) {
        match &self.of {
            Of::Connection(stream, shared) => {
                self.look_at_connection(stream, shared, limits, looks_for_callers);
            }
            // Whoever takes nothing of its answer keeps it from being asked for: waking it leads nowhere.
            Of::Request(_) if self.is_due() && self.is_called.get() => self.end(),
            Of::Request(_) => {}
        }
        if self.is_due() {
            self.is_called.set(true);
            self.wake();
        }
    }

    fn look_at_connection(
        &self,
        stream: &RefCell<Stream>,
        shared: &Shared,
        limits: &Limits,
        looks_for_callers: bool,
    ) {
        let now = self.time.now();
        let is_late = |since: Duration, time: Duration| now.saturating_sub(since) >= time;
        let is_gone = match self.doing.get() {
            Doing::Idle(since) => {
                if is_late(since, limits.idle_callers) {
                    self.leave();
                }
                false
            }
            Doing::Head(since) => is_late(since, limits.head_time),
            Doing::Tunnelling => return,
            Doing::Serving => {
                looks_for_callers && self.is_waiting.get() && stream.borrow().is_closed_by_peer()
            }
        };
        let has_left =
            self.idle_since().is_some() && shared.leaving.get().is_some_and(|since| is_late(since, GOODBYE));
        if is_gone || has_left || self.stalled.get().is_some_and(|since| is_late(since, limits.idle_body)) {
            self.end();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Of::Request(connection) = &self.of else { return };
        let Of::Connection(_, shared) = &connection.of else { return };
        shared.requests.set(shared.requests.get().saturating_sub(1));
        if shared.requests.get() == 0 {
            connection.at_rest();
        }
    }
}

/// Somebody waits, until this is dropped.
struct Waiting<'a>(&'a Cell<bool>);

impl<'a> Waiting<'a> {
    fn begin(flag: &'a Cell<bool>) -> Self {
        flag.set(true);
        Self(flag)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
