//! Other token caches behind one interface, each asking a server of this program's own on loopback, and no other address.

mod gcp;
mod peers;
mod server;

pub use peers::{
    Azure, Bare, Evergrant, GcpAuth, Google, GoogleKept, Hasty, Huskarl, ObjectStore, Peer, Problem, Smithy,
    Static, Yup,
};
pub use server::Server;
