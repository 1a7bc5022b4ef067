//! What is remembered of one request until it has ended: for the counts and the log.

use crate::access::Caller;
use crate::answer::{Problem, Sent};
use crate::bounds::Both;
use crate::counts::Broken;
use crate::log::{Line, shown};
use crate::serving::Serving;
use crate::table::Placed;
use crate::worker::Worker;
use evergrant_core::Generation;
use http::request::Parts;
use http::{Method, Uri, Version};
use jiff::Timestamp;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// One request. It has ended when this is dropped: with its answer, or because its caller went away.
pub(crate) struct Record {
    worker: Rc<Worker>,
    /// What it is served by, to its end.
    serving: Rc<Serving>,
    pub(crate) began: Instant,
    method: Method,
    /// The target, of which the path is shown. A clone of it copies nothing.
    target: Uri,
    version: Version,
    peer: Option<SocketAddr>,
    pub(crate) caller: Caller,
    pub(crate) route: Option<usize>,
    pub(crate) status: Option<u16>,
    pub(crate) problem: Option<(&'static str, Option<&'static str>, Option<&'static str>)>,
    pub(crate) broken: Option<Broken>,
    pub(crate) waited: Duration,
    pub(crate) upstream: Duration,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) attempts: u8,
    pub(crate) generation: Option<Generation>,
    pub(crate) admitted: Option<Both>,
}

impl Record {
    pub(crate) fn begin(
        worker: &Rc<Worker>,
        serving: &Rc<Serving>,
        peer: Option<SocketAddr>,
        parts: &Parts,
    ) -> Self {
        worker.counters().in_flight.fetch_add(1, Ordering::Relaxed);
        Self {
            worker: Rc::clone(worker),
            serving: Rc::clone(serving),
            began: Instant::now(),
            method: parts.method.clone(),
            target: parts.uri.clone(),
            version: parts.version,
            peer,
            caller: Caller::Anyone,
            route: None,
            status: None,
            problem: None,
            broken: None,
            waited: Duration::ZERO,
            upstream: Duration::ZERO,
            bytes_in: 0,
            bytes_out: 0,
            attempts: 0,
            generation: None,
            admitted: None,
        }
    }

    /// It is answered by ourselves.
    pub(crate) fn own(&mut self, problem: &Problem) {
        let sent = problem.sent().map(Sent::as_str);
        self.status = Some(problem.status().as_u16());
        self.problem = Some((problem.name(), problem.rule(), sent));
        self.worker.counters().answered(problem.name(), problem.rule().unwrap_or_default());
    }

    /// The token that it was sent with last.
    pub(crate) fn sent_with(&mut self, generation: Generation) {
        self.attempts = self.attempts.saturating_add(1);
        self.generation = Some(generation);
    }

    fn line(&self, total: Duration) -> Line {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let route = self.route.and_then(|number| {
            let mut routes = self.serving.table.routes.iter();
            routes.find(|(_, Placed { number: known, .. })| *known == number)
        });
        let (problem, denied, sent) = match self.problem {
            Some((name, rule, sent)) => (Some(name), rule, sent),
            None => (None, None, None),
        };
        Line {
            time: Timestamp::now(),
            route: route.map(|(path, _)| path.to_string()),
            caller: self.caller.to_string(),
            peer: self.peer.as_ref().map(ToString::to_string),
            method: shown(self.method.as_str()),
            path: shown(self.target.path()),
            status: self.status,
            problem,
            denied,
            sent,
            broken: self.broken.map(Broken::as_str),
            waited_ms: ms(self.waited),
            upstream_ms: ms(self.upstream),
            total_ms: ms(total),
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            attempts: self.attempts,
            generation: self.generation.map(Generation::number),
            protocol: protocol(self.version),
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let total = self.began.elapsed();
        let counters = &self.worker.counters();
        counters.in_flight.fetch_sub(1, Ordering::Relaxed);
        counters.ended(self.serving.tally(self.route), self.status, total);
        if let Some(broken) = self.broken {
            counters.broke(broken);
        }
        // That a caller goes away is nothing of ours.
        let broke = self.broken.filter(|broken| *broken != Broken::Caller).map(Broken::as_str);
        let is_own = self.problem.is_some() || broke.is_some();
        let log = self.worker.fixed.log.as_ref().filter(|log| log.wants(is_own));
        if log.is_none() && !is_own {
            return;
        }
        let line = self.line(total);
        if is_own {
            counters.remember(line.clone());
        }
        if let Some(log) = log {
            let reason = self.problem.map(|(name, rule, _)| rule.unwrap_or(name)).or(broke);
            log.line(reason, line);
        }
    }
}

/// A head that hyper could not read, which it has answered by itself with this status.
pub(crate) fn malformed(worker: &Worker, peer: Option<SocketAddr>, status: u16) {
    unread(worker, peer, Some(status), "syntax");
}

/// A caller with whom no TLS could be agreed on: what it speaks instead is answered by nobody.
pub(crate) fn unsecured(worker: &Worker, peer: Option<SocketAddr>) {
    unread(worker, peer, None, "tls");
}

/// What came was no request, by this rule.
fn unread(worker: &Worker, peer: Option<SocketAddr>, status: Option<u16>, rule: &'static str) {
    worker.counters().answered("denied", rule);
    if status.is_some() {
        worker.counters().ended(worker.serving().tally(None), status, Duration::ZERO);
    }
    let line = Line::unread(peer.map(|peer| peer.to_string()), status, rule);
    worker.counters().remember(line.clone());
    if let Some(log) = worker.fixed.log.as_ref().filter(|log| log.wants(true)) {
        log.line(Some(rule), line);
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_11 => "HTTP/1.1",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP",
    }
}
