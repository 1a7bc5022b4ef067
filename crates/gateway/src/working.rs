//! The thread of a worker, which serves the connections that are handed to it.

use crate::connection::serve;
use crate::counts::Gauge;
use crate::crew::{Place, Seen};
use crate::stream::{Accepted, Stream};
use crate::table::{Fixed, Table};
use crate::watch::LOOK;
use crate::worker::{State, Worker};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

/// How often a worker without connections looks, so that it is seen to live.
const ALIVE: Duration = Duration::from_secs(1);

/// Of which there is none: a channel of it only ends.
pub(crate) type Never = std::convert::Infallible;

/// What a worker is told.
pub(crate) enum Told {
    /// A connection is its own from now on; it came by the listener at this place.
    Serve(Accepted, usize, Place),
    /// Requests are served by this table from now on. Who waits for that is told by the end of the channel.
    Swap(Arc<Table>, Sender<Never>),
    /// The connection that is idle longest is to be closed.
    CloseIdlest,
    State(State),
}

/// Serves until nobody can tell it anything any more. What is in flight then is cut.
pub(crate) fn work(
    (fixed, table): (Arc<Fixed>, Arc<Table>),
    seen: Arc<Seen>,
    began: Instant,
    mut told: UnboundedReceiver<Told>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    // The thread that was started has what it needs, but for handles; without one, what is handed to it is closed.
    let Ok(runtime) = runtime else { return };
    LocalSet::new().block_on(&runtime, async move {
        let worker = Worker::new(fixed, table, Arc::clone(&seen), began);
        let begun = Rc::new(Notify::new());
        let looks = spawn_local(look_again_and_again(Rc::clone(&worker), Rc::clone(&begun)));
        while let Some(told) = told.recv().await {
            match told {
                Told::Serve(accepted, door, place) => {
                    if worker.is_alone() {
                        // The last look may be long ago.
                        worker.time.look();
                        begun.notify_one();
                    }
                    begin(&worker, &seen, accepted, door, place);
                }
                Told::Swap(table, _done) => worker.swap(table),
                Told::CloseIdlest => worker.close_idlest(),
                Told::State(state) => worker.set_state(state),
            }
        }
        looks.abort();
    });
    // A look-up that hangs on a dead name server is not waited for.
    runtime.shutdown_background();
}

fn begin(worker: &Rc<Worker>, seen: &Arc<Seen>, accepted: Accepted, door: usize, place: Place) {
    let (stream, address) = match accepted {
        Accepted::Tcp(stream, address) => (TcpStream::from_std(stream).map(Stream::Tcp), Some(address)),
        #[cfg(unix)]
        Accepted::Unix(stream) => (UnixStream::from_std(stream).map(Stream::Unix), None),
    };
    // One that the system does not let us wait for is closed.
    let Ok(stream) = stream else { return };
    let (worker, seen) = (Rc::clone(worker), Arc::clone(seen));
    spawn_local(async move {
        let _place = place;
        let _counted = Gauge::raise(&seen.counters.connections);
        serve(worker, door, stream, address).await;
    });
}

async fn look_again_and_again(worker: Rc<Worker>, begun: Rc<Notify>) {
    loop {
        worker.look();
        if worker.is_idle() {
            let _begun = timeout(ALIVE, begun.notified()).await;
        } else {
            sleep(LOOK).await;
        }
    }
}
