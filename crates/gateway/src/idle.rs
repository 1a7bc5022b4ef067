//! A worker's connections to one API: those at rest, and those that are in use.

use crate::answer::{Problem, UpstreamFault};
use crate::api::Api;
use crate::body::Outgoing;
use crate::limits::Limits;
use crate::traffic::Traffic;
use crate::watch::Time;
use http::{HeaderMap, HeaderName};
use hyper::client::conn::http1::{self, SendRequest};
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::task::spawn_local;

/// How old a connection may become: a name that leads elsewhere since is followed by then.
const OLDEST: Duration = Duration::from_secs(300);

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
    /// How many are kept at most.
    most: usize,
    /// The one that was used last is the last: those that nobody needs become old, and are closed.
    idle: RefCell<Vec<Idle>>,
}

struct Idle {
    connection: Connection,
    since: Duration,
}

impl Idle {
    /// Whether it has been at rest for too long, or is too old.
    fn is_over(&self, now: Duration, idle_time: Duration) -> bool {
        let Connection { sender, born, keeps, .. } = &self.connection;
        let idle_time = keeps.map_or(idle_time, |keeps| keeps.min(idle_time));
        now.saturating_sub(self.since) >= idle_time
            || now.saturating_sub(*born) >= OLDEST
            || sender.is_closed()
    }
}

/// A connection that takes one request after another.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<Outgoing>,
    pub(crate) traffic: Rc<Traffic>,
    /// Whether it was used before: the API may have closed it meanwhile.
    pub(crate) is_reused: bool,
    /// When it was made.
    born: Duration,
    /// How long it is kept while it is at rest, where the API has said how long it keeps it.
    keeps: Option<Duration>,
}

impl Connection {
    /// What the API says of how long it keeps an idle connection (`Keep-Alive: timeout=5`, RFC 2068 §19.7.1.1).
    pub(crate) fn hear(&mut self, fields: &HeaderMap) {
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
            idle: RefCell::new(Vec::new()),
        })
    }

    /// One at rest.
    pub(crate) async fn rested(&self) -> Option<Connection> {
        loop {
            let idle = self.idle.borrow_mut().pop()?;
            if idle.is_over(self.time.now(), self.idle_time) {
                continue;
            }
            let Idle { mut connection, .. } = idle;
            if connection.sender.is_ready() || is_soon_ready(&mut connection.sender).await {
                return Some(connection);
            }
        }
    }

    /// A new one.
    pub(crate) async fn fresh(&self) -> Result<Connection, Problem> {
        let traffic = Rc::new(Traffic::default());
        let io = self.api.connect(Rc::clone(&traffic)).await?;
        // And 100 fields, as for callers.
        let made = http1::Builder::new().max_buf_size(Limits::ANSWER_HEAD).handshake(io).await;
        let (sender, connection) = made.map_err(|_| Problem::unreachable(UpstreamFault::Refused))?;
        spawn_local(async move {
            // What goes wrong with it is the error of the request that it carries.
            let _ended = connection.await;
        });
        Ok(Connection { sender, traffic, is_reused: false, born: self.time.now(), keeps: None })
    }

    /// It has answered, and takes another request.
    pub(crate) fn rest(&self, connection: Connection) {
        let mut idle = self.idle.borrow_mut();
        if !connection.sender.is_closed() && idle.len() < self.most {
            let connection = Connection { is_reused: true, ..connection };
            idle.push(Idle { connection, since: self.time.now() });
        }
    }

    /// Closes those that have been at rest for too long.
    pub(crate) fn look(&self) {
        let now = self.time.now();
        self.idle.borrow_mut().retain(|idle| !idle.is_over(now, self.idle_time));
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
