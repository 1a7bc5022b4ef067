//! What people are told of that happens beside the token requests, each once.

use crate::tell::escaped::Line;
use crate::tell::stderr;
use evergrant_tokio_reqwest::{Event, EventKind, Observer};

/// Tells it on stderr.
pub(crate) struct News;

impl Observer for News {
    fn event(&self, event: &Event<'_>) {
        let source = Line(event.source);
        match event.kind {
            EventKind::SourceChanged { what, from, .. } => {
                let place = from.as_deref().map(|from| format!(" in {}", Line(from))).unwrap_or_default();
                stderr::note(format_args!("{source}: {what}{place} has changed, and the new one is sent"));
            }
            EventKind::ClockOff { offset, .. } => stderr::warning(format_args!(
                "{source}: this machine's clock is {offset}: set one of the two, or tokens may end sooner or later than they seem to"
            )),
            _ => {}
        }
    }
}
