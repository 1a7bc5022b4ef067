//! The body of an answer on its way to the caller.

use crate::api::Turn;
use crate::body::RequestBody;
use crate::counts::Broken;
use crate::fields::{FieldRules, trailers_to_caller};
use crate::idle::{Connection, Connections, Upgraded};
use crate::limits::Limits;
use crate::links::Linked;
use crate::record::Record;
use crate::watch::Watch;
use bytes::Bytes;
use evergrant_core::VerdictRule;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::task::spawn_local;
use tokio::time::timeout;

/// How long the rest of an answer that nobody wants may take, so that its connection can be used again.
const SHORT: Duration = Duration::from_secs(1);

/// The body of an answer.
pub(crate) enum AnswerBody {
    /// Of our own.
    Own { text: Option<Bytes>, _ended: Ended },
    /// The API's.
    Api(Box<Received>, Ended),
    /// None: what follows the head is no answer any more, but a tunnel, which ends later.
    Nothing,
}

impl AnswerBody {
    /// Of our own, which must leave within this time: over HTTP/2 a caller may keep it from that for ever, and its place among the requests
    /// with it.
    pub(crate) fn own(text: Bytes, ended: Ended, idle: Duration) -> Self {
        ended.watch.expect_within(idle);
        Self::Own { text: (!text.is_empty()).then_some(text), _ended: ended }
    }

    /// The API's, of which something must come or leave within this time, again and again.
    pub(crate) fn passed(mut received: Box<Received>, ended: Ended, idle: Duration) -> Self {
        received.end_if_empty();
        ended.watch.expect_within(idle);
        Self::Api(received, ended)
    }
}

/// A caller that goes away takes no more of it.
impl Drop for AnswerBody {
    fn drop(&mut self) {
        if let Self::Api(received, ended) = self
            && !received.is_over()
        {
            ended.record.broken.get_or_insert(Broken::Caller);
        }
    }
}

/// What ends with an answer: its record, and the time in which its connection was busy.
pub(crate) struct Ended {
    pub(crate) record: Record,
    pub(crate) watch: Rc<Watch>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.watch.idle();
    }
}

/// A connection to the API with a turn: while a request is there.
pub(crate) struct Lease {
    pub(crate) connection: Connection,
    pub(crate) connections: Rc<Connections>,
    pub(crate) turn: Option<Turn>,
}

impl Lease {
    /// The API has answered whole: the connection takes another request.
    pub(crate) fn end(self) {
        self.connections.rest(self.connection);
    }
}

/// What the API answers, as it comes.
pub(crate) struct Received {
    /// What was looked at already.
    seen: VecDeque<Frame<Bytes>>,
    /// Where it broke off while it was looked at: its reader shall meet it there.
    error: Option<BrokenOff>,
    rest: Incoming,
    /// Whether it is a stream among others (HTTP/2), which shows whether it has ended.
    is_shared: bool,
    lease: Option<Lease>,
    request: RequestBody,
    /// Which trailers pass.
    fields: FieldRules,
    /// What its links go through on their way to the caller: a verdict looks at what the API said.
    links: Option<Linked>,
}

impl Received {
    pub(crate) fn new(rest: Incoming, lease: Lease, request: RequestBody, fields: &FieldRules) -> Self {
        let fields = fields.clone();
        let is_shared = lease.connection.is_shared();
        let (seen, lease) = (VecDeque::new(), Some(lease));
        Self { seen, error: None, rest, is_shared, lease, request, fields, links: None }
    }

    /// The same with other links.
    pub(crate) fn linked(self, links: Linked) -> Self {
        Self { links: Some(links), ..self }
    }

    /// What a verdict may look at, as far as it comes in time. It stays in the body.
    pub(crate) async fn beginning(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let reading = async {
            while bytes.len().max(self.seen.len()) < VerdictRule::MAX_BODY {
                let frame = match poll_fn(|cx| self.poll_rest(cx)).await {
                    Some(Ok(frame)) => frame,
                    Some(Err(error)) => {
                        self.error = Some(error);
                        break;
                    }
                    None => break,
                };
                let data = frame.data_ref().map_or(&[][..], |data| data);
                let room = VerdictRule::MAX_BODY - bytes.len();
                bytes.extend_from_slice(data.get(..room).unwrap_or(data));
                self.seen.push_back(frame);
            }
        };
        let _whole = timeout(VerdictRule::MAX_BODY_TIME, reading).await;
        bytes
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if let Some(error) = self.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        if self.lease.is_none() {
            return Poll::Ready(None);
        }
        let frame = Pin::new(&mut self.rest).poll_frame(cx);
        let frame = frame.map_ok(|frame| match frame.into_trailers() {
            Ok(trailers) => Frame::trailers(trailers_to_caller(trailers, &self.fields)),
            Err(frame) => frame,
        });
        let frame = match frame {
            Poll::Ready(None) if self.is_cut() => Poll::Ready(Some(Err(BrokenOff::Cut))),
            frame => frame.map_err(BrokenOff::Upstream),
        };
        match &frame {
            Poll::Ready(None) => self.end(),
            Poll::Ready(Some(Ok(_))) if self.rest.is_end_stream() => self.end(),
            Poll::Ready(Some(Err(_))) => self.lease = None,
            _ => {}
        }
        frame
    }

    /// Whether what has no more to give was cut: by a reset that says `NO_ERROR`, which hyper takes for an end. Behind an end the API asks so
    /// for no more of the request (RFC 9113 §8.1); without one, a part must not be handed on as the whole.
    fn is_cut(&self) -> bool {
        self.is_shared && !self.rest.is_end_stream()
    }

    /// The next frame of what the caller gets.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        loop {
            let frame = match self.seen.pop_front() {
                Some(frame) => Some(Ok(frame)),
                None => ready!(self.poll_rest(cx)),
            };
            let Some(links) = &mut self.links else { return Poll::Ready(frame) };
            match frame {
                Some(Ok(frame)) => {
                    if let Some(frame) = links.pass(frame) {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                }
                None => return Poll::Ready(links.end().map(Ok)),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            }
        }
    }

    /// The API has said all. If it did before the request's body had ended, that connection is done with, and the rest of the body
    /// nobody wants.
    fn end(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        if self.request.is_whole() {
            lease.end();
        } else if let Some(rest) = self.request.take_rest() {
            discard(rest);
        }
    }

    /// What became of its connection, if that was made to be upgraded. Whoever speaks something else has no turn.
    pub(crate) fn upgraded(&mut self) -> Option<Upgraded> {
        self.lease.take()?.connection.upgraded()
    }

    /// Whether there is no body, so that what the head says is all.
    pub(crate) fn is_bare(&self) -> bool {
        self.is_end_stream()
    }

    /// Lets another request have the turn: this one waits for something else.
    pub(crate) fn give_up_turn(&mut self) {
        if let Some(lease) = &mut self.lease {
            lease.turn = None;
        }
    }

    /// Nobody wants it: what is left is read, if it is short, so that the connection can be used again.
    pub(crate) fn discard(mut self) {
        if self.lease.is_none() || !self.request.is_whole() {
            return;
        }
        self.give_up_turn();
        spawn_local(async move {
            let _whole = timeout(SHORT, self.beginning()).await;
        });
    }

    /// Whether the API has said all, and all of it was taken.
    fn is_over(&self) -> bool {
        self.lease.is_none() && self.seen.is_empty() && self.keeps_nothing()
    }

    fn is_end_stream(&self) -> bool {
        self.seen.is_empty() && self.error.is_none() && self.rest.is_end_stream() && self.keeps_nothing()
    }

    fn keeps_nothing(&self) -> bool {
        self.links.as_ref().is_none_or(Linked::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        if self.links.is_some() {
            return SizeHint::default();
        }
        let seen: u64 = self.seen.iter().filter_map(Frame::data_ref).map(|data| data.len() as u64).sum();
        let whole = self.rest.size_hint().exact().and_then(|rest| rest.checked_add(seen));
        whole.map_or_else(SizeHint::default, SizeHint::with_exact)
    }

    /// Ends what has ended already: an answer without a body.
    pub(crate) fn end_if_empty(&mut self) {
        if self.rest.is_end_stream() {
            self.end();
        }
    }
}

/// What of a request's body nobody wants is read and dropped within bounds: a caller that sends first and reads then would else see a
/// reset in place of its answer.
pub(crate) fn discard(mut body: Incoming) {
    spawn_local(async move {
        let mut read = 0_u64;
        let reading = async {
            while read < Limits::DISCARDED {
                let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await else { break };
                read += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
        };
        let _whole = timeout(Limits::DISCARD_TIME, reading).await;
    });
}

/// Why an answer broke off.
#[derive(Debug)]
pub(crate) enum BrokenOff {
    Upstream(hyper::Error),
    Cut,
    TooLate,
}

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream(error) => error.fmt(f),
            Self::Cut => f.write_str("the API reset it without an end"),
            Self::TooLate => f.write_str("nothing came for too long"),
        }
    }
}

impl std::error::Error for BrokenOff {}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let (received, ended) = match &mut *self {
            Self::Own { text, .. } => return Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Self::Nothing => return Poll::Ready(None),
            Self::Api(received, ended) => (received, ended),
        };
        let frame = received.poll_out(cx);
        match &frame {
            Poll::Ready(Some(Ok(frame))) => {
                ended.record.bytes_out += frame.data_ref().map_or(0, |data| data.len() as u64);
                ended.watch.came();
            }
            Poll::Ready(Some(Err(_))) => ended.record.broken = Some(Broken::Upstream),
            Poll::Pending if ended.watch.is_due() => {
                ended.record.broken = Some(Broken::Idle);
                return Poll::Ready(Some(Err(BrokenOff::TooLate)));
            }
            _ => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own { text, .. } => text.is_none(),
            Self::Api(received, _) => received.is_end_stream(),
            Self::Nothing => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own { text, .. } => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Self::Api(received, _) => received.size_hint(),
            Self::Nothing => SizeHint::with_exact(0),
        }
    }
}
