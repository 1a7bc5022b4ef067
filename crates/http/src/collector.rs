//! The body of a token response.

use crate::unpack::Unpacker;
use evergrant_core::{Coding, Response};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::fmt;
use std::io::{self, Read};
use std::mem;
use zeroize::Zeroizing;

/// One byte beyond the bound tells that it was passed.
const BOUND: usize = Response::MAX_BODY + 1;

/// How much is asked of a reader at once, in bytes: one TLS record (RFC 8446 §5.1) holds no more.
const PIECE: usize = 16 * 1024;

/// What collects the answer of a token endpoint: at most [`Response::MAX_BODY`] bytes of its body and one more, in memory
/// that is reserved once and wiped when it is dropped, with the [`Response`] or before.
///
/// A body that comes as gzip or deflate, although nobody asked for it, is unpacked on the way, within the same bound. It is
/// one gzip member, or one deflate stream with a zlib wrapper or without; what is damaged, incomplete or followed by other
/// data reads as [`Malformed::Broken`](evergrant_core::Malformed::Broken). Its packed bytes are not kept.
///
/// - inputs: [`push`](Self::push), [`read`](Self::read)
/// - outputs: [`wants_more`](Self::wants_more), [`finish`](Self::finish)
///
/// ```
/// use evergrant_http::Collector;
/// use http::{HeaderMap, StatusCode};
///
/// let mut chunks = br#"{"access_token":"abc","token_type":"Bearer"}"#.chunks(16);
/// let mut collector = Collector::new(StatusCode::OK, &HeaderMap::new());
/// while collector.wants_more() {
///     let Some(chunk) = chunks.next() else { break };
///     collector.push(chunk);
/// }
/// let response = collector.finish();
/// # assert_eq!(response.status(), 200);
/// ```
pub struct Collector {
    response: Response,
    body: Zeroizing<Vec<u8>>,
    /// How long the body may become, in bytes: 0 where it says nothing.
    bound: usize,
    /// What the body goes through instead, if it is packed.
    unpacker: Option<Unpacker>,
}

impl Collector {
    /// For an answer with this status and these headers. Memory is reserved for as much as Content-Length announces, and
    /// for the longest body that is read where nothing is announced; for none where the body says nothing.
    pub fn new(status: StatusCode, headers: &HeaderMap) -> Self {
        let hand_in = |response: Response, (name, value): (&HeaderName, &HeaderValue)| {
            response.with_header(name.as_str(), value.as_bytes())
        };
        let coded = headers.iter().filter(|(name, _)| **name == CONTENT_ENCODING);
        let coding = coded.fold(Response::new(status.as_u16()), hand_in).coding();
        // What is unpacked here is not coded any more.
        let is_packed = matches!(coding, Coding::Gzip | Coding::Deflate);
        let kept = headers.iter().filter(|(name, _)| !is_packed || **name != CONTENT_ENCODING);
        let response = kept.fold(Response::new(status.as_u16()), hand_in);
        if is_packed && response.needs_body() {
            return Self { response, body: Zeroizing::default(), bound: 0, unpacker: Unpacker::new(coding) };
        }
        let bound = if response.needs_body() { BOUND } else { 0 };
        let announced =
            headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        // One byte more is the room in which a reader says that it is at its end.
        let room = announced.map_or(bound, |length| length.saturating_add(1).min(bound));
        Self { response, body: Zeroizing::new(Vec::with_capacity(room)), bound, unpacker: None }
    }

    /// Whether the next piece of the body is wanted. Not of a body that says nothing (a redirect's, one that is announced
    /// as too long), not beyond the bound, and not of what is packed and turned out to be damaged: the connection is closed
    /// then, unread.
    pub fn wants_more(&self) -> bool {
        self.unpacker.as_ref().map_or(self.body.len() < self.bound, Unpacker::wants_more)
    }

    /// The next piece of the body. What is not wanted is left out.
    pub fn push(&mut self, piece: &[u8]) {
        if let Some(unpacker) = &mut self.unpacker {
            return unpacker.push(piece);
        }
        let wanted = piece.get(..self.bound - self.body.len()).unwrap_or(piece);
        self.reserve(wanted.len());
        self.body.extend_from_slice(wanted);
    }

    /// Reads the body to its end, or as far as it is wanted.
    ///
    /// # Errors
    /// That of the reader. What was read before it stays collected.
    ///
    /// # Blocking
    /// As long as the reader does.
    pub fn read(&mut self, mut from: impl Read) -> io::Result<()> {
        if let Some(unpacker) = &mut self.unpacker {
            return unpack(unpacker, from);
        }
        while self.wants_more() {
            self.reserve(1);
            let filled = self.body.len();
            let room = PIECE.min(self.bound.min(self.body.capacity()) - filled);
            // It is read into in place: a piece on the stack would leave a copy there.
            self.body.resize(filled + room, 0);
            let read = from.read(self.body.get_mut(filled..).unwrap_or_default());
            self.body.truncate(filled + read.as_ref().map_or(0, |read| *read));
            match read {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The answer with the body that was collected.
    pub fn finish(mut self) -> Response {
        match self.unpacker {
            None => self.response.with_body(mem::take(&mut *self.body)),
            Some(unpacker) => match unpacker.finish() {
                Some(body) => self.response.with_body(body),
                None => self.response.with_broken_body(),
            },
        }
    }

    /// Makes room for so many bytes more, which only a body longer than it was announced needs. A vector that grew by
    /// itself would leave what it held behind, unwiped.
    fn reserve(&mut self, more: usize) {
        if self.body.capacity() - self.body.len() < more {
            let mut larger = Zeroizing::new(Vec::with_capacity(self.bound));
            larger.extend_from_slice(&self.body);
            self.body = larger;
        }
    }
}

/// Reads what is packed to its end, or as far as it is wanted, by way of a buffer that is wiped: whoever sees it can unpack
/// it.
fn unpack(unpacker: &mut Unpacker, mut from: impl Read) -> io::Result<()> {
    let mut piece = Zeroizing::new(vec![0; PIECE]);
    while unpacker.wants_more() {
        match from.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => unpacker.push(piece.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The status and the length of the body: it holds a token.
impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector")
            .field("status", &self.response.status())
            .field("body_len", &self.unpacker.as_ref().map_or(self.body.len(), Unpacker::len))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
