//! Other token caches behind one interface, each asking a server of this program's own on loopback, and no other address.

mod gcp;
mod peers;

pub use evergrant_bench::server::Server;
pub use peers::{
    Azure, Bare, Evergrant, GcpAuth, Google, GoogleKept, Hasty, Huskarl, ObjectStore, Peer, Problem, Smithy,
    Static, Yup,
};
