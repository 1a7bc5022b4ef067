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
}

/// The bound on requests, and everybody's share of it.
#[derive(Debug)]
pub(crate) struct Bounds {
    most: usize,
    admitted: Arc<Count>,
    tunnels: Arc<Count>,
    /// By the names of their keys.
    shares: BTreeMap<Box<str>, Share>,
}

/// A place among the requests that are admitted at once.
pub(crate) struct Admitted {
    _of_all: Place,
    _of_this_caller: Option<Place>,
}

impl Bounds {
    /// At most so many requests at once, from the callers that have these keys or from anyone.
    pub(crate) fn new<'a>(most: usize, keys: impl Iterator<Item = &'a str>) -> Self {
        Self { most, admitted: Arc::default(), tunnels: Arc::default(), shares: BTreeMap::new() }.next(keys)
    }

    /// The same for the callers of another table: requests that are under way go on counting.
    pub(crate) fn next<'a>(&self, keys: impl Iterator<Item = &'a str>) -> Self {
        let share = |name: &str| self.shares.get(name).cloned().unwrap_or_default();
        let mut shares: BTreeMap<Box<str>, Share> = keys.map(|name| (name.into(), share(name))).collect();
        // A caller that is alone may take everything.
        if shares.len() < 2 {
            shares.clear();
        }
        Self {
            most: self.most,
            admitted: Arc::clone(&self.admitted),
            tunnels: Arc::clone(&self.tunnels),
            shares,
        }
    }

    /// A place for a request of this caller, if there is one.
    pub(crate) fn admit(&self, caller: &Caller) -> Option<Admitted> {
        let of_this_caller = match self.share(caller) {
            Some(share) => Some(share.admitted.take(half(self.most))?),
            None => None,
        };
        Some(Admitted { _of_all: self.admitted.take(self.most)?, _of_this_caller: of_this_caller })
    }

    /// A place for it in a queue of so many; `Ok(None)` if nobody counts.
    pub(crate) fn queue(&self, caller: &Caller, most: usize) -> Result<Option<Place>, Full> {
        let Some(share) = self.share(caller) else { return Ok(None) };
        share.queued.take(half(most)).map(Some).ok_or(Full)
    }

    /// A place among the connections that have become tunnels, if there is one.
    pub(crate) fn tunnel(&self) -> Option<Place> {
        self.tunnels.take(Limits::TUNNELS)
    }

    fn share(&self, caller: &Caller) -> Option<&Share> {
        self.shares.get(caller.name()?)
    }
}

/// A caller has all that it may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Full;

const fn half(most: usize) -> usize {
    most.div_ceil(2)
}

#[cfg(test)]
mod tests;
