//! A worker's connections to one API: those at rest, and those that are in use.

use crate::answer::{Problem, UpstreamFault};
use crate::api::{Api, Fresh};
use crate::arriving::Spoken;
use crate::body::Outgoing;
use crate::limits::Limits;
use crate::shared::{Lane, Shared};
use crate::traffic::Traffic;
use crate::watch::Time;
use evergrant_core::Thumbprint;
use evergrant_drive::CertifiedKey;
use http::{HeaderMap, HeaderName, Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, Parts, SendRequest};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::task::{JoinHandle, spawn_local};
use tokio_rustls::TlsConnector;

/// How often the task of a connection may run before the connection counts as busy: once for the end of its answer, once for what a
/// caller wrote behind its request, and once to spare.
const TURNS: usize = 3;

/// How long before the API would close a connection it is not used any more.
const MARGIN: Duration = Duration::from_secs(1);

/// A worker's connections to one API.
pub(crate) struct Connections {
    pub(crate) api: Arc<Api>,
    time: Rc<Time>,
    idle_time: Duration,
    /// How many are kept at most, whatever they show, and how many are.
    most: usize,
    kept: Rc<Cell<usize>>,
    /// TLS that shows a certificate to the API if it asks for one; `None`: no certificate is shown.
    shown: Option<TlsConnector>,
    /// Those that show one. A token may be bound to it (RFC 8705 §3), and what speaks for one client must not carry the requests of another.
    showing: RefCell<HashMap<Thumbprint, Rc<Self>>>,
    /// The one that was used last is the last: those that nobody needs become old, and are closed.
    idle: RefCell<Vec<Idle>>,
    /// Those that many requests share.
    shared: Rc<Shared>,
}

struct Idle {
    connection: Own,
    since: Duration,
    _kept: Kept,
}

/// One that is kept, until it is dropped.
struct Kept(Rc<Cell<usize>>);

impl Kept {
    fn one(kept: &Rc<Cell<usize>>) -> Self {
        kept.set(kept.get() + 1);
        Self(Rc::clone(kept))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl Idle {
    /// Whether it has been at rest for too long, or is too old.
    fn is_over(&self, now: Duration, idle_time: Duration) -> bool {
        let Own { sender, born, keeps, .. } = &self.connection;
        let idle_time = keeps.map_or(idle_time, |keeps| keeps.min(idle_time));
        now.saturating_sub(self.since) >= idle_time
            || now.saturating_sub(*born) >= Limits::OLDEST
            || sender.is_closed()
    }
}

/// A connection to an API, as a request has it.
pub(crate) enum Connection {
    /// By itself (HTTP/1.1).
    Own(Own),
    /// With others (HTTP/2).
    Shared(Lane),
}

impl Connection {
    /// What went over it.
    pub(crate) fn traffic(&self) -> &Traffic {
        match self {
            Self::Own(own) => &own.traffic,
            Self::Shared(lane) => lane.traffic(),
        }
    }

    /// Whether it was used before: the API may have closed it meanwhile.
    pub(crate) const fn is_reused(&self) -> bool {
        match self {
            Self::Own(own) => own.is_reused,
            Self::Shared(lane) => lane.is_reused(),
        }
    }

    /// Sends a request over it.
    pub(crate) async fn send(
        &mut self,
        request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Outgoing>>> {
        match self {
            Self::Own(own) => own.sender.try_send_request(request).await,
            Self::Shared(lane) => lane.send(request).await,
        }
    }

    /// What the API says of the connection itself.
    pub(crate) fn hear(&mut self, fields: &HeaderMap) {
        if let Self::Own(own) = self {
            own.hear(fields);
        }
    }

    /// Whether what came over it was no HTTP/2, which was wanted.
    pub(crate) fn is_something_else(&self, error: &hyper::Error) -> bool {
        matches!(self, Self::Shared(lane) if lane.is_something_else(error))
    }

    /// Whether others have requests on it too.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// If others share it, it takes no other request: the API said nothing for too long, has left it, or says that it is asked too much over
    /// it. One that is nobody else's is closed with the request that failed.
    pub(crate) fn retire(&self) {
        if let Self::Shared(lane) = self {
            lane.retire();
        }
    }

    /// What became of it, if it was made to be upgraded.
    pub(crate) fn upgraded(&mut self) -> Option<Upgraded> {
        match self {
            Self::Own(own) => own.upgraded.take(),
            Self::Shared(_) => None,
        }
    }
}

/// A connection that takes one request after another.
pub(crate) struct Own {
    sender: SendRequest<Outgoing>,
    traffic: Rc<Traffic>,
    is_reused: bool,
    /// When it was made.
    born: Duration,
    /// How long it is kept while it is at rest, where the API has said how long it keeps it.
    keeps: Option<Duration>,
    upgraded: Option<Upgraded>,
}

/// A connection that has agreed to another protocol, once it has.
pub(crate) struct Upgraded(JoinHandle<Option<Parts<Fresh>>>);

impl Upgraded {
    /// The connection, and what came over it behind the answer.
    pub(crate) async fn connection(self) -> Option<Parts<Fresh>> {
        self.0.await.ok().flatten()
    }
}

impl Own {
    /// What the API says of how long it keeps an idle connection (`Keep-Alive: timeout=5`, RFC 2068 §19.7.1.1).
    fn hear(&mut self, fields: &HeaderMap) {
        let Some(value) = fields.get(KEEP_ALIVE).and_then(|value| value.to_str().ok()) else { return };
        let mut said = value.split(',').filter_map(|member| member.trim().strip_prefix("timeout="));
        if let Some(seconds) = said.next().and_then(|seconds| seconds.trim().parse().ok()) {
            self.keeps = Some(Duration::from_secs(seconds).saturating_sub(MARGIN));
        }
    }
}

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

impl Connections {
    pub(crate) fn new(api: Arc<Api>, time: Rc<Time>, limits: &Limits) -> Rc<Self> {
        Rc::new(Self {
            api,
            time,
            idle_time: limits.idle_upstream,
            most: limits.turns,
            kept: Rc::default(),
            shown: None,
            showing: RefCell::default(),
            idle: RefCell::default(),
            shared: Rc::new(Shared::showing(None)),
        })
    }

    /// Those to the same API that show it this certificate if it asks for one, or none.
    pub(crate) fn showing(self: &Rc<Self>, certified: Option<&CertifiedKey>) -> Result<Rc<Self>, Problem> {
        let Some(certified) = certified else { return Ok(Rc::clone(self)) };
        if let Some(known) = self.showing.borrow().get(&certified.thumbprint()) {
            return Ok(Rc::clone(known));
        }
        let Some(shown) = self.api.showing(certified)? else { return Ok(Rc::clone(self)) };
        let of = Rc::new(Self {
            api: Arc::clone(&self.api),
            time: Rc::clone(&self.time),
            idle_time: self.idle_time,
            most: self.most,
            kept: Rc::clone(&self.kept),
            shown: Some(shown.clone()),
            showing: RefCell::default(),
            idle: RefCell::default(),
            shared: Rc::new(Shared::showing(Some(shown))),
        });
        self.showing.borrow_mut().insert(certified.thumbprint(), Rc::clone(&of));
        Ok(of)
    }

    /// One that takes a request at once.
    pub(crate) async fn rested(&self) -> Option<Connection> {
        if self.api.speaks() == Spoken::Http2 {
            return self.shared.lane(&self.time).map(Connection::Shared);
        }
        loop {
            let idle = self.idle.borrow_mut().pop()?;
            if idle.is_over(self.time.now(), self.idle_time) {
                continue;
            }
            let Idle { mut connection, .. } = idle;
            if connection.sender.is_ready() || is_soon_ready(&mut connection.sender).await {
                return Some(Connection::Own(connection));
            }
        }
    }

    /// A new one, or a place in one that is new, for which it waits so long.
    pub(crate) async fn fresh(&self, patience: Duration) -> Result<Connection, Problem> {
        match self.api.speaks() {
            Spoken::Http1 => self.own(false).await.map(Connection::Own),
            Spoken::Http2 => {
                let lane = self.shared.fresh(&self.api, &self.time, patience).await;
                lane.map(Connection::Shared)
            }
        }
    }

    /// A new one that may agree to another protocol.
    pub(crate) async fn to_upgrade(&self) -> Result<Connection, Problem> {
        self.own(true).await.map(Connection::Own)
    }

    async fn own(&self, is_to_upgrade: bool) -> Result<Own, Problem> {
        let traffic = Rc::new(Traffic::default());
        let io = self.api.connect(Rc::clone(&traffic), self.shown.as_ref()).await?;
        // And 100 fields, as for callers.
        let made = http1::Builder::new().max_buf_size(Limits::ANSWER_HEAD).handshake(io).await;
        let (sender, mut connection) = made.map_err(|_| Problem::unreachable(UpstreamFault::Closed))?;
        // What goes wrong with it is the error of the request that it carries.
        let task = spawn_local(async move {
            let ended = (&mut connection).await;
            (ended.is_ok() && is_to_upgrade).then(|| connection.into_parts())
        });
        let upgraded = is_to_upgrade.then_some(Upgraded(task));
        Ok(Own { sender, traffic, is_reused: false, born: self.time.now(), keeps: None, upgraded })
    }

    /// It has answered, and takes another request.
    pub(crate) fn rest(&self, connection: Connection) {
        // A place in one that is shared is given back by itself.
        let Connection::Own(own) = connection else { return };
        let mut idle = self.idle.borrow_mut();
        if !own.sender.is_closed() && self.kept.get() < self.most {
            let connection = Own { is_reused: true, upgraded: None, ..own };
            idle.push(Idle { connection, since: self.time.now(), _kept: Kept::one(&self.kept) });
        }
    }

    /// Closes those that have been at rest for too long.
    pub(crate) fn look(&self) {
        let now = self.time.now();
        self.idle.borrow_mut().retain(|idle| !idle.is_over(now, self.idle_time));
        self.shared.look(now, self.idle_time);
        // A certificate that was renewed is shown by nobody any more.
        self.showing.borrow_mut().retain(|_, of| {
            of.look();
            Rc::strong_count(of) > 1 || !of.is_empty()
        });
    }

    fn is_empty(&self) -> bool {
        self.idle.borrow().is_empty() && self.shared.is_empty()
    }
}

/// One whose answer has just ended is ready as soon as its own task has run.
async fn is_soon_ready(sender: &mut SendRequest<Outgoing>) -> bool {
    let mut tries = 0;
    poll_fn(|cx| match sender.poll_ready(cx) {
        Poll::Ready(ready) => Poll::Ready(ready.is_ok()),
        Poll::Pending if tries == TURNS => Poll::Ready(false),
        Poll::Pending => {
            tries += 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}
