#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod gauges;
mod instruments;

use evergrant_drive::metrics::of_event;
use evergrant_drive::{Event, Observer, PoolStatus, Status};
use gauges::Watched;
use instruments::Instruments;
use opentelemetry::metrics::Meter;
use std::fmt;

/// Tells a meter what happens to sources of tokens. Clones tell the same one.
///
/// One observer serves any number of sources and pools: the attribute `source` tells them apart.
#[derive(Clone)]
pub struct MeterObserver {
    instruments: Instruments,
    sources: Watched<Status>,
    pools: Watched<PoolStatus>,
}

impl MeterObserver {
    /// Makes the instruments of this meter.
    pub fn new(meter: &Meter) -> Self {
        Self {
            instruments: Instruments::new(meter),
            sources: Watched::new(meter),
            pools: Watched::new(meter),
        }
    }

    /// Has the status of a source asked whenever its gauges are collected, under this name, until `status` says `None`.
    ///
    /// A closure that holds the source itself keeps it alive, and `keep_fresh` with it: hold it weakly where that matters.
    pub fn watch(&self, source: &str, status: impl Fn() -> Option<Status> + Send + Sync + 'static) {
        self.sources.add(source, status);
    }

    /// Has the status of a pool asked whenever its gauges are collected, until `status` says `None`. `pool` is the name of the pool
    /// and becomes the attribute `source`.
    ///
    /// `status` is called once for each gauge, and the status of a pool looks at every source of it. A closure that holds the pool
    /// keeps it alive, and `keep_fresh` with it: have it say `None` where the pool must end before the meter.
    ///
    /// ```
    /// # use evergrant_drive::{Pool, Pooled};
    /// # use evergrant_opentelemetry::MeterObserver;
    /// # fn start<K: Send + Sync + 'static, S: Pooled>(pool: &Pool<K, S>, metrics: &MeterObserver) {
    /// let asked = pool.clone();
    /// metrics.watch_pool(pool.name(), move || Some(asked.status()));
    /// # }
    /// ```
    pub fn watch_pool(&self, pool: &str, status: impl Fn() -> Option<PoolStatus> + Send + Sync + 'static) {
        self.pools.add(pool, status);
    }
}

/// Without the instruments, which are the meter's.
impl fmt::Debug for MeterObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeterObserver").finish_non_exhaustive()
    }
}

impl Observer for MeterObserver {
    fn event(&self, event: &Event<'_>) {
        for measurement in of_event(event) {
            self.instruments.record(&measurement);
        }
    }
}

#[cfg(test)]
mod tests;
