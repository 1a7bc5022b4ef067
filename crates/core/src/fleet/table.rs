//! The store as a pure value: the specification of every engine.

use super::entry::Entry;
use super::name::Name;
use super::operation::Operation;
use super::reply::Reply;
use super::store_time::StoreTime;
use alloc::collections::BTreeMap;

/// A store without a clock, a network or a disk: what each [`Operation`] does to the [`Entry`] of a name, and its reply.
///
/// An engine is right if its replies are those of the table, for any operations at any times.
///
/// ```
/// use core::time::Duration;
/// use evergrant_core::fleet::{Claim, Claimant, Name, Operation, Reply, StoreTime, Table};
///
/// let claim = |me| {
///     let claimant = Claimant::new([me; 16]);
///     let (lease, young) = (Some(Duration::from_secs(11)), Duration::from_secs(10));
///     Operation::Claim(Claim { claimant, dropped: None, held: None, lease, young })
/// };
/// let (mut table, name) = (Table::new(), Name::new([1; 16]));
/// let now = StoreTime::from_millis(1_767_225_600_000);
///
/// assert!(matches!(table.run(now, &name, &claim(1)), Reply::Claimed { .. }));
/// assert!(matches!(table.run(now, &name, &claim(2)), Reply::Busy { told: 1, .. }));
/// // Its holder died: the claim ends by itself.
/// let later = now.after(Duration::from_secs(11));
/// assert!(matches!(table.run(later, &name, &claim(2)), Reply::Claimed { .. }));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Table {
    entries: BTreeMap<Name, Entry>,
}

impl Table {
    /// One that holds nothing.
    pub const fn new() -> Self {
        Self { entries: BTreeMap::new() }
    }

    /// Executes one command. `now` is the store's clock.
    pub fn run(&mut self, now: StoreTime, name: &Name, operation: &Operation) -> Reply {
        let mut entry =
            self.entries.remove(name).filter(|entry| now < entry.expires_at()).unwrap_or_default();
        let reply = entry.run(now, operation);
        if entry != Entry::default() {
            self.entries.insert(*name, entry);
        }
        reply
    }

    /// What it holds of this name.
    pub fn entry(&self, name: &Name) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// Loses what it holds of this name, as a store does that was flushed, failed over, or ran out of memory.
    pub fn lose(&mut self, name: &Name) {
        self.entries.remove(name);
    }
}

#[cfg(test)]
mod tests;
