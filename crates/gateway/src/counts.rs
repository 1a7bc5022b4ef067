//! What a gateway counts. Each worker counts for itself, without a lock; whoever asks adds them up.

use crate::issued::{Ledger, Sums};
use crate::log::Line;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the buckets of every histogram, in seconds.
pub(crate) const BOUNDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 20.0];

/// Requests that are remembered: as many as are read at a glance.
pub(crate) const LAST: usize = 20;

/// Classes of status codes, of which the first stands for a caller that went away.
pub(crate) const CLASSES: [&str; 6] = ["gone", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// How many took how long.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    counts: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

impl Histogram {
    pub(crate) fn record(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        let at = BOUNDS.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.counts.get(at) {
            add(count);
        }
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(micros, Ordering::Relaxed);
    }
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// What happened to a request that was sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Replayed {
    /// The API took it then.
    Passed,
    /// The API refused the token again.
    Refused,
    /// It could not be sent again.
    Unrepeatable,
}

impl Replayed {
    pub(crate) const ALL: [Self; 3] = [Self::Passed, Self::Refused, Self::Unrepeatable];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Refused => "refused",
            Self::Unrepeatable => "unrepeatable",
        }
    }
}

/// Why an answer broke off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Broken {
    /// The API closed the connection, or what it sent broke HTTP.
    Upstream,
    /// Nothing came, or could be written, for too long.
    Idle,
    /// The caller went away.
    Caller,
}

impl Broken {
    pub(crate) const ALL: [Self; 3] = [Self::Upstream, Self::Idle, Self::Caller];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Idle => "idle",
            Self::Caller => "caller",
        }
    }
}

/// Requests of one route that have ended, by class.
#[derive(Debug, Default)]
pub(crate) struct Tally([AtomicU64; CLASSES.len()]);

/// The route of those that led to none.
const UNROUTED: &str = "";

/// What one worker has counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// By the paths of the routes that there are. Locked when these change, and when somebody asks.
    requests: Mutex<BTreeMap<Box<str>, Arc<Tally>>>,
    pub(crate) request_time: Histogram,
    pub(crate) upstream_time: Histogram,
    pub(crate) queue_time: Histogram,
    pub(crate) in_flight: AtomicI64,
    pub(crate) queued: AtomicI64,
    pub(crate) connections: AtomicI64,
    pub(crate) tunnels: AtomicI64,
    pub(crate) issued: Ledger,
    replays: [AtomicU64; 3],
    broken: [AtomicU64; 3],
    /// What we answered by ourselves, by the problem and the rule. It is seldom.
    own: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    /// The last of those, and of the answers that broke off.
    last: Mutex<VecDeque<Line>>,
}

impl Counters {
    /// The tallies of these routes, and that of requests which lead to none. A route that was there before goes on counting; one that
    /// is not there any more is forgotten, so that as many are kept as there are in the table.
    pub(crate) fn tallies(&self, paths: &[&str]) -> (Vec<Arc<Tally>>, Arc<Tally>) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.retain(|known, _| **known == *UNROUTED || paths.contains(&&**known));
        let mut tally = |path: &str| Arc::clone(requests.entry(path.into()).or_default());
        (paths.iter().map(|path| tally(path)).collect(), tally(UNROUTED))
    }

    /// A request was answered by ourselves, or its answer broke off.
    pub(crate) fn remember(&self, line: Line) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == LAST {
            last.pop_front();
        }
        last.push_back(line);
    }

    /// The last of them.
    pub(crate) fn last(&self) -> Vec<Line> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// A request has ended: with this status, or without one if its caller went away.
    pub(crate) fn ended(&self, route: &Tally, status: Option<u16>, time: Duration) {
        let class = status.map_or(0, |status| usize::from(status / 100));
        if let Some(count) = route.0.get(class) {
            add(count);
        }
        // How long a tunnel was open is not how long a request took.
        if status != Some(101) {
            self.request_time.record(time);
        }
    }

    pub(crate) fn replayed(&self, outcome: Replayed) {
        if let Some(count) = self.replays.get(outcome as usize) {
            add(count);
        }
    }

    /// An answer broke off.
    pub(crate) fn broke(&self, by: Broken) {
        if let Some(count) = self.broken.get(by as usize) {
            add(count);
        }
    }

    /// We answered by ourselves.
    pub(crate) fn answered(&self, problem: &'static str, rule: &'static str) {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        *own.entry((problem, rule)).or_default() += 1;
    }
}

/// One more, until this is dropped.
pub(crate) struct Gauge<'a>(&'a AtomicI64);

impl<'a> Gauge<'a> {
    pub(crate) fn raise(count: &'a AtomicI64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A histogram, added up.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Times {
    /// How many are in each bucket, and in none.
    pub(crate) counts: [u64; BOUNDS.len() + 1],
    /// All of them together.
    pub sum: Duration,
}

impl Times {
    fn add(&mut self, more: &Histogram) {
        for (count, more) in self.counts.iter_mut().zip(&more.counts) {
            *count += more.load(Ordering::Relaxed);
        }
        self.sum += Duration::from_micros(more.microseconds.load(Ordering::Relaxed));
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// What a gateway has counted since it began.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Requests that were answered, by us or by the API, and those whose callers went away.
    pub requests: u64,
    /// By the path of a route that there is, which is empty for none, and by class.
    pub(crate) by_route: BTreeMap<Box<str>, [u64; CLASSES.len()]>,
    /// Requests that are being answered, those that wait among them.
    pub in_flight: i64,
    /// Requests that wait for a token.
    pub queued: i64,
    /// Connections of callers.
    pub connections: i64,
    /// Those of them that have become tunnels.
    pub tunnels: i64,
    /// What was asked of listeners for tokens, and what came of it.
    pub(crate) issued: Sums,
    /// Replays after a refused token: those that the API took, refused again, and those that could not be.
    pub replays: [u64; 3],
    /// Answers that broke off: because of the API, because nothing came for too long, because of the caller.
    pub broken: [u64; 3],
    /// Answers of our own, by the problem and the rule that denied the request, which may be empty.
    pub own: BTreeMap<(&'static str, &'static str), u64>,
    /// How long requests took.
    pub request_time: Times,
    /// How long the API took for the head of its answer.
    pub upstream_time: Times,
    /// How long requests waited for a token.
    pub queue_time: Times,
}

impl Counts {
    pub(crate) fn add(&mut self, more: &Counters) {
        for (path, more) in &*more.requests.lock().unwrap_or_else(PoisonError::into_inner) {
            let classes = self.by_route.entry(path.clone()).or_default();
            for (count, more) in classes.iter_mut().zip(&more.0) {
                *count += more.load(Ordering::Relaxed);
            }
        }
        self.in_flight += more.in_flight.load(Ordering::Relaxed);
        self.queued += more.queued.load(Ordering::Relaxed);
        self.connections += more.connections.load(Ordering::Relaxed);
        self.tunnels += more.tunnels.load(Ordering::Relaxed);
        more.issued.add_to(&mut self.issued);
        for (count, more) in self.replays.iter_mut().zip(&more.replays) {
            *count += more.load(Ordering::Relaxed);
        }
        for (count, more) in self.broken.iter_mut().zip(&more.broken) {
            *count += more.load(Ordering::Relaxed);
        }
        for (reason, more) in &*more.own.lock().unwrap_or_else(PoisonError::into_inner) {
            *self.own.entry(*reason).or_default() += more;
        }
        self.request_time.add(&more.request_time);
        // Of every route, those that are not there any more among them.
        self.requests = self.request_time.count();
        self.upstream_time.add(&more.upstream_time);
        self.queue_time.add(&more.queue_time);
    }
}
