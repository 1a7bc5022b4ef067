//! What an exporter gets, from a source that sends.

use super::*;
use evergrant_core::{
    AccessToken, Client, ClientAuth, ConfigError, Origin, Policy, Provider, Rejection, Request, Response,
    TransportError, TransportErrorKind,
};
use evergrant_drive::metrics::{BUCKETS, INSTRUMENTS, Kind};
use evergrant_drive::{
    BlockingSource, BlockingTransport, EventKind, ManualClock, Pool, PoolSettings, Settings, Token,
};
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
    let settings = Settings::new(client())
        .policy(Policy::new().with_jitter(false))
        .clock(clock.clone())
        .fail_fast(true)
        .name("a")
        .observer(Arc::new(metrics.clone()))
        .observer(Arc::new(Landed(Mutex::new(sender))));
    let tokens = BlockingSource::new(settings, |_: &AccessToken| (), Canned(Mutex::default()));
    Observed { tokens, clock, landed }
}

fn client() -> Client {
    let provider = Provider::rfc6749("http://127.0.0.1:1/token").unwrap();
    let auth = ClientAuth::post("my-client-id", "a secret of some length").unwrap();
    Client::builder(provider, auth).build().unwrap()
}

/// The plan of a tenant, and its name.
type Tenant = (&'static str, &'static str);

/// A pool of two sources that is called `tenants`, and whose sources are called as the plans of their tenants.
fn pool(metrics: &MeterObserver) -> Pool<Tenant, BlockingSource<Canned, ()>> {
    let settings = PoolSettings::new(|_: &Tenant| Ok::<_, ConfigError>(client()))
        .max_sources(2)
        .name("tenants")
        .label(|(plan, _)| (*plan).to_owned())
        .observer(Arc::new(metrics.clone()));
    Pool::new(settings, |_| (), |_, shared| Ok(BlockingSource::over(shared, Canned(Mutex::default()))))
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
fn a_pool_is_measured_by_its_name_and_its_sources_by_their_class() {
    let (metrics, collected) = Collected::new();
    let pool = pool(&metrics);
    let held = [pool.tokens(&("gold", "acme")).unwrap(), pool.tokens(&("gold", "globex")).unwrap()];
    let watched = Arc::new(Mutex::new(Some(pool.clone())));
    let asked = Arc::clone(&watched);
    metrics.watch_pool(pool.name(), move || Some(asked.lock().unwrap().as_ref()?.status()));
    assert_eq!(
        collected.lines(),
        [
            "evergrant.pool.flights source=tenants 0",
            "evergrant.pool.held_outside source=tenants 2",
            "evergrant.pool.resting source=tenants 0",
            "evergrant.pool.sources source=tenants 2",
            "evergrant.pool.waiting source=tenants 0",
        ]
    );
    // Both are held: there is no place for another one until a clone has gone.
    assert!(pool.tokens(&("trial", "initech")).is_err());
    drop(held);
    assert!(pool.tokens(&("trial", "initech")).is_ok());
    watched.lock().unwrap().take();
    assert_eq!(
        collected.lines(),
        ["evergrant.pool.evictions reason=capacity source=gold 1", "evergrant.pool.full source=trial 1"]
    );
}

#[test]
fn a_pool_is_asked_for_the_gauges_of_pools_and_a_source_for_those_of_sources() {
    let (metrics, collected) = Collected::new();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (pools, sources) = (Arc::clone(&asked), Arc::clone(&asked));
    metrics.watch_pool("tenants", move || {
        pools.lock().unwrap().push("pool");
        Some(PoolStatus::default())
    });
    let shared = Arc::clone(Observed::failed(&metrics).tokens.shared());
    metrics.watch("a", move || {
        sources.lock().unwrap().push("source");
        Some(shared.status())
    });
    collected.lines();
    let gauges = |prefix| {
        let gauges = INSTRUMENTS.iter().filter(|known| known.kind == Kind::Gauge);
        gauges.filter(|gauge| gauge.name.starts_with(prefix)).count()
    };
    let times = |whom| asked.lock().unwrap().iter().filter(|asked| **asked == whom).count();
    assert_eq!((times("pool"), times("source")), (gauges("evergrant.pool."), gauges("evergrant.token.")));
}

#[test]
fn units_and_descriptions_are_those_of_the_table() {
    let (metrics, collected) = Collected::new();
    let shared = Arc::clone(Observed::failed(&metrics).tokens.shared());
    metrics.watch("a", move || Some(shared.status()));
    metrics.watch_pool("b", || Some(PoolStatus::default()));
    let told = collected.now(|metric| {
        vec![(metric.name().to_owned(), metric.unit().to_owned(), metric.description().to_owned())]
    });
    assert!(told.len() > 5, "{told:?}");
    for (name, unit, description) in told {
        let known = INSTRUMENTS.iter().find(|instrument| instrument.name == name).unwrap();
        assert_eq!((&*unit, &*description), (known.unit, known.description));
    }
}
