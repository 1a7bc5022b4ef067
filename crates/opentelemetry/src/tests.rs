//! What an exporter gets, from a source that sends.

use super::*;
use evergrant_core::{
    AccessToken, Client, ClientAuth, Origin, Policy, Provider, Rejection, Request, Response, TransportError,
    TransportErrorKind,
};
use evergrant_drive::metrics::{BUCKETS, INSTRUMENTS};
use evergrant_drive::{BlockingSource, BlockingTransport, EventKind, ManualClock, Settings, Token};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, Metric, MetricData, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Tells when a request has landed. It is told after the observer that is tested, which was added before it.
struct Landed(Mutex<Sender<()>>);

impl Observer for Landed {
    fn event(&self, event: &Event<'_>) {
        if let EventKind::Landed { .. } = event.kind {
            self.0.lock().unwrap().send(()).unwrap();
        }
    }
}

/// Answers the first request with an error, and every other one with a token.
struct Canned(Mutex<u32>);

impl BlockingTransport for Canned {
    fn send(&self, _: Request, _: Duration) -> Result<Response, TransportError> {
        let mut sent = self.0.lock().unwrap();
        *sent += 1;
        if *sent == 1 {
            return Err(TransportError::ours(TransportErrorKind::Closed, "detail"));
        }
        let body = br#"{"access_token":"a-secret","token_type":"Bearer","expires_in":3600}"#;
        Ok(Response::new(200).with_header("Content-Type", b"application/json").with_body(body.to_vec()))
    }
}

struct Collected {
    provider: SdkMeterProvider,
    exporter: InMemoryMetricExporter,
}

impl Collected {
    fn new() -> (MeterObserver, Self) {
        let exporter = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(exporter.clone()).build();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        (MeterObserver::new(&provider.meter("evergrant")), Self { provider, exporter })
    }

    /// What this makes of each metric that is exported now.
    fn now<R>(&self, of: impl Fn(&Metric) -> Vec<R>) -> Vec<R> {
        self.exporter.reset();
        self.provider.force_flush().unwrap();
        let finished = self.exporter.get_finished_metrics().unwrap();
        let scopes = finished.iter().flat_map(ResourceMetrics::scope_metrics);
        scopes.flat_map(ScopeMetrics::metrics).flat_map(of).collect()
    }

    /// One line for each series, sorted; a histogram's has its count.
    fn lines(&self) -> Vec<String> {
        let mut lines = self.now(series);
        lines.sort();
        lines
    }
}

fn series(metric: &Metric) -> Vec<String> {
    let points: Vec<(String, String)> = match metric.data() {
        AggregatedMetrics::U64(MetricData::Sum(sum)) => sum
            .data_points()
            .map(|point| (attributes(point.attributes()), point.value().to_string()))
            .collect(),
        AggregatedMetrics::F64(MetricData::Gauge(gauge)) => gauge
            .data_points()
            .map(|point| (attributes(point.attributes()), point.value().to_string()))
            .collect(),
        AggregatedMetrics::F64(MetricData::Histogram(histogram)) => histogram
            .data_points()
            .map(|point| {
                assert!(point.bounds().eq(BUCKETS));
                (attributes(point.attributes()), point.count().to_string())
            })
            .collect(),
        other => panic!("{other:?}"),
    };
    points.into_iter().map(|(labels, value)| format!("{}{labels} {value}", metric.name())).collect()
}

fn attributes<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    let mut pairs: Vec<_> = attributes.map(|pair| format!(" {}={}", pair.key, pair.value)).collect();
    pairs.sort();
    pairs.concat()
}

/// A source that is called `a`.
struct Observed {
    tokens: BlockingSource<Canned, ()>,
    clock: ManualClock,
    landed: Receiver<()>,
}

impl Observed {
    /// The first request has failed.
    fn failed(metrics: &MeterObserver) -> Self {
        let observed = source(metrics);
        assert!(observed.tokens.token(None).is_err());
        observed.landed.recv().unwrap();
        observed
    }

    /// The second request brings a token.
    fn served(&self) -> Token {
        self.clock.advance(Duration::from_secs(2));
        let token = self.tokens.token(None).unwrap();
        self.landed.recv().unwrap();
        token
    }
}

fn source(metrics: &MeterObserver) -> Observed {
    let clock = ManualClock::new();
    let (sender, landed) = channel();
    let provider = Provider::rfc6749("http://127.0.0.1:1/token").unwrap();
    let auth = ClientAuth::post("my-client-id", "a secret of some length").unwrap();
    let settings = Settings::new(Client::builder(provider, auth).build().unwrap())
        .policy(Policy::new().with_jitter(false))
        .clock(clock.clone())
        .fail_fast(true)
        .name("a")
        .observer(Arc::new(metrics.clone()))
        .observer(Arc::new(Landed(Mutex::new(sender))));
    let tokens = BlockingSource::new(settings, |_: &AccessToken| (), Canned(Mutex::default()));
    Observed { tokens, clock, landed }
}

#[test]
fn what_happens_to_a_source_is_counted_under_the_names_of_the_table() {
    let (metrics, collected) = Collected::new();
    let observed = Observed::failed(&metrics);
    let refusing = Origin::parse("https://a.example.com").unwrap();
    let rejection = observed.tokens.shared().reject(observed.served().generation(), &refusing);
    assert!(matches!(rejection, Rejection::Settling(_)), "{rejection:?}");
    // Whether the second caller had to wait is the machine's to decide.
    let mut lines = collected.lines();
    lines.retain(|line| !line.contains("served"));
    assert_eq!(
        lines,
        [
            "evergrant.token.rejections site=0 source=a verdict=settling 1",
            "evergrant.token.request.duration error.type=closed outcome=transient source=a 1",
            "evergrant.token.request.duration outcome=installed source=a 1",
            "evergrant.token.requests reason=first source=a 1",
            "evergrant.token.requests reason=retry source=a 1",
            "evergrant.token.wait.duration result=failed source=a 1",
        ]
    );
}

#[test]
fn gauges_are_asked_for_when_somebody_looks_and_forgotten_with_their_source() {
    let (metrics, collected) = Collected::new();
    let observed = Observed::failed(&metrics);
    let shared = Arc::downgrade(observed.tokens.shared());
    metrics.watch("a", move || Some(shared.upgrade()?.status()));
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    metrics.watch("gone", move || {
        counted.fetch_add(1, Ordering::Relaxed);
        None
    });
    let gauges = || {
        let mut lines = collected.lines();
        lines.retain(|line| !line.contains("request") && !line.contains("wait.duration"));
        lines
    };
    assert_eq!(
        gauges(),
        [
            "evergrant.token.refresh_in source=a 0",
            "evergrant.token.resting class=permanent source=a 0",
            "evergrant.token.resting class=transient source=a 1",
            "evergrant.token.used_for source=a 0",
            "evergrant.token.waiting source=a 0",
        ]
    );
    observed.served();
    assert!(gauges().contains(&"evergrant.token.used_for source=a 3570".into()), "{:?}", gauges());
    assert!(
        gauges().contains(&"evergrant.token.resting class=transient source=a 0".into()),
        "{:?}",
        gauges()
    );
    let shared = Arc::downgrade(observed.tokens.shared());
    drop(observed);
    // The thread that sent the last request may hold the source for a moment longer.
    while shared.strong_count() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(gauges(), [""; 0]);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn units_and_descriptions_are_those_of_the_table() {
    let (metrics, collected) = Collected::new();
    let shared = Arc::clone(Observed::failed(&metrics).tokens.shared());
    metrics.watch("a", move || Some(shared.status()));
    let told = collected.now(|metric| {
        vec![(metric.name().to_owned(), metric.unit().to_owned(), metric.description().to_owned())]
    });
    assert!(told.len() > 5, "{told:?}");
    for (name, unit, description) in told {
        let known = INSTRUMENTS.iter().find(|instrument| instrument.name == name).unwrap();
        assert_eq!((&*unit, &*description), (known.unit, known.description));
    }
}
