//! One connection of hyper's, driven by whoever uses it: nothing is spawned for it.

use crate::body::Body;
use crate::io::Io;
use futures_io::{AsyncRead, AsyncWrite};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

/// Where a connection leads: scheme, host and port.
pub(crate) type Key = (bool, String, u16);

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

    pub(crate) fn advance(&mut self, cx: &mut Context<'_>) {
        if self.moving.as_mut().is_some_and(|moving| moving.as_mut().poll(cx).is_ready()) {
            self.moving = None;
        }
    }

    /// Whether a request can be sent on it at this moment.
    pub(crate) fn is_usable(&mut self) -> bool {
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
