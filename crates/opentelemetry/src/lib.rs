#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod gauges;
mod instruments;

use evergrant_drive::metrics::of_event;
use evergrant_drive::{Event, Observer, Status};
use gauges::Sources;
use instruments::Instruments;
use opentelemetry::metrics::Meter;
use std::fmt;

/// Tells a meter what happens to sources of tokens. Clones tell the same one.
///
/// One observer serves any number of sources: the attribute `source` tells them apart.
#[derive(Clone)]
pub struct MeterObserver {
    instruments: Instruments,
    sources: Sources,
}

impl MeterObserver {
    /// Makes the instruments of this meter.
    pub fn new(meter: &Meter) -> Self {
        let sources = Sources::default();
        gauges::register(meter, &sources);
        Self { instruments: Instruments::new(meter), sources }
    }

    /// Has the status of a source asked whenever its gauges are collected, under this name, until `status` says `None`.
    ///
    /// A closure that holds the source itself keeps it alive, and `keep_fresh` with it: hold it weakly where that matters.
    pub fn watch(&self, source: &str, status: impl Fn() -> Option<Status> + Send + Sync + 'static) {
        self.sources.add(source, status);
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
