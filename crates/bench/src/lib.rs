#![doc = include_str!("../README.md")]
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)] // What cannot be set up has nothing to measure.

pub mod allocations;
pub mod fleet;
mod instructions;
mod measure;
mod orders;
pub mod process;
pub mod random;
mod report;
pub mod server;
pub mod subjects;
pub mod tenants;

pub use measure::{Group, Side};
pub use report::run;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// What linking this crate brings: every allocation of the program is counted.
#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

/// The outcome of a future that has nothing to wait for, as a caller's own future polls it; `None` if it would wait.
#[inline(always)]
pub fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}
