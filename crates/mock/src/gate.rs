//! The gates: which answers are held back.

use std::collections::BTreeMap;

use crate::fault::Endpoint;

/// The gates that are closed, by number, with how many answers each holds.
#[derive(Default)]
pub(crate) struct Gates {
    closed: BTreeMap<u64, (Endpoint, u64)>,
    last_id: u64,
}

impl Gates {
    pub(crate) fn close(&mut self, on: Endpoint) -> u64 {
        self.last_id += 1;
        self.closed.insert(self.last_id, (on, 0));
        self.last_id
    }

    pub(crate) fn open(&mut self, id: u64) {
        self.closed.remove(&id);
    }

    pub(crate) fn held(&self, id: u64) -> u64 {
        self.closed.get(&id).map_or(0, |(_, held)| *held)
    }

    /// What a request arriving now has to show at the gates: those made later do not hold it.
    pub(crate) fn ticket(&self) -> u64 {
        self.last_id
    }

    /// Whether a gate holds this ticket's answer.
    pub(crate) fn holds(&self, on: Endpoint, ticket: u64) -> bool {
        self.closed.range(..=ticket).any(|(_, (endpoint, _))| *endpoint == on)
    }

    /// An answer has come to the gates.
    pub(crate) fn arrive(&mut self, on: Endpoint, ticket: u64) {
        for (endpoint, held) in self.closed.range_mut(..=ticket).map(|(_, gate)| gate) {
            *held += u64::from(*endpoint == on);
        }
    }
}
