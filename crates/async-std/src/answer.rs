//! The body of an answer as it comes.

use crate::connection::{Connection, Key};
use crate::error::HttpError;
use crate::pool::Pool;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

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
            pool.put(key, connection);
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
                Poll::Ready(Some(Err(HttpError::Timeout(self.timeout).into_io())))
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
