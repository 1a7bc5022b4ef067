//! What an upgrade makes of a connection (RFC 9110 §7.8): bytes both ways, which nobody here understands.

use crate::arriving::{Arrived, FromCaller};
use crate::bounds::Both;
use crate::counts::Gauge;
use crate::idle::Upgraded;
use crate::limits::Limits;
use crate::record::Record;
use crate::traffic::{Counted, Traffic};
use crate::watch::Watch;
use crate::worker::{State, Worker};
use bytes::Bytes;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::copy_bidirectional;
use tokio::time::sleep;

/// How often is looked whether anything moves.
const LOOK: Duration = Duration::from_millis(250);

/// A caller's connection and one to the API, once both have agreed to another protocol.
pub(crate) struct Tunnel {
    pub(crate) worker: Rc<Worker>,
    pub(crate) upgraded: Upgraded,
    pub(crate) record: Record,
    /// One of all tunnels, and of those of its caller.
    pub(crate) place: Both,
}

impl Tunnel {
    /// Lets bytes pass until both sides have closed, nothing moves any more, or the gateway ends. `seen` came behind the caller's request.
    pub(crate) async fn run(self, caller: FromCaller, seen: Bytes, watch: &Watch) {
        let Self { worker, upgraded, mut record, place: _place } = self;
        let Some(api) = upgraded.connection().await else { return };
        let _open = Gauge::raise(&worker.counters().tunnels);
        watch.tunnelling();
        let traffic = Rc::new(Traffic::default());
        let mut caller = Counted::new(Arrived::after(seen, caller), Rc::clone(&traffic));
        let (mut api, came) = (api.io.into_inner(), api.read_buf);
        let mut api = Arrived::after(came, &mut api);
        tokio::select! {
            _closed = copy_bidirectional(&mut caller, &mut api) => {}
            () = silence(&worker, &traffic) => {}
        }
        record.bytes_in += traffic.read_in_all();
        record.bytes_out += traffic.written_in_all();
    }
}

/// Until nothing has moved for too long, or nothing shall move any more. Once one side has closed the other may have a last word, but many
/// programs never close by themselves: those who have gone must not keep the places of those who come.
async fn silence(worker: &Worker, traffic: &Traffic) {
    let (mut mark, mut since, mut most) = (traffic.mark(), Instant::now(), Limits::IDLE_TUNNEL);
    while worker.state() != State::Ending && since.elapsed() < most {
        sleep(LOOK.min(most)).await;
        let is_closing = traffic.is_half_closed() && most == Limits::IDLE_TUNNEL;
        if is_closing {
            most = worker.fixed.limits.idle_body.min(Limits::IDLE_TUNNEL);
        }
        if is_closing || traffic.has_written_since(mark) || traffic.has_read_since(mark) {
            (mark, since) = (traffic.mark(), Instant::now());
        }
    }
}
