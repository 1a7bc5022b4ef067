//! A worker's connections to an API over which many requests go at a time (HTTP/2).

use crate::answer::{Problem, UpstreamFault};
use crate::api::{Api, Fresh};
use crate::body::Outgoing;
use crate::limits::Limits;
use crate::traffic::{Mark, Traffic};
use crate::watch::Time;
use h2::Reason;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::rt::Executor;
use std::cell::{Cell, RefCell};
use std::error::Error as _;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How many connections that an API leaves are tried for one request: one that says goodbye after every hundredth turns away what comes close
/// behind, and one that leaves each takes none.
pub(crate) const TRIES: u8 = 8;

/// Those of one worker to one API.
pub(crate) struct Shared {
    /// TLS that shows a certificate to the API if it asks for one.
    shown: Option<TlsConnector>,
    connections: RefCell<Vec<Rc<Many>>>,
    /// The one that is being made: there is one at a time, or each request of a cold start would make its own.
    making: RefCell<Option<Rc<Making>>>,
}

type Connection = http2::Connection<Fresh, Outgoing, OnThisThread>;

/// A connection.
struct Many {
    sender: SendRequest<Outgoing>,
    traffic: Rc<Traffic>,
    /// `None` once it has ended.
    connection: Rc<RefCell<Option<Connection>>>,
    /// How many requests it carries.
    requests: Cell<usize>,
    /// Whether it has carried one, and whether one was answered.
    is_used: Cell<bool>,
    has_answered: Cell<bool>,
    /// When it was made, and since when it carries none.
    born: Duration,
    idle: Cell<Duration>,
    is_retired: Cell<bool>,
}

/// A connection that is being made, and those who wait for it.
#[derive(Default)]
struct Making {
    done: Notify,
    outcome: RefCell<Option<Result<(), Problem>>>,
    waiting: Cell<usize>,
}

/// A place for one request on a connection.
pub(crate) struct Lane {
    of: Rc<Many>,
    is_reused: bool,
    time: Rc<Time>,
}

impl Many {
    fn takes_another(&self, now: Duration) -> bool {
        let allowed = self.connection.borrow().as_ref().map(Connection::current_max_send_streams);
        let most = allowed.map_or(0, |allowed| allowed.clamp(1, Limits::STREAMS as usize));
        !self.is_done_with(now) && self.requests.get() < most
    }

    /// Whether nothing new goes over it.
    fn is_done_with(&self, now: Duration) -> bool {
        self.is_retired.get() || self.sender.is_closed() || now.saturating_sub(self.born) >= Limits::OLDEST
    }

    /// Whether it is to be closed.
    fn is_over(&self, now: Duration, idle_time: Duration) -> bool {
        let is_idle = self.requests.get() == 0 && now.saturating_sub(self.idle.get()) >= idle_time;
        self.is_done_with(now) || is_idle
    }
}

impl Lane {
    pub(crate) fn traffic(&self) -> &Traffic {
        &self.of.traffic
    }

    pub(crate) const fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// The connection takes no other request.
    pub(crate) fn retire(&self) {
        self.of.is_retired.set(true);
    }

    pub(crate) async fn send(
        &self,
        request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Outgoing>>> {
        let answer = self.of.sender.clone().try_send_request(request).await;
        if answer.is_ok() {
            self.of.has_answered.set(true);
        }
        answer
    }

    /// Whether what came was no HTTP/2 from the beginning: whoever sent that has understood nothing of what it got.
    pub(crate) fn is_something_else(&self, error: &hyper::Error) -> bool {
        let is_local = |error: &h2::Error| error.is_go_away() && !error.is_remote();
        !self.of.has_answered.get() && cause(error).is_some_and(is_local)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.of.requests.set(self.of.requests.get().saturating_sub(1));
        self.of.idle.set(self.time.now());
    }
}

impl Shared {
    /// None yet.
    pub(crate) fn showing(shown: Option<TlsConnector>) -> Self {
        Self { shown, connections: RefCell::default(), making: RefCell::default() }
    }

    /// A place on a connection that has one.
    pub(crate) fn lane(&self, time: &Rc<Time>) -> Option<Lane> {
        let connections = self.connections.borrow();
        let now = time.now();
        let of = Rc::clone(connections.iter().find(|one| one.takes_another(now))?);
        of.requests.set(of.requests.get() + 1);
        Some(Lane { is_reused: of.is_used.replace(true), of, time: Rc::clone(time) })
    }

    /// A place on a new connection, or on one that has become free meanwhile, within this time or that for a connection.
    pub(crate) async fn fresh(
        self: &Rc<Self>,
        api: &Arc<Api>,
        time: &Rc<Time>,
        patience: Duration,
    ) -> Result<Lane, Problem> {
        // As long as for a turn, and as long as it takes to make one.
        let until = Instant::now().checked_add(patience.max(api.connect_time()));
        let mut left = 0;
        // Why this one is not made, it says by itself.
        self.made(api, time).await?;
        loop {
            if let Some(lane) = self.lane(time) {
                return Ok(lane);
            }
            let is_open = |one: &Rc<Many>| !one.is_done_with(time.now());
            if !self.connections.borrow().last().is_some_and(is_open) {
                left += 1;
            }
            if left == TRIES {
                return Err(Problem::unreachable(UpstreamFault::Closed));
            }
            // Others have taken all of its places.
            let rest = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            let made = timeout(rest, self.made(api, time)).await;
            made.unwrap_or_else(|_| Err(Problem::busy(Duration::from_secs(1))))?;
        }
    }

    /// Until a connection was made, by whoever began with it.
    async fn made(self: &Rc<Self>, api: &Arc<Api>, time: &Rc<Time>) -> Result<(), Problem> {
        let making = match &*self.making.borrow() {
            Some(making) if making.waiting.get() < Limits::STREAMS as usize => Some(Rc::clone(making)),
            _ => None,
        };
        let making = making.unwrap_or_else(|| self.make(Arc::clone(api), Rc::clone(time)));
        making.waiting.set(making.waiting.get() + 1);
        loop {
            let done = making.done.notified();
            if let Some(outcome) = making.outcome.borrow().clone() {
                return outcome;
            }
            done.await;
        }
    }

    /// Begins to make a connection, which goes on whoever waits for it.
    fn make(self: &Rc<Self>, api: Arc<Api>, time: Rc<Time>) -> Rc<Making> {
        let making = Rc::<Making>::default();
        *self.making.borrow_mut() = Some(Rc::clone(&making));
        let (shared, done) = (Rc::clone(self), Rc::clone(&making));
        spawn_local(async move {
            let made = connect(&api, shared.shown.as_ref(), &time).await;
            let made = made.map(|many| shared.connections.borrow_mut().push(Rc::new(many)));
            done.outcome.replace(Some(made));
            shared.making.borrow_mut().take_if(|making| Rc::ptr_eq(making, &done));
            done.done.notify_waiters();
        });
        making
    }

    /// Closes those that have been at rest for too long. What is still on its way over one that is done with ends there.
    pub(crate) fn look(&self, now: Duration, idle_time: Duration) {
        self.connections.borrow_mut().retain(|one| !one.is_over(now, idle_time));
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.connections.borrow().is_empty()
    }
}

/// Whether an API says of a request that it has done nothing with it, so that it may be sent again, whatever its method (RFC 9113 §8.7).
pub(crate) fn is_refused(error: &hyper::Error) -> bool {
    said(error).is_some_and(|error| error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM))
}

/// Whether an API says that a connection asks too much of it (RFC 9113 §7). Some answer so whatever else comes over it: node does while what
/// was not taken of its answers there fills the room for one connection.
pub(crate) fn is_too_much(error: &hyper::Error) -> bool {
    said(error).is_some_and(|error| error.is_reset() && error.reason() == Some(Reason::ENHANCE_YOUR_CALM))
}

/// Whether a request came behind what the API still took before it said goodbye, so that it has done nothing with it either (§6.8).
pub(crate) fn is_goodbye(error: &hyper::Error) -> bool {
    said(error).is_some_and(|error| error.is_go_away() && error.reason() == Some(Reason::NO_ERROR))
}

/// What the other side has said.
fn said(error: &hyper::Error) -> Option<&h2::Error> {
    cause(error).filter(|error| error.is_remote())
}

fn cause(error: &hyper::Error) -> Option<&h2::Error> {
    error.source()?.downcast_ref()
}

async fn connect(api: &Api, shown: Option<&TlsConnector>, time: &Time) -> Result<Many, Problem> {
    let traffic = Rc::new(Traffic::default());
    let io = api.connect(Rc::clone(&traffic), shown).await?;
    let mark = traffic.mark();
    let made = http2::Builder::new(OnThisThread)
        // It says by itself how many requests it takes at a time, before anything else (RFC 9113 §3.4).
        .initial_max_send_streams(0)
        .initial_stream_window_size(Limits::ANSWER_WINDOW)
        // An answer that its caller does not take shall not stand in the way of others: there is room for all.
        .initial_connection_window_size(Limits::ANSWER_WINDOW.saturating_mul(Limits::STREAMS))
        .max_header_list_size(u32::try_from(Limits::ANSWER_HEAD).unwrap_or(u32::MAX))
        .max_send_buf_size(Limits::SENT_AHEAD)
        .handshake(io)
        .await;
    let (sender, mut connection) = made.map_err(|_| Problem::unreachable(UpstreamFault::Closed))?;
    api.in_time(settled(&mut connection, &traffic, mark)).await.map_err(Problem::unreachable)?;
    let connection = Rc::new(RefCell::new(Some(connection)));
    let running = Rc::clone(&connection);
    // What goes wrong with it is the error of the requests that it carries. Those that it has not begun with get theirs once it is dropped.
    spawn_local(poll_fn(move |cx| {
        let mut running = running.borrow_mut();
        let Some(connection) = &mut *running else { return Poll::Ready(()) };
        let ended = Pin::new(connection).poll(cx);
        if ended.is_ready() {
            *running = None;
        }
        ended.map(drop)
    }));
    let now = time.now();
    Ok(Many {
        sender,
        traffic,
        connection,
        requests: Cell::new(0),
        is_used: Cell::new(false),
        has_answered: Cell::new(false),
        born: now,
        idle: Cell::new(now),
        is_retired: Cell::new(false),
    })
}

/// Until it is known how many requests an API takes at a time: those beyond would be refused.
async fn settled(connection: &mut Connection, traffic: &Traffic, mark: Mark) -> Result<(), UpstreamFault> {
    poll_fn(|cx| {
        // Nobody else says that it was said.
        traffic.wake_at_read(cx);
        let ended = Pin::new(&mut *connection).poll(cx).is_ready();
        match (ended, connection.current_max_send_streams()) {
            // Whoever says something else first speaks something else.
            (true, 0) if traffic.has_read_since(mark) => Poll::Ready(Err(UpstreamFault::NoHttp2)),
            (true, _) => Poll::Ready(Err(UpstreamFault::Closed)),
            (false, 0) => Poll::Pending,
            (false, _) => Poll::Ready(Ok(())),
        }
    })
    .await
}

/// What hyper wants to run beside the connection: on the thread that the connection is on.
#[derive(Clone)]
struct OnThisThread;

impl<F: Future<Output = ()> + 'static> Executor<F> for OnThisThread {
    fn execute(&self, job: F) {
        spawn_local(job);
    }
}
