//! The gateway over sockets.
#![allow(clippy::unwrap_used)]

mod api;
mod fixture;
mod passing;
mod refused;
