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
}

/// A connection to a caller.
pub(crate) struct Watch {
    time: Rc<Time>,
    stream: Rc<RefCell<Stream>>,
    doing: Cell<Doing>,
    /// No request came yet.
    is_new: Cell<bool>,
    /// The head of the answer is made: it says whether the connection is closed behind it.
    is_answered: Cell<bool>,
    /// Since when it could not be written to.
    stalled: Cell<Option<Duration>>,
    /// When what the request waits for is too late, and how long it may take.
    due: Cell<Option<(Duration, Duration)>>,
    /// The request waits for something else than its caller: that it has hung up is seen by nobody else.
    is_waiting: Cell<bool>,
    is_over: Cell<bool>,
    /// The connection's task.
    task: RefCell<Option<Waker>>,
}

/// What was waited for did not come in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TooLate;

impl Watch {
    pub(crate) fn new(time: Rc<Time>, stream: Rc<RefCell<Stream>>) -> Rc<Self> {
        let doing = Cell::new(Doing::Idle(time.now()));
        Rc::new(Self {
            time,
            stream,
            doing,
            is_new: Cell::new(true),
            is_answered: Cell::new(false),
            stalled: Cell::new(None),
            due: Cell::new(None),
            is_waiting: Cell::new(false),
            is_over: Cell::new(false),
            task: RefCell::new(None),
        })
    }

    /// Something was read.
    pub(crate) fn read(&self) {
        if let Doing::Idle(_) = self.doing.get() {
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
        self.doing.set(Doing::Idle(self.time.now()));
    }

    /// Whether the answer to a request can still say that the connection is closed behind it. While a head is being read hyper would
    /// close at once, and behind an answer that has not said so the next request may be on its way.
    pub(crate) fn can_announce(&self) -> bool {
        self.doing.get() == Doing::Serving && !self.is_answered.get()
    }

    /// Since when it is idle.
    pub(crate) const fn idle_since(&self) -> Option<Duration> {
        match self.doing.get() {
            Doing::Idle(since) => Some(since),
            _ => None,
        }
    }

    /// Whether it has been idle for a look, nothing came that is not read yet, and its first request is not on the way.
    pub(crate) fn is_at_rest(&self) -> bool {
        let Some(since) = self.idle_since() else { return false };
        let expected = if self.is_new.get() { FIRST_REQUEST } else { LOOK };
        self.time.now().saturating_sub(since) >= expected && !self.stream.borrow().has_unread()
    }

    /// Whether the connection is to be closed.
    pub(crate) const fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// Closes the connection.
    pub(crate) fn end(&self) {
        self.is_over.set(true);
        self.wake();
    }

    /// Wakes the connection's task.
    pub(crate) fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }

    /// The task that is woken.
    pub(crate) fn polled_by(&self, cx: &Context<'_>) {
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
        let now = self.time.now();
        let is_late = |since: Duration, time: Duration| now.saturating_sub(since) >= time;
        let is_over = match self.doing.get() {
            Doing::Idle(since) => is_late(since, limits.idle_callers),
            Doing::Head(since) => is_late(since, limits.head_time),
            Doing::Serving => {
                looks_for_callers && self.is_waiting.get() && self.stream.borrow().is_closed_by_peer()
            }
        };
        if is_over || self.stalled.get().is_some_and(|since| is_late(since, limits.idle_body)) {
            self.end();
        } else if self.is_due() {
            self.wake();
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
