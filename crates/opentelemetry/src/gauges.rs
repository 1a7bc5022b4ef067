//! What is asked when somebody looks: the status of each source.

use crate::instruments::attributes;
use evergrant_drive::Status;
use evergrant_drive::metrics::{INSTRUMENTS, Kind, Value, of_status};
use opentelemetry::metrics::{AsyncInstrument, Meter};
use std::sync::{Arc, Mutex, PoisonError};

/// The sources whose gauges are collected.
#[derive(Clone, Default)]
pub(crate) struct Sources(Arc<Mutex<Vec<Watched>>>);

#[derive(Clone)]
struct Watched {
    source: Arc<str>,
    status: Arc<dyn Fn() -> Option<Status> + Send + Sync>,
}

impl Sources {
    pub(crate) fn add(&self, source: &str, status: impl Fn() -> Option<Status> + Send + Sync + 'static) {
        self.with(|watched| watched.push(Watched { source: source.into(), status: Arc::new(status) }));
    }

    /// The status of each; one that has none is forgotten. A status is asked without the lock: it is the program's code.
    fn ask(&self) -> Vec<(Arc<str>, Status)> {
        let asked = self.with(|watched| watched.clone());
        let mut found = Vec::new();
        for Watched { source, status } in asked {
            match status() {
                Some(status) => found.push((source, status)),
                None => self.with(|watched| watched.retain(|known| !Arc::ptr_eq(&known.status, &status))),
            }
        }
        found
    }

    fn with<R>(&self, use_it: impl FnOnce(&mut Vec<Watched>) -> R) -> R {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Makes the gauges of this meter. They live as long as the meter, and the sources are asked as long.
pub(crate) fn register(meter: &Meter, sources: &Sources) {
    for instrument in INSTRUMENTS.iter().filter(|instrument| instrument.kind == Kind::Gauge) {
        let sources = sources.clone();
        let collect = move |gauge: &dyn AsyncInstrument<f64>| {
            for (source, status) in sources.ask() {
                let measured = of_status(&source, &status);
                for measurement in
                    measured.filter(|measurement| measurement.instrument.name == instrument.name)
                {
                    if let Value::Set(value) = measurement.value {
                        gauge.observe(value, &attributes(&measurement));
                    }
                }
            }
        };
        let builder = meter.f64_observable_gauge(instrument.name).with_description(instrument.description);
        builder.with_unit(instrument.unit).with_callback(collect).build();
    }
}
