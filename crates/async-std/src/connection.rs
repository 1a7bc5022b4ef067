//! One connection of hyper's, driven by whoever uses it: nothing is spawned for it.

use crate::body::Body;
use crate::error::HttpError;
use crate::io::Io;
use bytes::Bytes;
use futures_io::{AsyncRead, AsyncWrite};
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Where a connection leads: scheme, host and port.
pub(crate) type Key = (bool, String, u16);

/// No more connections to one place are kept than a busy worker pool uses again at once.
const MAX_IDLE: usize = 32;
/// Servers close what is silent for a minute or less; what they closed fails when it is used.
const MAX_AGE: Duration = Duration::from_secs(30);

/// A connection, and the future that moves its bytes.
pub(crate) struct Connection {
    sender: SendRequest<Body>,
    /// `None` once it is over. A finished connection must not be polled, nor end the call that waits for its answer.
    moving: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Connection {
    pub(crate) async fn open<S>(stream: S) -> hyper::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::handshake(Io::new(stream)).await?;
        // How it ended is seen by the call that used it.
        let moving = Box::pin(async move { drop(connection.await) });
        Ok(Self { sender, moving: Some(moving) })
    }

    fn advance(&mut self, cx: &mut Context<'_>) {
        if self.moving.as_mut().is_some_and(|moving| moving.as_mut().poll(cx).is_ready()) {
            self.moving = None;
        }
    }

    /// Whether a request can be sent on it at this moment.
    fn is_usable(&mut self) -> bool {
        self.advance(&mut Context::from_waker(Waker::noop()));
        self.moving.is_some() && self.sender.is_ready()
    }

    /// Sends a request and waits for the head of its answer. The request comes back if none of it was sent.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, (hyper::Error, Option<Request<Body>>)> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let moving = &mut self.moving;
        let answer = poll_fn(|cx| {
            if moving.as_mut().is_some_and(|moving| moving.as_mut().poll(cx).is_ready()) {
                *moving = None;
            }
            answer.as_mut().poll(cx)
        });
        answer.await.map_err(|mut error| {
            let request = error.take_message();
            (error.into_error(), request)
        })
    }
}

/// Connections that wait for another request.
#[derive(Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<HashMap<Key, Vec<Idle>>>>);

struct Idle {
    since: Instant,
    connection: Connection,
}

impl Idle {
    fn is_young(&self) -> bool {
        self.since.elapsed() < MAX_AGE
    }
}

impl Pool {
    /// The connection that was used last and still works.
    pub(crate) fn take(&self, key: &Key) -> Option<Connection> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = idle.get_mut(key)?;
        while let Some(mut last) = connections.pop() {
            if last.is_young() && last.connection.is_usable() {
                return Some(last.connection);
            }
        }
        None
    }

    fn put(&self, key: &Key, mut connection: Connection) {
        if !connection.is_usable() {
            return;
        }
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = idle.entry(key.clone()).or_default();
        connections.retain(Idle::is_young);
        if connections.len() < MAX_IDLE {
            connections.push(Idle { since: Instant::now(), connection });
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

/// The body of an answer: reading it moves its connection, which goes back to the pool at its end.
pub(crate) struct Streamed {
    incoming: Incoming,
    connection: Option<Connection>,
    home: Option<(Pool, Key)>,
    deadline: Option<Deadline>,
    /// The time after which that is.
    timeout: Duration,
}

/// When the call that an answer belongs to is over, body included.
pub(crate) type Deadline = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Streamed {
    pub(crate) fn new(
        incoming: Incoming,
        connection: Connection,
        home: Option<(Pool, Key)>,
        (deadline, timeout): (Deadline, Duration),
    ) -> Self {
        let deadline = Some(deadline);
        let mut body = Self { incoming, connection: Some(connection), home, deadline, timeout };
        if body.incoming.is_end_stream() {
            body.give_back();
        }
        body
    }

    fn give_back(&mut self) {
        if let (Some(connection), Some((pool, key))) = (self.connection.take(), self.home.take()) {
            pool.put(&key, connection);
        }
    }
}

impl HttpBody for Streamed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(connection) = &mut self.connection {
            connection.advance(cx);
        }
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(Ok(frame))),
            Poll::Ready(Some(Err(error))) => {
                self.connection = None;
                Poll::Ready(Some(Err(io::Error::other(error))))
            }
            Poll::Ready(None) => {
                self.give_back();
                Poll::Ready(None)
            }
            Poll::Pending => {
                let over =
                    self.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready());
                if !over {
                    return Poll::Pending;
                }
                (self.connection, self.deadline) = (None, None);
                let error = HttpError::Timeout(self.timeout);
                Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, error))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
