#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub use evergrant_drive::metrics::BUCKETS;

use evergrant_drive::metrics::{
    INSTRUMENTS, Instrument, Kind, Measurement, Value, of_event, of_pool, of_status,
};
use evergrant_drive::{Event, Observer, PoolStatus, Status};
use metrics::{Key, Label, Level, Metadata, Recorder, SharedString, Unit, with_recorder};
use std::fmt;
use std::sync::Arc;

/// Tells a recorder what happens to sources of tokens. Clones tell the same one.
///
/// One observer serves any number of sources and pools: the label `source` tells them apart.
#[derive(Clone)]
pub struct MetricsObserver {
    /// `None` for the global one.
    recorder: Option<Arc<dyn Recorder + Send + Sync>>,
}

impl MetricsObserver {
    /// Tells the global recorder, and describes the metrics to it: install it before.
    pub fn new() -> Self {
        Self { recorder: None }.described()
    }

    /// Tells this recorder, whichever is the global one.
    pub fn with_recorder(recorder: impl Recorder + Send + Sync + 'static) -> Self {
        Self { recorder: Some(Arc::new(recorder)) }.described()
    }

    /// Sets the gauges of a source: how long its token is still used, whether it rests, who waits. Call it whenever somebody looks,
    /// or every few seconds: a gauge keeps its value until then.
    pub fn observe(&self, source: &str, status: &Status) {
        self.record_all(of_status(source, status));
    }

    /// Sets the gauges of a pool: how many sources it has, how many of them rest or cannot be evicted, how many requests are being
    /// sent, who waits. Call it as [`observe`](Self::observe). `pool` is the name of the pool and becomes the label `source`.
    ///
    /// ```
    /// # use evergrant_drive::{Pool, Pooled};
    /// # use evergrant_metrics::MetricsObserver;
    /// # fn handler<K, S: Pooled>(pool: &Pool<K, S>, metrics: &MetricsObserver) {
    /// metrics.observe_pool(pool.name(), &pool.status());
    /// # }
    /// ```
    pub fn observe_pool(&self, pool: &str, status: &PoolStatus) {
        self.record_all(of_pool(pool, status));
    }

    fn record_all<'a>(&self, measurements: impl Iterator<Item = Measurement<'a>>) {
        self.tell(|recorder| measurements.for_each(|measurement| record(recorder, &measurement)));
    }

    fn described(self) -> Self {
        self.tell(|recorder| INSTRUMENTS.iter().for_each(|instrument| describe(recorder, instrument)));
        self
    }

    fn tell(&self, tell: impl FnOnce(&dyn Recorder)) {
        match &self.recorder {
            Some(recorder) => tell(recorder),
            None => with_recorder(tell),
        }
    }
}

impl Default for MetricsObserver {
    fn default() -> Self {
        Self::new()
    }
}

/// Without the recorder, which is the user's.
impl fmt::Debug for MetricsObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsObserver").finish_non_exhaustive()
    }
}

impl Observer for MetricsObserver {
    fn event(&self, event: &Event<'_>) {
        self.record_all(of_event(event));
    }
}

fn describe(recorder: &dyn Recorder, instrument: &'static Instrument) {
    let name = instrument.name.into();
    let unit = Some(if instrument.unit == "s" { Unit::Seconds } else { Unit::Count });
    let description = SharedString::const_str(instrument.description);
    match instrument.kind {
        Kind::Counter => recorder.describe_counter(name, unit, description),
        Kind::Histogram => recorder.describe_histogram(name, unit, description),
        Kind::Gauge => recorder.describe_gauge(name, unit, description),
    }
}

fn record(recorder: &dyn Recorder, measurement: &Measurement<'_>) {
    let mut labels = vec![Label::new("source", measurement.source.to_owned())];
    labels.extend(measurement.labels().map(|(label, value)| Label::from_static_parts(label.name(), value)));
    let key = Key::from_parts(measurement.instrument.name, labels);
    let metadata = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));
    match measurement.value {
        Value::Add(count) => recorder.register_counter(&key, &metadata).increment(count),
        Value::Record(seconds) => recorder.register_histogram(&key, &metadata).record(seconds),
        Value::Set(value) => recorder.register_gauge(&key, &metadata).set(value),
    }
}

#[cfg(test)]
mod tests;
