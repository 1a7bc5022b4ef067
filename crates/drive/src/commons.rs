//! What the sources of one pool share, as far as a source knows of it: permits to send, places to wait, and the calendar of the one
//! job that keeps their tokens fresh.

mod calendar;
mod common;
mod found;
mod member;
mod permits;

pub(crate) use calendar::{Next, Spot};
pub(crate) use common::Commons;
pub(crate) use member::{Mark, Member};
pub(crate) use permits::{Applicant, Application, Granted, Limits, Permit, Reach, Stage, Told, UNCLAIMED};
