//! One connection of hyper's, driven by whoever uses it: nothing is spawned for it.

use crate::body::Body;
use crate::io::{Allowance, Io, MAX_HEAD, MAX_HEADERS};
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
    allowance: Allowance,
}

impl Connection {
    pub(crate) async fn open<S>(stream: S) -> hyper::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let allowance = Allowance::new();
        let mut http = http1::Builder::new();
        // A user agent must read header lines that are folded (RFC 9112 §5.2).
        http.allow_obsolete_multiline_headers_in_responses(true);
        http.max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD);
        let (sender, connection) = http.handshake(Io::new(stream, allowance.clone())).await?;
        // How it ended is seen by the call that used it.
        let moving = Box::pin(async move { drop(connection.await) });
        Ok(Self { sender, moving: Some(moving), allowance })
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
        self.allowance.begin();
        let mut answer = pin!(self.sender.try_send_request(request));
        let moving = &mut self.moving;
        let answer = poll_fn(|cx| {
            if moving.as_mut().is_some_and(|moving| moving.as_mut().poll(cx).is_ready()) {
                *moving = None;
            }
            answer.as_mut().poll(cx)
        });
        let answer = answer.await.map_err(|mut error| {
            let request = error.take_message();
            (error.into_error(), request)
        })?;
        self.allowance.lift();
        Ok(answer)
    }
}
