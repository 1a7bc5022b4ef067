//! The body of an answer whose links are changed, frame by frame.

use super::LinkMap;
use super::eligible::remove_digests;
use bytes::Bytes;
use http_body::Frame;

/// The body of an answer whose links are changed.
pub(crate) struct Linked {
    map: LinkMap,
    /// The trailers, where the rest of the body goes before them.
    trailers: Option<Frame<Bytes>>,
}

impl Linked {
    pub(crate) const fn new(map: LinkMap) -> Self {
        Self { map, trailers: None }
    }

    /// What goes on once this frame came; `None` if it is all kept for now.
    pub(crate) fn pass(&mut self, frame: Frame<Bytes>) -> Option<Frame<Bytes>> {
        let frame = match frame.into_data() {
            Ok(data) => {
                let data = self.map.pass(data);
                return (!data.is_empty()).then(|| Frame::data(data));
            }
            Err(frame) => frame,
        };
        let Ok(mut trailers) = frame.into_trailers() else { return None };
        remove_digests(&mut trailers);
        let trailers = Frame::trailers(trailers);
        match self.rest() {
            Some(rest) => {
                self.trailers = Some(trailers);
                Some(rest)
            }
            None => Some(trailers),
        }
    }

    /// What goes on behind the last frame.
    pub(crate) fn end(&mut self) -> Option<Frame<Bytes>> {
        self.rest().or_else(|| self.trailers.take())
    }

    /// Whether nothing is left of what came.
    pub(crate) fn is_empty(&self) -> bool {
        self.map.is_empty() && self.trailers.is_none()
    }

    fn rest(&mut self) -> Option<Frame<Bytes>> {
        let rest = self.map.end();
        (!rest.is_empty()).then(|| Frame::data(rest))
    }
}
