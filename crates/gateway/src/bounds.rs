//! How many requests there may be at once: of all callers, and of each of several that have a key, which gets half of a bound at most, so
//! that no caller takes all of it.

use crate::access::Caller;
use crate::limits::Limits;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many there are.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicUsize);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Count>);

impl Count {
    /// A place, if there are fewer than so many.
    pub(crate) fn take(self: &Arc<Self>, most: usize) -> Option<Place> {
        // Given back at once where there were enough.
        let place = Place(Arc::clone(self));
        (self.0.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What one of several callers has of the bounds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Share {
    admitted: Arc<Count>,
    queued: Arc<Count>,
    tunnels: Arc<Count>,
}

/// The bound on requests, and everybody's share of it.
#[derive(Debug)]
pub(crate) struct Bounds {
    most: usize,
    admitted: Arc<Count>,
    tunnels: Arc<Count>,
    forms: Arc<Count>,
    /// By the names of their keys.
    shares: BTreeMap<Box<str>, Share>,
}

/// A place among all, and one among those of the caller if it is one of several.
pub(crate) struct Both {
    _of_all: Place,
    _of_this_caller: Option<Place>,
}

impl Bounds {
    /// At most so many requests at once, from the callers that have these keys or from anyone.
    pub(crate) fn new<'a>(most: usize, keys: impl Iterator<Item = &'a str>) -> Self {
        let (admitted, tunnels, forms) = Default::default();
        Self { most, admitted, tunnels, forms, shares: BTreeMap::new() }.next(keys)
    }

    /// The same for the callers of another table: requests that are under way go on counting.
    pub(crate) fn next<'a>(&self, keys: impl Iterator<Item = &'a str>) -> Self {
        let share = |name: &str| self.shares.get(name).cloned().unwrap_or_default();
        Self {
            most: self.most,
            admitted: Arc::clone(&self.admitted),
            tunnels: Arc::clone(&self.tunnels),
            forms: Arc::clone(&self.forms),
            shares: keys.map(|name| (name.into(), share(name))).collect(),
        }
    }

    /// A place for a request of this caller, if there is one.
    pub(crate) fn admit(&self, caller: &Caller) -> Option<Both> {
        self.both(&self.admitted, self.share(caller).map(|share| &share.admitted), self.most)
    }

    /// A place for it in a queue of so many; `Ok(None)` if nobody counts, as for callers without a key.
    pub(crate) fn queue(&self, caller: &Caller, most: usize) -> Result<Option<Place>, Full> {
        let Some(share) = self.share(caller) else { return Ok(None) };
        share.queued.take(self.of_one(most)).map(Some).ok_or(Full)
    }

    /// A place for it among the connections that have become tunnels, if there is one.
    pub(crate) fn tunnel(&self, caller: &Caller) -> Option<Both> {
        self.both(&self.tunnels, self.share(caller).map(|share| &share.tunnels), Limits::TUNNELS)
    }

    /// A place for a form among those that are being read, if there is one.
    pub(crate) fn form(&self) -> Option<Place> {
        self.forms.take(Limits::FORMS)
    }

    fn both(&self, all: &Arc<Count>, share: Option<&Arc<Count>>, most: usize) -> Option<Both> {
        let of_this_caller = match share {
            Some(share) => Some(share.take(self.of_one(most))?),
            None => None,
        };
        Some(Both { _of_all: all.take(most)?, _of_this_caller: of_this_caller })
    }

    /// How many of so many one caller may have. One that is alone has no bound but that of all, and yet what it has is counted, for it may be
    /// alone no more while it has it.
    fn of_one(&self, most: usize) -> usize {
        if self.shares.len() < 2 { usize::MAX } else { most.div_ceil(2) }
    }

    fn share(&self, caller: &Caller) -> Option<&Share> {
        self.shares.get(caller.name()?)
    }
}

/// A caller has all that it may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Full;

#[cfg(test)]
mod tests;
