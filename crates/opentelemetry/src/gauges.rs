//! What is asked when somebody looks: the status of each source, and of each pool.

use crate::instruments::attributes;
use evergrant_drive::metrics::{
    INSTRUMENTS, Instrument, Kind, Measurement, Observed, Value, of_pool, of_status,
};
use evergrant_drive::{PoolStatus, Status};
use opentelemetry::metrics::{AsyncInstrument, Meter};
use std::sync::{Arc, Mutex, PoisonError};

/// A status that sets gauges.
pub(crate) trait Gauges: 'static {
    /// Whose gauges they are.
    const OBSERVED: Observed;

    fn gauges<'a>(&self, name: &'a str) -> impl Iterator<Item = Measurement<'a>>;
}

impl Gauges for Status {
    const OBSERVED: Observed = Observed::Source;

    fn gauges<'a>(&self, name: &'a str) -> impl Iterator<Item = Measurement<'a>> {
        of_status(name, self)
    }
}

impl Gauges for PoolStatus {
    const OBSERVED: Observed = Observed::Pool;

    fn gauges<'a>(&self, name: &'a str) -> impl Iterator<Item = Measurement<'a>> {
        of_pool(name, self)
    }
}

/// The sources, or the pools, whose gauges are collected.
pub(crate) struct Watched<T>(Arc<Mutex<Vec<Asked<T>>>>);

struct Asked<T> {
    name: Arc<str>,
    status: Arc<dyn Fn() -> Option<T> + Send + Sync>,
}

impl<T> Clone for Watched<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Clone for Asked<T> {
    fn clone(&self) -> Self {
        Self { name: Arc::clone(&self.name), status: Arc::clone(&self.status) }
    }
}

impl<T: Gauges> Watched<T> {
    /// Makes the gauges of this meter. They live as long as the meter, and those that are added are asked as long.
    pub(crate) fn new(meter: &Meter) -> Self {
        let watched = Self(Arc::default());
        let is_theirs = |gauge: &&&Instrument| gauge.kind == Kind::Gauge && gauge.observed == T::OBSERVED;
        for instrument in INSTRUMENTS.iter().filter(is_theirs) {
            let asked = watched.clone();
            let collect = move |gauge: &dyn AsyncInstrument<f64>| asked.collect(instrument, gauge);
            let builder =
                meter.f64_observable_gauge(instrument.name).with_description(instrument.description);
            builder.with_unit(instrument.unit).with_callback(collect).build();
        }
        watched
    }

    pub(crate) fn add(&self, name: &str, status: impl Fn() -> Option<T> + Send + Sync + 'static) {
        self.with(|watched| watched.push(Asked { name: name.into(), status: Arc::new(status) }));
    }

    fn collect(&self, instrument: &Instrument, gauge: &dyn AsyncInstrument<f64>) {
        for (name, status) in self.ask() {
            for measurement in status.gauges(&name).filter(|found| found.instrument.name == instrument.name) {
                if let Value::Set(value) = measurement.value {
                    gauge.observe(value, &attributes(&measurement));
                }
            }
        }
    }

    /// The status of each; one that has none is forgotten. A status is asked without the lock: it is the program's code.
    fn ask(&self) -> Vec<(Arc<str>, T)> {
        let asked = self.with(|watched| watched.clone());
        let mut found = Vec::new();
        for Asked { name, status } in asked {
            match status() {
                Some(status) => found.push((name, status)),
                None => self.with(|watched| watched.retain(|known| !Arc::ptr_eq(&known.status, &status))),
            }
        }
        found
    }

    fn with<R>(&self, use_it: impl FnOnce(&mut Vec<Asked<T>>) -> R) -> R {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
