//! Where there are no coarse clocks: the standard library's.

use super::portable::{since_first, wall};
use evergrant_core::{Mono, Now};

/// There is one way to read these.
pub(super) const fn is_interposed() -> bool {
    false
}

pub(super) fn now(_: bool) -> Now {
    Now::new(Mono::from_origin(since_first()), wall())
}

pub(super) fn coarse(is_interposed: bool) -> Now {
    now(is_interposed)
}

pub(super) fn coarse_has_reached(is_interposed: bool, end: Now) -> bool {
    now(is_interposed).has_reached(end)
}
