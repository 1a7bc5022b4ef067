//! What a recorder hears, from a source that sends.

use super::*;
use evergrant_core::{
    AccessToken, Client, ClientAuth, Origin, Policy, Provider, Request, Response, TransportError,
    TransportErrorKind,
};
use evergrant_drive::{BlockingSource, BlockingTransport, ManualClock, Settings};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

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

fn source(metrics: &MetricsObserver, name: &str) -> (BlockingSource<Canned, ()>, ManualClock) {
    let clock = ManualClock::new();
    let provider = Provider::rfc6749("http://127.0.0.1:1/token").unwrap();
    let auth = ClientAuth::post("my-client-id", "a secret of some length").unwrap();
    let settings = Settings::new(Client::builder(provider, auth).build().unwrap())
        .policy(Policy::new().with_jitter(false))
        .clock(clock.clone())
        .fail_fast(true)
        .name(name)
        .observer(Arc::new(metrics.clone()));
    (BlockingSource::new(settings, |_: &AccessToken| (), Canned(Mutex::default())), clock)
}

/// The lines that begin with this, without the buckets of histograms.
fn lines<'a>(text: &'a str, name: &str) -> BTreeSet<&'a str> {
    text.lines().filter(|line| line.starts_with(name) && !line.contains("_bucket")).collect()
}

#[test]
fn what_happens_to_a_source_is_counted_under_the_names_of_the_table() {
    let (metrics, prometheus) = prometheus();
    let (tokens, clock) = source(&metrics, "warehouse");
    assert!(tokens.token(None).is_err());
    clock.advance(Duration::from_secs(2));
    let token = tokens.token(None).unwrap();
    let _rejection =
        tokens.shared().reject(token.generation(), &Origin::parse("https://a.example.com").unwrap());
    let text = prometheus.render();
    assert_eq!(
        lines(&text, "evergrant_token_requests_total"),
        BTreeSet::from([
            "evergrant_token_requests_total{source=\"warehouse\",reason=\"first\"} 1",
            "evergrant_token_requests_total{source=\"warehouse\",reason=\"retry\"} 1",
        ])
    );
    let counts: BTreeSet<_> = lines(&text, "evergrant_token_request_duration_seconds_count");
    assert_eq!(
        counts,
        BTreeSet::from([
            "evergrant_token_request_duration_seconds_count{source=\"warehouse\",outcome=\"installed\"} 1",
            "evergrant_token_request_duration_seconds_count{source=\"warehouse\",outcome=\"transient\",error_type=\"closed\"} 1",
        ])
    );
    assert!(text.contains("le=\"0.005\""), "{text}");
    let waits = lines(&text, "evergrant_token_wait_duration_seconds_count");
    assert_eq!(
        waits,
        BTreeSet::from([
            "evergrant_token_wait_duration_seconds_count{source=\"warehouse\",result=\"failed\"} 1",
            "evergrant_token_wait_duration_seconds_count{source=\"warehouse\",result=\"served\"} 1",
        ])
    );
    assert_eq!(lines(&text, "evergrant_token_rejections_total").len(), 1, "{text}");
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn gauges_are_what_the_status_says_at_that_moment() {
    let (metrics, prometheus) = prometheus();
    let (tokens, clock) = source(&metrics, "a");
    let gauges = || {
        metrics.observe(tokens.shared().name(), &tokens.shared().status());
        let text = prometheus.render();
        let value = |line: &str| text.lines().find_map(|found| found.strip_prefix(line)).map(str::to_owned);
        [
            value("evergrant_token_used_for_seconds{source=\"a\"} "),
            value("evergrant_token_waiting{source=\"a\"} "),
            value("evergrant_token_resting{source=\"a\",class=\"transient\"} "),
            value("evergrant_token_resting{source=\"a\",class=\"permanent\"} "),
        ]
        .map(Option::unwrap)
    };
    assert_eq!(gauges(), ["0", "0", "0", "0"]);
    assert!(tokens.token(None).is_err());
    assert_eq!(gauges(), ["0", "0", "1", "0"]);
    clock.advance(Duration::from_secs(2));
    tokens.token(None).unwrap();
    assert_eq!(gauges(), ["3570", "0", "0", "0"]);
}

#[test]
fn every_instrument_is_described_before_anything_happens() {
    let (metrics, prometheus) = prometheus();
    let (tokens, _clock) = source(&metrics, "a");
    assert!(tokens.token(None).is_err());
    let text = prometheus.render();
    for instrument in
        INSTRUMENTS.into_iter().filter(|instrument| text.contains(&instrument.prometheus_name()))
    {
        let (name, description) = (instrument.prometheus_name(), instrument.description);
        assert!(text.contains(&format!("# HELP {name} {description}")), "{name}: {text}");
    }
    assert!(text.contains("# TYPE evergrant_token_request_duration_seconds histogram"), "{text}");
}

#[test]
fn without_a_recorder_nothing_happens() {
    let (tokens, _clock) = source(&MetricsObserver::new(), "a");
    assert!(tokens.token(None).is_err());
}
