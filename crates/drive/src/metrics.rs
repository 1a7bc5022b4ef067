//! The metrics of a source, for any metrics library: one table of instruments, and the measurements that an event or a status
//! gives.
//!
//! Counters and histograms come from the events that an [`Observer`](crate::Observer) hears: [`of_event`]. Gauges come from the
//! status, when somebody looks: [`of_status`], and [`of_pool`] for a pool of sources. Every label beside `source` has a closed list of values ([`Label::values`]):
//! neither a secret nor anything that a server says is ever in one. `source` is the name that the program gives to the source.
//!
//! The crates `evergrant-metrics` and `evergrant-opentelemetry` bring them to the libraries of those names. For another one:
//!
//! ```
//! use evergrant_drive::metrics::{self, Measurement, Value};
//! use evergrant_drive::{Event, Observer, Status};
//! use std::collections::BTreeMap;
//! use std::sync::{Mutex, PoisonError};
//!
//! /// The sum of whatever was measured, by Prometheus' name and labels.
//! #[derive(Default)]
//! struct Totals(Mutex<BTreeMap<String, f64>>);
//!
//! impl Totals {
//!     fn take(&self, measurement: &Measurement<'_>) {
//!         let mut key = format!("{}{{source={:?}", measurement.instrument.prometheus_name(), measurement.source);
//!         for (label, value) in measurement.labels() {
//!             key += &format!(",{}={value:?}", label.prometheus_name());
//!         }
//!         let mut totals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
//!         let total = totals.entry(key + "}").or_default();
//!         match measurement.value {
//!             Value::Add(count) => *total += count as f64,
//!             Value::Record(seconds) => *total += seconds,
//!             Value::Set(value) => *total = value,
//!         }
//!     }
//!
//!     /// To be called whenever somebody looks at the totals.
//!     fn look(&self, source: &str, status: &Status) {
//!         metrics::of_status(source, status).for_each(|measurement| self.take(&measurement));
//!     }
//! }
//!
//! impl Observer for Totals {
//!     fn event(&self, event: &Event<'_>) {
//!         metrics::of_event(event).for_each(|measurement| self.take(&measurement));
//!     }
//! }
//! ```

mod instrument;
mod measure;
mod table;

pub use instrument::{Instrument, Kind, Label};
pub use measure::{Measurement, Value, of_event, of_pool, of_status};
pub use table::{BUCKETS, INSTRUMENTS};

#[cfg(test)]
mod tests;
