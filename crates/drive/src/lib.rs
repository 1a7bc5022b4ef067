//! Drives [`evergrant_core`]: how callers wait for one token, on any runtime or on threads.
//!
//! ```text
//! caller -> Source::token() -> Machine::poll ; Send -> the adapter's transport -> Machine::complete -> everyone re-polls
//! ```
//!
//! An adapter brings two things: a [`Runtime`] (where jobs run and how time passes) and a [`Transport`] (how a request
//! is sent). Everything that waits is here, written once as tasks ([`Source`]) and once as threads
//! ([`BlockingSource`]):
//!
//! - Wakers live under the same mutex as the machine, so that no wake-up is ever lost.
//! - No caller owns the flight: it is a job of its own, bounded in time. A caller that goes away harms nobody, and a
//!   flight that goes away (a panic, a runtime shut down) wakes everyone.
//! - While a usable token is held nobody waits, and the fast path takes no lock.
//!
//! Programs use an adapter, such as `evergrant-tokio-reqwest`; this crate is for those who write one.
#![forbid(unsafe_code)]

mod block;
mod call;
mod clock;
#[cfg(test)]
mod fixture;
mod runtime;
mod shared;
mod status;
mod supply;
mod wait;

pub use block::BlockingSource;
pub use call::{BlockingExchange, Exchange};
pub use clock::{Clock, ManualClock, SystemClock};
pub use runtime::{BlockingTransport, Handle, Runtime, Transport};
pub use shared::{Shared, Snapshot, random_seed};
pub use status::{Held, LastOutcome, RequestStatus, Status};
pub use supply::{Settings, Sharing, Supply};
pub use wait::Source;
