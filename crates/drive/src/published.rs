//! One value that many read without a lock while it is exchanged.

#[cfg(shuttle)]
mod locked;

use std::sync::Arc;

/// The published value, behind one atomic pointer.
///
/// Under `--cfg shuttle` it is a lock of the scheduler's: the order of exchanges and readings is tried, the pointer
/// itself is not; that is arc-swap's own affair.
#[derive(Debug)]
pub(crate) struct Published<T> {
    #[cfg(not(shuttle))]
    pointer: arc_swap::ArcSwapOption<T>,
    #[cfg(shuttle)]
    pointer: crate::sync::Mutex<Option<Arc<T>>>,
}

#[cfg(not(shuttle))]
impl<T> Published<T> {
    pub(crate) fn new(value: Option<Arc<T>>) -> Self {
        Self { pointer: arc_swap::ArcSwapOption::new(value) }
    }

    /// Exchanges the value for another one. What was there is the caller's to drop.
    pub(crate) fn swap(&self, value: Option<Arc<T>>) -> Option<Arc<T>> {
        self.pointer.swap(value)
    }

    pub(crate) fn load(&self) -> Option<Arc<T>> {
        self.pointer.load_full()
    }

    /// Looks at the value, if there is one, without counting another owner.
    #[inline(always)]
    pub(crate) fn look<R>(&self, at: impl FnOnce(Option<&Arc<T>>) -> R) -> R {
        at(self.pointer.load().as_ref())
    }
}
