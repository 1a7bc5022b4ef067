//! A fleet in simulated time: machines and passages of core before its pure table, without a socket, a thread or a sleep.
//!
//! A [`Plan`] says what happens, [`Plan::run`] simulates it, and a [`Run`] is what came of it: the same plan gives the same run.
//! [`rows()`] has the plans of the table that the README shows.
//!
//! What decides is core's: [`Machine`](evergrant_core::Machine), [`Passage`](evergrant_core::fleet::Passage) and
//! [`Table`](evergrant_core::fleet::Table). The simulator brings what is around them: clocks that are seconds apart, delays, an
//! authorization server, an API, faults, and in `circuit.rs` when a store that failed is left alone, which is drive's affair.

mod circuit;
mod picture;
mod plan;
mod process;
mod rows;
mod run;
mod server;
mod tables;
mod world;

pub use picture::picture;
pub use plan::{Api, Plan, Starts, Stores};
pub use rows::{Row, rows};
pub use run::Run;
pub use tables::{Comparison, csv, over_time, text};
