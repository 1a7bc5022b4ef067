//! The span of a token request, as OpenTelemetry names a call of an HTTP client.

use crate::contained::contained;
use evergrant_core::{Client, Refusal};
use std::fmt;
use tracing::Span;
use tracing::field::Empty;

/// The span of one token request. A subscriber that panics harms no request.
#[derive(Default)]
pub(crate) struct FlightSpan(Option<Span>);

impl fmt::Debug for FlightSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FlightSpan")
    }
}

impl FlightSpan {
    /// Begins, within the span of whoever caused the request.
    pub(crate) fn begin(client: &Client, source: &str, flight: u64) -> Self {
        let mut begun = Self::default();
        contained(|| {
            let origin = client.provider().server().origin();
            begun.0 = Some(tracing::info_span!(
                target: "evergrant",
                "token request",
                otel.kind = "client",
                otel.name = "POST",
                source,
                flight,
                http.request.method = "POST",
                server.address = %origin.host(),
                server.port = origin.port(),
                http.response.status_code = Empty,
                "error.type" = Empty,
            ));
        });
        begun
    }

    /// Runs this within the span.
    pub(crate) fn within<R>(&self, run: impl FnOnce() -> R) -> R {
        let mut entered = Entered(None);
        contained(|| entered.0 = self.0.as_ref().map(Span::enter));
        run()
    }

    /// What was answered.
    pub(crate) fn answered(&self, status: Option<u16>, refusal: Option<&Refusal>) {
        let Some(span) = &self.0 else { return };
        contained(|| {
            if let Some(status) = status {
                span.record("http.response.status_code", status);
            }
            if let Some(refusal) = refusal {
                span.record("error.type", tracing::field::display(refusal.error_type()));
            }
        });
    }
}

impl Drop for FlightSpan {
    fn drop(&mut self) {
        contained(|| drop(self.0.take()));
    }
}

/// Left again whatever happens within.
struct Entered<'a>(Option<tracing::span::Entered<'a>>);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        contained(|| drop(self.0.take()));
    }
}

#[cfg(test)]
mod tests;
