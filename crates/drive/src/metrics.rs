//! The metrics of a source, for any metrics library: one table of instruments, and the measurements that an event or a status
//! gives.
//!
//! Counters and histograms come from the events that an [`Observer`](crate::Observer) hears: [`of_event`]. Gauges come from the
//! status, when somebody looks: [`of_status`], and [`of_pool`] for a [pool](#a-pool). Every label beside `source` has a closed list
//! of values ([`Label::values`]): neither a secret nor anything that a server says is ever in one. `source` is the name that the
//! program gives to the source or to the pool.
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
//!
//! # A pool
//! The gauges of a [`Pool`](crate::Pool) are sums over its sources; their label `source` is the name of the pool. What happens to a
//! source of it is counted under what [`PoolSettings::label`](crate::PoolSettings::label) gives for its key. Let that be a class of
//! few values, such as the plan, and never the tenant: a metrics server keeps every value of a label as a series of its own.
//!
//! ```
//! use evergrant_core::{Client, ClientAuth, ConfigError, Provider};
//! use evergrant_drive::{BlockingSource, Event, Observer, Pool, PoolSettings, metrics};
//! use std::sync::{Arc, Mutex, PoisonError};
//! # use evergrant_core::{Request, Response, TransportError};
//! # use std::{error::Error, time::Duration};
//! #
//! # #[derive(Clone)]
//! # struct Canned;
//! #
//! # impl evergrant_drive::BlockingTransport for Canned {
//! #     fn send(&self, _: Request, _: Duration) -> Result<Response, TransportError> {
//! #         let body = br#"{"access_token":"abc","token_type":"Bearer","expires_in":3600}"#;
//! #         Ok(Response::new(200).with_header("Content-Type", b"application/json").with_body(body.to_vec()))
//! #     }
//! # }
//!
//! #[derive(Clone, PartialEq, Eq, Hash)]
//! struct Tenant {
//!     id: &'static str,
//!     plan: &'static str,
//! }
//!
//! fn client_for(tenant: &Tenant) -> Result<Client, ConfigError> {
//!     let provider = Provider::rfc6749("https://auth.example.com/token")?;
//!     Client::builder(provider, ClientAuth::basic(tenant.id, "the-secret-of-this-tenant")?).build()
//! }
//!
//! /// The metrics that were counted or timed, with their sources.
//! #[derive(Default)]
//! struct Seen(Mutex<Vec<String>>);
//!
//! impl Observer for Seen {
//!     fn event(&self, event: &Event<'_>) {
//!         let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
//!         seen.extend(metrics::of_event(event).map(|found| format!("{} {}", found.instrument.name, found.source)));
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn Error>> {
//! let seen = Arc::new(Seen::default());
//! let settings = PoolSettings::new(client_for)
//!     .name("tenants")
//!     .label(|tenant: &Tenant| tenant.plan.to_owned())
//!     .observer(seen.clone());
//! let pool = Pool::new(settings, |_| (), |_, shared| Ok(BlockingSource::over(shared, Canned)));
//!
//! pool.tokens(&Tenant { id: "4711", plan: "gold" })?.token(None)?;
//! assert!(seen.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&"evergrant.token.requests gold".to_owned()));
//!
//! // Whenever somebody looks:
//! let gauges: Vec<_> = metrics::of_pool(pool.name(), &pool.status())
//!     .map(|found| format!("{} {} {:?}", found.instrument.name, found.source, found.value))
//!     .collect();
//! assert_eq!(gauges[0], "evergrant.pool.sources tenants Set(1.0)");
//! # Ok(()) }
//! ```

mod instrument;
mod measure;
mod table;

pub use instrument::{Instrument, Kind, Label, Observed};
pub use measure::{Measurement, Value, of_event, of_pool, of_status};
pub use table::{BUCKETS, INSTRUMENTS};

#[cfg(test)]
mod tests;
