//! A look at the beginning of an answer's body, which is put back whole.

use crate::runtime::within;
use bytes::{Buf as _, Bytes};
use evergrant_core::VerdictRule;
use http_body::{Body, Frame, SizeHint};
use reqwest::{Response, ResponseBuilderExt as _};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Reads what a verdict may look at of the body, and gives the answer back as it was: with its whole body, URL, version,
/// extensions and remote address.
pub(crate) async fn prefix(answer: Response) -> (Vec<u8>, Response) {
    let url = answer.url().clone();
    let (mut parts, body) = http::Response::<reqwest::Body>::from(answer).into_parts();
    let mut body = Whole::new(body);
    let seen = body.prefix().await;
    // The URL travels as an extension that only reqwest can make; without it the answer would forget where it came
    // from.
    if let Ok(carrier) = http::Response::builder().url(url).body(()) {
        parts.extensions.extend(carrier.into_parts().0.extensions);
    }
    (seen, Response::from(http::Response::from_parts(parts, reqwest::Body::wrap(body))))
}

/// What was read of a body, then what was not.
pub(crate) struct Whole<A: Body> {
    frames: VecDeque<Frame<Bytes>>,
    /// Its reader shall meet it where it was.
    error: Option<A::Error>,
    rest: Pin<Box<A>>,
}

impl<A: Body> Whole<A> {
    pub(crate) fn new(rest: A) -> Self {
        Self { frames: VecDeque::new(), error: None, rest: Box::pin(rest) }
    }

    /// The first bytes, as many as a verdict may look at and as come while it is waited for.
    pub(crate) async fn prefix(&mut self) -> Vec<u8> {
        let mut seen = Vec::new();
        within(VerdictRule::MAX_BODY_TIME, async {
            // Frames without bytes must not go on for ever either.
            while seen.len().max(self.frames.len()) < VerdictRule::MAX_BODY {
                match poll_fn(|cx| self.poll_rest(cx)).await {
                    Some(Ok(frame)) => {
                        let data = frame.data_ref().map_or(&[][..], |data| data);
                        seen.extend_from_slice(
                            data.get(..VerdictRule::MAX_BODY - seen.len()).unwrap_or(data),
                        );
                        self.frames.push_back(frame);
                    }
                    Some(Err(broken)) => {
                        self.error = Some(broken);
                        break;
                    }
                    None => break,
                }
            }
        })
        .await;
        seen
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, A::Error>>> {
        let whole = |frame: Frame<A::Data>| frame.map_data(|mut data| data.copy_to_bytes(data.remaining()));
        self.rest.as_mut().poll_frame(cx).map_ok(whole)
    }
}

// What a body needs pinned is in a box.
impl<A: Body> Unpin for Whole<A> {}

impl<A: Body> Body for Whole<A> {
    type Data = Bytes;
    type Error = A::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, A::Error>>> {
        if let Some(frame) = self.frames.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        if let Some(error) = self.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        self.poll_rest(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && self.error.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let read: u64 = self.frames.iter().filter_map(Frame::data_ref).map(|data| data.len() as u64).sum();
        let rest = self.rest.size_hint();
        let mut whole = SizeHint::new();
        whole.set_lower(read.saturating_add(rest.lower()));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(read)) {
            whole.set_upper(upper);
        }
        whole
    }
}
