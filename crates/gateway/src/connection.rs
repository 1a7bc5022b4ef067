//! A caller's connection, from its first byte to its last.

use crate::inbound::Inbound;
use crate::record::malformed;
use crate::service::answer;
use crate::stream::Stream;
use crate::table::Door;
use crate::watch::Watch;
use crate::watched::Watched;
use crate::worker::{State, Worker};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::cell::RefCell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

/// Serves a caller's connection until one of us closes it.
pub(crate) async fn serve(worker: Rc<Worker>, door: Arc<Door>, stream: Stream, address: Option<SocketAddr>) {
    let peer = stream.peer();
    let stream = Rc::new(RefCell::new(stream));
    let watch = Watch::new(Rc::clone(&worker.time), Rc::clone(&stream));
    worker.list(&watch);
    let io = TokioIo::new(Watched::new(stream, Rc::clone(&watch)));
    let inbound =
        Rc::new(Inbound { worker: Rc::clone(&worker), door, peer, address, watch: Rc::clone(&watch) });
    let service = service_fn(move |request| answer(Rc::clone(&inbound), request));
    let mut builder = http1::Builder::new();
    // At most 100 fields: hyper's own bound, which costs more to say again, as its table is then filled for each head.
    builder.max_buf_size(worker.table.limits.head_bytes);
    let mut connection = pin!(builder.serve_connection(io, service));
    let mut is_ending = false;
    let ended = poll_fn(|cx| {
        watch.polled_by(cx);
        if watch.is_over() {
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            return Poll::Ready(ended);
        }
        // One that is being drained closes with the answer that it is giving; one at rest, when the time for new ones is over.
        let is_to_end = match worker.state() {
            State::Serving => false,
            State::Draining => watch.can_announce(),
            State::Closing => watch.can_announce() || watch.is_at_rest(),
        };
        if is_to_end && !is_ending {
            is_ending = true;
            connection.as_mut().graceful_shutdown();
            return connection.as_mut().poll(cx);
        }
        Poll::Pending
    })
    .await;
    if let Err(error) = ended
        && error.is_parse()
    {
        malformed(&worker, address, if error.is_parse_too_large() { 431 } else { 400 });
    }
}
