//! The gateway over sockets.
#![allow(clippy::unwrap_used)]

mod api;
mod fixture;
mod honest;
mod life;
mod passing;
mod queue;
mod refused;
mod story;
