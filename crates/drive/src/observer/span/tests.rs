//! The span of a token request.

use super::*;
use crate::fixture::{self, subscribed};
use evergrant_core::{Class, Problem};
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Writes down what becomes of spans, and panics where it is told to.
#[derive(Clone, Default)]
struct Tracer(Arc<Mutex<String>>, &'static str);

impl Tracer {
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push_str(text);
        assert!(self.1.is_empty() || !text.starts_with(self.1), "on purpose");
    }
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _written = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Tracer {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = format!("new {}", span.metadata().name());
        span.record(&mut Fields(&mut text));
        self.note(&text);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut text = "; record".to_owned();
        values.record(&mut Fields(&mut text));
        self.note(&text);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {
        self.note("; enter");
    }

    fn exit(&self, _: &Id) {
        self.note("; exit");
    }

    fn try_close(&self, _: Id) -> bool {
        self.note("; close");
        true
    }
}

fn request(tracer: &Tracer) -> u8 {
    subscribed(tracer.clone(), || {
        let span = FlightSpan::begin(&fixture::client(), "myparcel", 3);
        let answer = span.within(|| 7);
        let refusal = Refusal::new(Class::Transient, Some(503), Problem::Status);
        span.answered(Some(503), Some(&refusal));
        answer
    })
}

#[test]
fn a_request_is_a_client_call_in_the_names_of_opentelemetry() {
    let tracer = Tracer::default();
    assert_eq!(request(&tracer), 7);
    assert_eq!(
        *tracer.0.lock().unwrap(),
        "new token request otel.kind=\"client\" otel.name=\"POST\" source=\"myparcel\" flight=3 \
         http.request.method=\"POST\" server.address=127.0.0.1 server.port=1; enter; exit; \
         record http.response.status_code=503; record error.type=503; close"
    );
}

#[test]
fn a_subscriber_that_panics_harms_no_request() {
    for place in ["new", "; enter", "; exit", "; record", "; close"] {
        assert_eq!(request(&Tracer(Arc::default(), place)), 7, "{place}");
    }
}
