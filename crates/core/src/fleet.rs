//! A fleet: many processes with one identity, one store that all of them reach, and one token request per token life.
//!
//! For each identity the store holds the current token, sealed, and who is asking for the next one. It is an optimisation
//! and never an authority: a process whose store fails, lies or vanishes is the process it would be without one. A claim is
//! a lock for efficiency, not for correctness: two holders cost one request more, and nothing else.
//!
//! - [`Table`] is the store as a pure value, and the specification of every engine: three operations that take `now`.
//! - [`Passage`] takes one [`Flight`](crate::Flight) of a machine through a store: it says what to send, when to ask the
//!   authorization server, and what to tell the machine.
//! - An engine answers each [`Operation`] as the table does, reply for reply. It sees opaque bytes ([`Sealed`]), keyed
//!   prints ([`Print`]) and times, and neither a token nor an identity.
//!
//! # Time
//! All times of an entry are of ONE clock, the store's ([`StoreTime`], whole milliseconds), and no process's clock is ever
//! compared with another's. Operations and replies hold durations: whoever asked for a token says how much of its life is
//! left from a moment of the store's clock, and a reader counts what is left from the moment at which it sent its claim.

mod entry;
mod name;
mod operation;
mod passage;
mod reply;
mod said;
mod store_error;
mod store_time;
mod table;
#[cfg(test)]
mod visitor;

pub use entry::Entry;
pub use name::{Claimant, Name, Print};
pub use operation::{Claim, Fail, Fence, Operation, Put, Sealed, Stamp};
pub use passage::{Instance, Next, Passage, Unsealed};
pub use reply::{Have, Reply};
pub use said::Said;
pub use store_error::StoreError;
pub use store_time::StoreTime;
pub use table::Table;

#[cfg(test)]
mod tests;
