//! Where a caller stands, with all that its request is looked at by.

use super::desk::Desk;
use crate::serving::Serving;
use crate::table::Door;
use std::rc::Rc;
use std::sync::Arc;

/// Where a caller stands: what its listener gives, and to whom, by the table of when it came.
pub(crate) struct Counter {
    pub(crate) desk: Arc<Desk>,
    pub(crate) door: Arc<Door>,
    pub(crate) serving: Rc<Serving>,
}
