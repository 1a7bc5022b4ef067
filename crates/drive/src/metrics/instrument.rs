//! What an instrument is, and what Prometheus calls it.

use evergrant_core::{ErrorType, Site};

/// Something that is measured.
#[derive(Debug)]
#[non_exhaustive]
pub struct Instrument {
    /// Its name, as OpenTelemetry writes names: `evergrant.token.requests`.
    pub name: &'static str,
    /// What it measures.
    pub observed: Observed,
    /// What is done with its values.
    pub kind: Kind,
    /// The unit of its values in UCUM: `s`, or what is counted, in braces.
    pub unit: &'static str,
    /// What its values are, in one sentence.
    pub description: &'static str,
    /// Its labels beside `source`. A measurement may lack some of them.
    pub labels: &'static [&'static Label],
}

/// What an instrument measures.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Observed {
    /// A source of tokens: [`of_status`](super::of_status) gives its gauges.
    Source,
    /// A pool of sources: [`of_pool`](super::of_pool) gives its gauges.
    Pool,
}

/// What is done with the values of an instrument.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// They are added up.
    Counter,
    /// They are sorted into [`BUCKETS`](super::BUCKETS).
    Histogram,
    /// The last one counts.
    Gauge,
}

/// A label of an instrument.
#[derive(Debug)]
pub struct Label {
    pub(super) name: &'static str,
    pub(super) values: Values,
}

/// The closed list of a label.
#[derive(Debug)]
pub(super) enum Values {
    Words(&'static [&'static str]),
    Sites,
    ErrorTypes,
}

impl Label {
    /// Its name: `outcome`, `error.type`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its name in Prometheus: `error_type`.
    pub fn prometheus_name(&self) -> String {
        underscored(self.name)
    }

    /// Every value that it can have.
    pub fn values(&self) -> Vec<&'static str> {
        match self.values {
            Values::Words(words) => words.to_vec(),
            Values::Sites => (0..=Site::SHARED.place()).map(|place| Site::new(place).as_str()).collect(),
            Values::ErrorTypes => ErrorType::all().collect(),
        }
    }
}

impl Instrument {
    /// Its name in Prometheus: `evergrant_token_requests_total`, `evergrant_token_request_duration_seconds`.
    pub fn prometheus_name(&self) -> String {
        let mut name = underscored(self.name);
        if self.unit == "s" {
            name += "_seconds";
        }
        if self.kind == Kind::Counter {
            name += "_total";
        }
        name
    }
}

/// Names of Prometheus have no dots.
fn underscored(name: &str) -> String {
    name.replace('.', "_")
}
