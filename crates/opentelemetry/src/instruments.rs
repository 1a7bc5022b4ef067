//! What counts and times: the meter's own instruments, by the names of the table.

use evergrant_drive::metrics::{BUCKETS, INSTRUMENTS, Kind, Measurement, Value};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter};

#[derive(Clone)]
pub(crate) struct Instruments {
    counters: Vec<(&'static str, Counter<u64>)>,
    histograms: Vec<(&'static str, Histogram<f64>)>,
}

impl Instruments {
    pub(crate) fn new(meter: &Meter) -> Self {
        let of_kind = |kind| INSTRUMENTS.iter().filter(move |instrument| instrument.kind == kind);
        let counters = of_kind(Kind::Counter).map(|instrument| {
            let builder = meter.u64_counter(instrument.name).with_description(instrument.description);
            (instrument.name, builder.with_unit(instrument.unit).build())
        });
        let histograms = of_kind(Kind::Histogram).map(|instrument| {
            let builder = meter.f64_histogram(instrument.name).with_description(instrument.description);
            let builder = builder.with_unit(instrument.unit).with_boundaries(BUCKETS.to_vec());
            (instrument.name, builder.build())
        });
        Self { counters: counters.collect(), histograms: histograms.collect() }
    }

    pub(crate) fn record(&self, measurement: &Measurement<'_>) {
        let (name, attributes) = (measurement.instrument.name, attributes(measurement));
        match measurement.value {
            Value::Add(count) => {
                if let Some(counter) = named(&self.counters, name) {
                    counter.add(count, &attributes);
                }
            }
            Value::Record(seconds) => {
                if let Some(histogram) = named(&self.histograms, name) {
                    histogram.record(seconds, &attributes);
                }
            }
            // No event sets a gauge.
            Value::Set(_) => {}
        }
    }
}

fn named<'a, T>(instruments: &'a [(&'static str, T)], name: &str) -> Option<&'a T> {
    instruments.iter().find(|(known, _)| *known == name).map(|(_, instrument)| instrument)
}

pub(crate) fn attributes(measurement: &Measurement<'_>) -> Vec<KeyValue> {
    let mut attributes = vec![KeyValue::new("source", measurement.source.to_owned())];
    attributes.extend(measurement.labels().map(|(label, value)| KeyValue::new(label.name(), value)));
    attributes
}
