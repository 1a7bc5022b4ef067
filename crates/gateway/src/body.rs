//! The body of a request: it streams, and a bounded copy is kept so that it can be sent again.
//!
//! Nothing of it is read before there is a token: until then the caller keeps it.

use crate::fields::{FieldRules, trailers_to_upstream};
use crate::watch::Watch;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::cell::RefCell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

/// Memory for the copies of all bodies, in bytes.
#[derive(Debug)]
pub(crate) struct Memory {
    free: AtomicUsize,
}

impl Memory {
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { free: AtomicUsize::new(bytes) })
    }

    fn take(&self, bytes: usize) -> bool {
        let take = |free: usize| free.checked_sub(bytes);
        self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.free.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Why a body went no further.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BodyFault {
    /// It became longer than the route allows.
    TooLong,
    /// It broke off, or could not be read.
    Broken,
    /// It is being sent again on another connection.
    Superseded,
    /// The API has answered, and wants no more of it.
    Unwanted,
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the body is longer than the route allows",
            Self::Broken => "the body broke off",
            Self::Superseded => "the body is sent on another connection",
            Self::Unwanted => "nobody wants the rest of the body",
        })
    }
}

impl std::error::Error for BodyFault {}

/// The body of one request. Clones are the same.
#[derive(Clone)]
pub(crate) struct RequestBody(Rc<RefCell<Shared>>);

struct Shared {
    /// What is to come. `None` once it has ended.
    rest: Option<Incoming>,
    size: SizeHint,
    read: u64,
    longest: u64,
    copy: Copied,
    trailers: Option<HeaderMap>,
    fault: Option<BodyFault>,
    /// How many times it was begun to be sent.
    sends: u32,
    /// Somebody has begun to read it: a caller that waits for a word has got it.
    was_asked_for: bool,
    /// The caller is waited for.
    is_starved: bool,
    /// The connection to the API that waits for more of it.
    sender: Option<Waker>,
    watch: Rc<Watch>,
    /// Which trailers pass.
    fields: FieldRules,
}

/// What was read so far, as long as it is within bounds.
struct Copied {
    bytes: Option<BytesMut>,
    most: usize,
    memory: Arc<Memory>,
}

impl Copied {
    fn push(&mut self, piece: &[u8]) {
        let Some(bytes) = &mut self.bytes else { return };
        let fits = bytes.len() + piece.len() <= self.most && self.memory.take(piece.len());
        if fits { bytes.extend_from_slice(piece) } else { self.drop_bytes() }
    }

    fn drop_bytes(&mut self) {
        if let Some(bytes) = self.bytes.take() {
            self.memory.give_back(bytes.len());
        }
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        self.drop_bytes();
    }
}

impl RequestBody {
    /// This body, of at most `longest` bytes, of which at most `copied` are kept.
    pub(crate) fn new(
        incoming: Incoming,
        longest: u64,
        copied: usize,
        memory: &Arc<Memory>,
        watch: &Rc<Watch>,
        fields: &FieldRules,
    ) -> Self {
        let size = incoming.size_hint();
        let rest = (!incoming.is_end_stream()).then_some(incoming);
        // What is known to be too long is not even begun to be kept.
        let is_kept = size.lower() <= copied as u64;
        Self(Rc::new(RefCell::new(Shared {
            rest,
            size,
            read: 0,
            longest,
            copy: Copied { bytes: is_kept.then(BytesMut::new), most: copied, memory: Arc::clone(memory) },
            trailers: None,
            fault: None,
            sends: 0,
            was_asked_for: false,
            is_starved: false,
            sender: None,
            watch: Rc::clone(watch),
            fields: fields.clone(),
        })))
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        let shared = self.0.borrow();
        shared.rest.is_none() && shared.read == 0 && shared.trailers.is_none()
    }

    /// Whether it can be sent from its beginning.
    pub(crate) fn is_repeatable(&self) -> bool {
        let shared = self.0.borrow();
        shared.fault.is_none() && shared.copy.bytes.is_some()
    }

    /// Whether nothing of it was read yet.
    pub(crate) fn is_untouched(&self) -> bool {
        self.0.borrow().read == 0
    }

    /// Whether all of it was read.
    pub(crate) fn is_whole(&self) -> bool {
        let shared = self.0.borrow();
        shared.rest.is_none() && shared.fault.is_none()
    }

    /// Whether its length is unknown.
    pub(crate) fn is_chunked(&self) -> bool {
        self.0.borrow().size.exact().is_none()
    }

    /// How many bytes were read.
    pub(crate) fn read(&self) -> u64 {
        self.0.borrow().read
    }

    /// Why it went no further.
    pub(crate) fn fault(&self) -> Option<BodyFault> {
        self.0.borrow().fault
    }

    /// Whether somebody has begun to read it.
    pub(crate) fn was_asked_for(&self) -> bool {
        self.0.borrow().was_asked_for
    }

    /// Whether its caller is waited for.
    pub(crate) fn is_starved(&self) -> bool {
        self.0.borrow().is_starved
    }

    /// From its beginning, to be sent. What was begun to be sent before goes no further.
    pub(crate) fn send(&self) -> Outgoing {
        let mut shared = self.0.borrow_mut();
        shared.sends += 1;
        Outgoing { send: shared.sends, at: 0, is_over: false, body: self.clone() }
    }

    /// What is to come, to be read and dropped. Whoever was sending it is told, so that its connection breaks off: a body of which a part
    /// was taken away must not arrive as a whole one.
    pub(crate) fn take_rest(&self) -> Option<Incoming> {
        let (rest, sender) = {
            let mut shared = self.0.borrow_mut();
            let rest = shared.rest.take();
            if rest.is_some() {
                shared.fault.get_or_insert(BodyFault::Unwanted);
            }
            (rest, shared.sender.take())
        };
        if let Some(sender) = sender {
            sender.wake();
        }
        rest
    }
}

impl Shared {
    /// The next frame of what is to come.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let Some(rest) = &mut self.rest else { return Poll::Ready(self.trailers()) };
        self.was_asked_for = true;
        let frame = Pin::new(&mut *rest).poll_frame(cx);
        self.is_starved = frame.is_pending();
        let Poll::Ready(frame) = frame else {
            self.sender = Some(cx.waker().clone());
            return Poll::Pending;
        };
        Poll::Ready(match frame {
            None => {
                self.rest = None;
                None
            }
            Some(Err(_)) => Some(Err(self.fail(BodyFault::Broken))),
            Some(Ok(frame)) => {
                // Of a body whose length is known nobody asks for more than that.
                if rest.is_end_stream() {
                    self.rest = None;
                }
                match frame.into_data() {
                    Ok(data) => self.pass(data),
                    Err(frame) => {
                        self.rest = None;
                        let trailers = frame.into_trailers().ok();
                        self.trailers = trailers.map(|trailers| trailers_to_upstream(trailers, &self.fields));
                        self.trailers()
                    }
                }
            }
        })
    }

    fn trailers(&self) -> Option<Result<Frame<Bytes>, BodyFault>> {
        self.trailers.clone().map(|trailers| Ok(Frame::trailers(trailers)))
    }

    fn pass(&mut self, data: Bytes) -> Option<Result<Frame<Bytes>, BodyFault>> {
        self.read = self.read.saturating_add(data.len() as u64);
        if self.read > self.longest {
            return Some(Err(self.fail(BodyFault::TooLong)));
        }
        self.copy.push(&data);
        Some(Ok(Frame::data(data)))
    }

    fn fail(&mut self, fault: BodyFault) -> BodyFault {
        self.fault = Some(fault);
        self.copy.drop_bytes();
        fault
    }
}

/// A request body on its way to the API.
pub(crate) struct Outgoing {
    body: RequestBody,
    /// The how many-th send this is.
    send: u32,
    /// How much has left.
    at: usize,
    is_over: bool,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let this = &mut *self;
        if this.is_over {
            return Poll::Ready(None);
        }
        let mut shared = this.body.0.borrow_mut();
        if shared.sends != this.send {
            this.is_over = true;
            return Poll::Ready(Some(Err(BodyFault::Superseded)));
        }
        if let Some(fault) = shared.fault {
            this.is_over = true;
            return Poll::Ready(Some(Err(fault)));
        }
        let copied = shared.copy.bytes.as_ref().and_then(|bytes| bytes.get(this.at..)).unwrap_or_default();
        if !copied.is_empty() {
            let again = Bytes::copy_from_slice(copied);
            this.at += again.len();
            return Poll::Ready(Some(Ok(Frame::data(again))));
        }
        let frame = shared.poll_rest(cx);
        match &frame {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => {
                this.at += frame.data_ref().map_or(0, Bytes::len);
                this.is_over = frame.is_trailers();
            }
            Poll::Ready(_) => this.is_over = true,
        }
        // Something came: the API has its whole time again for what it has to say.
        shared.watch.came();
        frame
    }

    fn is_end_stream(&self) -> bool {
        let shared = self.body.0.borrow();
        let is_whole = shared.rest.is_none() && shared.fault.is_none();
        self.is_over || (is_whole && shared.trailers.is_none() && self.at as u64 == shared.read)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.0.borrow().size
    }
}
