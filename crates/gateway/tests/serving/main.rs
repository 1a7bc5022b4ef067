//! The gateway over sockets.
#![allow(clippy::unwrap_used)]

mod access;
mod api;
mod attacked;
mod fields;
mod fixture;
#[cfg(unix)]
mod heads;
mod honest;
mod hostile;
mod life;
mod pages;
mod passing;
mod queue;
mod refused;
mod reload;
mod story;
mod tenants;
