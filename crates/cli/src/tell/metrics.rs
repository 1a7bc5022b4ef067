//! Metrics in Prometheus' text format 0.0.4: what was counted, and what a status says at that moment.

use evergrant_drive::metrics::{
    BUCKETS, INSTRUMENTS, Instrument, Kind, Measurement, Observed, Value, of_event, of_pool, of_status,
};
use evergrant_tokio_reqwest::{Event, Observer, PoolStatus, Status};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

/// How the text names itself (`Content-Type`).
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What was counted so far: of each instrument, a total for each set of labels, as the text writes them.
#[derive(Debug, Default)]
pub(crate) struct Totals(Mutex<Series>);

type Series = BTreeMap<(&'static str, String), Total>;

#[derive(Clone, Debug)]
enum Total {
    /// Of a counter, or of a gauge.
    Number(f64),
    /// Of a histogram: how many are in each bucket and in none, and their sum.
    Spread { counts: [u64; BUCKETS.len() + 1], sum: f64 },
}

impl Observer for Totals {
    fn event(&self, event: &Event<'_>) {
        let mut series = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for measurement in of_event(event) {
            add(&mut series, &measurement);
        }
    }
}

impl Totals {
    /// All of it, with the gauges of these sources, each with its name.
    pub(crate) fn text(&self, sources: &[(&str, Status)]) -> String {
        self.text_with(sources, None)
    }

    /// The same, with the gauges of a pool of sources, which has a name of its own.
    pub(crate) fn text_with(&self, sources: &[(&str, Status)], pool: Option<(&str, PoolStatus)>) -> String {
        let mut series = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (source, status) in sources {
            for measurement in of_status(source, status) {
                add(&mut series, &measurement);
            }
        }
        if let Some((name, status)) = &pool {
            for measurement in of_pool(name, status) {
                add(&mut series, &measurement);
            }
        }
        let mut text = String::new();
        let is_there = |instrument: &Instrument| instrument.observed == Observed::Source || pool.is_some();
        for instrument in INSTRUMENTS.iter().filter(|instrument| is_there(instrument)) {
            write_all(&mut text, instrument, &series);
        }
        text
    }
}

fn add(series: &mut Series, measurement: &Measurement<'_>) {
    let total = series.entry((measurement.instrument.name, labels(measurement)));
    match measurement.value {
        Value::Add(count) => {
            if let Total::Number(total) = total.or_insert(Total::Number(0.0)) {
                *total += count as f64;
            }
        }
        Value::Record(seconds) => {
            let none = Total::Spread { counts: [0; BUCKETS.len() + 1], sum: 0.0 };
            if let Total::Spread { counts, sum } = total.or_insert(none) {
                counts[BUCKETS.partition_point(|bound| *bound < seconds)] += 1;
                *sum += seconds;
            }
        }
        Value::Set(value) => *total.or_insert(Total::Number(0.0)) = Total::Number(value),
    }
}

/// `source="a",reason="first"`
fn labels(measurement: &Measurement<'_>) -> String {
    let source = measurement.source.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
    let mut labels = format!("source=\"{source}\"");
    for (label, value) in measurement.labels() {
        // Words of ours, in which nothing is to be escaped.
        labels += &format!(",{}=\"{value}\"", label.prometheus_name());
    }
    labels
}

fn write_all(text: &mut String, instrument: &Instrument, series: &Series) {
    let kind = match instrument.kind {
        Kind::Counter => "counter",
        Kind::Histogram => "histogram",
        Kind::Gauge => "gauge",
    };
    let name = instrument.prometheus_name();
    // A String takes all that is written.
    let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", instrument.description);
    for ((of, labels), total) in series {
        if *of == instrument.name {
            write_one(text, &name, labels, total);
        }
    }
}

fn write_one(text: &mut String, name: &str, labels: &str, total: &Total) {
    let _ = match total {
        Total::Number(number) if number.is_infinite() => writeln!(text, "{name}{{{labels}}} +Inf"),
        Total::Number(number) => writeln!(text, "{name}{{{labels}}} {number}"),
        Total::Spread { counts, sum } => {
            let mut so_far = 0;
            for (place, count) in counts.iter().enumerate() {
                so_far += count;
                let bound = BUCKETS.get(place).map_or("+Inf".to_owned(), f64::to_string);
                let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {so_far}");
            }
            writeln!(text, "{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {so_far}")
        }
    };
}

#[cfg(test)]
mod tests;
