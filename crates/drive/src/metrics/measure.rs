//! From an event or a status to measurements.

use super::instrument::{Instrument, Label};
use super::table;
use crate::observer::{Event, EventKind};
use crate::pool::PoolStatus;
use crate::status::{RequestStatus, Status};
use std::time::Duration;

/// One value of one instrument.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Measurement<'a> {
    /// What was measured.
    pub instrument: &'static Instrument,
    /// The name of the source, or of the pool: the label `source`.
    pub source: &'a str,
    /// What is to be done with which value.
    pub value: Value,
    labels: Labels,
}

/// A value, and what is to be done with it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value {
    /// Add it to a counter.
    Add(u64),
    /// Record these seconds in a histogram.
    Record(f64),
    /// Set a gauge to it. What never comes is infinite.
    Set(f64),
}

/// Only words of this program fit in: no text of a server, and no secret.
type Labels = [Option<(&'static Label, &'static str)>; 2];

impl Measurement<'_> {
    /// The labels beside `source`, with their values.
    pub fn labels(&self) -> impl Iterator<Item = (&'static Label, &'static str)> + use<> {
        self.labels.into_iter().flatten()
    }
}

/// What an event adds to counters and histograms; nothing, for many events.
pub fn of_event<'a>(event: &Event<'a>) -> impl Iterator<Item = Measurement<'a>> + use<'a> {
    let source = event.source;
    measured(event.kind)
        .map(|(instrument, value, labels)| Measurement { instrument, source, value, labels })
        .into_iter()
}

fn measured(kind: &EventKind) -> Option<(&'static Instrument, Value, Labels)> {
    Some(match kind {
        EventKind::Sent { reason, .. } => {
            (&table::REQUESTS, Value::Add(1), [Some((&table::REASON, reason.as_str())), None])
        }
        // What a store brought took no token request.
        EventKind::Landed { asked: false, .. } => return None,
        EventKind::Landed { landing, took, .. } | EventKind::Abandoned { landing, took, .. } => {
            let error = landing.cause().map(|cause| (&table::ERROR_TYPE, cause.error_type().as_str()));
            (&table::REQUEST_DURATION, recorded(*took), [Some((&table::OUTCOME, landing.as_str())), error])
        }
        EventKind::Waited { waited, result } => {
            (&table::WAIT_DURATION, recorded(*waited), [Some((&table::RESULT, result.as_str())), None])
        }
        EventKind::Rejected { site, rejection, .. } => {
            let labels = [Some((&table::SITE, site.as_str())), Some((&table::VERDICT, rejection.as_str()))];
            (&table::REJECTIONS, Value::Add(1), labels)
        }
        EventKind::Replayed { reason } => {
            (&table::REPLAYS, Value::Add(1), [Some((&table::REPLAY_REASON, reason.as_str())), None])
        }
        EventKind::Evicted { reason } => {
            (&table::POOL_EVICTIONS, Value::Add(1), [Some((&table::EVICTION_REASON, reason.as_str())), None])
        }
        EventKind::PoolFull {} => (&table::POOL_FULL, Value::Add(1), [None, None]),
        EventKind::Rotated { .. }
        | EventKind::Restored { .. }
        | EventKind::SourceChanged { .. }
        | EventKind::ClockOff { .. }
        | EventKind::MetadataFetched { .. }
        | EventKind::MetadataFailing { .. }
        | EventKind::StoreFailing { .. }
        | EventKind::StoreBack { .. }
        | EventKind::StoreUnopened { .. }
        | EventKind::ShortSecret { .. } => {
            return None;
        }
    })
}

const fn recorded(time: Duration) -> Value {
    Value::Record(time.as_secs_f64())
}

/// The gauges of a status: one value of each, and one of `evergrant.token.resting` for each class, so that the gauge of a rest that
/// has ended is 0 again.
pub fn of_status<'a>(source: &'a str, status: &Status) -> impl Iterator<Item = Measurement<'a>> + use<'a> {
    let (used_for, refresh_in) =
        status.held.map_or((Duration::ZERO, Duration::ZERO), |held| (held.used_for, held.refresh_in));
    let class = match &status.request {
        RequestStatus::Resting(_, cause) => {
            Some(if cause.is_permanent() { "permanent" } else { "transient" })
        }
        RequestStatus::Idle | RequestStatus::InFlight(_) => None,
    };
    let set = move |instrument, value, label| {
        let (value, labels) = (Value::Set(value), [label, None]);
        Measurement { instrument, source, value, labels }
    };
    let whole = [
        set(&table::WAITING, status.waiting as f64, None),
        set(&table::USED_FOR, seconds(used_for), None),
        set(&table::REFRESH_IN, seconds(refresh_in), None),
    ];
    let resting = table::CLASSES.map(|known| {
        set(&table::RESTING, f64::from(u8::from(class == Some(known))), Some((&table::CLASS, known)))
    });
    whole.into_iter().chain(resting)
}

/// The gauges of a pool, which is called `pool`: sums over all of its sources, with its name as the label `source`.
pub fn of_pool<'a>(pool: &'a str, status: &PoolStatus) -> impl Iterator<Item = Measurement<'a>> + use<'a> {
    let set = move |instrument, value: usize| {
        let (value, labels) = (Value::Set(value as f64), [None, None]);
        Measurement { instrument, source: pool, value, labels }
    };
    let gauges = [
        set(&table::POOL_SOURCES, status.sources),
        set(&table::POOL_HELD_OUTSIDE, status.held_outside),
        set(&table::POOL_RESTING, status.resting),
        set(&table::POOL_FLIGHTS, status.in_flight),
        set(&table::POOL_WAITING, status.waiting),
    ];
    gauges.into_iter()
}

/// What never comes is infinite.
fn seconds(time: Duration) -> f64 {
    if time == Duration::MAX { f64::INFINITY } else { time.as_secs_f64() }
}
