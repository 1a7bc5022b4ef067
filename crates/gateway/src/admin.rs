//! Health, status and metrics, on a listener of their own. Health never depends on the API or the authorization server, once each source
//! has had its first token: a gateway that is restarted because somebody else is down helps nobody.

mod history;
mod metrics;
mod page;
mod status;
mod view;

use crate::crew::Crew;
use crate::health::Health;
use crate::listener::NO_ROOM;
use crate::reload::Served;
use history::INTERVAL;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use view::View;

/// Whoever looks at the same time: beyond, the oldest connection is closed.
const AT_ONCE: usize = 64;

/// How long one connection may last: long enough for one that fetches every few seconds.
const LIMIT: Duration = Duration::from_secs(120);

/// How long a head may take.
const HEAD: Duration = Duration::from_secs(10);

/// Where health, status and metrics are.
pub struct Admin {
    address: SocketAddr,
    metrics: Arc<dyn Fn() -> String + Send + Sync>,
    ready_when_listening: bool,
}

impl Admin {
    /// At this address, which may be reached from elsewhere: who watches comes from outside. The status, as a page at `/` and as JSON at
    /// `/status`, is for loopback alone.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, metrics: Arc::new(String::new), ready_when_listening: false }
    }

    /// More metrics, in the text format of Prometheus: those of the sources of tokens.
    #[must_use]
    pub fn metrics(self, text: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self { metrics: Arc::new(text), ..self }
    }

    /// Whether it is ready as soon as it listens. Default false: when each source has had its first token.
    #[must_use]
    pub fn ready_when_listening(self, ready_when_listening: bool) -> Self {
        Self { ready_when_listening, ..self }
    }

    pub(crate) const fn is_ready_when_listening(&self) -> bool {
        self.ready_when_listening
    }

    pub(crate) fn bind(self) -> io::Result<(SocketAddr, Bound)> {
        let listener = TcpListener::bind(self.address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((address, Bound { listener, address, metrics: self.metrics }))
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The listener, bound.
pub(crate) struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

impl Bound {
    pub(crate) async fn serve(self, health: Arc<Health>, crew: Arc<Crew>, served: Served) {
        let Self { listener, address, metrics } = self;
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        let view = Arc::new(View::new(address, metrics, health, crew, served));
        let mut connections = JoinSet::new();
        let mut oldest_first = VecDeque::new();
        let mut looks = interval(INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = looks.tick() => {
                    view.look();
                    continue;
                }
            };
            let Ok((stream, _)) = accepted else {
                sleep(NO_ROOM).await;
                continue;
            };
            let view = Arc::clone(&view);
            oldest_first.push_back(connections.spawn(async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = view.answer(&request.into_parts().0);
                    async { Ok::<_, Infallible>(answer) }
                });
                let mut builder = http1::Builder::new();
                builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(16 * 1024);
                let _ended = timeout(LIMIT, builder.serve_connection(TokioIo::new(stream), service)).await;
            }));
            while connections.try_join_next().is_some() {}
            oldest_first.retain(|connection: &AbortHandle| !connection.is_finished());
            // Those who hold connections and ask nothing must not keep out who asks whether it lives.
            if oldest_first.len() > AT_ONCE
                && let Some(oldest) = oldest_first.pop_front()
            {
                oldest.abort();
            }
        }
    }
}
