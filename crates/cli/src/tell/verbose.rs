//! `-v`: what the library tells of its decisions, on stderr.

use crate::tell::escaped::{self, Escaped};
use crate::tell::failure::of_the_command;
use crate::tell::manner::Manner;
use crate::tell::stderr;
use crate::tell::when;
use evergrant_tokio_reqwest::core::{JwtHint, Reason, Span};
use serde_json::{Map, Value};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// From now on, every event of the library is told.
pub(crate) fn start(manner: Manner) {
    // It is set once, before anything is traced: a second one would fail, and there is none.
    let _first = tracing::subscriber::set_global_default(Teller { json: manner.json });
}

/// Whether there is more than one source.
static SOURCES: AtomicBool = AtomicBool::new(false);

/// From now on each event is told with the name of its source.
pub(crate) fn with_sources() {
    SOURCES.store(true, Ordering::Relaxed);
}

/// A reason of the library by the name it has in an event, in the library's words.
fn why(name: &str) -> Option<String> {
    use Reason::{Early, Expired, First, Rejected, Retry, Rotated};
    let reasons = [First, Early, Expired, Rejected, Rotated, Retry];
    reasons.iter().find(|reason| reason.as_str() == name).map(Reason::to_string)
}

/// What became of the times in the token itself, by the name it has in an event, in the library's words.
fn hint(name: &str) -> Option<String> {
    let hints = [JwtHint::Absent, JwtHint::Used, JwtHint::Longer, JwtHint::ClockSkew];
    hints.iter().find(|hint| format!("{hint:?}") == name).map(JwtHint::to_string)
}

struct Teller {
    json: bool,
}

impl Subscriber for Teller {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target() == "evergrant"
    }

    fn event(&self, event: &Event<'_>) {
        let mut said = Said::default();
        event.record(&mut said);
        let now = when::now();
        if self.json {
            stderr::line(escaped::json(&said.json(when::rfc3339(now))));
        } else {
            let style = anstyle::Style::new().dimmed();
            let clock = when::clock(now).unwrap_or_default();
            stderr::line(format_args!("{style}{clock} {}{style:#}", Escaped(&said.to_string())));
        }
    }

    // A span is for those who trace calls.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// One event: its message and its fields.
#[derive(Default)]
struct Said {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Said {
    fn json(self, at: Option<String>) -> Value {
        let fields = self.fields.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        let mut object: Map<String, Value> = fields.collect();
        object.insert("event".into(), self.message.into());
        object.insert("at".into(), at.into());
        object.into()
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        // Where there is one source, everybody knows it.
        let is_told = |name: &str| name != "source" || SOURCES.load(Ordering::Relaxed);
        let fields = self.fields.iter().filter(|(name, _)| is_told(name));
        for (place, (name, value)) in fields.enumerate() {
            f.write_str(if place == 0 { ": " } else { ", " })?;
            let span = |unit: fn(u64) -> Duration| value.parse().map(|number| Span(unit(number)));
            match (*name, span(Duration::from_secs), span(Duration::from_millis)) {
                ("reason", _, _) => f.write_str(why(value).as_ref().unwrap_or(value))?,
                ("life_s", Ok(span), _) => write!(f, "it lives {span}")?,
                ("rest_ms", _, Ok(Span(Duration::ZERO))) => f.write_str("the next may be sent at once")?,
                ("taken", _, _) if value == "true" => f.write_str("it is used")?,
                ("taken", _, _) => f.write_str("it is not used")?,
                ("rest_ms", _, Ok(span)) => write!(f, "none is sent for {span}")?,
                ("cause", _, _) => f.write_str(&of_the_command(value.clone()))?,
                ("hint", _, _) => f.write_str(hint(value).as_ref().unwrap_or(value))?,
                (name, _, _) => write!(f, "{name} {value}")?,
            }
        }
        Ok(())
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}");
        match field.name() {
            "message" => self.message = value,
            name => self.fields.push((name, value)),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.push((field.name(), value.to_owned()));
    }
}
