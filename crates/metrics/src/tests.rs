//! What a recorder hears, from a source that sends.

use super::*;
use evergrant_core::{
    AccessToken, Client, ClientAuth, ConfigError, Origin, Policy, Provider, Rejection, Request, Response,
    TransportError, TransportErrorKind,
};
use evergrant_drive::{
    BlockingSource, BlockingTransport, EventKind, ManualClock, Pool, PoolSettings, Settings, Token,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
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

fn prometheus() -> (MetricsObserver, PrometheusHandle) {
    let builder = PrometheusBuilder::new().with_recommended_naming(true).set_buckets(&BUCKETS).unwrap();
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    (MetricsObserver::with_recorder(recorder), handle)
}

/// A source that is called `a`.
struct Observed {
    tokens: BlockingSource<Canned, ()>,
    clock: ManualClock,
    landed: Receiver<()>,
}

impl Observed {
    /// The first request has failed.
    fn failed(metrics: &MetricsObserver) -> Self {
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

fn source(metrics: &MetricsObserver) -> Observed {
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
fn pool(metrics: &MetricsObserver) -> Pool<Tenant, BlockingSource<Canned, ()>> {
    let settings = PoolSettings::new(|_: &Tenant| Ok::<_, ConfigError>(client()))
        .clock(ManualClock::new())
        .fail_fast(true)
        .max_sources(2)
        .name("tenants")
        .label(|(plan, _)| (*plan).to_owned())
        .observer(Arc::new(metrics.clone()));
    Pool::new(settings, |_| (), |_, shared| Ok(BlockingSource::over(shared, Canned(Mutex::default()))))
}

/// The lines of this kind, sorted.
fn lines(text: &str, is_of_kind: impl Fn(&str) -> bool) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().filter(|line| is_of_kind(line)).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn what_happens_to_a_source_is_counted_under_the_names_of_the_table() {
    let (metrics, prometheus) = prometheus();
    let observed = Observed::failed(&metrics);
    let refusing = Origin::parse("https://a.example.com").unwrap();
    let rejection = observed.tokens.shared().reject(observed.served().generation(), &refusing);
    assert!(matches!(rejection, Rejection::Settling(_)), "{rejection:?}");
    let text = prometheus.render();
    // Whether the second caller had to wait is the machine's to decide.
    let is_count = |line: &str| line.contains("_total{") || line.contains("_count{");
    assert_eq!(
        lines(&text, |line| is_count(line) && !line.contains("served")),
        [
            r#"evergrant_token_rejections_total{source="a",site="0",verdict="settling"} 1"#,
            r#"evergrant_token_request_duration_seconds_count{source="a",outcome="installed"} 1"#,
            r#"evergrant_token_request_duration_seconds_count{source="a",outcome="transient",error_type="closed"} 1"#,
            r#"evergrant_token_requests_total{source="a",reason="first"} 1"#,
            r#"evergrant_token_requests_total{source="a",reason="retry"} 1"#,
            r#"evergrant_token_wait_duration_seconds_count{source="a",result="failed"} 1"#,
        ]
    );
    for le in BUCKETS {
        assert!(text.contains(&format!(r#"result="failed",le="{le}"}}"#)), "{text}");
    }
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn gauges_are_what_the_status_says_at_that_moment() {
    let (metrics, prometheus) = prometheus();
    let observed = Observed::failed(&metrics);
    let shared = observed.tokens.shared();
    metrics.observe(shared.name(), &shared.status());
    let is_gauge = |line: &str| !line.contains("_request") && !line.contains("_wait_") && line.contains('{');
    assert_eq!(
        lines(&prometheus.render(), is_gauge),
        [
            r#"evergrant_token_refresh_in_seconds{source="a"} 0"#,
            r#"evergrant_token_resting{source="a",class="permanent"} 0"#,
            r#"evergrant_token_resting{source="a",class="transient"} 1"#,
            r#"evergrant_token_used_for_seconds{source="a"} 0"#,
            r#"evergrant_token_waiting{source="a"} 0"#,
        ]
    );
    observed.served();
    metrics.observe(shared.name(), &shared.status());
    let text = prometheus.render();
    assert!(text.contains(r#"evergrant_token_used_for_seconds{source="a"} 3570"#), "{text}");
    assert!(text.contains(r#"evergrant_token_resting{source="a",class="transient"} 0"#), "{text}");
}

#[test]
fn a_pool_is_measured_by_its_name_and_its_sources_by_their_class() {
    let (metrics, prometheus) = prometheus();
    let pool = pool(&metrics);
    let resting = pool.tokens(&("gold", "acme")).unwrap();
    let idle = pool.tokens(&("gold", "globex")).unwrap();
    assert!(resting.token(None).is_err());
    // The thread that sent the request may take a moment longer to let it go.
    while pool.status().in_flight > 0 {
        std::thread::yield_now();
    }
    metrics.observe_pool(pool.name(), &pool.status());
    let is_of_pool = |line: &str| line.starts_with("evergrant_pool_");
    assert_eq!(
        lines(&prometheus.render(), is_of_pool),
        [
            r#"evergrant_pool_flights{source="tenants"} 0"#,
            r#"evergrant_pool_held_outside{source="tenants"} 2"#,
            r#"evergrant_pool_resting{source="tenants"} 1"#,
            r#"evergrant_pool_sources{source="tenants"} 2"#,
            r#"evergrant_pool_waiting{source="tenants"} 0"#,
        ]
    );
    // Both are held: there is no place for another one until a clone has gone.
    assert!(pool.tokens(&("trial", "initech")).is_err());
    drop(idle);
    assert!(pool.tokens(&("trial", "initech")).is_ok());
    let text = prometheus.render();
    assert_eq!(
        lines(&text, |line| is_of_pool(line) && line.contains("_total{")),
        [
            r#"evergrant_pool_evictions_total{source="gold",reason="capacity"} 1"#,
            r#"evergrant_pool_full_total{source="trial"} 1"#,
        ]
    );
    assert!(text.contains(r#"evergrant_token_requests_total{source="gold",reason="first"} 1"#), "{text}");
    // Neither a tenant, nor a gauge of a single source.
    for absent in ["acme", "globex", "initech", "evergrant_token_waiting"] {
        assert!(!text.contains(absent), "{text}");
    }
}

#[test]
fn whatever_is_told_was_described() {
    let (metrics, prometheus) = prometheus();
    let observed = Observed::failed(&metrics);
    metrics.observe("a", &observed.tokens.shared().status());
    metrics.observe_pool("b", &pool(&metrics).status());
    let text = prometheus.render();
    let told = lines(&text, |line| line.starts_with("# HELP "));
    assert!(told.len() > 5, "{text}");
    for line in told {
        let known = INSTRUMENTS.iter().any(|instrument| {
            line == format!("# HELP {} {}", instrument.prometheus_name(), instrument.description)
        });
        assert!(known, "{line}");
    }
    assert!(text.contains("# TYPE evergrant_token_request_duration_seconds histogram"), "{text}");
}

#[test]
fn without_a_recorder_nothing_happens() {
    let observed = Observed::failed(&MetricsObserver::new());
    observed.served();
}
