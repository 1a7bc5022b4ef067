//! Somebody who waits for what an attempt asked for, read or signed.

use super::arrived::Arrived;
use super::reading;
use super::signing;
use crate::contained::asked;
use crate::observer::EventKind;
use evergrant_core::{Asking, Move, SourceError, Unready};
use std::borrow::Cow;
use std::task::Waker;

/// Somebody who waits for what an attempt asked for.
#[derive(Debug)]
pub(crate) enum Ticket {
    Read(reading::Ticket),
    Signature(signing::Ticket),
}

impl Ticket {
    /// What came, once it is there; until then the waker is woken when it is.
    pub(crate) fn poll(&self, waker: &Waker) -> Option<Arrived> {
        match self {
            Self::Read(ticket) => ticket.poll(waker),
            Self::Signature(ticket) => ticket.poll(waker),
        }
    }

    /// What goes on with the attempt: what arrived, or nothing in time. `news` hears of another text.
    pub(crate) fn answer<'a>(
        &self,
        asking: Asking<'a>,
        arrived: Option<Arrived>,
        news: &mut Vec<EventKind>,
    ) -> Move<'a> {
        let Arrived { text, is_news } =
            arrived.unwrap_or(Arrived { text: Err(SourceError::TimedOut), is_news: false });
        if is_news {
            let (what, from) = (asking.ask().to_string(), self.name().map(Cow::into_owned));
            news.push(EventKind::SourceChanged { what, from });
        }
        match text {
            Ok(text) => asking.answer(text),
            Err(error) => {
                let unready = Unready::new(asking.ask().clone(), error);
                let unready = match self.name() {
                    Some(name) => unready.read_from(&name),
                    None => unready,
                };
                asking.unanswered(if self.is_costly() { unready.costly() } else { unready })
            }
        }
    }

    /// What is foreign may panic here as well.
    fn name(&self) -> Option<Cow<'_, str>> {
        asked(|| match self {
            Self::Read(ticket) => ticket.name(),
            Self::Signature(ticket) => ticket.name(),
        })
        .flatten()
    }

    fn is_costly(&self) -> bool {
        asked(|| match self {
            Self::Read(ticket) => ticket.is_costly(),
            Self::Signature(ticket) => ticket.is_costly(),
        })
        .unwrap_or_default()
    }
}
