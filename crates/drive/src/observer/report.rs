//! Who is told, and when.

use super::{Event, EventKind, Observer, log};
use crate::contained::contained;
use std::fmt;
use std::sync::Arc;

/// Whoever hears of one source.
pub(crate) struct Audience {
    source: Box<str>,
    observers: Vec<Arc<dyn Observer>>,
}

/// Without the observers, which are the user's.
impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audience").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Audience {
    pub(crate) fn new(source: impl Into<Box<str>>, observers: Vec<Arc<dyn Observer>>) -> Arc<Self> {
        Arc::new(Self { source: source.into(), observers })
    }

    pub(crate) const fn source(&self) -> &str {
        &self.source
    }

    /// Whether there is an observer, for what the log does not tell and what costs something to find out.
    pub(crate) const fn has_observers(&self) -> bool {
        !self.observers.is_empty()
    }

    /// Tells everyone at once: for whoever holds nobody up.
    pub(crate) fn tell(&self, kind: &EventKind) {
        let event = Event { source: &self.source, kind };
        log::event(&event);
        for observer in &self.observers {
            contained(|| observer.event(&event));
        }
    }

    /// Tells everyone when the report is dropped.
    pub(crate) fn report(self: &Arc<Self>, kind: EventKind) -> Report {
        Report(Some((Arc::clone(self), Box::new(kind))))
    }
}

/// An event that is reported when this is dropped, so that it is neither forgotten nor in the way: an observer that takes its time
/// must hold up neither the request nor whoever waits for it.
#[derive(Debug)]
#[must_use]
pub(crate) struct Report(Option<(Arc<Audience>, Box<EventKind>)>);

impl Report {
    /// Of nothing that happened.
    pub(crate) const fn nothing() -> Self {
        Self(None)
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if let Some((audience, kind)) = &self.0 {
            audience.tell(kind);
        }
    }
}
