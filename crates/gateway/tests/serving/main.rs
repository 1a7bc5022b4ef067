//! The gateway over sockets.
#![allow(clippy::unwrap_used)]

mod fixture;
mod passing;
