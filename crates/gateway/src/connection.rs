//! A caller's connection, from its first byte to its last.

use crate::arriving::{Arrived, FromCaller, Spoken};
use crate::inbound::Inbound;
use crate::limits::Limits;
use crate::record::{malformed, unsecured};
use crate::service::answer;
use crate::stream::Stream;
use crate::watch::Watch;
use crate::watched::Watched;
use crate::wire::Wire;
use crate::worker::{State, Worker};
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use tokio::task::spawn_local;

/// Serves a caller's connection until one of us closes it.
pub(crate) async fn serve(worker: Rc<Worker>, door: usize, stream: Stream, address: Option<SocketAddr>) {
    let peer = stream.peer();
    let stream = Rc::new(RefCell::new(stream));
    let watch = Watch::new(Rc::clone(&worker.time), Rc::clone(&stream));
    worker.list(&watch);
    let io = Watched::new(stream, Rc::clone(&watch));
    let inbound = Inbound {
        worker: Rc::clone(&worker),
        door,
        peer,
        address,
        watch: Rc::clone(&watch),
        tunnel: RefCell::new(None),
    };
    let _served = watch.unless_over(spoken_with(inbound, io)).await;
}

/// Serves it, whatever is spoken over it. It is in a box, and so is each of its parts, made by functions that wait for nothing: else the room of all of them would
/// be kept, twice, for as long as the connection.
fn spoken_with(inbound: Inbound, io: Watched) -> Pin<Box<impl Future<Output = Option<()>>>> {
    Box::pin(async move {
        let (io, spoken) = unless_closing(&inbound, opening(&inbound, io)).await??;
        match spoken {
            Spoken::Http1 => by_http1(inbound, io).await,
            Spoken::Http2 => by_http2(inbound, io).await,
        }
        Some(())
    })
}

fn opening(inbound: &Inbound, io: Watched) -> Pin<Box<impl Future<Output = Option<(FromCaller, Spoken)>>>> {
    Box::pin(opened(inbound, io))
}

fn by_http1(inbound: Inbound, io: FromCaller) -> Pin<Box<impl Future<Output = ()>>> {
    Box::pin(one_after_another(inbound, io))
}

fn by_http2(inbound: Inbound, io: FromCaller) -> Pin<Box<impl Future<Output = ()>>> {
    Box::pin(many_at_a_time(inbound, io))
}

/// Runs this until it is done; `None` if nothing came yet when the time for new requests is over.
async fn unless_closing<T>(inbound: &Inbound, job: impl Future<Output = T>) -> Option<T> {
    let mut job = pin!(job);
    poll_fn(|cx| match job.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => match inbound.worker.state() {
            State::Closing | State::Ending if inbound.watch.is_at_rest() => Poll::Ready(None),
            _ => Poll::Pending,
        },
    })
    .await
}

/// The connection, in clear, and what is spoken over it; `None` if it broke off before.
async fn opened(inbound: &Inbound, io: Watched) -> Option<(FromCaller, Spoken)> {
    let tls = inbound.worker.serving().door(inbound.door)?.tls.clone();
    let wire = match tls {
        None => Wire::Plain(io),
        Some(identity) => {
            let agreed = identity.acceptor().accept(io).await;
            // One that says nothing, and goes, may only have looked whether somebody is here.
            if agreed.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::InvalidData) {
                unsecured(&inbound.worker, inbound.address);
            }
            let stream = agreed.ok()?;
            // The time for a head begins with the head.
            inbound.watch.at_rest();
            Wire::Tls(Box::new(stream))
        }
    };
    Arrived::look(wire).await.ok()
}

/// HTTP/1.1, and what an upgrade makes of it.
async fn one_after_another(inbound: Inbound, io: FromCaller) {
    let inbound = Rc::new(inbound);
    let (worker, watch) = (&inbound.worker, &inbound.watch);
    let of_requests = Rc::clone(&inbound);
    let service = service_fn(move |request| answer(Rc::clone(&of_requests), request));
    let mut builder = http1::Builder::new();
    // At most 100 fields: hyper's own bound, which costs more to say again, as its table is then filled for each head.
    builder.max_buf_size(worker.fixed.limits.head_bytes);
    let mut connection = builder.serve_connection(TokioIo::new(io), service);
    let ended = to_its_end(&mut connection, http1::Connection::graceful_shutdown, worker, watch).await;
    match ended {
        Ok(()) => {
            if let Some(tunnel) = inbound.tunnel.take() {
                let parts = connection.into_parts();
                Box::pin(tunnel.run(parts.io.into_inner(), parts.read_buf, watch)).await;
            }
        }
        Err(error) if error.is_parse() => {
            malformed(worker, inbound.address, if error.is_parse_too_large() { 431 } else { 400 });
        }
        Err(_) => {}
    }
}

/// HTTP/2: each request is a task of its own.
async fn many_at_a_time(inbound: Inbound, io: FromCaller) {
    inbound.watch.share();
    let (worker, watch) = (Rc::clone(&inbound.worker), Rc::clone(&inbound.watch));
    let head_bytes = u32::try_from(worker.fixed.limits.head_bytes).unwrap_or(u32::MAX);
    let latest = Latest::default();
    let mut builder = http2::Builder::new(latest.clone());
    builder
        .max_concurrent_streams(Limits::STREAMS)
        .max_header_list_size(head_bytes)
        .max_local_error_reset_streams(Limits::RESETS)
        .max_pending_accept_reset_streams(Limits::RESETS)
        .initial_stream_window_size(Limits::WINDOW)
        // Bodies that wait for a token shall not stand in the way of others: there is room for all.
        .initial_connection_window_size(Limits::WINDOW.saturating_mul(Limits::STREAMS))
        .max_send_buf_size(Limits::SENT_AHEAD);
    let service = service_fn(move |request| {
        let watch = inbound.watch.request();
        inbound.worker.list(&watch);
        latest.set(&watch);
        answer(Rc::new(inbound.of(watch)), request)
    });
    let mut connection = builder.serve_connection(TokioIo::new(io), service);
    let _ended = to_its_end(&mut connection, http2::Connection::graceful_shutdown, &worker, &watch).await;
}

/// The request that came last, of which hyper is about to make a task.
#[derive(Clone, Default)]
struct Latest(Rc<Cell<Option<Rc<Watch>>>>);

impl Latest {
    fn set(&self, watch: &Rc<Watch>) {
        self.0.set(Some(Rc::clone(watch)));
    }
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Latest {
    fn execute(&self, request: F) {
        let (watch, request) = (self.0.take(), Box::pin(request));
        spawn_local(async move {
            match watch {
                // A caller that takes nothing of its answer is reset.
                Some(watch) => drop(watch.unless_over(request).await),
                None => request.await,
            }
        });
    }
}

/// Serves it to its end, which comes sooner when the gateway drains.
async fn to_its_end<C: Future<Output = hyper::Result<()>> + Unpin>(
    connection: &mut C,
    take_nothing_new: impl Fn(Pin<&mut C>),
    worker: &Worker,
    watch: &Watch,
) -> hyper::Result<()> {
    let mut connection = Pin::new(connection);
    let mut is_ending = false;
    poll_fn(|cx| {
        if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            return Poll::Ready(ended);
        }
        // One that is being drained closes with the answer that it is giving; one at rest, when the time for new ones is over.
        let is_to_end = watch.is_leaving()
            || match worker.state() {
                State::Serving => false,
                State::Draining => watch.can_announce(),
                State::Closing | State::Ending => watch.can_announce() || watch.is_at_rest(),
            };
        if is_to_end && !is_ending {
            is_ending = true;
            take_nothing_new(connection.as_mut());
            return connection.as_mut().poll(cx);
        }
        Poll::Pending
    })
    .await
}
