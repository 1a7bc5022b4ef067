//! What a store has not been told yet, for whoever wants to end.

use crate::contained::contained;
use crate::sync::{Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::task::Waker;

/// How many flights of a source are on their way through the store, and who waits until there is none.
#[derive(Default)]
pub(crate) struct Untold(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    under_way: usize,
    last: u64,
    waiting: BTreeMap<u64, Waker>,
}

/// One flight. It is over when this is dropped.
pub(crate) struct UnderWay(Arc<Untold>);

/// Who waits. Its place is free when this is dropped.
pub(crate) struct Waiting {
    untold: Arc<Untold>,
    number: u64,
}

impl Untold {
    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        self.counted().under_way += 1;
        UnderWay(Arc::clone(self))
    }

    pub(crate) fn wait(self: &Arc<Self>) -> Waiting {
        let mut counted = self.counted();
        counted.last += 1;
        Waiting { untold: Arc::clone(self), number: counted.last }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Whether no flight is under way; until then the waker is woken when the last one has ended.
    pub(crate) fn is_over(&self, waker: &Waker) -> bool {
        let waker = waker.clone();
        let mut counted = self.untold.counted();
        if counted.under_way == 0 {
            return true;
        }
        let before = counted.waiting.insert(self.number, waker);
        drop(counted);
        contained(|| drop(before));
        false
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let waker = self.untold.counted().waiting.remove(&self.number);
        contained(|| drop(waker));
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let woken = {
            let mut counted = self.0.counted();
            counted.under_way = counted.under_way.saturating_sub(1);
            if counted.under_way == 0 { std::mem::take(&mut counted.waiting) } else { BTreeMap::new() }
        };
        woken.into_values().for_each(|waker| contained(|| waker.wake()));
    }
}

impl fmt::Debug for Untold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Untold").field(&self.counted().under_way).finish()
    }
}
