//! What people are told, and where.

#[macro_use]
pub(crate) mod help;

pub(crate) mod cause;
pub(crate) mod escaped;
pub(crate) mod failure;
pub(crate) mod live;
pub(crate) mod manner;
pub(crate) mod metrics;
pub(crate) mod news;
pub(crate) mod sparkline;
pub(crate) mod stderr;
pub(crate) mod stdout;
pub(crate) mod terminal;
pub(crate) mod told;
pub(crate) mod verbose;
pub(crate) mod when;
