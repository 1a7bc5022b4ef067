//! The table, and what goes into it.

use super::*;
use crate::clock::Clock as _;
use crate::fixture::{self, origin, secs};
use crate::observer::{Event, EventKind, EvictionReason, ReplayReason, WaitResult};
use crate::pool::PoolStatus;
use crate::status::{RequestStatus, Status};
use evergrant_core::{
    AccessToken, Cause, Class, ClockOffset, ConfigError, Endpoint, ErrorResponse, Excerpt, JwtHint, Landing,
    Mono, Policy, Problem, Reason, Refusal, Rejection, Rotation, Site, Stored, TransportError,
    TransportErrorKind,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What is measured, as one line.
fn line(measurement: &Measurement<'_>) -> String {
    let labels = measurement.labels().map(|(label, value)| format!(" {}={value}", label.name()));
    let (name, value) = (measurement.instrument.name, measurement.value);
    format!("{name}{} {value:?} of {}", labels.collect::<String>(), measurement.source)
}

fn lines(kind: &EventKind) -> Vec<String> {
    of_event(&Event { source: "a", kind }).map(|measurement| line(&measurement)).collect()
}

fn refused(class: Class, status: u16, problem: Problem) -> Cause {
    Cause::Refused(Arc::new(Refusal::new(class, Some(status), problem)))
}

fn code(code: &str) -> Problem {
    Problem::ErrorResponse(ErrorResponse::new(Excerpt::new(code, &[]).unwrap()))
}

fn causes() -> Vec<Cause> {
    let mut causes = vec![
        Cause::Abandoned,
        Cause::NotSent(ConfigError::SecretInUrl { field: "token_endpoint" }.into()),
        refused(Class::Transient, 200, Problem::Expired),
        refused(Class::Permanent, 400, code("tenant_4711_is_unknown")),
        Cause::Refused(Arc::new(TransportError::ours(TransportErrorKind::Timeout, "detail").into())),
    ];
    causes.extend((0..=700).map(|status| refused(Class::Transient, status, Problem::Status)));
    causes.extend(ErrorResponse::CODES.map(|known| refused(Class::Permanent, 400, code(known))));
    causes
}

fn landings() -> Vec<Landing> {
    let generation = generation();
    let mut landings = vec![
        Landing::Installed { generation, life: secs(60), hint: JwtHint::Absent },
        Landing::NoProgress { count: 1 },
        Landing::Idle,
        Landing::Superseded,
    ];
    landings.extend(causes().into_iter().map(|cause| Landing::Resting { until: Mono::default(), cause }));
    landings.extend(causes().into_iter().map(|cause| Landing::HeldBack { until: Mono::default(), cause }));
    landings
}

fn generation() -> evergrant_core::Generation {
    held().held.unwrap().generation
}

/// Every event that there can be, or one of each kind where its parts are in no label.
fn events() -> Vec<EventKind> {
    let endpoint = || Endpoint::parse("https://auth.example.com/token?tenant=4711").unwrap();
    let (took, rest) = (Duration::from_millis(250), secs(4));
    let mut events = vec![
        EventKind::Rotated { rotation: Rotation::Drop },
        EventKind::Restored { taken: true },
        EventKind::ShortSecret { client_id: "my-client-id".into() },
        EventKind::SourceChanged { what: "the client secret".into(), from: Some("/run/secrets/erp".into()) },
        EventKind::ClockOff { offset: ClockOffset::Behind(secs(140)) },
        EventKind::MetadataFetched { token_endpoint: endpoint(), mtls_token_endpoint: None },
        EventKind::MetadataFailing { since: evergrant_core::Wall::from_epoch(secs(1_767_225_600)) },
        EventKind::StoreFailing { error: evergrant_core::fleet::StoreError::TimedOut },
        EventKind::StoreBack {},
        EventKind::StoreUnopened {},
    ];
    for reason in
        [Reason::First, Reason::Early, Reason::Expired, Reason::Rejected, Reason::Rotated, Reason::Retry]
    {
        events.push(EventKind::Sent { flight: 1, reason, endpoint: endpoint() });
    }
    for landing in landings() {
        let abandoned = landing.clone();
        events.push(EventKind::Landed { flight: 1, landing, took, rest, narrowed: None, asked: true });
        events.push(EventKind::Abandoned { flight: 1, landing: abandoned, took, rest });
    }
    for result in [WaitResult::Served, WaitResult::Failed, WaitResult::TimedOut, WaitResult::Saturated] {
        events.push(EventKind::Waited { waited: took, result });
    }
    for rejection in
        [Rejection::Dropped, Rejection::Replaced, Rejection::Settling(Mono::default()), Rejection::Refused]
    {
        for place in [0, 1, 63, 64, 65, u16::MAX] {
            let (generation, origin, site) = (generation(), origin("api"), Site::new(place));
            events.push(EventKind::Rejected { generation, origin, site, rejection });
        }
    }
    for reason in [ReplayReason::Token, ReplayReason::Settled] {
        events.push(EventKind::Replayed { reason });
    }
    for reason in [EvictionReason::Capacity, EvictionReason::Idle] {
        events.push(EventKind::Evicted { reason });
    }
    events.push(EventKind::PoolFull {});
    // A kind that is added to `EventKind` has to be added above as well.
    let kinds: BTreeSet<u8> = events.iter().map(kind).collect();
    assert_eq!(kinds.len(), 18);
    events
}

fn kind(event: &EventKind) -> u8 {
    match event {
        EventKind::Sent { .. } => 0,
        EventKind::Landed { .. } => 1,
        EventKind::Abandoned { .. } => 2,
        EventKind::Rejected { .. } => 3,
        EventKind::Rotated { .. } => 4,
        EventKind::Restored { .. } => 5,
        EventKind::Waited { .. } => 6,
        EventKind::Replayed { .. } => 7,
        EventKind::ShortSecret { .. } => 8,
        EventKind::Evicted { .. } => 9,
        EventKind::PoolFull {} => 10,
        EventKind::SourceChanged { .. } => 11,
        EventKind::ClockOff { .. } => 12,
        EventKind::MetadataFetched { .. } => 13,
        EventKind::MetadataFailing { .. } => 14,
        EventKind::StoreFailing { .. } => 15,
        EventKind::StoreBack {} => 16,
        EventKind::StoreUnopened {} => 17,
    }
}

/// Of a source that holds a token for an hour.
fn held() -> Status {
    let (shared, clock) = fixture::shared(Policy::new());
    let token = AccessToken::new("kept").unwrap();
    assert!(shared.restore(Stored::new(token, clock.now().wall, secs(3600))));
    shared.status()
}

fn statuses() -> Vec<Status> {
    let rests = causes().into_iter().map(|cause| RequestStatus::Resting(secs(4), cause));
    let requests = rests.chain([RequestStatus::Idle, RequestStatus::InFlight(secs(9))]);
    requests.map(|request| Status { request, ..held() }).collect()
}

/// Fails unless this is a value that its instrument can have, with labels that it has.
fn check(measurement: &Measurement<'_>) {
    let instrument = measurement.instrument;
    let fits = match measurement.value {
        Value::Add(_) => instrument.kind == Kind::Counter,
        Value::Record(seconds) => instrument.kind == Kind::Histogram && seconds.is_finite(),
        Value::Set(_) => instrument.kind == Kind::Gauge,
    };
    assert!(fits, "{}", line(measurement));
    for (label, value) in measurement.labels() {
        assert!(instrument.labels.iter().any(|known| std::ptr::eq(*known, label)), "{}", line(measurement));
        assert!(label.values().contains(&value), "{}", line(measurement));
    }
}

#[test]
fn every_label_of_every_event_and_status_has_a_value_of_its_closed_list() {
    let (events, statuses) = (events(), statuses());
    let counted = events.iter().flat_map(|kind| of_event(&Event { source: "a", kind }));
    let looked_at = statuses.iter().flat_map(|status| of_status("a", status));
    let mut seen = BTreeSet::new();
    let pooled = of_pool("a", &PoolStatus::default());
    for measurement in counted.chain(looked_at).chain(pooled) {
        check(&measurement);
        let name = measurement.instrument.name;
        seen.extend(measurement.labels().map(|(label, value)| (name, label.name(), value)));
        seen.insert((name, "", ""));
    }
    // And no list has a value that nothing has.
    for instrument in INSTRUMENTS {
        assert!(seen.contains(&(instrument.name, "", "")), "{} is never measured", instrument.name);
        for label in instrument.labels.iter().filter(|label| !["error.type", "site"].contains(&label.name()))
        {
            for value in label.values() {
                assert!(seen.contains(&(instrument.name, label.name(), value)), "{value} is never measured");
            }
        }
    }
}

#[test]
fn an_event_is_measured_with_its_labels() {
    let cause = refused(Class::Permanent, 401, code("invalid_client"));
    let landing = Landing::Resting { until: Mono::default(), cause };
    let (took, rest) = (Duration::from_millis(250), secs(10));
    assert_eq!(
        lines(&EventKind::Landed { flight: 1, landing, took, rest, narrowed: None, asked: true }),
        ["evergrant.token.request.duration outcome=permanent error.type=invalid_client Record(0.25) of a"]
    );
    assert_eq!(
        lines(&EventKind::Abandoned { flight: 1, landing: Landing::Idle, took, rest }),
        ["evergrant.token.request.duration outcome=abandoned error.type=_OTHER Record(0.25) of a"]
    );
    assert_eq!(
        lines(&EventKind::Landed {
            flight: 1,
            landing: Landing::Superseded,
            took,
            rest,
            narrowed: None,
            asked: true
        }),
        ["evergrant.token.request.duration outcome=superseded Record(0.25) of a"]
    );
    assert_eq!(
        lines(&EventKind::Waited { waited: took, result: WaitResult::TimedOut }),
        ["evergrant.token.wait.duration result=timed_out Record(0.25) of a"]
    );
    let (generation, site) = (generation(), Site::new(2));
    assert_eq!(
        lines(&EventKind::Rejected {
            generation,
            origin: origin("api"),
            site,
            rejection: Rejection::Dropped
        }),
        ["evergrant.token.rejections site=2 verdict=dropped Add(1) of a"]
    );
    assert_eq!(
        lines(&EventKind::Replayed { reason: ReplayReason::Settled }),
        ["evergrant.api.replays reason=settled Add(1) of a"]
    );
    assert_eq!(
        lines(&EventKind::Evicted { reason: EvictionReason::Capacity }),
        ["evergrant.pool.evictions reason=capacity Add(1) of a"]
    );
    assert_eq!(lines(&EventKind::PoolFull {}), ["evergrant.pool.full Add(1) of a"]);
    assert_eq!(lines(&EventKind::Rotated { rotation: Rotation::Keep }), [""; 0]);
}

fn looked_at(status: &Status) -> Vec<String> {
    of_status("a", status).map(|measurement| line(&measurement)).collect()
}

#[test]
fn a_status_sets_every_gauge_and_a_rest_that_has_ended_is_zero_again() {
    let mut status = held();
    let held = status.held.as_mut().unwrap();
    (held.used_for, held.refresh_in) = (secs(41), Duration::from_millis(12_500));
    status.waiting = 3;
    assert_eq!(
        looked_at(&status),
        [
            "evergrant.token.waiting Set(3.0) of a",
            "evergrant.token.used_for Set(41.0) of a",
            "evergrant.token.refresh_in Set(12.5) of a",
            "evergrant.token.resting class=transient Set(0.0) of a",
            "evergrant.token.resting class=permanent Set(0.0) of a",
        ]
    );
    status.request = RequestStatus::Resting(secs(4), refused(Class::Permanent, 401, code("invalid_client")));
    status.held = None;
    assert_eq!(
        looked_at(&status)[1..],
        [
            "evergrant.token.used_for Set(0.0) of a",
            "evergrant.token.refresh_in Set(0.0) of a",
            "evergrant.token.resting class=transient Set(0.0) of a",
            "evergrant.token.resting class=permanent Set(1.0) of a",
        ]
    );
    status.request = RequestStatus::Resting(secs(4), Cause::Abandoned);
    assert_eq!(looked_at(&status)[3], "evergrant.token.resting class=transient Set(1.0) of a");
}

#[test]
fn a_token_that_never_ends_is_used_for_ever() {
    let shared = crate::Shared::fixed(AccessToken::new("a").unwrap(), fixture::render);
    let gauges = looked_at(&shared.status());
    assert_eq!(gauges[1], "evergrant.token.used_for Set(inf) of a");
    assert_eq!(gauges[2], "evergrant.token.refresh_in Set(inf) of a");
}

/// No two numbers of it are the same.
fn pool() -> PoolStatus {
    let mut status = PoolStatus::default();
    (status.sources, status.held_outside, status.resting) = (7, 5, 3);
    (status.in_flight, status.waiting) = (2, 11);
    status
}

#[test]
fn the_status_of_a_pool_sets_every_gauge_of_it() {
    assert_eq!(
        of_pool("a", &pool()).map(|measurement| line(&measurement)).collect::<Vec<_>>(),
        [
            "evergrant.pool.sources Set(7.0) of a",
            "evergrant.pool.held_outside Set(5.0) of a",
            "evergrant.pool.resting Set(3.0) of a",
            "evergrant.pool.flights Set(2.0) of a",
            "evergrant.pool.waiting Set(11.0) of a",
        ]
    );
}

#[test]
fn an_instrument_says_whether_a_source_or_a_pool_has_it() {
    for instrument in INSTRUMENTS {
        let named =
            if instrument.name.starts_with("evergrant.pool.") { Observed::Pool } else { Observed::Source };
        assert_eq!(instrument.observed, named, "{}", instrument.name);
    }
    let gauges = |observed| {
        let gauges = INSTRUMENTS.iter().filter(|instrument| instrument.kind == Kind::Gauge);
        gauges.filter(|gauge| gauge.observed == observed).map(|gauge| gauge.name).collect::<BTreeSet<_>>()
    };
    let set_by_status: BTreeSet<_> = of_status("a", &held()).map(|gauge| gauge.instrument.name).collect();
    let set_by_pool: BTreeSet<_> = of_pool("a", &pool()).map(|gauge| gauge.instrument.name).collect();
    assert_eq!((set_by_status, set_by_pool), (gauges(Observed::Source), gauges(Observed::Pool)));
}

#[test]
fn names_are_unique_also_as_prometheus_writes_them() {
    let names: BTreeSet<_> = INSTRUMENTS.iter().map(|instrument| instrument.name).collect();
    let prometheus: BTreeSet<_> = INSTRUMENTS.iter().map(|instrument| instrument.prometheus_name()).collect();
    assert_eq!((names.len(), prometheus.len()), (INSTRUMENTS.len(), INSTRUMENTS.len()));
    for name in &prometheus {
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
    }
}

#[test]
fn prometheus_is_told_the_unit_and_what_is_a_counter() {
    let names: Vec<_> = INSTRUMENTS.iter().map(|instrument| instrument.prometheus_name()).collect();
    assert_eq!(
        names,
        [
            "evergrant_token_requests_total",
            "evergrant_token_request_duration_seconds",
            "evergrant_token_wait_duration_seconds",
            "evergrant_token_waiting",
            "evergrant_token_used_for_seconds",
            "evergrant_token_refresh_in_seconds",
            "evergrant_token_resting",
            "evergrant_token_rejections_total",
            "evergrant_api_replays_total",
            "evergrant_pool_sources",
            "evergrant_pool_held_outside",
            "evergrant_pool_resting",
            "evergrant_pool_flights",
            "evergrant_pool_waiting",
            "evergrant_pool_evictions_total",
            "evergrant_pool_full_total",
        ]
    );
    assert_eq!(table::ERROR_TYPE.prometheus_name(), "error_type");
}

#[test]
fn descriptions_are_one_sentence_and_only_histograms_and_times_are_in_seconds() {
    for instrument in INSTRUMENTS {
        let text = instrument.description;
        assert!(text.ends_with('.') && text.matches(". ").count() == 0, "{text}");
        let is_time = instrument.kind == Kind::Histogram || instrument.description.starts_with("Time ");
        assert_eq!(instrument.unit == "s", is_time, "{}", instrument.name);
    }
    assert!(BUCKETS.is_sorted());
}
