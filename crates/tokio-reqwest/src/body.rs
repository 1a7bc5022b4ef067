//! A look at the beginning of an answer's body, which is put back whole.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::{Response, ResponseBuilderExt as _};
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Reads at most `limit` bytes of the body, and gives the answer back as it was: with its whole body, URL, version,
/// extensions and remote address.
pub(crate) async fn prefix(mut answer: Response, limit: usize) -> (Vec<u8>, Response) {
    let (mut seen, mut chunks, mut error) = (Vec::new(), VecDeque::new(), None);
    while seen.len() < limit {
        match answer.chunk().await {
            Ok(Some(chunk)) => {
                seen.extend_from_slice(&chunk[..chunk.len().min(limit - seen.len())]);
                chunks.push_back(chunk);
            }
            Ok(None) => break,
            Err(broken) => {
                // Its reader shall meet it where it was.
                error = Some(broken);
                break;
            }
        }
    }
    (seen, put_back(answer, chunks, error))
}

fn put_back(answer: Response, chunks: VecDeque<Bytes>, error: Option<reqwest::Error>) -> Response {
    let url = answer.url().clone();
    let (mut parts, rest) = http::Response::<reqwest::Body>::from(answer).into_parts();
    // The URL travels as an extension that only reqwest can make; without it the answer would forget where it came
    // from.
    if let Ok(carrier) = http::Response::builder().url(url).body(()) {
        parts.extensions.extend(carrier.into_parts().0.extensions);
    }
    let body = reqwest::Body::wrap(Whole { chunks, error, rest });
    Response::from(http::Response::from_parts(parts, body))
}

/// What was read, then what was not.
struct Whole {
    chunks: VecDeque<Bytes>,
    error: Option<reqwest::Error>,
    rest: reqwest::Body,
}

impl Body for Whole {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        if let Some(chunk) = self.chunks.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        if let Some(error) = self.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        Pin::new(&mut self.rest).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty() && self.error.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let read: u64 = self.chunks.iter().map(|chunk| chunk.len() as u64).sum();
        let rest = self.rest.size_hint();
        let mut whole = SizeHint::new();
        whole.set_lower(read.saturating_add(rest.lower()));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(read)) {
            whole.set_upper(upper);
        }
        whole
    }
}
