//! Bodies of requests and answers.

use crate::error::HttpError;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of a request or of an answer: bytes at hand, or a stream.
pub struct Body(Kind);

enum Kind {
    Bytes(Option<Bytes>),
    Stream(Pin<Box<dyn HttpBody<Data = Bytes, Error = io::Error> + Send>>),
    /// What was read of an answer, how reading it went wrong, and the rest.
    Answer {
        read: VecDeque<Bytes>,
        broken: Option<io::Error>,
        rest: Pin<Box<dyn HttpBody<Data = Bytes, Error = io::Error> + Send>>,
    },
}

impl Body {
    /// No body.
    ///
    /// ```
    /// use evergrant_async_std::Body;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, api) = story::api()?;
    /// let request = http::Request::get(server.resource("/shipments")).body(Body::empty())?;
    /// assert_eq!(api.execute(request).await?.status(), 200);
    /// # Ok(()) }) }
    /// ```
    pub const fn empty() -> Self {
        Self(Kind::Bytes(None))
    }

    /// A body that can be read once, and so is never sent again.
    pub fn stream(body: impl HttpBody<Data = Bytes, Error = io::Error> + Send + 'static) -> Self {
        Self(Kind::Stream(Box::pin(body)))
    }

    /// The body of an answer, read from `rest`: its beginning can be looked at and stays in it.
    pub(crate) fn answer(rest: impl HttpBody<Data = Bytes, Error = io::Error> + Send + 'static) -> Self {
        Self(Kind::Answer { read: VecDeque::new(), broken: None, rest: Box::pin(rest) })
    }

    /// The body again, if it can be repeated: a stream cannot.
    ///
    /// ```
    /// use evergrant_async_std::Body;
    ///
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// assert!(Body::from("a box of apples").try_clone().is_some());
    /// # Ok(()) }) }
    /// ```
    pub fn try_clone(&self) -> Option<Self> {
        match &self.0 {
            Kind::Bytes(bytes) => Some(Self(Kind::Bytes(bytes.clone()))),
            Kind::Stream(_) | Kind::Answer { .. } => None,
        }
    }

    /// All of it, if it is no longer than `limit` bytes.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, api) = story::api()?;
    /// let label = api.get(server.resource("/label.pdf")).send().await?.into_body();
    /// let label = label.bytes(10 << 20).await?; // 10 MiB at most
    /// # assert!(!label.is_empty());
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    /// It is longer, or the connection broke.
    ///
    /// # Cancel safety
    /// Dropping the future drops the body.
    pub async fn bytes(mut self, limit: usize) -> Result<Vec<u8>, HttpError> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if all.len() + chunk.len() > limit {
                return Err(HttpError::TooLong(limit));
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }

    /// All of it as text, if it is no longer than `limit` bytes. What is no UTF-8 is replaced.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, api) = story::api()?;
    /// let body = api.get(server.resource("/shipments")).send().await?.into_body();
    /// assert!(body.text(1 << 20).await?.contains("a box of apples")); // 1 MiB at most
    /// # let body = api.get(server.resource("/shipments")).send().await?.into_body();
    /// # assert!(matches!(body.text(10).await, Err(evergrant_async_std::HttpError::TooLong(10))));
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    ///
    /// # Cancel safety
    /// As [`bytes`](Self::bytes).
    pub async fn text(self, limit: usize) -> Result<String, HttpError> {
        Ok(String::from_utf8_lossy(&self.bytes(limit).await?).into_owned())
    }

    /// The next piece of it, `None` at its end.
    ///
    /// ```
    /// # mod story { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/story.rs")); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { story::block_on(async {
    /// # let (server, api) = story::api()?;
    /// let mut body = api.get(server.resource("/label.pdf")).send().await?.into_body();
    /// let mut length = 0;
    /// while let Some(chunk) = body.chunk().await? {
    ///     length += chunk.len();
    /// }
    /// # assert!(length > 0);
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    /// The connection broke.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        while let Some(frame) = self.frame().await {
            // Trailers are no bytes of it.
            if let Ok(chunk) = frame?.into_data() {
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }

    /// Its first bytes, at most `limit`, which stay in it.
    pub(crate) async fn prefix(&mut self, limit: usize) -> Vec<u8> {
        let (mut seen, mut pieces) = (Vec::new(), VecDeque::new());
        let mut broke = None;
        while seen.len() < limit {
            match self.chunk().await {
                Ok(Some(chunk)) => {
                    seen.extend_from_slice(&chunk[..chunk.len().min(limit - seen.len())]);
                    pieces.push_back(chunk);
                }
                Ok(None) => break,
                Err(error) => {
                    broke = Some(error.into_io());
                    break;
                }
            }
        }
        if let Kind::Answer { read, broken, .. } = &mut self.0 {
            pieces.append(read);
            (*read, *broken) = (pieces, broke);
        }
        seen
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Bytes(bytes) => write!(f, "Body({} bytes)", bytes.as_ref().map_or(0, Bytes::len)),
            Kind::Stream(_) | Kind::Answer { .. } => f.write_str("Body(stream)"),
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<()> for Body {
    fn from((): ()) -> Self {
        Self::empty()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Bytes((!bytes.is_empty()).then_some(bytes)))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.0 {
            Kind::Bytes(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Stream(stream) => stream.as_mut().poll_frame(cx),
            Kind::Answer { read, broken, rest } => {
                if let Some(chunk) = read.pop_front() {
                    return Poll::Ready(Some(Ok(Frame::data(chunk))));
                }
                if let Some(error) = broken.take() {
                    return Poll::Ready(Some(Err(error)));
                }
                rest.as_mut().poll_frame(cx)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Bytes(bytes) => bytes.is_none(),
            Kind::Stream(stream) => stream.is_end_stream(),
            Kind::Answer { read, broken, rest } => {
                read.is_empty() && broken.is_none() && rest.is_end_stream()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Bytes(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Stream(stream) => stream.size_hint(),
            Kind::Answer { read, rest, .. } => {
                let read: u64 = read.iter().map(|chunk| chunk.len() as u64).sum();
                let (rest, mut whole) = (rest.size_hint(), SizeHint::new());
                whole.set_lower(rest.lower().saturating_add(read));
                if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(read)) {
                    whole.set_upper(upper);
                }
                whole
            }
        }
    }
}

#[cfg(test)]
mod tests;
