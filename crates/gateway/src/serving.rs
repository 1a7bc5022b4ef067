//! The table as one worker has it: with its own connections to the APIs, and its own counts.

use crate::counts::{Counters, Tally};
use crate::idle::Connections;
use crate::limits::Limits;
use crate::table::{Door, Table};
use crate::watch::Time;
use std::rc::Rc;
use std::sync::Arc;

/// The table of one worker. A request keeps the one that it began with.
pub(crate) struct Serving {
    pub(crate) table: Arc<Table>,
    connections: Vec<Rc<Connections>>,
    /// By the numbers of the routes.
    tallies: Vec<Arc<Tally>>,
    unrouted: Arc<Tally>,
}

impl Serving {
    /// This table. Connections to an API that was there before are kept.
    pub(crate) fn new(
        table: Arc<Table>,
        before: Option<&Self>,
        (counters, time, limits): (&Counters, &Rc<Time>, &Limits),
    ) -> Rc<Self> {
        let known = before.map_or(&[][..], |before| &before.connections);
        let connections = |api| match known.iter().find(|known| Arc::ptr_eq(&known.api, api)) {
            Some(known) => Rc::clone(known),
            None => Connections::new(Arc::clone(api), Rc::clone(time), limits),
        };
        let connections = table.apis.iter().map(connections).collect();
        let (tallies, unrouted) = counters.tallies(&table.paths());
        Rc::new(Self { table, connections, tallies, unrouted })
    }

    /// The listener at this place.
    pub(crate) fn door(&self, place: usize) -> Option<&Door> {
        self.table.doors.get(place).map(AsRef::as_ref)
    }

    /// The connections to an API.
    pub(crate) fn connections(&self, api: usize) -> Option<&Rc<Connections>> {
        self.connections.get(api)
    }

    /// The connections to APIs that this next table does not lead to.
    pub(crate) fn left_by(&self, next: &Self) -> impl Iterator<Item = &Rc<Connections>> {
        let is_kept = |known: &Rc<Connections>| next.connections.iter().any(|kept| Rc::ptr_eq(kept, known));
        self.connections.iter().filter(move |known| !is_kept(known))
    }

    /// Closes those that have been at rest for too long.
    pub(crate) fn look(&self) {
        self.connections.iter().for_each(|connections| connections.look());
    }

    /// Where requests of this route are counted, or of none.
    pub(crate) fn tally(&self, route: Option<usize>) -> &Tally {
        route.and_then(|number| self.tallies.get(number)).unwrap_or(&self.unrouted)
    }
}
