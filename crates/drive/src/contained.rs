//! What is reported to subscribers, and how anything foreign is called: after unlocking, and so that a panic of its own strands
//! nobody.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls what is not ours (a subscriber, a waker, a Drop of a user's type). A panic there is its own affair: the panic hook has
/// reported it, and whoever waits for a token must not pay for it.
///
/// Every Drop of ours goes through this, since a panic out of a Drop during another one aborts the process.
pub(crate) fn contained(foreign: impl FnOnce()) {
    let Err(payload) = catch_unwind(AssertUnwindSafe(foreign)) else { return };
    // What it panicked with is foreign too, and may panic when it is dropped. What that panic brings is left alone.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(payload);
    }
}

/// The same for what gives something: nothing if it panics.
pub(crate) fn asked<T>(foreign: impl FnOnce() -> T) -> Option<T> {
    let mut given = None;
    contained(|| given = Some(foreign()));
    given
}

#[cfg(test)]
mod tests;
